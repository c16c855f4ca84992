"""The engine against the truth, over restarts, rebirth, several exporters and gaps: on real servers."""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from exporter.errors import QueryError
from exporter.http_client import Server as Asked
from exporter.model.catalog import CATALOG
from exporter.usage import division
from exporter.usage.counters import Counters
from exporter.usage.division import divide
from exporter.usage.prometheus import Prometheus
from tests.usage.history import SCRAPE, Fleet
from tests.usage.server import Server, Victoria, blocks, record

SEED = 7
REQUESTS = "gateway_requests_total"
SERVED = {name: family.labels for name, family in CATALOG.items()}


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return Fleet(SEED, time.time() // 3600 * 3600 - 16 * 3600)


@pytest.fixture(scope="module")
def folder(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the fleet's series in blocks of Prometheus, and all samples in a file."""
    made = tmp_path_factory.mktemp("usage")
    series = [*fleet.openmetrics()]
    blocks(made, series)
    recorded = record(made, fleet.begin, fleet.end, skipped=(4,))
    (made / "all.om").write_text("".join(series[:-1] + recorded), encoding="utf-8")
    return made


@pytest.fixture(scope="module", params=["Prometheus", "VictoriaMetrics"])
def prometheus(request: pytest.FixtureRequest, folder: Path) -> Iterator[Prometheus]:
    if request.param == "Prometheus":
        server: Server | Victoria = Server(folder)
    else:
        server = Victoria(folder, (folder / "all.om").read_text(encoding="utf-8").splitlines())
    yield Prometheus(Asked(url=server.url, timeout=60))
    server.close()


def asked(prometheus: Prometheus, begin: float, end: float, recorded: bool = True) -> dict[str, float]:
    counters = Counters(prometheus, SERVED, {}, divide(prometheus, {}, begin, end, recorded=recorded))
    return {key: amount for (key,), amount in counters.grown(REQUESTS, ("key",)).items()}


@pytest.mark.parametrize("n", range(20))
def test_every_range_is_exact(prometheus: Prometheus, fleet: Fleet, n: int) -> None:
    """To the request, by key, wherever it begins and ends."""
    rng = Random(f"{SEED} {n}")
    begin, end = sorted(rng.uniform(fleet.begin - 600, fleet.end + 600) for _ in range(2))
    assert asked(prometheus, begin, end) == fleet.grown(begin, end), f"{begin - fleet.begin} {end - fleet.begin}"


def test_all_of_it(prometheus: Prometheus, fleet: Fleet) -> None:
    """Also where raw series answer alone."""
    begin, end = fleet.begin - 100, fleet.end + SCRAPE
    assert asked(prometheus, begin, end) == fleet.grown(begin, end)
    assert asked(prometheus, begin, end, recorded=False) == fleet.grown(begin, end)


def test_what_raw_series_can_not_answer_is_refused(prometheus: Prometheus, fleet: Fleet) -> None:
    """In one line, which says why and what to do: there are no rules, or too few of their hours."""
    division.MOST_RAW_SECONDS, before = 3600.0, division.MOST_RAW_SECONDS
    try:
        with pytest.raises(QueryError, match=r"rules of usage are not loaded.*`gateway-exporter alerts` writes usage"):
            divide(prometheus, {}, fleet.begin, fleet.end, recorded=False)
        with pytest.raises(QueryError, match=r"hours of this time are not recorded.*hours are recorded from"):
            divide(prometheus, {}, fleet.begin, fleet.end)
    finally:
        division.MOST_RAW_SECONDS = before


def test_recorded_hours_are_used(prometheus: Prometheus, fleet: Fleet) -> None:
    """All of those in which every exporter was steady; a skipped one is no hour."""
    runs = divide(prometheus, {}, fleet.begin, fleet.end).runs
    assert [round((run.last - run.first) / 3600) + 1 for run in runs] == [2, 4]


def test_each_recorded_hour_is_exact(prometheus: Prometheus, fleet: Fleet) -> None:
    """Alone and as a step; several are one question."""
    division = divide(prometheus, {}, fleet.begin, fleet.end)
    hours = [run.begin + 3600 * n for run in division.runs for n in range(run.hours)]
    expected = [sum(fleet.grown(hour, hour + 3600).values()) for hour in hours]
    counters = Counters(prometheus, SERVED, {}, division)
    assert counters.hours(REQUESTS, {}) == expected
    steps = counters.steps(
        REQUESTS, ("key",), {}, lambda at: next((hour for hour in hours if 0 <= at - hour < 3600), 0)
    )
    for hour in hours:
        assert {key: amount for (key,), amount in steps[hour].items() if amount} == fleet.grown(hour, hour + 3600)


def test_steps_begin_where_they_are_asked_to(prometheus: Prometheus, fleet: Fleet) -> None:
    """Hours are recorded at any minute; VictoriaMetrics moves many steps to full ones if it may cache them."""
    begin = round(fleet.begin + 1234.567, 3)
    [found] = prometheus.steps("vector(time())", begin, begin + 99 * 60, 60)
    assert found.samples == [(at, at) for at in (round(begin + 60 * n, 3) for n in range(100))]
