"""The page of errors: how well it goes, and which methods are slow or failing."""

import math

from dashboards.fields import GREEN, RED, YELLOW, column, range_map
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import stat
from dashboards.promql import Metrics, success
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import Served, or_zero


def bottlenecks(m: Metrics, to: Links, served: Served) -> list[Panel]:
    """What most people ask first, and the methods to look at."""
    return [
        _success_rate(m, served),
        _failed_requests(m),
        _failures_of_ours(m),
        _average_latency(m, served),
        _p95_latency(m, served),
        _p99_latency(m, served),
        _methods_that_are_slow_or_failing(m, to, served),
    ]


def _success_rate(m: Metrics, served: Served) -> Panel:
    requests = m.count("gateway_requests_total")
    failed = m.count("gateway_errors_total")
    return stat(
        "Success rate",
        "Share of requests without any failure, of what is chosen above.",
        {"": success(failed, requests)},
        "percentunit",
        steps=columns.good(served),
        first=RED,
        answers=Question.WHICH_ERRORS,
        id=3,
    )


def _failed_requests(m: Metrics) -> Panel:
    requests = m.count("gateway_requests_total")
    failed = m.count("gateway_errors_total")
    return stat(
        "Failed requests",
        "Requests with an error of any type.",
        {"": or_zero(failed, requests)},
        "short",
        answers=Question.WHICH_ERRORS,
        id=4,
    )


def _failures_of_ours(m: Metrics) -> Panel:
    requests = m.count("gateway_requests_total")
    return stat(
        "Failures of ours",
        "Of type server_error, upstream_error or timeout: what availability counts.",
        {"": or_zero(m.count("gateway_errors_total", 'type=~"server_error|upstream_error|timeout"'), requests)},
        "short",
        steps={1: RED},
        first=GREEN,
        answers=Question.WHICH_ERRORS,
        id=5,
    )


def _average_latency(m: Metrics, served: Served) -> Panel:
    return stat(
        "Average latency",
        "Without WebSocket sessions and aborted requests.",
        {"": m.mean("gateway_request_duration_seconds", over="$__range")},
        "s",
        steps=columns.slow(served),
        first=GREEN,
        answers=Question.WHICH_BOTTLENECKS,
        id=6,
    )


def _p95_latency(m: Metrics, served: Served) -> Panel:
    return stat(
        "p95 latency",
        "19 of 20 requests were faster.",
        {"": m.quantile(0.95, "gateway_request_duration_seconds", over="$__range")},
        "s",
        steps=columns.slow(served),
        first=GREEN,
        answers=Question.WHICH_BOTTLENECKS,
        id=7,
    )


def _p99_latency(m: Metrics, served: Served) -> Panel:
    return stat(
        "p99 latency",
        "99 of 100 requests were faster.",
        {"": m.quantile(0.99, "gateway_request_duration_seconds", over="$__range")},
        "s",
        steps=columns.slow(served),
        first=GREEN,
        answers=Question.WHICH_BOTTLENECKS,
        id=8,
    )


def _methods_that_are_slow_or_failing(m: Metrics, to: Links, served: Served) -> Panel:
    volume = m.count("gateway_requests_total", by="method")
    errors = m.count("gateway_errors_total", by="method")
    mean = m.mean("gateway_request_duration_seconds", by="method", over="$__range")
    rate = success(errors, volume)
    most = served.alerts.latency.warning or math.inf
    least = served.alerts.success_rate.warning or 0
    slow = f"({mean}) > bool {most:g}"
    failing = f"({rate}) < bool {least:g}"
    found = f"({slow}) + 2 * ({failing}) or 2 * ({failing})"
    advice = range_map(
        [
            (1, 1, "slow: look at its upstream, cache it, or give it a limit of its own", YELLOW),
            (2, 2, "failing: see its error types below", RED),
            (3, 3, "slow and failing: its upstream is overloaded or broken; start here", RED),
        ]
    )
    return table(
        "Methods that are slow or failing",
        f"Average over {most:g} s, or a success rate under {least:.0%}, in the chosen time, with what to do about it.",
        {
            "what_to_do": f"topk(50, ({found}) > 0)",
            "requests": volume + _only(found),
            "average": mean + _only(found),
            "success": rate + _only(found),
        },
        {
            "method": column(links=[to.cell("Only this method", "gateway-errors", "method")]),
            "what_to_do": column(mappings=advice) | {"custom.cellOptions": {"type": "color-text"}},
            "requests": columns.COUNT,
            "average": columns.latency(served),
            "success": columns.rate_of_success(served),
        },
        sort="requests",
        no_value="No method is slow or failing",
        answers=Question.WHICH_BOTTLENECKS,
        id=9,
    )


def _only(found: str) -> str:
    return f" and on (method) (({found}) > 0)"
