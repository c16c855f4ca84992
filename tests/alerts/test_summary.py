"""What `gateway-exporter alerts` prints: no alert is missing without a reason."""

import re
from pathlib import Path

import pytest
import yaml

from alerts.summary import summary
from exporter.config.load import load
from tests.alerts.built import EXAMPLE, INPUT, ROOT, config
from tests.command import run

_SAMPLE = re.compile(r"^\$ gateway-exporter (alerts .*)\n((?:.+\n)+?)```", re.MULTILINE)


def test_alerts_that_are_left_out_are_listed_with_the_reason(tmp_path: Path) -> None:
    """A family that is off, an override, and thresholds that are null."""
    (tmp_path / "config.yaml").write_text(
        f"{INPUT}"
        "metrics: {families: {gateway_provider_circuit_open: off}}\n"
        "alerts: {limits: {critical: null, refused: null}, anomalies: null,\n"
        "  overrides: {GatewayKeyUnused: {enabled: false}}}\n",
        encoding="utf-8",
    )
    lines = list(summary(load(tmp_path / "config.yaml").config))
    assert "  GatewayKeyUnused: switched off in alerts.overrides" in lines
    assert "  GatewayLimitNear (critical): alerts.limits.critical is not set" in lines
    assert "  GatewayRequestsRefused: alerts.limits.refused is not set" in lines
    assert "  GatewaySpendOverBudget: alerts.spend.daily is not set" in lines
    assert [line for line in lines if line.endswith("alerts.anomalies is not set")]
    assert [
        line
        for line in lines
        if "GatewayProvider" in line and line.endswith(": not served: gateway_provider_circuit_open")
    ]
    assert lines[-1] == "alertmanager.yml sends no notifications: the config has no alerts.notify.receivers"


def test_alertmanager_must_remember_as_long_as_messages_wait(tmp_path: Path) -> None:
    """It forgets after 120 hours unless it is started otherwise, and a week is longer."""
    assert list(summary(EXAMPLE))[-1].startswith("start Alertmanager with --data.retention=200h: ")
    team = {"receivers": {"team": {"webhook": {"url": "http://a"}}}, "routes": {"warning": "team"}}
    short = yaml.safe_dump({"notify": team | {"grouping": {"repeat_info": "1d"}}}, default_flow_style=True, width=999)
    assert "retention" not in " ".join(summary(config(tmp_path, short.strip())))


@pytest.mark.parametrize("document", ["README.md", "docs/alerts.md"])
def test_documents_show_what_the_command_prints(tmp_path: Path, document: str) -> None:
    """For the config that they name; `…` is the rest."""
    samples = _SAMPLE.findall((ROOT / document).read_text(encoding="utf-8"))
    assert samples
    (tmp_path / "config.example.yaml").write_bytes((ROOT / "config.example.yaml").read_bytes())
    for command, output in samples:
        done = run(*command.split(), cwd=tmp_path)
        assert (done.code, done.stderr) == (0, "")
        shown = output.removesuffix("…\n")
        assert done.stdout[: len(shown) if shown != output else None] == shown
