"""The page of keys: how much of its monthly quota a key has left."""

from dashboards.fields import GREEN, RED
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import bars, stat
from dashboards.promql import Metrics, total
from dashboards.questions import Question
from exporter.config.served import Served


def quota(m: Metrics, to: Links, served: Served) -> list[Panel]:
    """The calendar month."""
    return [
        _requests_this_month(m),
        _monthly_quota(m),
        _left_this_month(m, to),
        _month_used(m, served),
        _resets_in(m),
        _quota_at_the_reset(m),
        _calls_by_day(m, to),
    ]


def _requests_this_month(m: Metrics) -> Panel:
    month = 'unit="requests"', 'window="1mo"'
    used = m("key:gateway_limit_used:sum", *month, by="key")
    return stat(
        "Requests this month",
        "Use of the calendar month; exact.",
        {"{{key}}": total(used, "key")},
        "short",
        no_value="Not registered: use by month is kept for registered keys",
        answers=Question.USE_OF_QUOTA,
        id=25,
    )


def _monthly_quota(m: Metrics) -> Panel:
    month = 'unit="requests"', 'window="1mo"'
    limit = m("key:gateway_limit:max", *month, by="key")
    unlimited = "This key has no monthly quota"
    return stat(
        "Monthly quota",
        "What its plan allows.",
        {"{{key}}": f"max by (key) ({limit})"},
        "short",
        no_value=unlimited,
        answers=Question.USE_OF_QUOTA,
        id=26,
    )


def _left_this_month(m: Metrics, to: Links) -> Panel:
    month = 'unit="requests"', 'window="1mo"'
    used = m("key:gateway_limit_used:sum", *month, by="key")
    limit = m("key:gateway_limit:max", *month, by="key")
    unlimited = "This key has no monthly quota"
    return stat(
        "Left this month",
        "Requests until it is refused. Little, and days to go: a larger plan, or a client that asks less.",
        {"{{key}}": f"max by (key) ({limit}) - {total(used, 'key')}"},
        "short",
        steps={1: "text"},
        first=RED,
        no_value=unlimited,
        links=[to.page("Limits and quotas", "gateway-limits")],
        answers=Question.USE_OF_QUOTA,
        id=27,
    )


def _month_used(m: Metrics, served: Served) -> Panel:
    month = 'unit="requests"', 'window="1mo"'
    unlimited = "This key has no monthly quota"
    return stat(
        "Month used",
        "Share of the monthly quota.",
        {"{{key}}": f"max by (key) ({m('key:gateway_limit_utilization:ratio', *month, by='key')})"},
        "percentunit",
        steps=columns.near(served),
        first=GREEN,
        no_value=unlimited,
        answers=Question.USE_OF_QUOTA,
        id=28,
    )


def _resets_in(m: Metrics) -> Panel:
    month = 'unit="requests"', 'window="1mo"'
    reset = m("key:gateway_limit_reset_timestamp_seconds:max", *month, by="key")
    return stat(
        "Resets in",
        "Time until the month's count starts again.",
        {"{{key}}": f"max by (key) ({reset}) - time()"},
        "s",
        no_value="Not registered",
        answers=Question.USE_OF_QUOTA,
        id=29,
    )


def _quota_at_the_reset(m: Metrics) -> Panel:
    month = 'unit="requests"', 'window="1mo"'
    unlimited = "This key has no monthly quota"
    return stat(
        "Quota at the reset",
        "Use over the quota at the month's end, if the last six hours go on. Above 100 %: it will run out.",
        {"{{key}}": f"max by (key) ({m('key:gateway_limit_projected:ratio', *month, by='key')})"},
        "percentunit",
        steps={1: RED},
        first=GREEN,
        no_value=unlimited,
        answers=Question.USE_OF_QUOTA,
        id=30,
    )


def _calls_by_day(m: Metrics, to: Links) -> Panel:
    return bars(
        "Calls by day, last 30 days",
        "Each bar stands at its day's beginning; the last one is not over. Whole hours, from recorded rules.",
        {"{{key}}": m.hours("key:gateway_calls", by="key", hours=24, at="offset -1d")},
        "short",
        every="1d",
        timeFrom="30d",
        links=[to.key()],
        width=24,
        answers=Question.USE_OF_QUOTA,
        id=31,
    )
