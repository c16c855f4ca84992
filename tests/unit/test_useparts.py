"""Use of limits in the state: any order of changes and commits is found again, and a commit costs what has changed."""

import random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from exporter.clock import Clock
from exporter.limits import stored_use
from exporter.limits.stored_use import UseParts, restored
from exporter.limits.usage import Limits
from exporter.metrics.store import Store

NOON = 1_772_535_600.0


def limits(keys: int) -> Limits:
    made = Limits(Store(), Clock())
    made.configure(plans={}, zone=ZoneInfo("UTC"), grace=5)
    made.register({f"key-{n}": "" for n in range(keys)})
    return made


def spend(made: Limits, key: str, at: float, refused: bool = False) -> None:
    use = made.use(key, refused)
    assert use
    use.requests += 1
    use.wait()
    made.assign_to(made.calendar.period(at))


def sizes(parts: dict[str, Any]) -> list[int]:
    return [len(msgspec.msgpack.encode(part)) for part in parts.values()]


def test_what_is_committed_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each part the last that was written, as the state keeps them."""
    monkeypatch.setattr(stored_use, "_LEAST", 5)
    for seed in range(40):
        chance = random.Random(seed)
        made = limits(60)
        saved = UseParts(made)
        kept: dict[str, Any] = {}
        at = NOON
        for _ in range(40):
            at += chance.choice((1, 40, 4000))
            for _ in range(chance.randrange(6)):
                spend(made, f"key-{chance.randrange(70)}", at, chance.random() < 0.3)
            if chance.random() < 0.1:
                made.register({f"key-{n}": "" for n in range(chance.randrange(70))})
            kept |= {name: msgspec.msgpack.encode(part) for name, part in saved.parts().items()}
        again = limits(60)
        again.restore(restored({name: msgspec.msgpack.decode(part) for name, part in kept.items()}))
        now, uses, apart = again.snapshot()
        wanted = made.snapshot()
        month = [[row[0], row[1], row[2]["1mo"]] for row in wanted[1]]
        assert sorted([row[0], row[1], row[2]["1mo"]] for row in uses) == sorted(month), seed
        assert (now, apart) == (wanted[0], wanted[2])


def test_a_commit_costs_what_has_changed() -> None:
    """With four times the keys that have used something, it is as large."""
    written = []
    for keys in (4_000, 16_000):
        made = limits(keys)
        saved = UseParts(made)
        for n in range(keys):
            spend(made, f"key-{n}", NOON)
        before = saved.parts()["limits_before"]
        for n in range(10):
            spend(made, f"key-{n}", NOON)
        parts = saved.parts()
        assert parts["limits_before"] is before
        written.append(sizes(parts)[0])
    assert written[0] == written[1] < 2_000


def test_a_state_with_one_part_only_is_read() -> None:
    """As it was written before there were two."""
    made = limits(3)
    spend(made, "key-1", NOON)
    now, uses, _ = made.snapshot()
    again = limits(3)
    again.restore(restored({"limits": [now, uses]}))
    assert again.snapshot() == made.snapshot()
    assert restored({}) is None
