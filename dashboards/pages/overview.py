"""Gateway / Overview: is the gateway well?"""

from dashboards.board import Board, Row
from dashboards.fields import GREEN, RED, STATUS_COLOURS, range_map
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import alerts, bargauge, bars, stat, text, timeseries
from dashboards.promql import Metrics, largest, success, total
from dashboards.questions import Question
from exporter.config_served import Served, or_zero

_HEADER = """**For whoever asks whether the gateway is well.** Green numbers above, flat lines below: it is.
A red one is a link: *API key* says whose requests fail, *Errors and latency* which and why, *Exporter* whether these \
numbers can be trusted. Everything here is of the time chosen above, unless a panel names its own."""

# Steps of bars: their name, hours, how far back they go.
# Of each bar its name and its hours, since when, and the ids of its two panels.
_STEPS = (
    ("hour", 1, "7d", 34, 35),
    ("day", 24, "30d", 36, 37),
    ("week", 24 * 7, "90d", 38, 39),
    ("30 days", 24 * 30, "1y", 40, 41),
)


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
            Row("How much, and the peaks", _volume(m), id=21),
            Row("Is it getting more, slower, worse?", _trends(m), id=28),
            Row("By hour, day, week, month", _by_step(m), closed=True, id=32),
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


def _volume(m: Metrics) -> list[Panel]:
    requests = "gateway_requests_total"
    sent, received = m.count("gateway_response_bytes_total"), m.count("gateway_request_bytes_total")
    day = m.hours("key:gateway_requests", hours=24)
    return [
        stat(
            "Requests a minute",
            "Average over the chosen time, and the highest five minutes of it. A peak far above: bursts; see Limits.",
            {
                "average": f"60 * {m.rate(requests, over='$__range')}",
                "peak": f"60 * max_over_time({total(m('fleet:gateway_requests:rate5m'))}[$__range:5m])",
            },
            "short",
            answers=Question.HOW_MUCH,
            id=22,
        ),
        stat(
            "Requests an hour",
            "The last whole hour, and the busiest of the chosen time.",
            {
                "last": total(m("key:gateway_requests:increase1h")),
                "peak": f"max_over_time({total(m('key:gateway_requests:increase1h'))}[$__range:1h])",
            },
            "short",
            answers=Question.HOW_MUCH,
            id=23,
        ),
        stat(
            "Requests a day",
            "The last 24 whole hours, and the busiest day of the last 30.",
            {"last": day, "peak": f"max_over_time({day}[30d:1d])"},
            "short",
            answers=Question.HOW_MUCH,
            id=24,
        ),
        stat(
            "Peak latency",
            "The slowest request of the chosen time, by the hour.",
            {"": f"max(max_over_time({m('method:gateway_request_duration_max_seconds:max1h')}[$__range]))"},
            "s",
            answers=Question.HOW_MUCH,
            id=25,
        ),
        stat(
            "Data transferred",
            "Bytes received from clients and sent to them.",
            {"sent": sent, "received": received},
            "bytes",
            answers=Question.HOW_MUCH,
            id=26,
        ),
        stat(
            "Data of a request",
            "Average of a request's bytes, both ways. A jump: somebody asks for whole tables, or sends files.",
            {"": f"({sent} + ({received} or vector(0))) / ({m.count(requests)} > 0)"},
            "bytes",
            answers=Question.HOW_MUCH,
            id=27,
        ),
    ]


def _trends(m: Metrics) -> list[Panel]:
    about = "The second half of the chosen time over the first: ±10 % counts as stable. "
    requests, errors = total(m("fleet:gateway_requests:rate5m")), total(m("fleet:gateway_errors:rate5m"))
    latency = f"avg({m('fleet:gateway_request_duration_seconds:mean5m')})"
    return [
        _trend("Trend of requests", about + "Growth that lasts: look at Costs and capacity.", requests, "blue", id=29),
        _trend(
            "Trend of latency", about + "Increasing: find what became slow in Errors and latency.", latency, RED, id=30
        ),
        _trend("Trend of failures", about + "Increasing faster than requests: something breaks.", errors, RED, id=31),
    ]


def _trend(title: str, description: str, series: str, more: str, *, id: int) -> Panel:
    """How the second half of the range compares with the first."""
    middle = "${__to:date:seconds} - $__range_s / 2"
    halves = [f"avg_over_time(({series} and on () (vector(time()) {op} {middle}))[$__range:5m])" for op in (">=", "<")]
    words = [(None, 0.9, "decreasing", GREEN), (0.9, 1.1, "stable", "text"), (1.1, None, "increasing", more)]
    return stat(
        title,
        description,
        {"": f"{halves[0]} / ({halves[1]} > 0)"},
        "percentunit",
        mappings=range_map(words),
        no_value="Nothing to compare with in the first half",
        width=8,
        answers=Question.WHICH_TRENDS,
        id=id,
    )


def _by_step(m: Metrics) -> list[Panel]:
    found = [
        bars(
            "Requests and failures by minute",
            "The chosen time in bars of a minute, or longer where they would be too thin.",
            {
                "requests": m.count("gateway_requests_total", over="$__interval", at="offset -$__interval"),
                "of them failed": m.count("gateway_errors_total", over="$__interval", at="offset -$__interval"),
            },
            "short",
            colours={"failed": RED},
            width=24,
            answers=Question.HOW_MUCH_OVER_TIME,
            stacked=False,
            id=33,
        )
    ]
    for step, hours, since, requests_id, latency_id in _STEPS:
        every = "1h" if hours == 1 else f"{hours // 24}d"
        at = f"offset -{every}"
        found += [
            bars(
                f"Requests and failures by {step}, last {since}",
                "Each bar stands at its beginning; the last one is not over. Whole hours, from recorded rules.",
                {
                    "requests": m.hours("key:gateway_requests", hours=hours, at=at),
                    "of them failed": m.hours("key:gateway_errors", hours=hours, at=at),
                },
                "short",
                every=every,
                colours={"failed": RED},
                timeFrom=since,
                stacked=False,
                answers=Question.HOW_MUCH_OVER_TIME,
                id=requests_id,
            ),
            timeseries(
                f"Average latency by {step}, last {since}",
                "A slope over weeks is growth or ageing data; a step is a release.",
                {
                    "average": f"{m.hours('key:gateway_key_request_duration_seconds_sum', hours=hours, at=at)}"
                    f" / ({m.hours('key:gateway_key_request_duration_seconds_count', hours=hours, at=at)} > 0)"
                },
                "s",
                interval=every,
                timeFrom=since,
                answers=Question.HOW_MUCH_OVER_TIME,
                id=latency_id,
            ),
        ]
    return found
