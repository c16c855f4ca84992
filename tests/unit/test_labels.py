"""Labels that a config declares: made of fields of the log, bounded and judged like the others, and free if unasked."""

from pathlib import Path
from typing import Any

import pytest

from exporter.config.load import load
from exporter.counting.admission import Admissions
from exporter.errors import ConfigError
from exporter.formats.format import build
from exporter.formats.spec import FormatSpec
from exporter.service.assembly import Assembly
from tests.counted import Counting, of

CONFIG = """
inputs:
  - path: access.json
    format:
      json: {status: s, key: k, team: t, user: u, model: m, input_tokens: i, cost: c, attempts: a}
      custom_fields: {shop: headers.shop}
identity: {secret_file: secret}
metrics:
"""
ADD = """
  families:
    gateway_requests_total: {drop: [key, class, status], add: [team, shop]}
    gateway_tokens_total: {drop: [key, class, model], add: [team]}
    gateway_cost_total: {drop: [key, class, model, currency], add: [team]}
"""
UUID = "5f0c1a52-9d1e-4a53-8f30-2d3e0f6f4a11"
CANARY = "sk-canary-0123456789abcdefCANARY"


def counting(folder: Path, metrics: str) -> Counting:
    (folder / "secret").write_text("a secret of the tests", encoding="utf-8")
    return Counting(folder, CONFIG + metrics)


def line(team: Any = "red", status: int = 200, **fields: Any) -> dict[str, Any]:
    return {"s": status, "t": team, "m": "gpt-4o", "i": 5, "c": 0.5, **fields}


def test_a_declared_label_divides_the_families_that_add_it(tmp_path: Path) -> None:
    """Requests, tokens and cost by team, each in full; a custom field is a label as well, and one may be absent."""
    counted = counting(tmp_path, "  labels: {team: {}, shop: {}}" + ADD)
    found = counted.count(line(headers={"shop": "x"}), line(headers={"shop": "x"}), line("blue"), line(None))
    assert of(found, "gateway_requests_total") == {("x", "red"): 2, ("blue",): 1, (): 1}
    assert of(found, "gateway_tokens_total") == {("red", "input"): 10, ("blue", "input"): 5, ("input",): 5}
    assert of(found, "gateway_cost_total") == {("red",): 1.0, ("blue",): 0.5, (): 0.5}


def test_a_custom_family_may_have_it_and_it_may_be_called_otherwise(tmp_path: Path) -> None:
    """`field` names where it comes from."""
    metrics = """
  labels: {who: {field: user}}
  custom_families:
    gateway_who_total: {type: counter, help: Requests by user., adds: requests, labels: [who, key]}
"""
    found = counting(tmp_path, metrics).count(line(u="ann"), line(u="ben"), line(u="ben"))
    assert of(found, "gateway_who_total") == {("ann",): 1, ("ben",): 2}


def test_its_values_are_bounded_and_what_is_over_the_budget_is_counted(tmp_path: Path) -> None:
    """A failure earns no place, and a declared value needs none."""
    counted = counting(tmp_path, "  labels: {team: {budget: 1, values: [vip]}, shop: {}}" + ADD)
    found = counted.count(line("mallory", status=500), line("red"), line("blue"), line("vip", status=500), line("blue"))
    assert of(found, "gateway_requests_total") == {("other",): 3, ("red",): 1, ("vip",): 1}
    assert of(found, "gateway_exporter_overflow_total") == {
        (family, "team"): 2 for family in ("gateway_requests_total", "gateway_tokens_total", "gateway_cost_total")
    }
    assert counted.assembly.context.admissions.used["team"] == (1, 1)


def test_a_value_that_could_be_a_key_is_hashed_and_an_address_is_shortened(tmp_path: Path) -> None:
    """Two such values stay apart; the same key as team and as key has one name."""
    counted = counting(tmp_path, "  labels: {team: {}, shop: {}}" + ADD.replace("drop: [key, ", "drop: ["))
    found = counted.count(line(CANARY, k=CANARY), line(UUID), line("ann@corp.example"))
    public = counted.assembly.identity.hash
    assert {*of(found, "gateway_requests_total")} == {
        (public(CANARY), public(CANARY)),
        (public(UUID),),
        ("a***@corp.example",),
    }
    assert "canary" not in "".join(found).lower()


def test_without_a_declared_label_the_loop_is_as_if_the_log_had_no_such_field(tmp_path: Path) -> None:
    """No slot, no statement, and nothing more is decoded."""
    (tmp_path / "secret").write_text("a secret of the tests", encoding="utf-8")
    path = tmp_path / "config.yaml"

    def loop(config: str) -> str:
        path.write_text(config, encoding="utf-8")
        assembly = Assembly(load(path))
        [input_] = assembly.config.inputs
        return assembly.meter_of(input_, assembly.format_of(input_)).loop.source

    without = CONFIG.replace("team: t, user: u, ", "").replace("custom_fields: {shop: headers.shop}", "")
    bare = loop(without + "  labels: {}")
    declared_only = CONFIG + "  labels: {team: {}, shop: {}}"
    assert loop(CONFIG + "  labels: {}") == loop(declared_only) == bare
    assert loop(declared_only + ADD) != bare


def test_of_fields_for_labels_only_those_asked_for_are_in_a_format() -> None:
    spec = FormatSpec(json={"status": "s", "team": "t", "user": "u"}, custom_fields={"shop": "h"})
    assert {*build(spec).fields, *build(spec).custom_fields} == {"status", "team", "user", "shop"}
    asked = build(spec, asked=["user", "shop"])
    assert ({*asked.fields}, {*asked.custom_fields}) == ({"status", "user"}, {"shop"})
    assert {*build(spec, asked=()).fields} == {"status"}


def test_the_places_of_a_label_are_kept_and_given_back_when_it_is_declared_no_more() -> None:
    admissions = Admissions({"team": 2})
    assert admissions.judge("team", "red", success=True).fresh
    later = Admissions({"team": 2})
    later.restore(admissions.places)
    assert later.judge("team", "red", success=False).value == "red"
    later.bound({}, after=1)
    assert (later.places, later.changes) == ([], {("team", "", "red"): False})
    Admissions().restore(admissions.places)  # of a state from when it was declared


BAD = [
    (
        "labels: {taem: {}}",
        "metrics.labels.taem: unknown field 'taem'; did you mean 'team'? "
        "(allowed: region, service, shop, team, tenant, user); others are declared in a format's custom_fields",
    ),
    ("labels: {who: {field: usr}}", "metrics.labels.who.field: unknown field 'usr'; did you mean 'user'? (allowed: "),
    ("labels: {model: {field: team}}", "metrics.labels.model: 'model' is used by Prometheus, the catalogue or the rul"),
    ("labels: {severity: {field: team}}", "metrics.labels.severity: 'severity' is used by Prometheus, the catalogue"),
    ("labels: {a-b: {field: team}}", "metrics.labels.a-b: 'a-b' is not a valid label name: letters, digits and _"),
    ("labels: {team: {budget: 0}}", "metrics.labels.team.budget: must be at least 1"),
    ("labels: {team: {bugdet: 1}}", "metrics.labels.team.bugdet: unknown field 'bugdet'; did you mean 'budget'?"),
    (f"labels: {{team: {{values: [{CANARY}]}}}}", "metrics.labels.team.values[0]: looks like a raw API key; it would "),
    (
        "labels: {team: {}}\n  families: {gateway_requests_total: {add: [taem]}}",
        "metrics.families.gateway_requests_total.add[0]: unknown label 'taem'; did you mean 'team'? (allowed: team)",
    ),
    (
        "families: {gateway_requests_total: {add: [team]}}",
        "metrics.families.gateway_requests_total.add: no label 'team' is declared; labels are declared in metrics.lab",
    ),
    (
        "labels: {team: {}}\n  families: {gateway_upstream_attempts_total: {add: [team]}}",
        "metrics.families.gateway_upstream_attempts_total.add: unknown family for more labels 'gateway_upstream_attem",
    ),
    (
        "labels: {team: {}}\n  families: {gateway_requests_total: {add: [team, team]}}",
        "metrics.families.gateway_requests_total.add[0]: 'team' is listed twice",
    ),
    (
        "labels: {team: {}}\nalerts: {scope_labels: [team]}",
        "alerts.scope_labels[0]: 'team' is declared in metrics.labels, and only some families have it",
    ),
]


@pytest.mark.parametrize(("metrics", "problem"), BAD, ids=[problem[:60] for _, problem in BAD])
def test_a_mistake_is_named_with_its_field_and_what_is_allowed(tmp_path: Path, metrics: str, problem: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.replace("identity: {secret_file: secret}\n", "") + "  " + metrics, encoding="utf-8")
    with pytest.raises(ConfigError) as found:
        load(path)
    assert problem in str(found.value)
    assert CANARY not in str(found.value)


def test_a_label_of_an_input_can_t_be_declared_too(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    inputs = "inputs: [{path: a.log, format: caddy, labels: {team: red}}]\n"
    path.write_text(inputs + "metrics: {labels: {team: {}}}", encoding="utf-8")
    with pytest.raises(ConfigError, match="'team' is a label of an input, which it adds to every family"):
        load(path)


@pytest.mark.parametrize(
    ("name", "problem"),
    [("model", "is a field that the exporter knows"), ("A", "is not a valid name: a-z, 0-9 and _ are allowed")],
)
def test_a_custom_field_has_a_name_of_its_own(tmp_path: Path, name: str, problem: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"inputs: [{{path: a, format: {{preset: caddy, custom_fields: {{{name}: x}}}}}}]", encoding="utf-8")
    with pytest.raises(ConfigError, match=f"1: inputs\\[0\\].format.custom_fields.{name}: {problem}"):
        load(path)
