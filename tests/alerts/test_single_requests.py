"""Links from alerts to single requests."""

from pathlib import Path
from typing import Any

import pytest

from alerts.build import files
from exporter.request_log.filters import FILTERS
from tests.alerts.built import ALERTS, config, rules

URL = "https://exporter.test"


@pytest.fixture
def made(tmp_path: Path) -> dict[str, str]:
    return files(config(tmp_path, "{}", f"state: {{path: state.db}}\nrequests: {{url: {URL}}}\n"))


def linked(made: dict[str, str]) -> dict[str, str]:
    """The link of each alert that has one."""
    found: list[dict[str, Any]] = [rule for rule in rules(made) if "alert" in rule]
    return {
        rule["alert"]: rule["annotations"]["requests_url"] for rule in found if "requests_url" in rule["annotations"]
    }


def test_no_alert_has_a_link_where_nobody_says_where_to() -> None:
    assert [rule["alert"] for rule in ALERTS if "requests_url" in rule["annotations"]] == []


def test_alerts_about_requests_link_to_them(made: dict[str, str]) -> None:
    """With their own key, method or model; not with the words that stand for many. The exporter's own have none."""
    links = linked(made)
    components = {rule["alert"]: rule["labels"]["component"] for rule in rules(made) if "alert" in rule}
    assert set(links) == {name for name, component in components.items() if component != "exporter"}
    assert links["GatewayMethodSuccessRateLow"] == (
        f"{URL}/requests?last=6h&failed=true"
        '{{ with $labels.chain }}{{ if ne . "other" }}&chain=%22{{ urlquery . }}%22{{ end }}{{ end }}'
        '{{ with $labels.method }}{{ if ne . "other" }}&method=%22{{ urlquery . }}%22{{ end }}{{ end }}'
    )
    assert '{{ if ne . "unknown" }}&key=%22{{ urlquery . }}%22' in links["GatewayKeySuccessRateLow"]
    for link in links.values():
        names = {pair.partition("=")[0] for pair in link.partition("?")[2].split("&")[1:]}
        assert names <= {*FILTERS}, link


def test_customers_are_told_of_no_link(made: dict[str, str]) -> None:
    operators, customers = made["gateway.tmpl"].split('{{ define "customer.title"')
    assert "requests_url" in operators
    assert "requests_url" not in customers
