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


def test_a_restart_forgets_nothing_of_a_catch_up() -> None:
    """Half a minute of counting what was logged two hours to one hour before, then a restart: known for five minutes
    after the last of it was counted.
    """
    before = OldestRecord()
    for second in range(30):
        before.note(1000 + 120 * second, 50 + second)
    late = before.late(100, 10_100)
    assert late == (1000, 10_079)

    after = OldestRecord()
    after.restore(late, 7, 10_110)
    assert after.value(7) == 1000
    assert after.value(276) == 1000
    assert after.value(277) is None


def test_a_steady_log_leaves_nothing_to_remember() -> None:
    """Also after a catch-up, once its five minutes are over; and what was saved long ago is left out."""
    oldest = OldestRecord()
    oldest.note(400, 50)
    for second in range(400):
        oldest.note(10_060 + second, 60 + second)
    assert oldest.late(300, 10_300) == (400, 10_050)
    assert oldest.late(460, 10_460) is None
    oldest.restore((400, 10_050), 1000, 11_000)
    assert oldest.value(460) == 10_160
