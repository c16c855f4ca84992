"""The page of errors: how well it goes, and which methods are slow or failing."""

import math
from typing import Any

from dashboards.fields import GREEN, RED, YELLOW, column, range_map
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import stat
from dashboards.promql import success
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import ABSENT, Served, or_zero


def bottlenecks(m: Metrics, to: Links, served: Served) -> list[Panel]:
    """What most people ask first, and the methods to look at."""
    return [*_numbers(m, served), _methods_that_are_slow_or_failing(m, to, served)]


def _numbers(m: Metrics, served: Served) -> list[Panel]:
    requests, failed = m.count("gateway_requests_total"), m.count("gateway_errors_total")
    duration = "gateway_request_duration_seconds"

    def number(title: str, description: str, query: str, unit: str, **more: Any) -> Panel:
        return stat(title, description, {"": query}, unit, compared=True, **more)

    def seconds(title: str, description: str, query: str, *, id: int) -> Panel:
        steps, answers = columns.slow(served), Question.WHICH_BOTTLENECKS
        return number(title, description, query, "s", steps=steps, first=GREEN, answers=answers, id=id)

    return [
        number(
            "Failed by the gateway",
            "Of type server_error, upstream_error or timeout: what availability counts.",
            or_zero(m.count("gateway_errors_total", columns.OURS), requests),
            "locale",
            steps={0.5: RED},
            first=GREEN,
            answers=Question.WHICH_ERRORS,
            id=5,
        ),
        number(
            "Failed requests",
            "Requests with an error of any type, also those that the client caused.",
            or_zero(failed, requests),
            "locale",
            answers=Question.WHICH_ERRORS,
            id=4,
        ),
        number(
            "Success rate",
            "Share of requests without any failure, of what is chosen above.",
            success(failed, requests),
            "percentunit",
            decimals=2,
            answers=Question.WHICH_ERRORS,
            id=3,
        ),
        seconds(
            "Average latency",
            "Without WebSocket sessions and aborted requests.",
            m.mean(duration, over="$__range"),
            id=6,
        ),
        seconds("p95 latency", "19 of 20 requests were faster.", m.quantile(0.95, duration, over="$__range"), id=7),
        seconds("p99 latency", "99 of 100 requests were faster.", m.quantile(0.99, duration, over="$__range"), id=8),
    ]


def _methods_that_are_slow_or_failing(m: Metrics, to: Links, served: Served) -> Panel:
    volume = m.count("gateway_requests_total", by="method")
    ours, errors = (
        m.count("gateway_errors_total", columns.OURS, by="method"),
        m.count("gateway_errors_total", by="method"),
    )
    mean = m.mean("gateway_request_duration_seconds", by="method", over="$__range")
    most = served.alerts.latency.warning or math.inf
    least = served.alerts.success_rate.warning or 0
    # Of requests that are aborted, or sessions, there is no average; of some logs there is none at all.
    slow = f"0 * {volume}" if ABSENT in mean else or_zero(f"({mean}) > bool {most:g}", volume)
    failing, refused = (f"({success(failed, volume)}) < bool {least:g}" for failed in (ours, errors))
    words = (
        (1, 1, "slow: look at its upstream, cache it, or give it a limit of its own", YELLOW),
        (6, 6, "failing: the gateway or its upstream; see its error types below", RED),
        (7, 7, "slow and failing: its upstream is overloaded or broken; start here", RED),
        (4, 4, "refused to clients: their keys, limits or calls; see Keys", "text"),
        (5, 5, "slow, and refused to clients: look at its upstream, then at Keys", YELLOW),
    )
    return table(
        "Methods that are slow or failing",
        f"Average over {most:g} s, or a success rate under {least:.0%}, in the chosen time, with what to do about it. "
        "What fails through the gateway or its upstreams is red; what clients are refused is not.",
        {
            "what_to_do": f"({slow}) + 2 * ({failing}) + 4 * ({refused})",
            "requests": volume,
            "gateway_failures": or_zero(ours, volume),
            "success": success(errors, volume),
            "average": mean,
        },
        {
            "method": column(links=[to.cell("Only this method", "gateway-errors", "method")])
            | {"custom.minWidth": 180},
            "gateway_failures": columns.FAILED_BY_US,
            "what_to_do": column(mappings=range_map(list(words))) | columns.ADVICE | {"custom.width": 480},
            "requests": columns.COUNT,
            "success": columns.SUCCESS,
            "average": columns.latency(served),
        },
        sort="gateway_failures",
        above_zero="what_to_do",
        no_value="No method is slow or failing",
        answers=Question.WHICH_BOTTLENECKS,
        id=9,
    )
