"""The checkpoint: a store goes to disk and comes back as it was, whatever happened to it in between."""

import random
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter.counting.admission import Admissions
from exporter.metrics.exposition import render
from exporter.metrics.series import Histogram
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.model.catalog import CATALOG, Family
from exporter.state import database as state
from exporter.state.checkpoint import Checkpoint
from exporter.state.database import State
from exporter.state.frames import unwrapped

SEEDS = range(20)
STEPS = 60
REQUESTS = "gateway_requests_total"
BYTES = "gateway_request_bytes_total"
DURATION = "gateway_request_duration_seconds"
KEY = ("acme", "business", "eth", "eth_call", "https", "200")


class Kept:
    """A store and all that is committed with it; after `restart`, what a new process makes of the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.families = {**CATALOG}
        self._begin()

    def restart(self) -> None:
        self.checkpoint.close()
        self._begin()

    def _begin(self) -> None:
        self.store = Store(hold=True, families=self.families)
        self.admissions = Admissions()
        self.parts: dict[str, Any] = {}
        self.state = State(self.path)
        self.checkpoint = Checkpoint(self.state, self.store, self.admissions, lambda: self.parts)
        self.restored = self.checkpoint.restore()
        self.parts |= self.restored

    def add(self, name: str, *values: str, amount: float = 1) -> None:
        self.store.add(CATALOG[name], *values, amount=amount)

    def observe(self, *values: str, seconds: float) -> None:
        histogram = self.store.families[DURATION].get(*values)
        assert isinstance(histogram, Histogram)
        histogram.append(seconds)
        self.store.families[DURATION].settle()

    def blobs(self) -> list[list[Any]]:
        """What is in the file now: of each blob, the families, by name."""
        blobs = [body for (body,) in self.state._db.execute("SELECT body FROM blob ORDER BY id")]
        return [[family[0] for family in msgspec.msgpack.decode(blob.body)[1]] for blob in unwrapped(blobs)]

    def content(self) -> dict[str, dict[tuple[str, ...], tuple[object, bool]]]:
        """Every lasting series: value and whether it is released."""
        return {
            name: {
                labels: (
                    numbers.tolist() if isinstance(series, Histogram) else series.value,
                    bool(series.released),
                )
                for (labels, numbers), series in zip(family.rows().each(), family.series.values(), strict=True)
            }
            for name, family in self.store.families.items()
            if family.family.persisted and family.series
        }

    def text(self) -> bytes:
        return b"".join(render(self.store)[0])


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path / "state.db")
    yield made
    made.checkpoint.close()


def test_all_of_it_comes_back(kept: Kept) -> None:
    """Counters, histograms, what is not released yet, admitted values and parts."""
    kept.add(REQUESTS, *KEY, amount=3)
    kept.add(BYTES, "acme", "eth", "eth_call", 'gateway="eu-1"', amount=0.1)
    kept.observe("eth", "eth_call", "https", seconds=0.3)
    kept.store.families[REQUESTS].series[KEY].released = True
    kept.admissions.judge("method", "eth_call", success=True)
    kept.admissions.origin("acme", "shop.example", success=True)
    kept.parts = {"inputs": {"a": [1, b"\xff"]}, "keys": {"acme": ["Acme", ""]}}
    assert kept.checkpoint.commit()
    before, parts = kept.content(), kept.parts
    kept.restart()
    assert kept.content() == before
    assert kept.restored == parts
    assert kept.admissions.places == [("method", "", "eth_call"), ("origin", "acme", "shop.example")]
    assert kept.store.families[REQUESTS].series[KEY].released
    assert not kept.store.families[DURATION].series["eth", "eth_call", "https"].released
    assert isinstance(kept.store.series(CATALOG[REQUESTS], *KEY).value, int)


def test_only_what_changed_is_written(kept: Kept) -> None:
    """A family that stayed is in no delta; where nothing changed there is no delta; gauges are in none."""
    kept.add(REQUESTS, *KEY)
    kept.observe("eth", "eth_call", "https", seconds=0.3)
    kept.checkpoint.commit()
    kept.add(BYTES, "acme", "eth", "eth_call")
    kept.checkpoint.commit()
    kept.checkpoint.commit()
    kept.store.set(catalog.LAG_BYTES, "a", to=5)
    kept.checkpoint.commit()
    kept.parts = {"inputs": 1}
    kept.checkpoint.commit()
    kept.checkpoint.commit()
    assert kept.blobs() == [[REQUESTS, DURATION], [BYTES], []]


def test_of_a_large_family_only_the_changed_series_are_written(kept: Kept) -> None:
    """A delta is as small as what happened."""
    for n in range(1000):
        kept.add(REQUESTS, f"key-{n}", *KEY[1:])
    for series in kept.store.families[REQUESTS].series.values():
        series.released = True
    kept.checkpoint.commit()
    kept.add(REQUESTS, "key-500", *KEY[1:])
    kept.checkpoint.commit()
    sizes: list[int] = [size for (size,) in kept.state._db.execute("SELECT length(body) FROM blob ORDER BY id")]
    assert sizes[0] > 40_000
    assert sizes[1] < 300


def test_rows_that_moved_are_written_whole(kept: Kept) -> None:
    """After a series was dropped, those behind it are found under their own labels."""
    for key in "abcd":
        kept.add(REQUESTS, key, *KEY[1:], amount=ord(key))
    kept.checkpoint.commit()
    kept.store.families[REQUESTS].drop("b", *KEY[1:])
    kept.add(REQUESTS, "c", *KEY[1:])
    kept.add(REQUESTS, "b", *KEY[1:])
    kept.checkpoint.commit()
    kept.add(REQUESTS, "d", *KEY[1:])
    kept.checkpoint.commit()
    kept.restart()
    values = {
        labels[0]: kept.store.series(CATALOG[REQUESTS], *labels).value
        for labels in kept.store.families[REQUESTS].series
    }
    assert values == {"a": 97, "c": 100, "d": 101, "b": 1}


def test_a_family_of_which_all_was_dropped_stays_empty(kept: Kept) -> None:
    """What has expired does not come back with a restart."""
    kept.add(REQUESTS, *KEY)
    kept.checkpoint.commit()
    kept.store.families[REQUESTS].drop(*KEY)
    kept.checkpoint.commit()
    kept.restart()
    assert REQUESTS not in kept.content()


@pytest.mark.parametrize("seed", SEEDS)
def test_random_stores_come_back_whole(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any order of births, additions, drops, admissions, commits that fail, compactions and restarts."""
    print(f"seed {seed}")
    monkeypatch.setattr(state, "_MOST_DELTAS", 3)
    rng = random.Random(seed)
    kept = Kept(tmp_path / "state.db")
    committed: tuple[Any, ...] = ({}, {}, [])
    for _ in range(STEPS):
        for _ in range(rng.randrange(8)):
            _change(kept, rng)
        draw = rng.random()
        if draw < 0.15:
            kept.restart()
            assert (kept.content(), kept.restored, sorted(kept.admissions.places)) == committed
        elif draw < 0.3:
            kept.state._db.execute("PRAGMA query_only=1")
            kept.checkpoint.commit()
            kept.state._db.execute("PRAGMA query_only=0")
        else:
            assert kept.checkpoint.commit()
        if draw >= 0.3 or kept.checkpoint.healthy:
            committed = (kept.content(), dict(kept.parts), sorted(kept.admissions.places))
    kept.checkpoint.close()


def _change(kept: Kept, rng: random.Random) -> None:
    key, amount = f"key-{rng.randrange(12)}", rng.choice((1, 7, 0.1, 2**40))
    draw = rng.randrange(7)
    if draw == 0:
        kept.add(REQUESTS, key, *KEY[1:], amount=amount)
    elif draw == 1:
        kept.add(BYTES, key, "", "eth_call", 'gateway="eu-1"', amount=amount)
    elif draw == 2:
        kept.observe("eth", key, "https", seconds=rng.random() * 40)
    elif draw == 3:
        family = kept.store.families[rng.choice((REQUESTS, DURATION))]
        if family.series:
            family.drop(*rng.choice([*family.series]))
    elif draw == 4:
        family = kept.store.families[rng.choice((REQUESTS, DURATION))]
        for series in family.series.values():
            series.released = series.released or rng.random() < 0.5
    elif draw == 5:
        kept.admissions.judge("method", f"method-{rng.randrange(20)}", success=True)
    else:
        kept.parts[rng.choice("ab")] = rng.randrange(5)


def _instead(**changes: Any) -> dict[str, Family]:
    """The catalogue of another version of the exporter, which declares a family differently."""
    name = changes.pop("name")
    return {**CATALOG, name: msgspec.structs.replace(CATALOG[name], **changes)}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": DURATION, "buckets": (1.0, 2.0)},
        {"name": DURATION, "buckets": (0.006, *CATALOG[DURATION].buckets[1:])},
        {"name": REQUESTS, "labels": CATALOG[REQUESTS].labels[:-1]},
        {"name": REQUESTS, "labels": (*CATALOG[REQUESTS].labels[:-1], "verdict")},
        {"name": REQUESTS, "labels": (*CATALOG[REQUESTS].labels, "region")},
    ],
)
def test_a_family_that_is_declared_otherwise_begins_anew(
    kept: Kept, changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Its old values would be under wrong labels or bounds. It is said; the other families go on."""
    kept.add(REQUESTS, *KEY)
    kept.add(REQUESTS, *KEY, 'gateway="eu-1"')
    kept.observe("eth", "eth_call", "https", seconds=0.3)
    kept.checkpoint.commit()
    kept.families = _instead(**changes)
    kept.restart()
    assert [*kept.content()] == [DURATION if changes["name"] == REQUESTS else REQUESTS]
    assert f"{changes['name']}: its labels or buckets have changed; it restarts from zero" in caplog.text


def test_a_family_that_is_gone_is_forgotten(kept: Kept) -> None:
    """And one that only was declared otherwise in its help goes on."""
    kept.add(REQUESTS, *KEY)
    kept.add(BYTES, "acme", "eth", "eth_call")
    kept.checkpoint.commit()
    kept.families = _instead(name=REQUESTS, help="Said in other words.")
    del kept.families[BYTES]
    kept.restart()
    assert [*kept.content()] == [REQUESTS]


@pytest.mark.parametrize(
    "blob", [b"\xc1", b"", msgspec.msgpack.encode([1.0, [["gateway_requests_total"]], {}, []]), b"\x93\x01\x90\x80"]
)
def test_a_blob_that_makes_no_sense_is_set_aside_with_its_file(
    kept: Kept, blob: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Counting restarts from zero, at the logs' ends, and nothing half understood is served."""
    kept.add(REQUESTS, *KEY)
    kept.checkpoint.commit()
    kept.state.commit(blob)
    kept.restart()
    assert (kept.content(), kept.restored, kept.state.damaged) == ({}, {}, True)
    assert "is damaged" in caplog.text


def test_what_a_later_exporter_has_appended_is_left_out(kept: Kept) -> None:
    """Within one version, fields only come at the ends."""
    kept.add(REQUESTS, *KEY, amount=3)
    kept.admissions.judge("method", "eth_call", success=True)
    kept.checkpoint.commit()
    before, places = kept.content(), kept.admissions.places
    (blob,) = unwrapped([body for (body,) in kept.state._db.execute("SELECT body FROM blob")])
    delta = msgspec.msgpack.decode(blob.body)
    delta[1] = [[*family, "appended"] for family in delta[1]]
    kept.state.replace(msgspec.msgpack.encode([*delta, {"appended": 1}]))
    kept.restart()
    assert (kept.content(), kept.admissions.places) == (before, places)


def test_while_commits_fail_it_is_told_and_what_was_counted_is_committed_later(kept: Kept) -> None:
    """The gauge, the count of failures, and the whole of it when it heals."""
    assert kept.checkpoint.healthy
    kept.add(REQUESTS, *KEY)
    begun = time.time()
    assert kept.checkpoint.commit()
    last_success = kept.store.series(catalog.CHECKPOINT_LAST_SUCCESS_TIMESTAMP_SECONDS)
    assert begun - 0.001 <= last_success.value <= time.time() + 0.001
    assert kept.store.series(catalog.CHECKPOINT_HEALTHY).value == 1
    kept.state._db.execute("PRAGMA query_only=1")
    succeeded = last_success.value
    for failures in (1, 2):
        kept.add(REQUESTS, *KEY)
        assert not kept.checkpoint.commit()
        assert kept.store.series(catalog.CHECKPOINT_HEALTHY).value == 0
        assert kept.store.series(catalog.CHECKPOINT_FAILURES).value == failures
        assert last_success.value == succeeded
    kept.state._db.execute("PRAGMA query_only=0")
    assert kept.checkpoint.commit()
    assert kept.store.series(catalog.CHECKPOINT_HEALTHY).value == 1
    assert sum(kept.store.families["gateway_exporter_checkpoint_duration_seconds"].rows().numbers[:-1]) == 4
    kept.restart()
    assert kept.store.series(CATALOG[REQUESTS], *KEY).value == 3


def test_a_file_that_was_removed_is_written_whole(kept: Kept) -> None:
    """Nothing that is counted depends on its being there."""
    kept.add(REQUESTS, *KEY)
    kept.checkpoint.commit()
    kept.path.unlink()
    kept.add(BYTES, "acme", "eth", "eth_call")
    assert kept.checkpoint.commit()
    kept.restart()
    assert [*kept.content()] == [REQUESTS, BYTES]


def test_another_programs_file_in_its_place_is_left_as_it_is_and_counting_goes_on(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    """Commits fail, with the reason, until it is gone."""
    kept.add(REQUESTS, *KEY)
    kept.checkpoint.commit()
    kept.path.unlink()
    with sqlite3.connect(kept.path) as theirs:
        theirs.execute("CREATE TABLE theirs (id)")
    kept.add(REQUESTS, *KEY)
    assert not kept.checkpoint.commit()
    assert "is another program's database" in caplog.text
    kept.path.unlink()
    assert kept.checkpoint.commit()
    kept.restart()
    assert kept.store.series(CATALOG[REQUESTS], *KEY).value == 2


def test_what_is_not_born_is_served_as_zero_after_a_restart_too(kept: Kept) -> None:
    """Its value is known, and held."""
    kept.add(REQUESTS, *KEY, amount=5)
    kept.checkpoint.commit()
    assert b'status="200"} 0\n' in kept.text()
    kept.restart()
    assert b'status="200"} 0\n' in kept.text()


def test_every_counter_and_histogram_lasts_but_those_of_the_process() -> None:
    """What Prometheus would take for a reset does not happen at a restart."""
    grow = [family for family in CATALOG.values() if family.type != "gauge"]
    assert {family.name for family in grow if not family.persisted} == {
        "gateway_exporter_checkpoint_failures_total",
        "gateway_exporter_checkpoint_duration_seconds",
        "gateway_exporter_scrape_duration_seconds",
    }
