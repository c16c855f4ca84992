"""Limits over the fleet: as the rules record them; without rules, what the exporters say themselves.

All are by key, unit and window.
"""

from dashboards.metrics import Metrics

BY = "key, unit, window"
_LABELS = "key unit window"


def allowed(m: Metrics, *matchers: str) -> str:
    """The allowed amount."""
    recorded, raw = m("key:gateway_limit:max", *matchers, by=_LABELS), m("gateway_limit", *matchers, by=_LABELS)
    return f"(max by ({BY}) ({recorded}) or max by ({BY}) ({raw}))"


def used(m: Metrics, *matchers: str) -> str:
    """Use in the running window, of keys without a limit too."""
    recorded, raw = (
        m("key:gateway_limit_used:sum", *matchers, by=_LABELS),
        m("gateway_limit_used", *matchers, by=_LABELS),
    )
    return f"(max by ({BY}) ({recorded}) or sum by ({BY}) ({raw}))"


def used_last(m: Metrics, *matchers: str) -> str:
    """Use in the last whole window."""
    return f"sum by ({BY}) ({m('gateway_limit_used_last', *matchers, by=_LABELS)})"


def share(m: Metrics, *matchers: str) -> str:
    """Use in the running window over the allowed amount."""
    return f"{used(m, *matchers)} / ({allowed(m, *matchers)} > 0)"


def share_at_the_end(m: Metrics, *matchers: str) -> str:
    """The same at the end of the range, at each of its times."""
    recorded, used_, allowed_ = (
        f"{m(name, *matchers, by=_LABELS)} @ end()"
        for name in ("key:gateway_limit_utilization:ratio", "gateway_limit_used", "gateway_limit")
    )
    raw = f"sum by ({BY}) ({used_}) / (max by ({BY}) ({allowed_}) > 0)"
    return f"(max by ({BY}) ({recorded}) or {raw})"


def share_last(m: Metrics, *matchers: str) -> str:
    """The same of the last window."""
    return f"{used_last(m, *matchers)} / ({allowed(m, *matchers)} > 0)"


def highest_share(m: Metrics) -> str:
    """Of the running and, for minutes, the last window, the one that is used more."""
    recorded = m("key:gateway_limit_utilization:ratio", by=_LABELS)
    return f"(max by ({BY}) ({recorded}) or {share(m)})"


def projected(m: Metrics, *matchers: str) -> str:
    """Use over the allowed amount at the reset, if the last six hours go on."""
    return f"max by ({BY}) ({m('key:gateway_limit_projected:ratio', *matchers, by=_LABELS)})"


def resets_in(m: Metrics, *matchers: str) -> str:
    """Seconds until the running window ends; 0 from then until the next scrape."""
    ends = f"max by ({BY}) ({m('gateway_limit_reset_timestamp_seconds', *matchers, by=_LABELS)})"
    return f"clamp_min({ends} - time(), 0)"
