"""Grafana's own model of a dashboard reads every key that is generated."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.build import documents
from exporter.config.served import Served

# Read by the Prometheus data source, which the model of annotations does not cover: Grafana, "Prometheus: annotations".
UNMODELLED = {"titleFormat"}


def unknown(made: Any, read: Any, path: str = "") -> Iterator[str]:
    """What is not the same after Grafana's model has read and written it."""
    if isinstance(made, dict) and isinstance(read, dict):
        for name, value in made.items():
            if name not in read:
                if name not in UNMODELLED:
                    yield f"{path}.{name}"
            else:
                yield from unknown(value, read[name], f"{path}.{name}")
    elif isinstance(made, list) and isinstance(read, list) and len(made) == len(read):
        for n, (part, other) in enumerate(zip(made, read, strict=True)):
            yield from unknown(part, other, f"{path}[{n}]")
    elif made != read:
        yield f"{path}: {made!r} became {read!r}"


@pytest.mark.parametrize(
    "dashboard", [pytest.param(dashboard, id=dashboard["uid"]) for dashboard in documents(Served())]
)
def test_a_round_trip_leaves_no_unknown_key(dashboard: dict[str, Any]) -> None:
    """`from_json` alone takes anything; what comes out again is what was understood."""
    register_default_plugins()
    read = json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))
    assert list(unknown(dashboard, read)) == []


def test_the_round_trip_would_notice() -> None:
    """A misspelt option is lost on the way."""
    register_default_plugins()
    made = {"panels": [{"type": "stat", "title": "x", "options": {"grafMode": "none"}}]}
    read = json.loads(json.dumps(Dashboard.from_json(made), cls=JSONEncoder))
    assert ".panels[0].options.grafMode" in list(unknown(made, read))
