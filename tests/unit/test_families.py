"""Families as a config changes them: mistakes have their messages, sums stay whole, what is off costs nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.clock import Clock
from exporter.config.families import ADDS, Change, families_of
from exporter.config.load import load
from exporter.config.metrics import MetricsConfig
from exporter.errors import ConfigError
from exporter.formats.format import build
from exporter.metrics.exposition import render
from exporter.metrics.series import Histogram
from exporter.metrics.slowest import Slowest
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.model.catalog import CATALOG
from exporter.model.labels import LABELS, WHEN
from exporter.service.assembly import Assembly
from tests.counted import Counting, of
from tests.exporter import Samples, samples

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
CONFIG = "inputs: [{path: a.log, format: nginx-json}]\nmetrics:\n"
# A change, and what is said of it: field, problem. Line 4 is the family's.
BAD_CHANGES = [
    (
        "gateway_call_total: off",
        "gateway_call_total: unknown family 'gateway_call_total'; did you mean 'gateway_calls_total'? (allowed: ",
    ),
    ("gateway_calls_total: no way", "gateway_calls_total: must be true or false or a mapping, not text"),
    (
        "gateway_calls_total: {dorp: [key]}",
        "gateway_calls_total.dorp: unknown field 'dorp'; did you mean 'drop'? (allowed: add, buckets, drop)",
    ),
    (
        "gateway_calls_total: {drop: [chian]}",
        "gateway_calls_total.drop[0]: unknown label 'chian'; did you mean 'chain'? "
        "(allowed: chain, key, method, protocol, result)",
    ),
    ("gateway_calls_total: {drop: [key, key]}", "gateway_calls_total.drop[0]: 'key' is listed twice"),
    (
        "gateway_limit: {drop: [scope]}",
        "gateway_limit.drop: a gauge can't be summed over its labels; keep them all, or switch the family off",
    ),
    (
        "gateway_calls_total: {buckets: [1]}",
        "gateway_calls_total.buckets: a counter has none; histograms do",
    ),
    (
        "gateway_request_duration_seconds: {buckets: []}",
        "gateway_request_duration_seconds.buckets: is empty: a histogram needs at least one bound",
    ),
    (
        "gateway_request_duration_seconds: {buckets: [0, 1]}",
        "gateway_request_duration_seconds.buckets: 0 is not a valid bound; use numbers above 0; the last bucket, +Inf",
    ),
    (
        "gateway_request_duration_seconds: {buckets: [1, .inf]}",
        "gateway_request_duration_seconds.buckets: inf is not a valid bound; ",
    ),
    (
        "gateway_request_duration_seconds: {buckets: [1, .nan]}",
        "gateway_request_duration_seconds.buckets: nan is not a valid bound; ",
    ),
    (
        "gateway_request_duration_seconds: {buckets: [1, 0.5]}",
        "gateway_request_duration_seconds.buckets: bounds must rise, and 0.5 comes after 1",
    ),
    (
        "gateway_request_duration_seconds: {buckets: [1, 1]}",
        "gateway_request_duration_seconds.buckets: bounds must rise, and 1 comes after 1",
    ),
    (
        "gateway_request_duration_seconds: {buckets: [fast]}",
        "gateway_request_duration_seconds.buckets[0]: must be a number, not 'fast'",
    ),
    (
        "gateway_exporter_lines_total: off",
        "gateway_exporter_lines_total: can't be changed: it says whether the other families can be trusted",
    ),
    (
        "gateway_exporter_lines_total: {drop: [input]}",
        "gateway_exporter_lines_total: can't be changed: it says whether the other families can be trusted",
    ),
    ("gateway_key_info: off", "gateway_key_info: can't be changed: only it has the names of keys"),
]
# A custom family: its name and fields; the message after the name.
BAD_OWN = [
    ("gateway_x_total", "help: x, adds: requests", ": the field 'type' is missing"),
    ("gateway_x_total", "type: gauge, help: x, adds: requests", ".type: unknown type 'gauge' (allowed: "),
    (
        "gateway_calls_total",
        "type: counter, help: x, adds: requests",
        ": is in the catalogue: change it in families, or choose ",
    ),
    (
        "gateway_exporter_x_total",
        "type: counter, help: x, adds: requests",
        ": gateway_exporter_ is for the exporter's own ",
    ),
    (
        "x_total",
        "type: counter, help: x, adds: requests",
        ": is not a valid name: gateway_ and then a-z, 0-9 and _ are allowed",
    ),
    ("gateway_x-y_total", "type: counter, help: x, adds: requests", ": is not a valid name: gateway_ and then "),
    ("gateway_x", "type: counter, help: x, adds: requests", ": a counter of requests ends in _total"),
    ("gateway_x_total", "type: counter, help: x, adds: duration", ": a counter of duration ends in _seconds_total"),
    (
        "gateway_x",
        "type: histogram, help: x, adds: request_bytes, buckets: [1]",
        ": a histogram of request_bytes ends in _bytes",
    ),
    ("gateway_x_sum", "type: histogram, help: x, adds: input_tokens, buckets: [1]", ": no histogram ends in "),
    (
        "gateway_request_bytes",
        "type: histogram, help: x, adds: request_bytes, buckets: [1]",
        ": is gateway_request_bytes_total in OpenMetrics; choose another name",
    ),
    (
        "gateway_x_total",
        "type: counter, help: x, adds: request_byte",
        ".adds: unknown amount 'request_byte'; did you mean 'request_bytes'? (allowed: attempts, ",
    ),
    ("gateway_x", "type: histogram, help: x, adds: cost, buckets: [1]", ".adds: unknown amount 'cost' (allowed: "),
    (
        "gateway_x_total",
        "type: counter, help: x, adds: requests, labels: [mehtod]",
        ".labels[0]: unknown label 'mehtod'; did you mean 'method'? (allowed: ",
    ),
    (
        "gateway_x_total",
        "type: counter, help: x, adds: requests, labels: [origin]",
        ".labels[0]: unknown label 'origin'",
    ),
    (
        "gateway_x_total",
        "type: counter, help: x, adds: requests, labels: [outcome]",
        ".labels[0]: unknown label 'outcome'",
    ),
    (
        "gateway_x_total",
        "type: counter, help: x, adds: requests, labels: [key, key]",
        ".labels[0]: 'key' is listed twice",
    ),
    (
        "gateway_x_total",
        "type: counter, help: x, adds: origins, labels: [method]",
        ".labels[0]: unknown label 'method' (allowed: chain, key, origin, protocol)",
    ),
    (
        "gateway_x_total",
        "type: counter, help: x, adds: origins, when: type",
        ".when: does not go with origins: they are always counted",
    ),
    (
        "gateway_x_total",
        "type: counter, help: x, adds: requests, when: modle",
        ".when: unknown condition 'modle'; did you mean 'model'?",
    ),
    ("gateway_x_total", 'type: counter, help: "", adds: requests', ".help: must be one line of text"),
    ("gateway_x_total", 'type: counter, help: "a\\nb", adds: requests', ".help: must be one line of text"),
    (
        "gateway_x_total",
        "type: counter, help: x, adds: requests, buckets: [1]",
        ".buckets: a counter has none; histograms do",
    ),
    (
        "gateway_x_bytes",
        "type: histogram, help: x, adds: request_bytes",
        ": the field 'buckets' is missing: a histogram's bounds, as in [1, 10]",
    ),
    (
        "gateway_x_bytes",
        "type: histogram, help: x, adds: request_bytes, buckets: [2, 1]",
        ".buckets: bounds must rise, and 1 comes after 2",
    ),
]
# Sections beside, and the whole message: what stands on a family that is off or changed.
BAD_TOGETHER = [
    (
        "  families:\n    gateway_tokens_total: off\nplans: {pro: {limits: [{window: 1d, tokens: 5}]}}",
        "4: metrics.families.gateway_tokens_total: can't be off: the plan 'pro' limits tokens",
    ),
    (
        "  families:\n    gateway_request_duration_seconds: {buckets: [0.1, 2]}\n",
        "4: metrics.families.gateway_request_duration_seconds.buckets: 1 is missing: it is "
        "alerts.objectives.latency_seconds",
    ),
    (
        "  families:\n    gateway_request_duration_seconds: {buckets: [0.1, 2]}\n"
        "alerts:\n  objectives: {latency_seconds: 3}\n",
        "6: alerts.objectives.latency_seconds: 3 is not a bucket of gateway_request_duration_seconds (allowed: 0.1, 2)",
    ),
    (
        "  families:\n    gateway_request_duration_seconds: {drop: [method]}\nalerts:\n  slow_methods: [a]\n",
        "6: alerts.slow_methods: can't be excluded: gateway_request_duration_seconds has no label method",
    ),
]


def said(folder: Path, text: str) -> str:
    path = folder / "config.yaml"
    path.write_text(CONFIG + text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}:")


@pytest.mark.parametrize(("change", "message"), BAD_CHANGES, ids=[change for change, _ in BAD_CHANGES])
def test_a_mistake_in_a_change_is_told_where_it_stands(tmp_path: Path, change: str, message: str) -> None:
    """With its line, what is allowed, and the near miss."""
    assert said(tmp_path, f"  families:\n    {change}\n").startswith(f"4: metrics.families.{message}")


@pytest.mark.parametrize(("name", "fields", "message"), BAD_OWN)
def test_a_mistake_in_a_family_of_one_s_own_is_told_where_it_stands(
    tmp_path: Path, name: str, fields: str, message: str
) -> None:
    """The same; nothing that Prometheus would refuse gets through."""
    found = said(tmp_path, f"  custom_families:\n    {name}: {{{fields}}}\n")
    assert found.startswith(f"4: metrics.custom_families.{name}{message}")


@pytest.mark.parametrize(("text", "message"), BAD_TOGETHER, ids=[message for _, message in BAD_TOGETHER])
def test_what_others_stand_on_can_t_be_taken_away(tmp_path: Path, text: str, message: str) -> None:
    """Limits count tokens by their family; the objective of latency is a bucket."""
    assert said(tmp_path, text) == message


def test_each_label_is_one_of_the_catalogue_s_and_each_condition_can_be_asked_for() -> None:
    """A label that no family of the catalogue has could be given to custom ones only."""
    every = {label for family in CATALOG.values() for label in family.labels}
    assert set(LABELS) <= every
    asked = {family.when for family in CATALOG.values()} - {""}
    assert asked <= set(WHEN)


def test_without_changes_the_catalogue_is_served() -> None:
    """As it is, in its order."""
    assert list(families_of({}, {}).items()) == list(CATALOG.items())


def test_the_examples_are_good(tmp_path: Path) -> None:
    """That of docs/configuration.md, and the comments of config.example.yaml with their # taken out."""
    shown_in = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8").split("```yaml\n")
    (shown,) = (block.partition("```")[0] for block in shown_in if "custom_families" in block)
    example = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    uncommented = re.sub(r"^  # (labels:|families:|custom_families:|  .*)$", r"  \1", example, flags=re.M)
    for text in ("inputs: [{path: a.log, format: caddy}]\n" + shown, uncommented):
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
        config = load(tmp_path / "config.yaml").config
        assert len(config.metrics.families) == 3 + len(config.metrics.labels) // 2
        assert len(config.families) == len(CATALOG) - 1 + 2


# --- what is counted

LOGS = ("nginx-json", "litellm", "claude-code-hub", "envoy-ai-gateway")
SUMMED = [family for family in CATALOG.values() if family.type != "gauge" and not family.name.startswith("gateway_exp")]


def counted(folder: Path, log: str, metrics: dict[str, Any]) -> Samples:
    """What a golden log counts with another section `metrics`."""
    config = yaml.safe_load((GOLDEN / log / "config.yaml").read_text(encoding="utf-8"))
    config |= {"metrics": metrics, "identity": {"secret_file": str(GOLDEN / "secret")}}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    assembly = Assembly(load(path))
    meter = assembly.meter_of(assembly.config.inputs[0], build(assembly.config.inputs[0].spec))
    decoder = meter.reader.decoder
    meter.count(decoder.decode((GOLDEN / log / "access.log").read_bytes()))
    meter.count(decoder.flush())
    meter.fold()
    return samples(b"".join(render(assembly.store)[0]).decode())


def without(found: Samples, label: str) -> Samples:
    """Samples summed over a label."""
    summed: Samples = {}
    for series, value in found.items():
        name, _, labels = series.partition("{")
        kept = [pair for pair in labels.removesuffix("}").split('",') if not pair.startswith(f'{label}="')]
        pairs = ",".join(pair if pair.endswith('"') else f'{pair}"' for pair in kept if pair)
        at = f"{name}{{{pairs}}}" if pairs else name
        summed[at] = summed.get(at, 0) + value
    return summed


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("label", sorted({label for family in SUMMED for label in family.labels}))
def test_a_label_that_is_dropped_is_summed_over(tmp_path: Path, log: str, label: str) -> None:
    """Every family that has it, of each kind of log; nothing is lost and nothing counted twice."""
    changes = {family.name: {"drop": [label]} for family in SUMMED if label in family.labels}
    whole, found = counted(tmp_path, log, {}), counted(tmp_path, log, {"families": changes})
    expected = {
        **{name: value for name, value in whole.items() if not name.startswith(tuple(changes))},
        **without({name: value for name, value in whole.items() if name.startswith(tuple(changes))}, label),
    }
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("log", LOGS)
def test_a_family_that_is_off_leaves_all_others_as_they_are(tmp_path: Path, log: str) -> None:
    """One after the other. Seconds may be added in another order, since what keys spend is counted day by day."""
    whole = counted(tmp_path, log, {})
    for family in CATALOG.values():
        if family.name.startswith("gateway_exporter_") or family.name == "gateway_key_info":
            continue
        found = counted(tmp_path, log, {"families": {family.name: False}})
        parts = (f"{family.name}{{", *(f"{family.name}_{part}" for part in ("bucket", "sum", "count", "total")))
        if family.type != "histogram":
            parts = (f"{family.name}{{",)
        others = {name: value for name, value in whole.items() if not name.startswith(parts) and name != family.name}
        assert found == pytest.approx(others, rel=1e-12)


@pytest.mark.parametrize("log", LOGS)
def test_custom_families_count_what_the_catalogue_s_do(tmp_path: Path, log: str) -> None:
    """A copy of each, under another name, has the same values; and the catalogue's own are not touched."""
    copies = {
        family.name.replace("gateway_", "gateway_own_", 1): {
            "type": family.type,
            "help": family.help,
            "adds": family.adds,
            "labels": list(family.labels),
            **({"when": family.when} if family.when else {}),
            **({"buckets": list(family.buckets)} if family.buckets else {}),
        }
        for family in SUMMED
        if family.adds in ADDS[family.type]
    }
    assert len(copies) == len(SUMMED)
    whole, found = counted(tmp_path, log, {}), counted(tmp_path, log, {"custom_families": copies})
    own = {name.replace("gateway_own_", "gateway_", 1): value for name, value in found.items() if "_own_" in name}
    assert {name: value for name, value in found.items() if "_own_" not in name} == whole
    assert own == {
        name: value for name, value in whole.items() if name.startswith(tuple(family.name for family in SUMMED))
    }


def loop_of(folder: Path, metrics: str) -> str:
    """The hot loop of nginx-json with a section `metrics`."""
    return Counting(folder, f"inputs: [{{path: a.log, format: nginx-json}}]\nmetrics: {metrics}\n").meter.loop.source


@pytest.mark.parametrize(
    ("off", "word"),
    [
        (("gateway_request_bytes_total",), "request_bytes"),
        (
            (
                "gateway_request_duration_seconds",
                "gateway_key_request_duration_seconds",
                "gateway_model_request_duration_seconds",
                "gateway_time_per_output_token_seconds",
            ),
            "duration",
        ),
        (("gateway_origin_requests_total", "gateway_key_new_origins_total"), "origin"),
    ],
)
def test_a_family_that_is_off_costs_nothing_for_each_line(tmp_path: Path, off: tuple[str, ...], word: str) -> None:
    """The hot loop does not read what nobody counts, as long as nobody does."""
    changes = ", ".join(f"{name}: off" for name in off)
    assert word in loop_of(tmp_path, f"{{families: {{{', '.join(f'{name}: off' for name in off[1:])}}}}}")
    assert word not in loop_of(tmp_path, f"{{families: {{{changes}}}}}")


def test_a_number_can_be_summed_and_observed(tmp_path: Path) -> None:
    """A sum of durations is of those that the histogram has: no aborts, no mistakes of a clock."""
    counting = Counting(
        tmp_path,
        "inputs: [{path: a.log, format: {json: {status: s, duration: d, response_bytes: b}}}]\n"
        "metrics: {custom_families: {\n"
        "  gateway_busy_seconds_total: {type: counter, help: x, adds: duration},\n"
        "  gateway_size_bytes: {type: histogram, help: x, adds: response_bytes, buckets: [10]}}}\n",
    )
    rows: list[dict[str, Any]] = [{"s": 200, "d": 0.5, "b": 5}, {"s": 499, "d": 7, "b": 20}, {"s": 200, "d": 1e10}]
    found = counting.count(*rows, {"s": 200, "b": 3_000_000_000})
    assert found["gateway_busy_seconds_total"] == 0.5
    assert of(found, "gateway_size_bytes_bucket") == {("10.0",): 1, ("+Inf",): 3}
    assert found["gateway_size_bytes_sum"] == 3_000_000_025
    assert sum(of(found, "gateway_response_bytes_total").values()) == 3_000_000_025
    assert sum(of(found, "gateway_request_duration_seconds_sum").values()) == 0.5


def test_limits_are_exact_whatever_families_there_are(tmp_path: Path) -> None:
    """Tokens and credits that two families count are used once."""
    (tmp_path / "keys.yaml").write_text("- {id: acme, plan: pro}\n", encoding="utf-8")
    counting = Counting(
        tmp_path,
        "inputs: [{path: a.log, format: {json: {status: s, key: k, time: t, model: m, input_tokens: i}}}]\n"
        "keys: keys.yaml\nplans: {pro: {limits: [{window: 1d, tokens: 100, credits: 100}]}}\n"
        "pricing: {credits: {default: 5}}\n"
        "metrics:\n  families: {gateway_tokens_total: {drop: [key, class, model, provider, method, type]}}\n"
        "  custom_families:\n"
        "    gateway_twice_tokens_total: {type: counter, help: x, adds: tokens}\n"
        "    gateway_in_tokens_total: {type: counter, help: x, adds: input_tokens}\n"
        "    gateway_twice_credits_total: {type: counter, help: x, adds: credits, labels: [key]}\n",
    )
    row = {"s": 200, "k": "acme", "t": 1_772_546_700, "m": "m1", "i": 7}
    counting.count(row, row)
    counting.assembly.context.limits.update_gauges(None)
    found = counting.samples()
    assert (
        found["gateway_tokens_total"] == found["gateway_twice_tokens_total"] == found["gateway_in_tokens_total"] == 14
    )
    assert found['gateway_twice_credits_total{key="acme"}'] == 10
    used = {series: value for series, value in found.items() if series.startswith("gateway_limit_used{")}
    assert used['gateway_limit_used{key="acme",unit="tokens",window="1d"}'] == 14
    assert used['gateway_limit_used{key="acme",unit="credits",window="1d"}'] == 10


def test_money_is_the_same_without_the_family_of_unpriced_requests(tmp_path: Path) -> None:
    """Without the family of costs, requests without a price are counted as well."""
    (tmp_path / "prices.yaml").write_text("- {model: m1, per_million_tokens: {input: 1000000, output: 0}}\n", "utf-8")
    text = (
        "inputs: [{path: a.log, format: {json: {status: s, model: m, input_tokens: i, cost: c}}}]\n"
        "pricing: {models: prices.yaml}\nmetrics: {families: {%s: off, gateway_tokens_total: off}}\n"
    )
    rows: list[dict[str, Any]] = [
        {"s": 200, "m": "m1", "i": 3},
        {"s": 200, "m": "m1", "c": 2},
        {"s": 200, "m": "m2", "i": 1},
    ]
    cost, unpriced = "gateway_cost_total", "gateway_unpriced_requests_total"
    found = Counting(tmp_path, text % unpriced).count(*rows)
    assert (sum(of(found, cost).values()), of(found, unpriced)) == (5, {})
    found = Counting(tmp_path, text % cost).count(*rows)
    assert (of(found, cost), of(found, unpriced)) == ({}, {("m2",): 1})
    counting = Counting(tmp_path, text % f"{cost}: off, gateway_model_requests_without_usage_total: off, {unpriced}")
    assert "input_tokens" not in counting.meter.loop.source
    assert "cost" not in counting.meter.loop.source


# --- what is declared otherwise while it runs

REQUESTS, CALLS, DURATIONS = "gateway_requests_total", "gateway_calls_total", "gateway_request_duration_seconds"


def declared(families: dict[str, Any] | None = None) -> dict[str, Any]:
    config = MetricsConfig(families={name: _change(change) for name, change in (families or {}).items()})
    return families_of(config.families, config.custom_families)


def _change(change: Any) -> Any:
    return Change(**change) if isinstance(change, dict) else change


def test_a_store_keeps_all_but_what_is_declared_otherwise() -> None:
    """Families with changed labels or buckets restart from zero, in the catalogue's order; those that are off go."""
    store = Store(hold=True, families=declared())
    store.add(CATALOG[REQUESTS], "acme", "business", "eth", "eth_call", "https", "200", amount=3)
    store.add(CATALOG[CALLS], "acme", "eth", "eth_call", "https", "success")
    store.add(catalog.REQUEST_BYTES, "acme", "eth", "eth_call")
    kept = store.families[REQUESTS]
    store.update_sizes()
    off = {"gateway_request_bytes_total": False, CALLS: {"drop": ["chain"]}, DURATIONS: {"buckets": [1.0]}}
    assert store.declare(declared(off)) == [CALLS, DURATIONS]
    assert store.families[REQUESTS] is kept
    assert not store.families[CALLS].series
    assert list(store.families) == [name for name in CATALOG if name != "gateway_request_bytes_total"]
    sizes = {labels[0] for labels in store.families["gateway_exporter_series"].series}
    assert sizes >= {REQUESTS, CALLS}
    assert "gateway_request_bytes_total" not in sizes
    store.add(catalog.REQUEST_BYTES, "acme", "eth", "eth_call")  # goes nowhere
    assert store.declare(declared()) == [CALLS, DURATIONS]
    assert not store.families["gateway_request_bytes_total"].series


def test_the_slowest_requests_are_those_of_the_durations_that_are_left() -> None:
    """With the labels that these have, whatever they had before."""
    store = Store(families=declared())
    slowest = Slowest(store, Clock())

    def observe(*values: str, seconds: float) -> dict[tuple[str, ...], float]:
        histogram = store.families[DURATIONS].get(*values)
        assert isinstance(histogram, Histogram)
        histogram.append(seconds)
        store.families[DURATIONS].settle()
        slowest.fold(1)
        slowest.update_gauges(1)
        shown = store.families["gateway_request_duration_max_seconds"].series
        return {labels: series.value for labels, series in shown.items() if not isinstance(series, Histogram)}

    assert observe("eth", "a", "https", "own", seconds=2) == {("eth", "a", "own"): 2}
    store.declare(declared({DURATIONS: {"drop": ["chain"]}}))
    assert observe("a", "https", "own", seconds=1) == {("a", "own"): 1}
    store.declare(declared({DURATIONS: {"drop": ["chain", "method", "protocol"]}}))
    assert observe(seconds=3) == {(): 3}
    store.declare(declared({DURATIONS: False}))
    slowest.fold(1)
    slowest.update_gauges(1)
    assert "gateway_request_duration_max_seconds" not in store.families
