"""How far back what was just counted reaches."""

import json

from exporter.service.oldest import OldestRecord


def test_the_oldest_of_five_minutes_is_kept_and_no_longer() -> None:
    """What is older hides what came before; what is newer waits behind it."""
    oldest = OldestRecord()
    assert oldest.value(0) is None
    oldest.note(1000, 10)
    oldest.note(1005, 15)
    assert oldest.value(15) == 1000
    oldest.note(400, 20)
    assert oldest.value(310) == 400
    assert oldest.value(320) == 400
    assert oldest.value(321) is None


def test_a_busy_log_is_remembered_by_the_second() -> None:
    """A thousand chunks a second for ten minutes hold five minutes of seconds, and the oldest stays right."""
    oldest = OldestRecord()
    for n in range(600_000):
        oldest.note(n / 1000, n / 1000)
    assert oldest.value(600) == 300
    assert len(json.dumps(list(oldest._counted))) < 10_000
