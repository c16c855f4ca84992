"""Rows: the numbers of a family at one moment, what has changed in them, and the text that they are rendered to."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from exporter.metrics.exposition import Renderer, first_shown, take
from exporter.metrics.series import FamilySeries, Histogram
from exporter.metrics.store import Store
from exporter.metrics.templates import number
from exporter.model import catalog
from exporter.model.catalog import CATALOG
from exporter.model.input_labels import escaped

SEEDS = range(12)
STEPS = 40
FAMILIES = (
    "gateway_response_bytes_total",
    "gateway_request_duration_seconds",
    "gateway_exporter_lag_bytes",
    "gateway_exporter_checkpoint_duration_seconds",
)
VALUES = ("acme", "100%", "%d", 'a "quoted" \\ word', "line\nline\r", "é", "")


def lines(family: FamilySeries, openmetrics: bool) -> Iterator[str]:
    """A family's lines, written one by one."""
    name, labels = family.family.name, family.family.labels
    for (values, row), series in zip(family.rows().each(), family.series.values(), strict=True):
        pairs = [f'{label}="{escaped(value)}"' for label, value in zip(labels, values, strict=False) if value]
        pairs += values[len(labels) :]
        numbers: list[float] = [*row] if isinstance(series, Histogram) else [series.value]
        if family.family.persisted and family.family.type != "gauge" and not any(numbers):
            continue
        if not series.released:
            numbers = [0.0] * len(numbers)
        if isinstance(series, Histogram):
            total = 0.0
            for bound, count in zip((*map(repr, family.family.buckets), "+Inf"), numbers, strict=False):
                total += count
                yield _line(f"{name}_bucket", [*pairs, f'le="{bound}"'], total)
            yield _line(f"{name}_sum", pairs, numbers[-1])
            yield _line(f"{name}_count", pairs, total)
        else:
            yield _line(name, pairs, numbers[0])
        if openmetrics and (created := family.created.get(values)):
            written = f"{{{','.join(pairs)}}}" if pairs else ""
            yield f"{name.removesuffix('_total')}_created{written} {created:.3f}\n"


def _line(name: str, pairs: list[str], value: float) -> str:
    return f"{name}{{{','.join(pairs)}}} {number(value).decode()}\n" if pairs else f"{name} {number(value).decode()}\n"


def _step(store: Store, rng: random.Random) -> None:
    """Something that happens to a store."""
    family = store.families[rng.choice(FAMILIES)]
    made = [rng.choice(VALUES) + str(rng.randrange(9)) * rng.randrange(2) for _ in family.family.labels]
    inputs = ['gateway="eu-1"'] if rng.random() < 0.2 and family.family.labels else []
    for _ in range(rng.choice((1, 3, 400))):
        if family.family.labels:
            made[0] = rng.choice(VALUES) + str(rng.randrange(600))
        series = family.get(*made, *inputs)
        if isinstance(series, Histogram):
            series.extend(rng.choices((0.001, 0.3, 70, 0.1), k=rng.randrange(3)))
        else:
            series.value += rng.choice((0, 1, 1, 2**40, 0.1)) if rng.random() < 0.9 else rng.randrange(300)
    family.settle()
    if family.series and rng.random() < 0.2:
        family.drop(*rng.choice([*family.series]))
    for series in rng.sample([*family.series.values()], len(family.series) // 3):
        series.released = series.released or rng.random() < 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_a_renderer_that_keeps_templates_writes_what_the_store_holds(seed: int) -> None:
    """Line for line, whatever series come, go, change, are released, or turn from whole numbers to fractions."""
    rng = random.Random(seed)
    families = {name: CATALOG[name] for name in FAMILIES}
    store = Store(max_series=2000, hold=True, families=families)
    store.bound(2000, has_created=seed % 2 == 0)
    renderer = Renderer()
    for _ in range(STEPS):
        _step(store, rng)
        openmetrics = rng.random() < 0.5
        text = b"".join(renderer.blocks(take(store), openmetrics)).decode()
        found = [line + "\n" for line in text.split("\n") if line and not line.startswith("#")]
        assert found == [line for family in store.families.values() for line in lines(family, openmetrics)]


@pytest.mark.parametrize("seed", SEEDS)
def test_exactly_the_rows_that_are_new_or_have_changed_are_found(seed: int) -> None:
    rng = random.Random(seed)
    store = Store(max_series=2000)
    family = store.families[rng.choice(FAMILIES[:2])]
    before = family.rows()
    old: list[Any] = []
    for _ in range(STEPS):
        for n in rng.sample(range(700), rng.choice((0, 1, 30, 500))):
            series = family.get(f"value-{n}", *family.family.labels[1:])
            if isinstance(series, Histogram):
                series.append(rng.random())
            else:
                series.value += rng.choice((0, 1, 0.5))
        family.settle()
        rows = family.rows()
        new = [numbers.tolist() for _, numbers in rows.each()]
        changed = [row for row, value in enumerate(new) if row >= len(old) or value != old[row]]
        assert rows.changes_since(before) == changed
        assert [*rows.numbers_of(changed)] == [number for row in changed for number in new[row]]
        before, old = rows, new


def test_rows_stay_as_they_were_taken() -> None:
    """Whatever happens to the series afterwards: another thread reads them."""
    store = Store()
    store.add(catalog.LINES, "a", "parsed", amount=3)
    rows = store.families[catalog.LINES.name].rows()
    store.add(catalog.LINES, "a", "parsed", amount=3)
    store.add(catalog.LINES, "b", "parsed")
    store.drop(catalog.LINES, "a", "parsed")
    assert (rows.labels, [*rows.numbers]) == ([("a", "parsed")], [3])


def test_a_series_is_first_shown_once() -> None:
    store = Store(hold=True)
    store.add(catalog.LINES, "a", "parsed")
    (series,) = store.families[catalog.LINES.name].series.values()
    assert first_shown(store, take(store)) == [series]
    assert first_shown(store, take(store)) == []
    store.add(catalog.LINES, "b", "parsed")
    assert len(first_shown(store, take(store))) == 1
