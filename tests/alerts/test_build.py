"""What the builders make: complete, declared, stable, and in the form that people who run Prometheus expect."""

import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts import recording, series
from alerts.alert import CATEGORIES, COMPONENTS
from alerts.build import alert_groups, files
from alerts.customers import ADVICE
from alerts.many import TROUBLES
from alerts.promql import Terms
from exporter.config.config import Config
from exporter.config.load import load
from exporter.config.notify import SEVERITIES
from exporter.config.objectives import BURN_RATES
from exporter.config.overrides import AlertChange
from exporter.config.served import ABSENT, served
from exporter.durations import seconds
from exporter.model.catalog import CATALOG
from exporter.model.recorded import BURN_WINDOWS, RECORDED, recorded_of
from tests.alerts.built import (
    ALERT_NAMES,
    ALERTS,
    EXAMPLE,
    GENERATED,
    INPUT,
    MADE,
    RECORDS,
    ROOT,
    config,
    groups,
    rules,
)
from tests.command import run

OF_PROMETHEUS = {"up": set[str](), "prometheus_rule_group_iterations_missed_total": {"rule_group"}}
LABELS: dict[str, set[str]] = {**OF_PROMETHEUS, **{name: set(recorded.labels) for name, recorded in RECORDED.items()}}
for family in CATALOG.values():
    parts = [f"{family.name}_{part}" for part in ("bucket", "sum", "count")] if family.type == "histogram" else []
    for name in parts or [family.name]:
        LABELS[name] = set(family.labels) | ({"le"} if name.endswith("_bucket") else set())
OF_TARGETS = {"job", "instance"}

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"((?:\w+:)?gateway_\w+(?::\w+)?|\bup\b|prometheus_\w+)(?:\{([^}]*)\})?")
_BACK = re.compile(r"\[(\w+)\](?: offset (\w+))?| offset (\w+)")
_LISTS = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right) \(([^)]*)\)")


def test_the_committed_files_are_what_the_example_makes() -> None:
    """Byte for byte; `gateway-exporter alerts --config.file config.example.yaml` renews them."""
    assert {path.name: path.read_text(encoding="utf-8") for path in GENERATED.iterdir()} == MADE


@pytest.mark.parametrize("rule", ALERTS + RECORDS, ids=lambda rule: rule.get("alert") or rule.get("record"))
def test_every_metric_and_label_in_a_rule_is_declared(rule: dict[str, Any]) -> None:
    """A name that the catalogue and RECORDED lack would never match anything."""
    expression = _STRING.sub('""', rule["expr"])
    named = _SELECTOR.findall(expression)
    assert named or "vector(" in rule["expr"] or rule["alert"] == "GatewayManyKeys"
    for name, matchers in named:
        assert name in LABELS
        used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert used <= LABELS[name] | OF_TARGETS, name
    listed = {label.strip() for labels in _LISTS.findall(expression) for label in labels.split(",")} - {""}
    assert listed <= set(chain.from_iterable(LABELS.values())) | OF_TARGETS


def test_every_declared_series_is_recorded_once_and_nothing_else_is() -> None:
    """Dashboards stand on the declarations, so each has its rule."""
    assert sorted(rule["record"] for rule in RECORDS) == sorted(RECORDED)


@pytest.mark.parametrize("rule", RECORDS, ids=lambda rule: rule["record"])
def test_a_recorded_series_keeps_the_labels_that_are_declared(rule: dict[str, Any]) -> None:
    """Those of its outermost sum, where it has one; the rule tests look at the others."""
    outermost = re.match(r"(?:sum|max) by \(([^)]*)\) \((?!last_over_time\(gateway_limit\{)", rule["expr"])
    if outermost:
        kept = {label.strip() for label in outermost[1].split(",")} - {""}
        assert kept == set(RECORDED[rule["record"]].labels)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_an_alert_is_complete(rule: dict[str, Any]) -> None:
    """Its name, its labels from closed sets, a condition, a wait, and every text that the person woken needs."""
    labels, texts = dict(rule["labels"]), dict(rule["annotations"])
    assert re.fullmatch(r"Gateway([A-Z][a-z]+)+", rule["alert"])
    assert labels["severity"] in SEVERITIES
    assert labels["component"] in COMPONENTS
    assert labels["category"] in CATEGORIES
    assert not any("{{" in value for value in labels.values()), "a label that changes makes a new alert each time"
    needed = {"summary", "description", "recommendation", "runbook_url", "dashboard_url"}
    assert set(texts) == needed | ({"customer_advice"} if rule["alert"] in ADVICE else set())
    assert all(texts.values())
    assert re.search(r"[<>]=? |== ", rule["expr"]), "an expression that does not compare fires on any value"
    assert "topk" not in rule["expr"]
    assert texts["runbook_url"] == f"{EXAMPLE.alerts.runbook_url}#{rule['alert'].lower()}"
    assert seconds(rule["for"]) >= 60 or rule["alert"] in ("GatewayWatchdog", "GatewayManyKeys")
    if "absent(" in rule["expr"]:
        assert seconds(rule["for"]) >= 120
    if labels["component"] == "key":
        assert "{{ with $labels.key }}&var-key={{ urlquery . }}" in texts["dashboard_url"]


def test_alerts_of_keys_are_counted_and_those_for_owners_exist() -> None:
    """Names in the tables of texts are those of alerts: a renamed alert would lose them in silence."""
    of_keys = {rule["alert"] for rule in ALERTS if rule["labels"]["component"] == "key"}
    assert set(TROUBLES) == of_keys
    assert set(ADVICE) <= of_keys


def test_no_two_rules_are_the_same() -> None:
    """Two alerts with equal labels overwrite each other; two equal expressions are one too many."""
    identities = [(rule["alert"], tuple(sorted(rule["labels"].items()))) for rule in ALERTS]
    assert len(set(identities)) == len(identities)
    expressions = [rule["expr"] for rule in ALERTS + RECORDS]
    assert len(set(expressions)) == len(expressions)


def test_no_rule_looks_back_further_than_the_data_is_kept() -> None:
    """And no group waits so long that its series go stale between two evaluations."""
    found = [parts for rule in ALERTS + RECORDS for parts in _BACK.findall(rule["expr"])]
    looks = [sum(seconds(part) for part in parts if part) for parts in found]
    assert 14 * 86400 <= max(looks) <= seconds(EXAMPLE.alerts.retention) - 3600, "an offset looks at an hour's increase"
    assert all(seconds(group["interval"]) <= 300 for group in groups(MADE))
    (limits,) = (group for group in groups(MADE) if group["name"] == "gateway-limits")
    assert seconds(limits["interval"]) <= 30


def test_the_windows_of_burn_rates_are_all_recorded() -> None:
    """An alert on a window that nobody records would stay silent."""
    assert {window for _, long, short, *_ in BURN_RATES for window in (long, short)} == set(BURN_WINDOWS)


def test_imports_run_one_way() -> None:
    """Rules know what is declared and configured; of the exporter, only the command line knows them."""
    told = {
        "exporter.model.catalog",
        "exporter.model.growth",
        "exporter.model.recorded",
        "exporter.errors",
        "exporter.durations",
    }
    sections = ("alerts", "config", "notify", "objectives", "overrides", "served", "time_intervals")
    told |= {f"exporter.config.{name}" for name in sections}
    for path in (ROOT / "alerts").rglob("*.py"):
        assert set(re.findall(r"from (exporter\S*) import", path.read_text(encoding="utf-8"))) <= told, path
    importing = [
        path.name
        for path in (ROOT / "exporter").rglob("*.py")
        if re.search(r"^\s*(from|import) alerts\b", path.read_text(encoding="utf-8"), re.M)
    ]
    assert sorted(importing) == ["demo.py", "generate.py"]


def test_the_runbook_has_a_section_for_every_alert() -> None:
    """And for no other, in the form that the links of the alerts point to."""
    sections = re.findall(r"^### (Gateway\w+)$", (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"), re.M)
    assert sorted(sections) == ALERT_NAMES


def test_the_page_of_recorded_series_is_what_the_rules_are() -> None:
    """docs/recorded-series.md, made again."""
    assert (ROOT / "docs" / "recorded-series.md").read_text(encoding="utf-8") == series.page()


def test_scrapes_too_rare_for_the_rules_are_refused(tmp_path: Path) -> None:
    """A rate over five minutes needs four scrapes."""
    path = tmp_path / "config.yaml"
    path.write_text(INPUT + "metrics: {scrape_interval: 2m}\n", encoding="utf-8")
    done = run("alerts", "--config.file", str(path), "--out", str(tmp_path / "out"))
    assert done.code == 2
    assert "metrics.scrape_interval: 2m is too long for the rules" in done.stderr
    path.write_text(INPUT + "metrics: {scrape_interval: 75s}\n", encoding="utf-8")
    assert run("alerts", "--config.file", str(path), "--out", str(tmp_path / "out")).code == 0


def test_scope_labels_are_kept_apart_in_every_rule(tmp_path: Path) -> None:
    """`env` comes from Prometheus' targets and is on everything; `gateway` from an input, on what it counts only."""
    made = {
        rule["record"]: rule["expr"]
        for rule in rules(files(config(tmp_path, "{scope_labels: [env, gateway]}")))
        if "record" in rule
    }
    assert made["fleet:gateway_requests:rate5m"].startswith("sum by (env, gateway) (")
    assert made["key:gateway_calls:increase1h"].startswith("sum by (key, result, env, gateway) (")
    assert made["key:gateway_limit_used:sum"].startswith("sum by (key, unit, window, env) (")
    assert made["fleet:gateway_exporter_lag_seconds:max"].startswith("max by (env) (")
    assert "/ on (key, unit, window, env) group_right () " in made["key:gateway_limit_projected:ratio"]
    assert not any("by ()" in expression for expression in made.values())


def test_thresholds_objectives_and_names_come_from_the_config(tmp_path: Path) -> None:
    """What the config says stands in the rules; null and `enabled: false` leave rules out."""
    made = files(
        config(
            tmp_path,
            "{interval: 10s, job: edge, latency: {warning: null, critical: 2.5}, limits: {warning: 0.6},"
            " objectives: {availability: 0.99, latency_seconds: 0.5}, grafana_url: 'http://g/', anomalies: null,"
            " exporter: {silent: null}, overrides: {GatewayWatchdog: {enabled: false}, GatewayKeyExpiring: {for: 1s}}}",
        )
    )
    found = {
        (rule["alert"], rule["labels"]["severity"], rule["labels"].get("range")): rule
        for rule in rules(made)
        if "alert" in rule
    }
    assert "> 2.5\n" in found["GatewayLatencyHigh", "critical", None]["expr"]
    assert ">= 0.6)" in found["GatewayLimitNear", "warning", None]["expr"]
    assert ">= 0.9)" in found["GatewayLimitNear", "critical", None]["expr"]
    assert "ratio_rate1h > 0.144\n" in found["GatewayAvailabilityBurn", "critical", "1h"]["expr"]
    assert "[59m55s]) * 10 >= 10" in found["GatewayAvailabilityBurn", "critical", "1h"]["expr"]
    assert found["GatewayExporterDown", "warning", None]["expr"] == 'up{job="edge"} == 0'
    assert found["GatewayKeyExpiring", "warning", None]["for"] == "1s"
    assert found["GatewayLatencyBurn", "critical", "1h"]["annotations"]["dashboard_url"].startswith("http://g/d/")
    assert {group["name"]: group["interval"] for group in groups(made)}["gateway-hours"] == "100s"
    left_out = {"GatewayWatchdog", "GatewaySilent", "GatewayMethodSlow", "GatewayKeyCallsSpike", "GatewaySpendAnomaly",
                "GatewaySpendOverBudget", "GatewayKeyRegistryStale"}  # fmt: skip
    assert not left_out & {name for name, *_ in found}
    assert 'le=~"0[.]5"' in made["recording.rules.yml"]


def _with_families(folder: Path, changes: dict[str, Any]) -> Config:
    more = yaml.safe_dump({"metrics": {"families": changes}}) if changes else ""
    return config(folder, "{spend: {daily: 5, key_daily: 5}}", more)


CHANGEABLE = [family for family in CATALOG.values() if not family.name.startswith("gateway_exporter_")]
SUMMED = [family for family in CHANGEABLE if family.type != "gauge"]
CHANGES: list[dict[str, Any]] = [
    *({family.name: False} for family in CHANGEABLE if family.name != "gateway_key_info"),
    *({family.name: {"drop": [label]}} for family in SUMMED for label in family.labels),
    {family.name: False for family in CHANGEABLE if family.name != "gateway_key_info"},
    {family.name: {"drop": list(family.labels)} for family in SUMMED},
]


def test_no_rule_asks_for_what_is_not_served(tmp_path: Path) -> None:
    """Whatever is off or lacks a label takes its rules along, and what is made of their series."""

    def rules_for(made_for: Config) -> list[dict[str, Any]]:
        """Those that `files` writes."""
        terms = Terms(served(made_for))
        return [rule for group in [*recording.groups(terms), *alert_groups(terms)] for rule in group["rules"]]

    every = _with_families(tmp_path, {})
    assert rules_for(every) == rules(files(every))
    whole = {(rule.get("record"), rule.get("alert")) for rule in rules_for(every)}
    for changes in CHANGES:
        made_for = _with_families(tmp_path, changes)
        made = rules_for(made_for)
        assert {(rule.get("record"), rule.get("alert")) for rule in made} <= whole
        recorded = {rule["record"] for rule in made if "record" in rule}
        # A promise is measured by more than one family: what can still be is recorded.
        promises = {name for name in RECORDED if name.startswith("objective:")}
        assert recorded | promises == {*recorded_of(made_for.families)} | promises
        known = {name: {*family.labels, "le", *OF_TARGETS} for name, family in made_for.families.items()}
        known |= {name: {*RECORDED[name].labels, *OF_TARGETS} for name in recorded}
        known |= {name: {*labels, *OF_TARGETS} for name, labels in OF_PROMETHEUS.items()}
        for rule in made:
            assert ABSENT not in rule["expr"]
            for name, matchers in _SELECTOR.findall(_STRING.sub('""', rule["expr"])):
                family = name if name in known else re.sub("_(bucket|sum|count)$", "", name)
                assert family in known, (changes, rule)
                assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)) <= known[family], (changes, rule)
            for labels, inner in re.findall(r"sum by \(([^)]*)\) \(\n?\s*(?:rate|increase)\((\w+)", rule["expr"]):
                family = inner if inner in known else re.sub("_(bucket|sum|count)$", "", inner)
                assert {label.strip() for label in labels.split(",")} - {""} <= known[family], (changes, rule)


def test_an_alert_goes_with_its_family_and_others_stay(tmp_path: Path) -> None:
    """Changing an alert that goes is no mistake, as it comes back with the family."""
    made = _with_families(tmp_path, {"gateway_errors_total": {"drop": ["key"]}, "gateway_cost_total": False})
    names = {rule["alert"] for rule in rules(files(made)) if "alert" in rule}
    gone = {"GatewayKeySuccessRateLow", "GatewayKeyAuthFailures", "GatewayRequestsRefused", "GatewaySpendOverBudget"}
    gone |= {"GatewayKeySpendOverBudget", "GatewaySpendAnomaly", "GatewayExpiredKeyInUse"}
    assert {*ALERT_NAMES} - names - {"GatewayKeyRegistryStale"} == gone
    made.alerts.overrides["GatewaySpendAnomaly"] = AlertChange(enabled=False)
    assert rules(files(made))


def test_the_objective_of_latency_is_a_bucket_of_the_config_s(tmp_path: Path) -> None:
    """One of the catalogue's is of no use where others are served."""
    (tmp_path / "config.yaml").write_text(
        INPUT + "metrics: {families: {gateway_request_duration_seconds: {buckets: [0.3, 2]}}}\n"
        "alerts: {objectives: {latency_seconds: 0.3}}\n",
        encoding="utf-8",
    )
    made = files(load(tmp_path / "config.yaml").config)
    assert 'le=~"0[.]3"' in made["recording.rules.yml"]


def test_the_command_writes_a_folder_and_says_whether_it_is_up_to_date(tmp_path: Path) -> None:
    """Exit code 1 and the names of the files where it is not; the defaults where no config is given."""
    out = tmp_path / "new" / "rules"
    assert run("alerts", "--out", str(out), "--check").code == 1
    assert run("alerts", "--out", str(out)).code == 0
    assert {path.name: path.read_text(encoding="utf-8") for path in out.iterdir()} == files(None)
    assert run("alerts", "--out", str(out), "--check") == (0, "", "")
    (out / "alerts.rules.yml").write_text("groups: []\n", encoding="utf-8")
    done = run("alerts", "--out", str(out), "--check")
    assert (done.code, done.stderr) == (1, f"{out}/alerts.rules.yml: not up to date\n")


def test_the_operator_gets_the_same_rules(tmp_path: Path) -> None:
    """A PrometheusRule, on request."""
    out = tmp_path / "rules"
    assert run("alerts", "--out", str(out), "--kubernetes").code == 0
    resource = yaml.safe_load((out / "prometheusrule.yml").read_text(encoding="utf-8"))
    assert (resource["apiVersion"], resource["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert resource["spec"]["groups"] == groups(files(None))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """One line, and exit code 1."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = run("alerts", "--out", str(tmp_path / "file" / "rules"))
    assert done.code == 1
    assert done.stderr == f"gateway-exporter: {tmp_path}/file/rules: can't be written: Not a directory\n"
