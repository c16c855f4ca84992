"""Exposition: what the store holds, as text that Prometheus reads back as the same numbers."""

import pytest

from exporter.metrics.exposition import Renderer, render, take
from exporter.metrics.rows import Rows
from exporter.metrics.store import Store
from exporter.metrics.templates import number
from exporter.model import catalog

LINES = b'gateway_exporter_lines_total{input="a",result="parsed"} '


def lines_of(store: Store, committed: dict[str, Rows] | None = None) -> list[bytes]:
    lines = b"".join(Renderer().blocks(take(store, committed))).splitlines(keepends=True)
    return [line for line in lines if not line.startswith(b"#")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, b"0"),
        (3.0, b"3"),
        (-2.0, b"-2"),
        (0.1, b"0.1"),
        (1e15, b"1000000000000000.0"),
        (1e15 - 1, b"999999999999999"),
        (2**60, b"1152921504606846976"),
    ],
)
def test_whole_numbers_have_no_point_and_all_are_read_back_the_same(value: float, text: bytes) -> None:
    assert number(value) == text
    assert float(text) == value


def test_a_new_counter_is_shown_at_zero_once_and_then_at_its_value() -> None:
    """The first rendering says which series it shows for the first time; the next ones do not."""
    store = Store(hold=True)
    store.add(catalog.LINES, "a", "parsed", amount=3)
    series = store.series(catalog.LINES, "a", "parsed")
    rendered, held = render(store)
    assert LINES + b"0\n" in b"".join(rendered)
    assert held == [series]
    assert render(store)[1] == []
    series.released = True
    assert LINES + b"3\n" in lines_of(store)


def test_counters_show_what_was_committed_and_gauges_live() -> None:
    """Also where series are new, or have gone, since then; a family that was never committed shows nothing."""
    store = Store()
    store.add(catalog.LINES, "a", "parsed", amount=3)
    store.set(catalog.LAG_BYTES, "a", to=1)
    committed = {catalog.LINES.name: store.families[catalog.LINES.name].rows()}
    store.add(catalog.LINES, "a", "parsed", amount=4)
    store.add(catalog.LINES, "b", "parsed", amount=4)
    store.add(catalog.ROTATIONS, "a", "renamed")
    store.set(catalog.LAG_BYTES, "a", to=2)
    assert lines_of(store, committed) == [LINES + b"3\n", b'gateway_exporter_lag_bytes{input="a"} 2\n']
    store.drop(catalog.LINES, "a", "parsed")
    assert LINES + b"3\n" in lines_of(store, committed)
    assert LINES + b"3\n" not in lines_of(store)


def test_a_series_that_was_never_added_to_is_not_shown() -> None:
    store = Store()
    store.series(catalog.LINES, "a", "parsed")
    assert not any(line.startswith(LINES) for line in lines_of(store))


def test_a_block_that_has_lost_its_last_series_is_rendered_without_it() -> None:
    """An input that is removed takes its gauges along."""
    store, renderer = Store(), Renderer()
    store.set(catalog.LAG_BYTES, "a", to=1)
    store.set(catalog.LAG_BYTES, "b", to=1)
    assert b'input="b"' in b"".join(renderer.blocks(take(store)))
    store.drop(catalog.LAG_BYTES, "b")
    text = b"".join(renderer.blocks(take(store)))
    assert b'gateway_exporter_lag_bytes{input="a"} 1' in text
    assert b'input="b"' not in text
