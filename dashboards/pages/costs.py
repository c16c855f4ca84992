"""Gateway / Costs and capacity: this month against its budget, and where it leads."""

from typing import Any

from dashboards.board import Board, Row
from dashboards.fields import ORANGE, YELLOW
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.costs_capacity import capacity
from dashboards.pages.costs_queries import Costs
from dashboards.pages.costs_split import rankings, split
from dashboards.pages.links import Links
from dashboards.panels import bars, stat, text
from dashboards.questions import Question
from dashboards.variables import largest_keys, textbox
from exporter.config.served import Served

_HEADER = "**For whoever plans money and machines.** Type prices above. Days are those of UTC."
_VARIABLES = ("key", "model", "provider")
# Days from now: the next month, quarter, year.
_AHEAD = {"month": 30, "quarter": 91, "year": 365}


def page(served: Served) -> Board:
    """The dashboard."""
    m, to = Metrics(served, _VARIABLES), Links(served, _VARIABLES)
    costs = Costs(m)
    return Board(
        uid="gateway-costs",
        title="Costs and capacity",
        description="What the gateway costs this month against its budget, by key, owner and model; where it leads.",
        variables=_VARIABLES,
        more=[
            textbox("request_price", "Price of 1000 requests", "0.01"),
            textbox("gigabyte_price", "Price of a GB sent", "0.05"),
            textbox("budget", "Budget of a month", "0"),
            *largest_keys(**rankings(m)),
        ],
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("This month, and what it leads to", _projected(costs, served), id=2),
            Row("By key, owner and model", split(m, to, costs, served), id=11),
            Row("Capacity", capacity(m, to, served), id=15),
        ],
        since="now-7d",
    )


def _projected(costs: Costs, served: Served) -> list[Panel]:
    return [*_this_month(costs, served), *_now(costs, served), *_next(costs, served), *_days(costs, served)]


def _money(title: str, description: str, queries: dict[str, str], served: Served, **more: Any) -> Panel:
    shown: dict[str, Any] = {"decimals": 2, "no_value": columns.NEEDS_RULES, "answers": Question.COST_AHEAD} | more
    return stat(title, description, queries, columns.money(served), **shown)


def _this_month(costs: Costs, served: Served) -> list[Panel]:
    spent, by_its_end = costs.this_month(), costs.whole_month()
    return [
        _money(
            "Month to date",
            "Requests, bytes sent, and models, since the first of the month. What models cost is what the log or the "
            "price table has.",
            {"": spent},
            served,
            id=20,
        ),
        stat(
            "Of the month's budget",
            "What is spent of it, and what will be by the end of the month.",
            {
                "spent": f"({spent}) / (vector($budget) > 0)",
                "at the end": f"({by_its_end}) / (vector($budget) > 0)",
            },
            "percentunit",
            decimals=0,
            steps={0.9: YELLOW, 1: ORANGE},
            no_value="No budget typed, or no recording rules",
            answers=Question.COST_AHEAD,
            id=21,
        ),
        _money(
            "By the end of the month",
            "Month to date, and for the days that are left the average of the last seven (or of those that there are).",
            {"": by_its_end},
            served,
            no_value="Needs a day of the recording rules",
            id=22,
        ),
    ]


def _now(costs: Costs, served: Served) -> list[Panel]:
    return [
        _money(
            "Cost of the last day",
            "Of the last 24 whole hours, and of the 24 before.",
            {"last": costs.day(), "the day before": costs.day("offset 1d")},
            served,
            id=3,
        ),
        stat(
            "Against the week before",
            "The last seven days over the seven before: the growth that the forecasts below go on with.",
            {"": f"({costs.week()}) / (({costs.week_before()}) > 0) - 1"},
            "percentunit",
            decimals=1,
            no_value="Needs 14 days of the recording rules",
            answers=Question.COST_AHEAD,
            id=4,
        ),
        _money(
            "Cost of a request",
            "Everything of the last day over its requests, and of the day before.",
            {
                name: f"({costs.day(at)}) / ({costs.requests(at)} > 0)"
                for name, at in (("last", ""), ("the day before", "offset 1d"))
            },
            served,
            decimals=6,
            id=5,
        ),
    ]


def _next(costs: Costs, served: Served) -> list[Panel]:
    return [
        _money(
            f"Cost of the next {name}",
            f"{days} days at the rate of the last seven, and if every week adds what the last one added.",
            {"at this week's rate": costs.at_this_rate(days), "if growth goes on": costs.growing(days)},
            served,
            no_value="Needs 7 days of the recording rules",
            width=8,
            high=5,
            id=6 + n,
        )
        for n, (name, days) in enumerate(_AHEAD.items())
    ]


def _days(costs: Costs, served: Served) -> list[Panel]:
    unit = columns.money(served)
    return [
        bars(
            "Cost by day",
            "What is paid for: requests, bytes, models. Each bar stands at its day's beginning; the last is not over.",
            costs.parts("offset -1d"),
            unit,
            decimals=2,
            every="1d",
            timeFrom="30d",
            maxDataPoints=96,
            no_value=columns.NEEDS_AN_HOUR,
            width=16,
            answers=(Question.COST_AHEAD, Question.COST_BY_KEY_AND_MODEL),
            id=9,
        ),
        _money("Of the last day", "What the day's cost consists of.", costs.parts(), served, width=8, high=8, id=10),
    ]
