"""The rules that the usage report stands on: once an hour, how much each counter grew in it, exactly."""

from typing import Any

from alerts.promql import Terms
from exporter.model.growth import GROWN, HOUR, UNSTEADY, recorded_growth, unsteady

GROUP = "gateway-usage"


def groups(terms: Terms) -> list[dict[str, Any]]:
    """The group of rules, for the counters that are served with the labels."""
    rules = [
        {"record": series.name, "expr": f"sum by {terms.by(*series.labels)} (\n{recorded_growth(series.counter)}\n)"}
        for series in GROWN
        if terms.has(series.family, *series.labels)
    ]
    return [{"name": GROUP, "interval": f"{HOUR}s", "rules": [{"record": UNSTEADY, "expr": unsteady()}, *rules]}]
