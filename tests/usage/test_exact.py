"""The engine against the truth, on a real Prometheus: over restarts, rebirth, several exporters and gaps."""

import time
from collections.abc import Iterator
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
from tests.usage.server import Server, blocks, record

SEED = 7
REQUESTS = "gateway_requests_total"
SERVED = {name: family.labels for name, family in CATALOG.items()}


@pytest.fixture(scope="session")
def fleet() -> Fleet:
    return Fleet(SEED, time.time() // 3600 * 3600 - 16 * 3600)


@pytest.fixture(scope="session")
def prometheus(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("usage")
    blocks(folder, fleet.openmetrics())
    record(folder, fleet.begin, fleet.end, skipped=(4,))
    server = Server(folder)
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
