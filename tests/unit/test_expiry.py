"""Expiry: what was idle for long enough makes room, nothing that is counted goes wrong by it, and the rest stays."""

import json
from pathlib import Path

import pytest

from exporter.clock import Clock
from exporter.config.load import load
from exporter.counting.admission import Admissions
from exporter.counting.expiry import Expiry
from exporter.counting.places import Places
from exporter.keys.identity import KeyEntry
from exporter.keys.key_metrics import Keys
from exporter.metrics.exposition import render
from exporter.metrics.series import Histogram
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.model.catalog import CATALOG
from exporter.service.assembly import Assembly
from exporter.state.checkpoint import Checkpoint
from exporter.state.database import State
from tests.exporter import Samples, samples

HOUR = 3600.0
REQUESTS = "gateway_requests_total"
DURATION = "gateway_request_duration_seconds"
BY_KEY = "gateway_key_request_duration_seconds"


def labels(key: str) -> tuple[str, ...]:
    return (key, "business", "eth", "eth_call", "https", "200")


class Shop:
    """A store in which `acme` is registered, and a clock."""

    def __init__(self) -> None:
        self.store = Store(hold=True)
        self.now = 0.0
        self.begin()

    def begin(self) -> None:
        """A new process."""
        keys = Keys(self.store, Clock())
        keys.update({"acme": KeyEntry(id="acme")})
        places = Places(self.store, Admissions(), keys)
        self.expiry = Expiry(self.store, HOUR, keys.__contains__, places, self.now)

    def observe(self, name: str, *values: str) -> None:
        histogram = self.store.families[name].get(*values)
        assert isinstance(histogram, Histogram)
        histogram.append(0.1)
        self.store.families[name].settle()

    def passes(self, seconds: float, every: float = 60.0) -> bool:
        """Time, with a look each minute, as at commits; whether anything was dropped."""
        dropped = False
        for _ in range(round(seconds / every)):
            self.now += every
            dropped = self.expiry.drop(self.now) or dropped
        return dropped

    def keys(self, name: str = REQUESTS) -> list[str]:
        return [row[0] for row in self.store.families[name].series]


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_what_is_idle_goes_and_what_is_used_stays(shop: Shop) -> None:
    """Not before the time is over, and at most an eighth of it later. A histogram goes whole."""
    shop.store.add(CATALOG[REQUESTS], *labels("idle"))
    shop.observe(BY_KEY, "idle")
    for _ in range(4):
        shop.store.add(CATALOG[REQUESTS], *labels("used"))
        shop.observe(BY_KEY, "used")
        assert not shop.passes(HOUR / 4)
    shop.store.add(CATALOG[REQUESTS], *labels("used"))
    shop.observe(BY_KEY, "used")
    assert shop.keys() == ["idle", "used"]
    assert shop.passes(HOUR / 8)
    assert (shop.keys(), shop.keys(BY_KEY)) == (["used"], ["used"])


def test_a_registered_key_stays_for_ever(shop: Shop) -> None:
    """In every family with a key; where there is none, the series goes."""
    shop.store.add(CATALOG[REQUESTS], *labels("acme"))
    shop.observe(BY_KEY, "acme")
    shop.observe(DURATION, "eth", "eth_call", "https")
    assert shop.passes(100 * HOUR)
    assert (shop.keys(), shop.keys(BY_KEY), shop.keys(DURATION)) == (["acme"], ["acme"], [])


def test_the_exporters_own_and_all_gauges_stay(shop: Shop) -> None:
    """They tell what was, however long ago."""
    for name in ("gateway_exporter_losses_total", "gateway_exporter_lines_total", "gateway_exporter_overflow_total"):
        shop.store.add(CATALOG[name], "a", "b")
    shop.store.set(catalog.KEY_LAST_USED_TIMESTAMP_SECONDS, "idle", to=5)
    assert not shop.passes(100 * HOUR)
    there = [labels for family in shop.store.families.values() for labels in family.series if "acme" not in labels]
    assert there == [("idle",), ("a", "b"), ("a", "b"), ("a", "b")]


def test_downtime_is_no_idleness(shop: Shop) -> None:
    """A process that has just begun has seen nothing idle yet."""
    shop.store.add(CATALOG[REQUESTS], *labels("idle"))
    shop.passes(HOUR / 2)
    shop.now += 1000 * HOUR
    shop.begin()
    assert not shop.passes(HOUR - 60)
    assert shop.passes(HOUR / 4)


def test_a_look_that_comes_late_is_one_look(shop: Shop) -> None:
    """A machine that slept for a day has not seen a day of idleness."""
    shop.store.add(CATALOG[REQUESTS], *labels("idle"))
    shop.passes(HOUR / 4)
    shop.now += 24 * HOUR
    assert not shop.passes(HOUR / 4)


def test_those_behind_a_dropped_one_keep_their_own_clock(shop: Shop) -> None:
    """Series are identified by their labels, wherever they stand."""
    shop.store.add(CATALOG[REQUESTS], *labels("first"))
    shop.passes(HOUR / 2)
    shop.store.add(CATALOG[REQUESTS], *labels("second"))
    shop.passes(HOUR * 5 / 8)
    assert shop.keys() == ["second"]
    shop.passes(HOUR / 4)
    assert shop.keys() == ["second"]
    shop.passes(HOUR / 4)
    assert shop.keys() == []


def test_coming_back_is_a_new_birth(shop: Shop) -> None:
    """At zero, and held, after a restart too."""
    shop.store.add(CATALOG[REQUESTS], *labels("idle"), amount=7)
    shop.store.series(CATALOG[REQUESTS], *labels("idle")).released = True
    shop.passes(2 * HOUR)
    shop.store.add(CATALOG[REQUESTS], *labels("idle"), amount=2)
    again = shop.store.series(CATALOG[REQUESTS], *labels("idle"))
    assert (again.value, again.released) == (2, False)


def test_what_has_expired_is_gone_after_a_restart_too(shop: Shop, tmp_path: Path) -> None:
    """The drop is committed as everything is."""

    def checkpoint(store: Store) -> Checkpoint:
        return Checkpoint(State(tmp_path / "state.db"), store, Admissions(), dict)

    first = checkpoint(shop.store)
    first.restore()
    shop.store.add(CATALOG[REQUESTS], *labels("idle"))
    shop.store.add(CATALOG[REQUESTS], *labels("acme"))
    assert first.commit()
    shop.passes(2 * HOUR)
    assert first.commit()
    first.close()
    store = Store()
    second = checkpoint(store)
    second.restore()
    second.close()
    assert [*store.families[REQUESTS].series] == [labels("acme")]


CONFIG = """
inputs: [{path: access.json, format: nginx-json}]
identity: {secret_file: secret}
metrics: {expire_after: 1h, scrape_interval: 1ms}
"""


def _line(key: str) -> bytes:
    fields = {"msec": 1, "status": 200, "rpc_method": "eth_call", "api_key": key, "origin": "https://a.example"}
    return json.dumps(fields | {"request_time": 0.1, "bytes_sent": 10}).encode() + b"\n"


def test_cells_hold_on_to_nothing_that_has_expired(tmp_path: Path) -> None:
    """Lines after it are counted in series that are served: each sum is that of the lines since."""
    (tmp_path / "secret").write_text("a secret of the tests")
    (tmp_path / "config.yaml").write_text(CONFIG)
    log = tmp_path / "access.json"
    log.write_bytes(b"")
    assembly = Assembly(load(tmp_path / "config.yaml"))
    pipeline = assembly.pipeline()
    pipeline.open()
    feed = pipeline.feeds[0]

    def counted(data: bytes) -> Samples:
        with log.open("ab") as out:
            out.write(data)
        feed.input.scan()
        while feed.count_next_chunk():
            pass
        pipeline.commit()
        return samples(b"".join(render(assembly.store)[0]).decode())

    def total(found: Samples, name: str) -> float:
        return sum(value for series, value in found.items() if series.startswith(name + "{"))

    summed = {
        REQUESTS: 1.0,
        "gateway_calls_total": 1.0,
        "gateway_origin_requests_total": 1.0,
        "gateway_response_bytes_total": 10.0,
        f"{DURATION}_count": 1.0,
        f"{BY_KEY}_count": 1.0,
    }
    found = counted(_line("one") * 3 + _line("two") * 2)
    assert {name: total(found, name) for name in summed} == {name: 5 * each for name, each in summed.items()}
    for _ in range(39):
        pipeline.expiry._looked -= HOUR
        found = counted(_line("one"))
    only_one = {name: 42 * each for name, each in summed.items()} | {f"{DURATION}_count": 44}  # it knows no keys
    assert {name: total(found, name) for name in summed} == only_one
    for _ in range(20):
        pipeline.expiry._looked -= HOUR
        pipeline.commit()
    found = counted(_line("two"))
    assert {name: total(found, name) for name in summed} == summed
    assert total(found, "gateway_exporter_lines_total") == 45
    pipeline.close()
