"""Exceptions from thresholds: who has another one, what its alert says, and that nobody has two."""

from pathlib import Path

import pytest
import yaml

from alerts.build import files
from exporter.generated_files import write
from tests.alerts.built import config, rules
from tests.alerts.test_promtool import VERSIONS, promtool

_SECTION = """{many_keys: null, overrides: {
  GatewayLimitNear: {exceptions: [{plan: free, warning: 0.85, critical: null}, {key: acme-*, warning: 0.5}]},
  GatewayMethodSlow: {exceptions: [{method: GET /reports*, chain: eu, threshold: 5}, {method: GET /b, threshold: null}]}
}}"""
# Key, plan, use of 100, and what fires at what threshold.
_KEYS = (
    ("a", "pro", 79, None),
    ("b", "pro", 81, ("warning", "80%")),
    ("c", "free", 84, None),
    ("d", "free", 86, ("warning", "85%")),
    ("e", "free", 95, ("warning", "85%")),
    ("acme-1", "pro", 49, None),
    ("acme-2", "pro", 51, ("warning", "50%")),
    # The first that fits counts.
    ("acme-3", "free", 84, None),
)
# Method, chain, seconds a request, and whether it is slow.
_METHODS = (
    ("GET /a", "eu", 0.49, False),
    ("GET /a", "us", 0.51, True),
    ("GET /reports/x", "eu", 4.9, False),
    ("GET /reports/y", "eu", 5.1, True),
    ("GET /reports/x", "us", 0.51, True),
    ("GET /b", "eu", 9, False),
)


def _rule_test() -> str:
    series = [{"series": 'up{job="gateway-exporter",instance="one"}', "values": "1x40"}]
    for key, plan, used, _ in _KEYS:
        limit = f'key="{key}",unit="requests",window="1d"'
        for name, value in (
            (f'gateway_key_info{{key="{key}",name="{key}",owner="o",plan="{plan}"}}', 1),
            (f'gateway_limit{{{limit},scope="global"}}', 100),
            (f"gateway_limit_used{{{limit}}}", used),
            (f"gateway_limit_reset_timestamp_seconds{{{limit}}}", 86400),
        ):
            series.append({"series": name, "values": f"{value}x40"})
    for method, chain, each, _ in _METHODS:
        labels = f'{{method="{method}",chain="{chain}"}}'
        for name, growth in (
            (f"gateway_requests_total{labels}", 100),
            (f"gateway_request_duration_seconds_sum{labels}", 100 * each),
            (f"gateway_request_duration_seconds_count{labels}", 100),
        ):
            series.append({"series": name, "values": f"0+{growth}x40"})
    near = {"expr": 'count by (key, severity) (ALERTS{alertname="GatewayLimitNear", alertstate="firing"})'}
    slow = {"expr": 'count by (method, chain) (ALERTS{alertname="GatewayMethodSlow", alertstate="firing"})'}
    near["exp_samples"] = [  # type: ignore[assignment]
        {"labels": f'{{key="{key}", severity="{fires[0]}"}}', "value": 1} for key, _, _, fires in _KEYS if fires
    ]
    slow["exp_samples"] = [  # type: ignore[assignment]
        {"labels": f'{{method="{method}", chain="{chain}"}}', "value": 1}
        for method, chain, _, fires in _METHODS
        if fires
    ]
    test = {
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [{**asked, "eval_time": "20m"} for asked in (near, slow)],
    }
    groups = ["gateway-fleet", "gateway-now", "gateway-burn", "gateway-limits", "gateway-hours"]
    groups += ["gateway-alerts-quota", "gateway-alerts-latency"]
    names = ["recording.rules.yml", "alerts.rules.yml"]
    return yaml.safe_dump(
        {"rule_files": names, "evaluation_interval": "1m", "group_eval_order": groups, "tests": [test]}
    )


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: Path(version).parent.name or "installed")
def test_who_is_excepted_has_another_threshold_and_nobody_two(tmp_path: Path, version: str) -> None:
    """On both sides of each edge; the first exception that fits counts, and null is no alert."""
    write(files(config(tmp_path, _SECTION)), tmp_path)
    (tmp_path / "test.yml").write_text(_rule_test(), encoding="utf-8")
    promtool("test", "rules", f"{tmp_path}/test.yml", path=version)


def test_the_text_of_an_exception_says_its_own_threshold(tmp_path: Path) -> None:
    """The general rule's stays; a threshold that an exception leaves out is that of all."""
    made = rules(files(config(tmp_path, _SECTION)))
    told = [
        (rule["labels"]["severity"], rule["annotations"]["description"].partition("(this alert: ")[2].partition(")")[0])
        for rule in made
        if rule.get("alert") == "GatewayLimitNear"
    ]
    assert told == [
        *(("warning", "80%"), ("critical", "90%")),
        ("warning", "85%"),
        *(("warning", "50%"), ("critical", "90%")),
    ]


def test_an_exception_can_switch_on_what_is_off_for_all(tmp_path: Path) -> None:
    """One plan has a budget, the others none."""
    section = "{overrides: {GatewayKeySpendOverBudget: {exceptions: [{plan: trial, threshold: 5}]}}}"
    made = [
        rule for rule in rules(files(config(tmp_path, section))) if rule.get("alert") == "GatewayKeySpendOverBudget"
    ]
    assert len(made) == 1
    assert made[0]["expr"].endswith('and on (key) key:gateway_key_info:unique{plan="trial"}')
