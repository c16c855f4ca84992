"""Gateway / Overview: is the gateway well?"""

from dashboards.board import Board, Row
from dashboards.fields import GREEN, RED, STATUS_COLOURS
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.pages.overview_volume import by_step, trends, volume
from dashboards.panels import alerts, bargauge, bars, stat, text, timeseries
from dashboards.promql import Metrics, largest, success
from dashboards.questions import Question
from exporter.config.served import Served, or_zero

_HEADER = """**For whoever asks whether the gateway is well.** Green numbers above, flat lines below: it is.
A red one is a link: *API key* says whose requests fail, *Errors and latency* which and why, *Exporter* whether these \
numbers can be trusted. Everything here is of the time chosen above, unless a panel names its own."""


def page(served: Served) -> Board:
    """The dashboard."""
    m, to = Metrics(served, ()), Links(served, ())
    return Board(
        uid="gateway-overview",
        title="Overview",
        description="Is the gateway well? Requests, failures, latency, and who calls what most.",
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("Now", _now(m, to, served), id=2),
            Row("Traffic, errors, latency", _over_time(m, to, served), id=9),
            Row("Who and what", _top(m, to), id=14),
            Row("How much, and the peaks", volume(m), id=21),
            Row("Is it getting more, slower, worse?", trends(m), id=28),
            Row("By hour, day, week, month", by_step(m), closed=True, id=32),
        ],
    )


def _now(m: Metrics, to: Links, served: Served) -> list[Panel]:
    return [
        _success_rate(m, to, served),
        _failed_requests(m, to),
        _requests(m, to),
        _average_latency(m, to, served),
        _slowest_request_now(m),
        _exporter_lag(m, to, served),
    ]


def _success_rate(m: Metrics, to: Links, served: Served) -> Panel:
    requests = m.count("gateway_requests_total")
    failed = m.count("gateway_errors_total")
    errors = [to.page("What fails, and why", "gateway-errors")]
    return stat(
        "Success rate",
        "Share of requests that did not fail in any way. Below the warning level: see which types fail under "
        "Errors and latency.",
        {"": success(failed, requests)},
        "percentunit",
        steps=columns.good(served),
        first=RED,
        links=errors,
        answers=Question.HOW_MUCH,
        id=3,
    )


def _failed_requests(m: Metrics, to: Links) -> Panel:
    requests = m.count("gateway_requests_total")
    failed = m.count("gateway_errors_total")
    errors = [to.page("What fails, and why", "gateway-errors")]
    return stat(
        "Failed requests",
        "Requests with an error of any type. The link says which.",
        {"": or_zero(failed, requests)},
        "short",
        links=errors,
        answers=Question.HOW_MUCH,
        id=4,
    )


def _requests(m: Metrics, to: Links) -> Panel:
    requests = m.count("gateway_requests_total")
    return stat(
        "Requests",
        "Finished HTTP requests and WebSocket sessions. None though people use the gateway: see Exporter.",
        {"": requests},
        "short",
        links=[to.page("Can I trust this?", "gateway-exporter")],
        answers=Question.HOW_MUCH,
        id=5,
    )


def _average_latency(m: Metrics, to: Links, served: Served) -> Panel:
    errors = [to.page("What fails, and why", "gateway-errors")]
    return stat(
        "Average latency",
        "Average duration, without WebSocket sessions and aborted requests. High: find the slow method below.",
        {"": m.mean("gateway_request_duration_seconds", over="$__range")},
        "s",
        steps=columns.slow(served),
        first=GREEN,
        links=errors,
        answers=Question.HOW_MUCH,
        id=6,
    )


def _slowest_request_now(m: Metrics) -> Panel:
    return stat(
        "Slowest request now",
        "The slowest request of the last two minutes. One slow call is no alarm; see whether the average follows.",
        {"": f"max({m('gateway_request_duration_max_seconds')})"},
        "s",
        no_value="No requests in the last two minutes",
        answers=Question.HOW_MUCH,
        id=7,
    )


def _exporter_lag(m: Metrics, to: Links, served: Served) -> Panel:
    return stat(
        "Exporter lag",
        "Age of the oldest log line not counted yet. Minutes: the numbers here are late by as much; see Exporter.",
        {"": f"max({m('gateway_exporter_lag_seconds')})"},
        "s",
        steps=columns.late(served),
        first=GREEN,
        no_value="No exporter is scraped",
        links=[to.page("Can I trust this?", "gateway-exporter")],
        id=8,
    )


def _over_time(m: Metrics, to: Links, served: Served) -> list[Panel]:
    requests, errors = m.rate("gateway_requests_total"), m.rate("gateway_errors_total")
    return [
        bars(
            "Requests by status",
            "Each bar is what came in its time. Yellow and red parts that grow: click one for the errors behind it.",
            {
                "{{status}}": m.count(
                    "gateway_requests_total", by="status", over="$__interval", at="offset -$__interval"
                )
            },
            "short",
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
            "The dashed line is the warning level. A dip at one time is an incident, a slope is a client gone wrong.",
            {"success": success(errors, requests), "warning level": columns.level(served.alerts.success_rate.warning)},
            "percentunit",
            limit="warning level",
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


def _top(m: Metrics, to: Links) -> list[Panel]:
    keys = m.named(f"topk(10, {m.count('gateway_requests_total', by='key')})")
    failing = m.named(f"topk(10, {m.count('gateway_errors_total', by='key')})")
    methods = m.count("gateway_calls_total", by="method")
    return [
        bargauge(
            "Requests of the ten busiest keys",
            "Who uses the gateway most. One that was never here before: look at its origins. A click opens the key.",
            {"{{key}} {{name}}": keys},
            "short",
            links=[to.key()],
            answers=Question.BREAKDOWN,
            id=15,
        ),
        bargauge(
            "Failures of the ten keys that fail most",
            "Whose requests fail. A click opens the key; one key alone is its client's mistake more often than ours.",
            {"{{key}} {{name}}": failing},
            "short",
            steps={1: RED},
            links=[to.key()],
            no_value="No request failed",
            answers=Question.BREAKDOWN,
            id=16,
        ),
        bargauge(
            "Calls of the ten methods called most, and others",
            "What is called. Calls in a JSON-RPC batch count one by one. A click opens the method's errors.",
            {"{{method}}": largest(methods, "method", 10)},
            "short",
            links=[to.method()],
            answers=Question.BREAKDOWN,
            id=17,
        ),
        bargauge(
            "Requests by chain",
            "Which networks are asked. A chain that went quiet: its node or its route is down.",
            {"{{chain}}": largest(m.count("gateway_requests_total", by="chain"), "chain", 10)},
            "short",
            links=[to.chain()],
            answers=Question.BREAKDOWN,
            id=18,
        ),
        bargauge(
            "Average latency of the ten slowest methods",
            "Which methods people wait for. A click shows their quantiles and their failures.",
            {"{{method}}": f"topk(10, {m.mean('gateway_request_duration_seconds', by='method', over='$__range')})"},
            "s",
            links=[to.method()],
            answers=(Question.BREAKDOWN, Question.WHICH_BOTTLENECKS),
            id=19,
        ),
        bargauge(
            "Data sent to the ten keys that take most",
            "Whose answers are large. Traffic costs money where the provider bills by the byte.",
            {"{{key}} {{name}}": m.named(f"topk(10, {m.count('gateway_response_bytes_total', by='key')})")},
            "bytes",
            links=[to.key()],
            answers=Question.HOW_MUCH,
            id=20,
        ),
    ]
