"""What config.example.yaml and other configs make, for the tests of this folder."""

from pathlib import Path
from typing import Any

import yaml

from alerts.build import files
from exporter.config.config import Config
from exporter.config.load import load

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "alerts" / "generated"
RULE_TESTS = sorted((ROOT / "alerts" / "tests").glob("*.yml"))

EXAMPLE = load(ROOT / "config.example.yaml").config
INPUT = "inputs: [{path: a.log, format: nginx-json, labels: {gateway: eu-1}}]\n"


def config(folder: Path, alerts: str, more: str = "") -> Config:
    """A config with a section `alerts`, written as YAML's flow, and `more` lines."""
    path = folder / "config.yaml"
    path.write_text(f"{INPUT}alerts: {alerts}\n{more}", encoding="utf-8")
    return load(path).config


def rules(made: dict[str, str]) -> list[dict[str, Any]]:
    """All rules of the files that were made."""
    return [rule for group in groups(made) for rule in group["rules"]]


def groups(made: dict[str, str]) -> list[dict[str, Any]]:
    """All groups of the files that were made."""
    return [
        group
        for name in ("recording.rules.yml", "alerts.rules.yml")
        for group in yaml.load(made[name], Loader=yaml.CSafeLoader)["groups"]
    ]


MADE = files(EXAMPLE)
ALERTS = [rule for rule in rules(MADE) if "alert" in rule]
RECORDS = [rule for rule in rules(MADE) if "record" in rule]
ALERT_NAMES = sorted({rule["alert"] for rule in ALERTS})
