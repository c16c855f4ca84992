"""Gateway / Overview: is the gateway well?"""

from dashboards.board import Board, Row
from dashboards.fields import GREEN, GREY, RED, STATUS_COLOURS, override, range_map
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.pages.overview_changes import changes
from dashboards.pages.overview_top import top
from dashboards.pages.overview_volume import by_step, volume
from dashboards.panels import alerts, bars, stat, text, timeseries
from dashboards.promql import success, total
from dashboards.questions import Question
from dashboards.variables import largest_keys
from exporter.config.served import ABSENT, Served, or_zero

_HEADER = "**For whoever asks whether the gateway is well.** Red below: click it."
_VARIABLES = ("instance", "input")
# Recorded hours answer while nothing is chosen.
_COVERED: tuple[str, ...] = ()


def page(served: Served) -> Board:
    """The dashboard."""
    m, to = Metrics(served, _VARIABLES, _COVERED), Links(served, ())
    return Board(
        uid="gateway-overview",
        title="Overview",
        description="Is the gateway well? Availability, error budget, latency, load; and what changed.",
        variables=_VARIABLES,
        covered=_COVERED,
        more=largest_keys(10, most_failures=m.ranking("gateway_errors_total", by="key")),
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("Now", _now(m, to, served), id=2),
            Row("Traffic, errors, latency", _over_time(m, to, served), id=9),
            Row("What changed", changes(m, to), id=28),
            Row("Who and what", top(m, to), id=14),
            Row("How much, and the peaks", volume(m, to, served), closed=True, id=21),
            Row("By hour, day, week, month", by_step(m), closed=True, id=32),
        ],
    )


def _now(m: Metrics, to: Links, served: Served) -> list[Panel]:
    return [
        _availability(m, to, served),
        _budget(m, to, served),
        _p95(m, to, served),
        _requests(m, to),
        _clients(m, to),
        _lag(m, to, served),
    ]


def _recorded(m: Metrics, name: str) -> str:
    return total(m(f"fleet:gateway_{name}:rate5m"))


def _availability(m: Metrics, to: Links, served: Served) -> Panel:
    objective = served.alerts.objectives.availability
    return stat(
        "Availability",
        "Requests that neither the gateway nor an upstream failed (server_error, upstream_error, timeout). What "
        "clients did wrong does not count. Red: under the objective; the link says what fails.",
        {"": success(m.count("gateway_errors_total", columns.OURS), m.count("gateway_requests_total"))},
        "percentunit",
        decimals=2,
        steps={objective: GREEN} if objective else None,
        first=RED if objective else "text",
        compared=True,
        links=[to.page("What fails, and why", "gateway-errors")],
        answers=Question.HOW_MUCH,
        id=42,
    )


def _budget(m: Metrics, to: Links, served: Served) -> Panel:
    objective = served.alerts.objectives.availability
    failed, requests = (f"sum_over_time({_recorded(m, name)}[30d:5m])" for name in ("unavailable_requests", "requests"))
    left = f"1 - ({failed}) / ({requests} > 0) / {1 - objective:.4g}" if objective else ABSENT
    return stat(
        "Error budget left",
        f"Of the failures that an availability of {objective or 0:.4%} allows in 30 days, what is left. Used up: "
        "no risky release until it has recovered.",
        {"": left},
        "percentunit",
        decimals=0,
        mappings=range_map([(None, 0, "used up", RED)]),
        steps={0.25: GREEN},
        first="yellow",
        links=[to.page("What fails, and why", "gateway-errors")],
        no_value=columns.NEEDS_AN_HOUR,
        answers=Question.HOW_MUCH,
        id=43,
    )


def _p95(m: Metrics, to: Links, served: Served) -> Panel:
    return stat(
        "p95 latency",
        "19 of 20 requests were faster; without WebSocket sessions and aborted requests. High: Errors and latency "
        "says which method.",
        {"": m.quantile(0.95, "gateway_request_duration_seconds", over="$__range")},
        "s",
        steps=columns.slow(served),
        first=GREEN,
        compared=True,
        links=[to.page("What is slow", "gateway-errors")],
        answers=Question.HOW_MUCH,
        id=44,
    )


def _requests(m: Metrics, to: Links) -> Panel:
    now, week_ago = (f"avg_over_time({_recorded(m, 'requests')}[$__range:5m]{at})" for at in ("", " offset 1w"))
    return stat(
        "Requests",
        "Finished HTTP requests and WebSocket sessions, and their number against the same time last week. None though "
        "people use the gateway: see Exporter.",
        {"now": m.count("gateway_requests_total"), "against last week": f"{now} / ({week_ago} > 0) - 1"},
        "locale",
        overrides=[override("byName", "against last week", {"unit": "percentunit"})],
        links=[to.page("Can I trust this?", "gateway-exporter")],
        answers=Question.HOW_MUCH,
        id=5,
    )


def _clients(m: Metrics, to: Links) -> Panel:
    failed = m.count("gateway_errors_total", columns.CLIENTS)
    return stat(
        "Failures of clients",
        "Requests that failed through the client: wrong key, over a limit, wrong call, gone away. Many are usual; a "
        "jump is a client that broke, or a scanner.",
        {"": or_zero(failed, m.count("gateway_requests_total"))},
        "locale",
        compared=True,
        links=[to.page("Which, and whose", "gateway-errors")],
        answers=Question.HOW_MUCH,
        id=46,
    )


def _lag(m: Metrics, to: Links, served: Served) -> Panel:
    return stat(
        "Exporter lag",
        "Age of the oldest log line not counted yet. Minutes: the numbers here are late by as much; see Exporter.",
        {"": f"max({m('gateway_exporter_lag_seconds')})"},
        "s",
        steps=columns.late(served),
        first=GREEN,
        graph=True,
        no_value=columns.NO_EXPORTER,
        links=[to.page("Can I trust this?", "gateway-exporter")],
        id=8,
    )


def _over_time(m: Metrics, to: Links, served: Served) -> list[Panel]:
    requests, errors = m.rate("gateway_requests_total"), m.rate("gateway_errors_total")
    ours = m.rate("gateway_errors_total", columns.OURS)
    return [
        bars(
            "Requests by status",
            "Each bar is what came in its time. Red parts that grow: click one for the errors behind it.",
            {
                "{{status}}": m.count(
                    "gateway_requests_total", by="status", over="$__interval", at="offset -$__interval"
                )
            },
            "locale",
            colours=STATUS_COLOURS,
            links=[to.page("Errors and latency", "gateway-errors")],
            width=16,
            answers=Question.HOW_MUCH_OVER_TIME,
            id=10,
        ),
        alerts(
            "Alerts",
            "What fires now. An alert's own link opens the page of its key or method.",
            answers=Question.WHICH_ALERTS,
            id=11,
        ),
        timeseries(
            "Success rate over time",
            "Availability falls when the gateway or an upstream fails, the success rate also when clients do. The "
            "dashed line is the objective of availability.",
            {
                "availability": success(ours, requests),
                "success rate": success(errors, requests),
                "objective": columns.level(served.alerts.objectives.availability),
            },
            "percentunit",
            limit="objective",
            colours={"^availability$": GREEN, "^success rate$": GREY},
            calcs=("mean", "min", "lastNotNull"),
            lowest=None,
            answers=Question.HOW_MUCH_OVER_TIME,
            id=12,
        ),
        timeseries(
            "Latency",
            "p95 far above the average: a few slow methods; both up: the upstreams. The dashed line is the warning "
            "level of the average.",
            {
                "average": m.mean("gateway_request_duration_seconds"),
                "p95": m.quantile(0.95, "gateway_request_duration_seconds"),
                "warning level": columns.level(served.alerts.latency.warning),
            },
            "s",
            limit="warning level",
            exemplar=True,
            answers=Question.HOW_MUCH_OVER_TIME,
            id=13,
        ),
    ]
