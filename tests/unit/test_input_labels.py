"""Input labels: to Prometheus their order means nothing, so no label set stands twice in the exposition."""

from pathlib import Path

import pytest

from exporter.counting.admission import Admissions
from exporter.metrics.exposition import render
from exporter.metrics.store import Store
from exporter.model.catalog import CATALOG
from exporter.model.input_labels import in_order, input_labels_text
from exporter.state.checkpoint import Checkpoint
from exporter.state.database import State

REQUESTS = "gateway_requests_total"
VALUES = ("acme", "business", "eth", "call", "https", "200")


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ({}, ()),
        ({"gateway": ""}, ()),
        ({"gateway": "eu", "az": "1"}, ('az="1",gateway="eu"',)),
        ({"az": "1", "gateway": "eu", "rack": ""}, ('az="1",gateway="eu"',)),
        ({"b": 'a "quoted", \\ text\n', "a": "x"}, (r'a="x",b="a \"quoted\", \\ text\n"',)),
    ],
)
def test_equal_labels_have_equal_texts(labels: dict[str, str], text: tuple[str, ...]) -> None:
    """Sorted, escaped, without those that are empty; and a text that was put in order stays as it is."""
    assert input_labels_text(labels) == text
    assert in_order(("a", "b", *text), 2) == ("a", "b", *text)


def test_a_text_of_an_older_state_is_put_in_order() -> None:
    """Values that look like pairs stay values."""
    assert in_order(("a", r'z="x=\"1\",a=\"2\"",e="",b="2"'), 1) == ("a", r'b="2",z="x=\"1\",a=\"2\""')
    assert in_order(("a", 'z=""'), 1) == ("a",)


def test_series_that_were_one_are_one_after_a_restart(tmp_path: Path) -> None:
    """Two texts of one label set, as older versions wrote them, add up: nothing falls, and nothing stands twice."""
    store = Store()
    store.add(CATALOG[REQUESTS], *VALUES, 'gateway="eu",az="1"', amount=3)
    store.add(CATALOG[REQUESTS], *VALUES, 'az="1",gateway="eu"', amount=4)
    store.add(CATALOG[REQUESTS], *VALUES, amount=5)
    store.add(CATALOG[REQUESTS], *VALUES, 'gateway=""', amount=6)
    written = Checkpoint(State(tmp_path / "state.db"), store, Admissions(), dict)
    assert written.commit()
    written.close()
    restored = Store()
    read = Checkpoint(State(tmp_path / "state.db"), restored, Admissions(), dict)
    read.restore()
    assert {labels: series.value for labels, series in restored.families[REQUESTS].series.items()} == {  # type: ignore[union-attr]
        (*VALUES, 'az="1",gateway="eu"'): 7,
        VALUES: 11,
    }
    assert read.commit()
    read.close()
    lines = [line for line in b"".join(render(restored)[0]).split(b"\n") if line.startswith(REQUESTS.encode())]
    assert len(lines) == 2
