"""The rate limits and quotas of a report: what is allowed, and what is used of it, at the end of its time."""

from typing import Any

from exporter.usage.facts import Facts
from exporter.usage.moments import shown

_WINDOWS = {"1m": "Minute", "1h": "Hour", "1d": "Day", "1mo": "Month"}


def rate_limits(facts: Facts) -> list[dict[str, Any]]:
    """For each key, its limits by name, such as requestsPerMinute: `current` is what is allowed."""
    labels = ("key", "unit", "window")
    allowed = facts.gauge("key:gateway_limit:max", *labels) or facts.gauge("gateway_limit", *labels)
    used = facts.gauge("key:gateway_limit_used:sum", *labels) or facts.gauge("gateway_limit_used", *labels, of="sum")
    resets = facts.gauge("gateway_limit_reset_timestamp_seconds", *labels)
    keys: dict[str, dict[str, Any]] = {}
    for place, amount in sorted(allowed.items()):
        key, unit, window = place
        if amount <= 0 or window not in _WINDOWS:
            continue
        usage = used.get(place, 0.0)
        keys.setdefault(key, {"key": key})[f"{unit}Per{_WINDOWS[window]}"] = {
            "current": _number(amount),
            "usage": _number(usage),
            "utilization": round(100 * usage / amount, 4),
            "remaining": _number(max(amount - usage, 0.0)),
            "resetsAt": shown(resets[place]) if place in resets else None,
        }
    return list(keys.values())


def _number(value: float) -> float:
    return int(value) if value == int(value) else round(value, 6)
