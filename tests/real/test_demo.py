"""The demo beside a Prometheus that the machine has, and on a machine that has none."""

import re
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.exporter import Exporter
from tests.waiting import DEADLINE_SECONDS, eventually


def ready(address: str) -> bool:
    try:
        return requests.get(f"{address}/-/ready", timeout=DEADLINE_SECONDS).ok
    except requests.ConnectionError:
        return False


def test_the_demo_starts_a_prometheus_with_our_rules_and_ends_it() -> None:
    """It answers queries about the sample gateway, most of whose requests succeed; it ends with the demo."""
    with Exporter("demo") as demo:
        found = re.search(r"prometheus: (http://\S+)/graph", demo.said)
        assert found
        address = found[1]
        eventually(lambda: ready(address))

        def ask(path: str) -> Any:
            return requests.get(f"{address}/api/v1/{path}", timeout=DEADLINE_SECONDS).json()["data"]

        def failing() -> float:
            result = ask("query?query=sum(gateway_errors_total)/sum(gateway_requests_total)")["result"]
            return float(result[0]["value"][1]) if result else 0.0

        eventually(lambda: 0 < failing() < 0.06, "some requests fail")
        assert "gateway-hours" in [group["name"] for group in ask("rules")["groups"]]
        assert "made-up requests" in demo.said
        assert demo.stop() == 0
    assert not ready(address)


def test_the_demo_runs_without_prometheus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And says what it would show with it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with Exporter("demo") as demo:
        assert "with `prometheus` on the path, rules and queries are shown, too" in demo.said
        assert demo.get("/").ok
