"""Lines of registered keys: costs grow with what changes, not with what is there."""

import random
import time
from pathlib import Path

import pytest

from exporter.limits.use import Limit
from exporter.metrics.exposition import render
from exporter.metrics.roster import Roster
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.model.catalog import CATALOG
from tests.counted import Counting

# Keys in a block.
BLOCK = 256


def test_any_changes_give_the_lines_of_all_keys() -> None:
    """Keys that come, go and change; a block in which nothing did is the same object."""
    for seed in range(30):
        chance = random.Random(seed)
        roster = Roster()
        values: dict[str, int] = {}
        sheet = roster.sheet(lambda key, values=values: f"{key} {values[key]}\n")  # type: ignore[misc]
        for _ in range(12):
            before = {id(text): text for text in sheet.render()}
            for key in chance.sample(sorted(values), min(len(values), chance.choice((0, 0, 3, 200)))):
                del values[key]
            added = chance.choice((0, 0, 1, 700))
            values.update({f"k{chance.randrange(10**9)}": 0 for _ in range(added)})
            roster.update(values)
            changed = chance.sample(sorted(values), min(len(values), chance.choice((0, 2))))
            for key in changed:
                values[key] += 1
                sheet.renew(key)
            blocks = sheet.render()
            lines = b"".join(blocks).decode().splitlines()
            assert sorted(lines) == sorted(f"{key} {value}" for key, value in values.items()), seed
            assert all(len(text.splitlines()) <= BLOCK for text in blocks), seed
            for text in blocks:
                same = next((earlier for earlier in before.values() if earlier == text), None)
                assert same is None or same is text, seed


def test_a_roster_that_shrinks_and_grows_does_not_spread() -> None:
    """A free place is taken before a new block is begun."""
    roster = Roster()
    for n in range(20):
        roster.update(f"{n}-{key}" for key in range(1000))
    assert len(roster.blocks) == 4


@pytest.fixture
def registered(tmp_path: Path) -> Counting:
    """Four thousand registered keys."""
    (tmp_path / "keys.yaml").write_text("".join(f"- {{id: key-{n}, plan: p}}\n" for n in range(4000)), encoding="utf-8")
    config = "inputs: [{path: a.log, format: nginx-json}]\nkeys: keys.yaml\n"
    plans = "plans: {p: {limits: [{window: 1h, requests: 5}]}}\n"
    return Counting(tmp_path, config + plans)


def request(n: int) -> dict[str, object]:
    return {"msec": time.time(), "status": 200, "rpc_method": "m", "api_key": f"key-{n}"}


def test_a_scrape_makes_only_lines_again_that_changed(registered: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of keys that rest none; where one begins to use something, those beside it, once."""
    store, limits = registered.assembly.store, registered.assembly.context.limits
    now = time.time()

    def scrape() -> int:
        """How many lines of sheets were made."""
        made.clear()
        registered.meter.fold()
        limits.update_gauges(now)
        render(store)
        return len(made)

    made: list[str] = []
    for sheet in store.registered._sheets:
        monkeypatch.setattr(sheet, "_lines_of", lambda key, of=sheet._lines_of: (made.append(key), of(key))[1])  # type: ignore[func-returns-value]
    assert scrape() == 9 * 4000
    assert scrape() == 0
    registered.meter.count(registered.decoded([request(7), request(7), request(3000)]))
    assert scrape() == 2 * 3 * BLOCK  # two blocks of: used, used last, last used
    registered.meter.count(registered.decoded([request(7), request(3000)]))
    assert scrape() == 0
    limits.update_gauges(now + 7200)
    assert scrape() == 4000  # when the hour ends


def test_a_key_that_rests_holds_no_series(registered: Counting) -> None:
    """Memory is for what is used."""
    registered.meter.count(registered.decoded([request(7)]))
    registered.meter.fold()
    registered.assembly.context.limits.update_gauges(None)
    series = {name: len(family.series) for name, family in registered.assembly.store.families.items() if family.sheet}
    assert series == {
        "gateway_key_info": 0,
        "gateway_key_enabled": 0,
        "gateway_key_created_timestamp_seconds": 0,
        "gateway_key_expires_timestamp_seconds": 0,
        "gateway_key_last_used_timestamp_seconds": 1,
        "gateway_limit": 0,
        "gateway_limit_used": 3,
        "gateway_limit_used_last": 3,
        "gateway_limit_reset_timestamp_seconds": 0,
    }


def test_a_family_that_is_off_has_no_sheet() -> None:
    """And has its lines again when it is on."""
    store = Store(families={})
    store.sheet(catalog.LIMIT, lambda key: f"{key}\n")
    store.registered.update(["a"])
    assert render(store)[0] == []
    store.declare({"gateway_limit": CATALOG["gateway_limit"]})
    assert render(store)[0][1:] == [b"a\n"]


def test_names_that_need_escaping_are_escaped(tmp_path: Path) -> None:
    """In every line of a key."""
    (tmp_path / "keys.yaml").write_text('- {id: "a\\"b", name: "x\\\\y", plan: p}\n', encoding="utf-8")
    config = (
        "inputs: [{path: a.log, format: nginx-json}]\nkeys: keys.yaml\nplans: {p: {limits: [{window: 1h, cost: 5}]}}\n"
    )
    counted = Counting(tmp_path, config)
    counted.assembly.context.limits.update_gauges(time.time())
    lines = b"".join(render(counted.assembly.store)[0]).decode()
    assert 'gateway_key_info{key="a\\"b",name="x\\\\y",plan="p",class="business"} 1\n' in lines
    assert 'gateway_limit{key="a\\"b",unit="cost",window="1h",scope="global"} 5\n' in lines
    assert 'gateway_limit_used{key="a\\"b",unit="cost",window="1h"} 0\n' in lines


def test_a_changed_plan_changes_the_lines_of_its_keys(registered: Counting) -> None:
    """A key that was used keeps its use."""
    store, limits = registered.assembly.store, registered.assembly.context.limits
    registered.meter.count(registered.decoded([request(7)]))
    registered.meter.fold()
    limits.update_gauges(None)
    render(store)
    limits.configure(
        plans={"p": (Limit(unit="requests", window="1m", amount=9),)},
        zone=registered.assembly.config.limits.zone,
        grace=5,
        boundaries=[],
    )
    limits.register({f"key-{n}": "p" for n in range(4000)})
    limits.update_gauges(None)
    lines = b"".join(render(store)[0]).decode().splitlines()
    shown = [line for line in lines if 'key="key-7",' in line and line.startswith("gateway_limit")]
    assert [line for line in shown if '"1h"' in line] == []
    assert 'gateway_limit{key="key-7",unit="requests",window="1m",scope="global"} 9' in shown
    assert 'gateway_limit_used{key="key-7",unit="requests",window="1m"} 1' in shown
    assert 'gateway_limit_used{key="key-8",unit="requests",window="1m"} 0' in lines
