"""Rules for Grafana's own alerting: valid, without recorded series, and of the same judgement as Prometheus'."""

import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.models.alerting import Rule

from alerts.build import files
from alerts.grafana import lost, provisioning
from alerts.promql import Terms
from exporter.config.served import ABSENT, served
from tests.alerts.built import EXAMPLE, ROOT, config, rules
from tests.alerts.test_promtool import VERSIONS, promtool
from tests.command import run

_LABEL = re.compile(r'(\w+)="([^"]*)"')
TERMS = Terms(served(EXAMPLE))
# Before its exporter is away, a gateway in much trouble.
AWAY = yaml.safe_load((ROOT / "alerts" / "tests" / "away.yml").read_text(encoding="utf-8"))


def carried(terms: Terms = TERMS) -> list[dict[str, Any]]:
    return [rule for group in provisioning(terms)["groups"] for rule in group["rules"]]


def query(rule: dict[str, Any]) -> str:
    text: str = rule["data"][0]["model"]["expr"]
    return text


def test_grafana_s_own_model_reads_each_rule() -> None:
    """And writes the same; its SDK has what provisioning files leave out."""
    for rule in carried():
        written = Rule.from_json({**rule, "folderUID": "f", "ruleGroup": "g", "orgID": 1}).to_json()
        assert {name: written[name] for name in rule.keys() - {"data"}} == {
            name: rule[name] for name in rule.keys() - {"data"}
        }
        assert [query["refId"] for query in rule["data"]] == ["A", rule["condition"]]
        assert len(rule["uid"]) <= 40


def test_each_query_is_promql_and_asks_for_no_recorded_series() -> None:
    """Nor for what is not served."""
    for rule in carried():
        promql_parser.parse(query(rule))
        assert ":gateway_" not in query(rule), rule["title"]
        assert ABSENT not in query(rule)


def test_titles_and_uids_are_each_rule_s_own(tmp_path: Path) -> None:
    """Also those of exceptions, which have the alert's name."""
    section = "{overrides: {GatewayLimitNear: {exceptions: [{plan: a, warning: 0.5}, {plan: b, warning: 0.6}]}}}"
    made = carried(Terms(served(config(tmp_path, section))))
    for name in ("title", "uid"):
        assert len({rule[name] for rule in made}) == len(made)
    assert len([rule for rule in made if rule["title"].startswith("GatewayLimitNear warning")]) == 3


def test_every_alert_is_carried_over_or_listed_with_the_reason() -> None:
    """None is in both."""
    missing = {name.partition(" ")[0] for names in lost(TERMS).values() for name in names}
    have = {rule["title"].partition(" ")[0] for rule in carried()}
    assert missing | have == {rule["alert"] for rule in rules(files(EXAMPLE)) if "alert" in rule}
    # Of these, only the long windows are missing.
    assert missing & have == {"GatewayAvailabilityBurn", "GatewayLatencyBurn"}


def test_texts_use_what_grafana_s_templates_have() -> None:
    """Neither a query nor the value as Prometheus calls it."""
    for rule in carried():
        for text in rule["annotations"].values():
            assert "query" not in text.replace("urlquery", ""), rule["title"]
            assert "$value " not in text


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: Path(version).parent.name or "installed")
def test_what_prometheus_rules_say_grafana_s_queries_say_too(tmp_path: Path, version: str) -> None:
    """Of a gateway in trouble: a query has series where the rule that it was made of fires, and no other has."""
    made = carried()
    (tmp_path / "rules.yml").write_text("groups: []", encoding="utf-8")
    test = AWAY["tests"][0]
    first = test["promql_expr_test"][0]
    firing = [dict(_LABEL.findall(sample["labels"])) for sample in first["exp_samples"]]
    asked = []
    for rule in made:
        labels = {name: rule["labels"][name] for name in ("severity", "range") if name in rule["labels"]}
        fires = {"alertname": rule["title"].partition(" ")[0], **labels} in firing
        samples = [{"labels": "{}", "value": 1}] if fires else []
        asked.append({"expr": f"group({query(rule)})", "eval_time": first["eval_time"], "exp_samples": samples})
    assert sum(bool(expected["exp_samples"]) for expected in asked) == 18
    content = {"rule_files": ["rules.yml"], "evaluation_interval": "1m"}
    case = {"interval": "1m", "input_series": test["input_series"], "promql_expr_test": asked}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(content | {"tests": [case]}), encoding="utf-8")
    promtool("test", "rules", f"{tmp_path}/test.yml", path=version)


def test_the_command_writes_the_file_and_says_what_it_lacks(tmp_path: Path) -> None:
    """Only where it is asked to."""
    example = str(ROOT / "config.example.yaml")
    done = run("alerts", "--grafana", "--config.file", example, "--out", str(tmp_path / "rules"))
    assert done.code == 0
    assert "not in Grafana's rules, which need no recorded series:\n" in done.stdout
    assert "  GatewayManyKeys: counts alerts of Prometheus\n" in done.stdout
    made = yaml.safe_load((tmp_path / "rules" / "grafana-alerting.yml").read_text(encoding="utf-8"))
    assert made == provisioning(TERMS)
    assert "grafana-alerting.yml" not in files(EXAMPLE)
