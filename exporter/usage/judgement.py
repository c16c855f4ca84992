"""What a report makes of its numbers: alerts, trends and bottlenecks."""

import math
from collections.abc import Iterator
from typing import Any

from exporter.usage.scope import Terms
from exporter.usage.words import ADVICE

# Shares of failures over this are high.
_ERROR_RATE = 0.01
# Endpoints with fewer requests say nothing.
_FEWEST = 20
# The second half of a time over the first: within a tenth it is stable.
_STABLE = 0.1

Entry = dict[str, Any]


def alerts(usage: Entry, limits: list[Entry], terms: Terms) -> list[Entry]:
    """What is over the config's thresholds, the gravest first."""
    found = [*_limit_alerts(limits, terms), *_rate_alerts(usage, terms), *_latency_alerts(usage, terms)]
    return sorted(found, key=lambda alert: alert["priority"] != "high")


def _limit_alerts(limits: list[Entry], terms: Terms) -> Iterator[Entry]:
    warning, critical = terms.limits
    for key, name, limit in _each_limit(limits):
        share = limit["utilization"] / 100
        words = f"{limit['utilization']:g} % of {name} ({limit['current']:g}) of {key} is used"
        if critical is not None and share >= critical:
            yield _alert("limit_critical", "high", words)
        elif warning is not None and share >= warning:
            yield _alert("limit_approaching", "medium", words)


def _rate_alerts(usage: Entry, terms: Terms) -> Iterator[Entry]:
    success = usage["successRate"]
    if success is None:
        return
    if terms.success_rate is not None and success < 100 * terms.success_rate:
        yield _alert("low_success_rate", "high", f"{success:.2f} % of the requests succeeded")
    if 100 - success > 100 * _ERROR_RATE:
        yield _alert("high_error_rate", "medium", f"{100 - success:.2f} % of the requests failed")


def _latency_alerts(usage: Entry, terms: Terms) -> Iterator[Entry]:
    latency = usage["averageLatency"]
    if latency is None:
        return
    warning, critical = (math.inf if threshold is None else 1000 * threshold for threshold in terms.latency)
    if latency > critical:
        yield _alert("critical_latency", "high", f"A request took {latency:.0f} ms on average")
    elif latency > warning:
        yield _alert("high_latency", "medium", f"A request took {latency:.0f} ms on average")


def _alert(type_: str, priority: str, message: str) -> Entry:
    return {"type": type_, "message": message, "priority": priority, "recommendation": ADVICE[type_]}


def bottlenecks(endpoints: list[Entry] | None, limits: list[Entry], terms: Terms) -> list[Entry]:
    """Slow endpoints, failing ones, and limits near their end."""
    found = [finding for row in endpoints or () if row["requests"] >= _FEWEST for finding in _of_endpoint(row, terms)]
    near = math.inf if terms.limits[0] is None else 100 * terms.limits[0]
    for key, name, limit in _each_limit(limits):
        if limit["utilization"] >= near:
            found.append(_bottleneck("rate_limit_approaching", f"{key} {name}", limit["utilization"], near))
    return found


def _of_endpoint(row: Entry, terms: Terms) -> Iterator[Entry]:
    slow = math.inf if terms.latency[0] is None else 1000 * terms.latency[0]
    most = math.inf if terms.success_rate is None else round(100 - 100 * terms.success_rate, 4)
    if (latency := row.get("averageLatency") or 0.0) > slow:
        yield _bottleneck("high_latency", row["endpoint"], latency, slow)
    success = row.get("successRate")
    if success is not None and (failed := round(100 - success, 4)) > most:
        yield _bottleneck("high_error_rate", row["endpoint"], failed, most)


def _bottleneck(type_: str, subject: str, value: float, threshold: float) -> Entry:
    return {
        "type": type_,
        "subject": subject,
        "value": value,
        "threshold": threshold,
        "recommendation": ADVICE[type_],
    }


def trend(first: float | None, second: float | None) -> Entry:
    """How the second half of a time compares with the first: `change` is in percent, None from nothing."""
    if first is None or second is None:
        return {"direction": None, "change": None}
    if not first:
        return {"direction": "increasing" if second else "stable", "change": None}
    change = second / first - 1
    direction = "stable" if abs(change) <= _STABLE else "increasing" if change > 0 else "decreasing"
    return {"direction": direction, "change": round(100 * change, 2)}


def _each_limit(limits: list[Entry]) -> Iterator[tuple[str, str, Entry]]:
    for limit_row in limits:
        for name, limit in limit_row.items():
            if isinstance(limit, dict):
                yield limit_row["key"], name, limit
