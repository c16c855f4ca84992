"""The meter: what a fold moves into series, and into the use of limits."""

import gc
from pathlib import Path

import pytest

from exporter.counting import meter
from exporter.counting.cell import Cell
from tests.counted import Counting, of

CONFIG = """
inputs:
  - path: access.json
    format: {json: {time: t, status: s, rpc_method: m, key: key, duration: took, batch_index: nth, batch_size: of}}
identity: {secret_file: secret}
keys: keys.yaml
plans: {free: {limits: [{window: 1d, requests: 10, credits: 100}]}}
pricing: {credits: {default: 3}}
"""


@pytest.fixture
def counted(tmp_path: Path) -> Counting:
    (tmp_path / "secret").write_text("a secret of the tests", encoding="utf-8")
    (tmp_path / "keys.yaml").write_text("[{id: acme, plan: free}]", encoding="utf-8")
    return Counting(tmp_path, CONFIG)


def test_the_lines_of_one_batch_use_up_one_request_and_the_credits_of_each(counted: Counting) -> None:
    """A further line of a request that was counted has calls of its own, and no request."""
    batch = [{"t": 5, "s": 200, "m": "eth_call", "key": "acme", "nth": n, "of": 3} for n in range(3)]
    counted.count(*batch)
    counted.assembly.context.limits.update_gauges(None)
    found = counted.samples()
    used = {labels: value for labels, value in of(found, "gateway_limit_used").items() if labels[-1] == "1d"}
    assert used == {("acme", "requests", "1d"): 1, ("acme", "credits", "1d"): 9}
    assert sum(of(found, "gateway_requests_total").values()) == 1
    assert sum(of(found, "gateway_calls_total").values()) == 3


def test_observations_are_sorted_into_buckets_before_there_are_too_many(
    counted: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between folds, too: what is held for each line is bounded."""
    monkeypatch.setattr(meter, "_MOST_PENDING", 3)
    lines = [{"t": 5, "s": 200, "m": "eth_call", "key": "acme", "took": 0.5}] * 2
    counted.meter.count(counted.decoded(lines))
    name = "gateway_key_request_duration_seconds_count"
    assert of(counted.samples(), name) == {}
    counted.meter.count(counted.decoded(lines))
    assert of(counted.samples(), name) == {("acme",): 4}


def test_what_was_counted_is_in_no_series_before_the_fold_and_once_after_it(counted: Counting) -> None:
    counted.meter.count(counted.decoded([{"t": 5, "s": 200, "m": "eth_call", "key": "acme"}] * 4))
    assert of(counted.samples(), "gateway_requests_total") == {}
    counted.meter.fold()
    counted.meter.fold()
    assert [*of(counted.samples(), "gateway_requests_total").values()] == [4]


@pytest.mark.parametrize(
    "times",
    [
        (70, 90, 80),
        (90, "80", 70),
        (None, 90, 80),
        ("1970-01-01T00:01:30Z", "1970-01-01T00:01:10Z"),
        ("01/Jan/1970:00:01:30 +0000", "01/Jan/1970:00:00:20 -0000"),
        ("never", 90, True),
    ],
    ids=["numbers", "text and numbers", "none", "dates", "other dates", "no times"],
)
def test_a_key_was_last_used_at_the_latest_time_in_whatever_order_the_log_is(
    counted: Counting, times: tuple[object, ...]
) -> None:
    counted.count(*({"t": at, "s": 200, "m": "eth_call", "key": "acme"} for at in times))
    assert of(counted.samples(), "gateway_key_last_used_timestamp_seconds") == {("acme",): 90}
    assert counted.meter.last_time == 90


def cells() -> int:
    """The number of cells in memory."""
    return sum(isinstance(each, Cell) for each in gc.get_objects())


def test_the_cells_of_a_meter_that_is_dropped_are_freed_at_once(counted: Counting) -> None:
    """They are many: each reload makes other ones, and garbage is rarely collected."""
    gc.collect()
    gc.disable()
    try:
        before = cells()
        counted.count(*({"t": 5, "s": 200, "m": method, "key": "acme"} for method in ("eth_call", "net_version")))
        assert cells() == before + 2
        del counted.meter
        assert cells() == before
    finally:
        gc.enable()
