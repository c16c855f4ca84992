"""Histograms of one family share one array: each keeps its own numbers, whatever happens to the others."""

from array import array
from bisect import bisect_left
from random import Random

import pytest

from exporter.metrics.series import FamilySeries, Histogram
from exporter.model.catalog import CATALOG

FAMILY = CATALOG["gateway_request_duration_seconds"]
BOUNDS = FAMILY.buckets
STEPS = 200


def expected(observed: list[float]) -> list[float]:
    """The row of some observations, in the order in which they are summed."""
    counts = [0.0] * (len(BOUNDS) + 1)
    for value in observed:
        counts[bisect_left(BOUNDS, value)] += 1
    return [*counts, sum(observed)]


def labels(n: int) -> tuple[str, ...]:
    return (f"value-{n}", *FAMILY.labels[1:])


@pytest.mark.parametrize("seed", range(6))
def test_each_row_is_its_series(seed: int) -> None:
    """After any order of observations, drops, restores and new series, each has exactly what was observed in it."""
    rng = Random(seed)
    family = FamilySeries(FAMILY, limit=1000)
    known: dict[tuple[str, ...], list[float]] = {}
    for _ in range(STEPS):
        step = rng.random()
        if step < 0.6:
            # A few of each, or many of one.
            for at in rng.choice(([labels(rng.randrange(40)) for _ in range(30)], [labels(1)] * 700)):
                series = family.find(at)
                assert isinstance(series, Histogram)
                # Sums of quarters are exact in any order; bounds themselves belong to their bucket.
                seconds = rng.choice((0, 0.25, 0.5, 7.75, BOUNDS[-1], 4096.0)) if rng.random() < 0.9 else 1024.25
                series.append(seconds)
                known.setdefault(at, []).append(seconds)
        elif step < 0.75 and known:
            gone = {*rng.sample([*known], rng.randint(1, len(known)))}
            family.settle()
            family.drop_all(gone)
            for at in gone:
                del known[at]
        elif step < 0.85:
            family.drop(*labels(99))  # it does not exist
            if known:
                family.settle()
                at = rng.choice([*known])
                family.drop(*at)
                del known[at]
        elif known:
            family.settle()
            restored = {at: [0.25] * rng.randrange(9) for at in rng.sample([*known], rng.randint(1, len(known)))}
            family.restore({at: array("d", expected(observed)) for at, observed in restored.items()})
            known |= restored
        family.settle()
        rows = family.rows()
        assert {at: [*numbers] for at, numbers in rows.each()} == {at: expected(known[at]) for at in family.series}
        assert family.series.keys() == known.keys()


def test_rows_that_were_taken_stay() -> None:
    """What a commit has taken does not change with what is observed, made or dropped after it."""
    family = FamilySeries(FAMILY, limit=1000)
    for n in range(3):
        series = family.find(labels(n))
        assert isinstance(series, Histogram)
        series.append(0.25)
    family.settle()
    rows = family.rows()
    before = rows.numbers[:]
    for n in range(4):
        series = family.find(labels(n))
        assert isinstance(series, Histogram)
        series.append(1.0)
    family.settle()
    family.drop(*labels(0))
    assert rows.numbers == before
    assert [*family.rows().numbers] == [*expected([0.25, 1.0]), *expected([0.25, 1.0]), *expected([1.0])]


def test_only_the_slowest_requests_are_kept() -> None:
    """The longest request since the last look is kept for the family that shows it, and for no other."""
    longest = FamilySeries(FAMILY, limit=10)
    other = FamilySeries(CATALOG["gateway_key_request_duration_seconds"], limit=10)
    for family, at in ((longest, labels(0)), (other, ("acme",))):
        for observed in ([0.5, 2.0], [1.0], [0.25] * 20):
            series = family.find(at)
            assert isinstance(series, Histogram)
            series.extend(observed)
            family.settle()
    assert (longest.peaks, other.peaks) == ({labels(0): 2.0}, {})
