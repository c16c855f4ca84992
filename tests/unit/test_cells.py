"""Cells: what is remembered of a combination of words is bounded and can be forgotten, and nothing miscounts by it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.counting import cells
from tests.counted import Counting, of

CONFIG = """
inputs:
  - path: access.json
    format:
      {json: {time: t, status: s, rpc_method: m, key: key, origin: from_, provider: by, cost_multiplier: times,
      attempts: tried, attempt_circuits: open, response_bytes: bytes, duration: took}}
identity: {secret_file: secret}
"""
OVERFLOW = "gateway_exporter_overflow_total"


def counting(folder: Path, more: str = "") -> Counting:
    (folder / "secret").write_text("a secret of the tests", encoding="utf-8")
    return Counting(folder, CONFIG + more)


def line(t: float = 1, **more: Any) -> dict[str, Any]:
    return {"t": t, "s": 200, "m": "eth_call", "key": "sk-live-0000000000000001"} | more


@pytest.mark.parametrize("first", ["earlier", "later"])
def test_of_a_gauge_the_value_logged_last_counts(tmp_path: Path, first: str) -> None:
    """Of several combinations in one fold, whichever was seen first, and whichever line was written first."""
    counted = counting(tmp_path)
    earlier = line(5, by="p", times="2", tried="p", open="open")
    later = line(7, by="p", times="3", tried="p", open="closed")
    counted.count(*([earlier, later] if first == "earlier" else [later, earlier]))
    for before, after in ((earlier, later), (later, earlier)):
        found = counted.count(before | {"t": before["t"] + 10}, after | {"t": after["t"] + 10})
        assert of(found, "gateway_provider_cost_multiplier") == {("p",): 3}
        assert of(found, "gateway_provider_circuit_open") == {("p",): 0}
    found = counted.count(later | {"t": 30}, earlier | {"t": 31})
    assert of(found, "gateway_provider_cost_multiplier") == {("p",): 2}
    assert of(found, "gateway_provider_circuit_open") == {("p",): 1}


@pytest.mark.parametrize(
    ("bound", "words", "budget"),
    [
        ("_MOST_CELLS", lambda n: {"m": f"eth_{n % 7}", "key": f"sk-{n % 11}"}, 100),  # words with a cell each
        ("_MOST_CELLS", lambda n: {"m": f"eth_{n}", "s": 400 + n % 60}, 100),  # cells of words that are asked again
        ("_MOST_ALIASES", lambda n: {"m": f"eth_{n % 7}", "key": f"sk-{n % 11}"}, 1),  # many words of one cell
        ("_MOST_ALIASES", lambda n: {"key": f"sk-{n}"}, 1),  # many words of one who asked
        ("_MOST_REQUESTS", lambda n: {"m": f"eth_{n}"}, 100),  # what was asked
        ("_MOST_REQUESTS", lambda n: {"m": f"eth_{n}"}, 1),  # words of one cell for what was asked
        ("_MOST_CALLERS", lambda n: {"key": f"sk-{n}"}, 200),  # who asked
    ],
)
def test_when_there_are_many_cells_some_are_dropped_and_nothing_is_lost(
    tmp_path: Path,
    bound: str,
    words: Callable[[int], dict[str, Any]],
    budget: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every line counts once, in the series of its words; what is kept stays within the bound, and a chunk's lines."""
    monkeypatch.setattr(cells, bound, 20)
    counted = counting(tmp_path, f"metrics: {{budgets: {{method: {budget}, key: {budget}}}}}")
    chunk = 5
    for start in range(0, 200, chunk):
        lines = [line(took=0.5, bytes=10, from_="https://a.example", **words(n)) for n in range(start, start + chunk)]
        found = counted.count(*lines)
        kept = counted.meter._cells
        assert sum(len(cells) for cells in kept.by_key.values()) <= 22 + chunk
        assert max(map(len, (kept.born, kept.by_key, kept.callers, kept._known))) <= 22 + chunk
        assert kept.by_key.keys() == kept._asked.keys()
        assert len(kept.origins.homes) <= len(kept.born)
    assert sum(of(found, "gateway_requests_total").values()) == 200
    assert sum(of(found, "gateway_response_bytes_total").values()) == 2000
    assert sum(of(found, "gateway_origin_requests_total").values()) == 200
    assert sum(of(found, "gateway_key_request_duration_seconds_count").values()) == 200


def test_cells_in_use_are_kept_while_others_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many cells those go that were idle for longest; values that lead to the same cell go before any cell."""
    for bound, most in (("_MOST_CELLS", 40), ("_MOST_ALIASES", 40), ("_NOTED_AFTER", 5)):
        monkeypatch.setattr(cells, bound, most)
    counted = counting(tmp_path, "metrics: {budgets: {key: 100}}")
    used = [line(m=f"eth_{n}") for n in range(8)]
    counted.count(*used)
    kept = counted.meter._cells
    first = [*kept.born]
    for start in range(0, 200, 10):  # the first hundred have a cell each, then all are `unknown`
        found = counted.count(*used, *(line(key=f"sk-{n}") for n in range(start, start + 10)))
    assert set(first) < set(kept.born)
    assert sum(of(found, "gateway_requests_total").values()) == 8 * 21 + 200


def test_overflow_says_which_family_and_which_label(tmp_path: Path) -> None:
    """Each family that has the label of which the budget is used up."""
    counted = counting(tmp_path, "metrics: {budgets: {method: 1, key: 1, provider: 1}}")
    found = counted.count(line(), line(m="eth_b"), line(key="sk-b"), line(m="eth_b", key="sk-b"))
    overflow = of(found, OVERFLOW)
    assert {name for name, label in overflow if label == "method"} == {
        *("gateway_requests_total", "gateway_calls_total", "gateway_request_duration_seconds"),
        *("gateway_request_bytes_total", "gateway_response_bytes_total"),
    }
    assert overflow["gateway_requests_total", "method"] == overflow["gateway_calls_total", "method"] == 2
    assert overflow["gateway_requests_total", "key"] == overflow["gateway_calls_total", "key"] == 2
    assert {*overflow.values()} == {2}


def test_an_origin_that_has_no_place_is_overflow_of_its_family(tmp_path: Path) -> None:
    """Of each key apart; once for each cell in which it was new."""
    counted = counting(tmp_path, "metrics: {budgets: {origin: 1}}")
    found = counted.count(*(line(from_=f"https://{host}.example") for host in "aabb"))
    assert of(found, OVERFLOW) == {("gateway_origin_requests_total", "origin"): 2}


def test_once_no_place_is_left_origins_that_have_one_still_count(tmp_path: Path) -> None:
    """Also for another chain of the key; no origin, and a site of that name, are no overflow."""
    (tmp_path / "secret").write_text("a secret of the tests", encoding="utf-8")
    counted = Counting(
        tmp_path, CONFIG.replace("rpc_method: m", "rpc_method: m, chain: c") + "metrics: {budgets: {origin: 2}}"
    )
    sites = ("https://a.example", "https://b.example", "https://c.example", "https://other", "", "https://c.example")
    found = counted.count(*(line(from_=site, c=chain) for chain in ("one", "two") for site in sites))
    assert of(found, OVERFLOW) == {("gateway_origin_requests_total", "origin"): 4}
    counts = [(*labels[:1], *labels[2:], n) for labels, n in of(found, "gateway_origin_requests_total").items()]
    expected = [("a.example", 1), ("b.example", 1), ("other", 3), (1,)]
    assert sorted(counts, key=repr) == sorted(
        ((chain, *labels) for chain in ("one", "two") for labels in expected), key=repr
    )


def test_overflow_of_a_full_family_is_counted_whatever_it_counts(tmp_path: Path) -> None:
    """Once for each record that has no series of its own, by the family alone; sums and histograms, too."""
    counted = counting(tmp_path, "pricing: {credits: {default: 2}}\nmetrics: {max_series: 6}")
    found = counted.count(*(line(m=f"eth_{n}", bytes=10, took=1.0) for n in (0, 1, 2, 3, 4, 5, 6, 6, 7, 5)))
    totals = ("requests", "calls", "response_bytes", "credits")
    full = [*(f"gateway_{name}_total" for name in totals), "gateway_request_duration_seconds"]
    assert of(found, OVERFLOW) == {(name,): 3 for name in full}
    assert sorted(of(found, "gateway_requests_total").values()) == [1, 1, 1, 1, 1, 2, 3]
    assert sorted(of(found, "gateway_response_bytes_total").values()) == [10, 10, 10, 10, 10, 20, 30]


def test_overflow_of_a_full_family_of_origins_is_counted(tmp_path: Path) -> None:
    """As many requests as share the series of all other origins."""
    counted = counting(tmp_path, "metrics: {max_series: 2}")
    found = counted.count(*(line(from_=f"https://{host}.example") for host in "abcdd"))
    assert of(found, OVERFLOW) == {("gateway_origin_requests_total",): 3}


def test_without_a_registry_a_key_is_unknown_until_it_succeeds(tmp_path: Path) -> None:
    """A line without a key has none that could be unknown."""
    counted = counting(tmp_path)
    counted.count(line(s=401, key="sk-bad"), line(s=401, key="sk-bad"), line(s=401, key=""), line())
    found = counted.count(line(s=401), line(s=401, key="sk-worse"))
    assert of(found, "gateway_exporter_unknown_key_requests_total") == {("access.json",): 3}


def test_words_of_one_kind_and_one_caller_share_a_cell(tmp_path: Path) -> None:
    """Methods past the budget are all `other`: one cell, however many there are."""
    counted = counting(tmp_path, "metrics: {budgets: {method: 1}}")
    counted.count(line(), *(line(m=f"eth_{n}") for n in range(5)))
    assert [cell.targets.kind.requests for cell in counted.meter._cells.born] == [1, 1]
    assert len(counted.meter._cells.by_key) == 6


def test_all_cells_of_a_caller_keep_one_text_of_it(tmp_path: Path) -> None:
    """Each line has a text of its own; of those that are equal, only the first is kept."""
    counted = counting(tmp_path)
    counted.count(*[line(m=f"eth_{n}", key=f"sk-live-{n % 2:016}") for n in range(10)])
    kept = [caller_key for by_caller in counted.meter._cells.by_key.values() for caller_key in by_caller]
    assert (len(kept), len({*map(id, kept)})) == (10, 2)


def test_equal_values_that_lead_to_cells_are_one_object(tmp_path: Path) -> None:
    """Lines are compared with few objects, however many cells there are. After cells were dropped, too."""
    counted = counting(tmp_path)
    for _ in range(2):
        counted.count(*(line(m=f"eth_{n % 5}", s=200 + n % 3, key=f"sk-{n % 7}") for n in range(105)))
        by_key = counted.meter._cells.by_key
        values = [value for request_key, callers in by_key.items() for value in (*request_key, *callers)]
        assert len({*map(id, values)}) == len({*values}) < 25
        assert len(values) > 105
        counted.meter.forget()
