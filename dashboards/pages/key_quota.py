"""The page of a key: how much of its monthly quota is left."""

from typing import Any

from dashboards.fields import GREEN, GREY, ORANGE
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages import limits_over_fleet as limits
from dashboards.pages.links import Links
from dashboards.panels import bars, stat
from dashboards.questions import Question
from exporter.config.served import Served

_MONTH = 'unit="requests"', 'window="1mo"'
_NO_QUOTA = "No monthly quota"


def quota(m: Metrics, to: Links, served: Served) -> list[Panel]:
    """The calendar month."""
    allowed, used, share = limits.allowed(m, *_MONTH), limits.used(m, *_MONTH), limits.share(m, *_MONTH)
    limits_page = [to.page("Limits and quotas", "gateway-limits")]

    def number(title: str, description: str, query: str, unit: str, no_value: str = _NO_QUOTA, **more: Any) -> Panel:
        return stat(title, description, {"": query}, unit, no_value=no_value, answers=Question.USE_OF_QUOTA, **more)

    return [
        number(
            "Requests this month",
            "Use of the calendar month; exact.",
            used,
            "locale",
            "Kept for registered keys only",
            decimals=0,
            id=25,
        ),
        number("Monthly quota", "What its plan allows.", allowed, "locale", id=26),
        number(
            "Left this month",
            "Requests until it is refused. Little, and days to go: a larger plan, or a client that asks less.",
            f"clamp_min({allowed} - {used}, 0)",
            "locale",
            steps={1: "text"},
            first=ORANGE,
            links=limits_page,
            id=27,
        ),
        number(
            "Month used",
            "Share of the monthly quota.",
            share,
            "percentunit",
            decimals=1,
            steps=columns.near(served),
            first=GREEN,
            id=28,
        ),
        number(
            "Resets in",
            "Time until the month's count starts again.",
            limits.resets_in(m, *_MONTH),
            "dtdurations",
            "Kept for registered keys only",
            decimals=1,
            id=29,
        ),
        number(
            "Quota at the reset",
            "Use over the quota at the month's end, if the last six hours go on. Above 100 %: it will run out.",
            limits.projected(m, *_MONTH),
            "percentunit",
            "No quota, or no rules",
            decimals=0,
            steps={1: ORANGE},
            first=GREEN,
            id=30,
        ),
        _calls_by_day(m),
    ]


def _calls_by_day(m: Metrics) -> Panel:
    return bars(
        "Calls by day",
        "Each bar stands at its day's beginning; the last one is not over. Whole hours, from recorded rules.",
        {
            "succeeded": m.hours("key:gateway_calls", 'result="success"', hours=24, at="offset -1d"),
            "failed": m.hours("key:gateway_calls", 'result="error"', hours=24, at="offset -1d"),
        },
        "locale",
        every="1d",
        timeFrom="30d",
        maxDataPoints=96,
        colours={"^succeeded$": GREEN, "^failed$": GREY},
        no_value=columns.NEEDS_AN_HOUR,
        width=24,
        answers=Question.USE_OF_QUOTA,
        id=31,
    )
