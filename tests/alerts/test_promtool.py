"""Prometheus' own judgement: rules are valid, fire when they must and not before, and say what they must."""

import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from alerts.build import files
from exporter.durations import seconds
from exporter.generated_files import write
from tests.alerts.built import ALERTS, GENERATED, ROOT, RULE_TESTS, config
from tests.real.gateways import program

# Two environments, one Prometheus. In production every request fails; staging has nine times its traffic.
_SCOPED = """
rule_files: [recording.rules.yml, alerts.rules.yml]
evaluation_interval: 1m
group_eval_order: [gateway-fleet, gateway-now, gateway-burn, gateway-limits, gateway-alerts-quota]
tests:
- interval: 1m
  input_series:
  - {series: 'gateway_requests_total{key="a",gateway="eu-1",env="production",status="500"}', values: 0+100x20}
  - {series: 'gateway_errors_total{key="a",gateway="eu-1",env="production",type="server_error"}', values: 0+100x20}
  - {series: 'gateway_requests_total{key="a",gateway="eu-1",env="staging",status="200"}', values: 0+900x20}
  - {series: 'gateway_key_info{key="a",name="A",env="production"}', values: 1x20}
  - {series: 'gateway_key_info{key="a",name="A",env="staging"}', values: 1x20}
  - {series: 'gateway_limit{key="a",unit="requests",window="1d",scope="global",env="production"}', values: 100x20}
  - {series: 'gateway_limit{key="a",unit="requests",window="1d",scope="global",env="staging"}', values: 100x20}
  - {series: 'gateway_limit_used{key="a",unit="requests",window="1d",env="production"}', values: 70x20}
  - {series: 'gateway_limit_used{key="a",unit="requests",window="1d",env="staging"}', values: 70x20}
  - {series: 'gateway_limit_reset_timestamp_seconds{key="a",unit="requests",window="1d",env="production"}',
     values: 86400x20}
  - {series: 'gateway_limit_reset_timestamp_seconds{key="a",unit="requests",window="1d",env="staging"}',
     values: 86400x20}
  promql_expr_test:
  - expr: fleet:gateway_success:ratio_rate5m + 0
    eval_time: 10m
    exp_samples:
    - {labels: '{gateway="eu-1",env="production"}', value: 0}
    - {labels: '{gateway="eu-1",env="staging"}', value: 1}
  - expr: key:gateway_limit_utilization:ratio + 0
    eval_time: 10m
    exp_samples:
    - {labels: '{key="a",unit="requests",window="1d",scope="global",env="production"}', value: 0.7}
    - {labels: '{key="a",unit="requests",window="1d",scope="global",env="staging"}', value: 0.7}
  - expr: count by (alertname, env) (ALERTS{alertname=~"GatewaySuccessRateLow|GatewayLimitNear", alertstate="firing"})
    eval_time: 10m
    exp_samples:
    - {labels: '{alertname="GatewaySuccessRateLow",env="production"}', value: 1}
"""


# The installed one, and those that `make prometheus` has built.
VERSIONS = ["promtool", *map(str, sorted((ROOT / "build").glob("prometheus-*/promtool")))]


def promtool(*arguments: str, path: str = "promtool") -> str:
    """Run promtool; what it said. AssertionError where it was not content."""
    command = [path if "/" in path else program(path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("section", ["{}", "{scope_labels: [env, gateway], slow_methods: ['GET /a.b', 'x\"\\y|(z']}"])
def test_prometheus_takes_the_rules(tmp_path: Path, section: str) -> None:
    """Of any config: odd method names and scope labels too."""
    write(files(config(tmp_path, section)), tmp_path)
    promtool("check", "rules", f"{tmp_path}/recording.rules.yml", f"{tmp_path}/alerts.rules.yml")


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: Path(version).parent.name or "installed")
@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_must_with_their_labels_and_texts(path: Path, version: str) -> None:
    """The rule tests beside the rules, by promtool."""
    promtool("test", "rules", str(path), path=version)


def test_each_alert_is_tested_on_both_sides_of_its_edge() -> None:
    """In every severity: some time it fires, and one evaluation earlier, in the same test, it does not."""
    fires: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
    for path in RULE_TESTS:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        step = seconds(content["evaluation_interval"])
        for test in content["tests"]:
            told = {
                (asked["alertname"], seconds(asked["eval_time"])): {
                    (alert["exp_labels"]["severity"], alert["exp_labels"].get("range")) for alert in asked["exp_alerts"]
                }
                for asked in test.get("alert_rule_test", [])
            }
            for (name, time), those in told.items():
                fires[name] |= those - told.get((name, time - step), those)
    wanted = {(rule["alert"], rule["labels"]["severity"], rule["labels"].get("range")) for rule in ALERTS}
    wanted -= {("GatewayWatchdog", "info", None)}  # it has no edge
    assert wanted <= {(name, *labels) for name, those in fires.items() for labels in those}


def test_scopes_do_not_add_up(tmp_path: Path) -> None:
    """Production's failures are not lost in staging's traffic, and half of a limit in each is no use of it in one."""
    write(files(config(tmp_path, "{scope_labels: [env, gateway]}")), tmp_path)
    (tmp_path / "test.yml").write_text(_SCOPED, encoding="utf-8")
    promtool("test", "rules", f"{tmp_path}/test.yml")


def test_the_committed_rules_are_taken_too() -> None:
    """Those that the rule tests look at."""
    told = promtool("check", "rules", f"{GENERATED}/recording.rules.yml", f"{GENERATED}/alerts.rules.yml")
    assert f"{len(ALERTS)} rules found" in told
