"""The overview: who uses the gateway most, and what for."""

from dashboards.fields import RED
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import bargauge
from dashboards.promql import among, largest
from dashboards.questions import Question


def top(m: Metrics, to: Links) -> list[Panel]:
    """The first ten of each kind."""
    methods = m.count("gateway_calls_total", by="method")
    return [
        bargauge(
            "Requests of the ten busiest keys",
            "Who uses the gateway most. One that was never here before: look at its origins. A click opens the key.",
            columns.ten_keys(m, m.count("gateway_requests_total", by="key")),
            "locale",
            links=[to.key()],
            width=5,
            answers=Question.BREAKDOWN,
            id=15,
        ),
        bargauge(
            "Failures of the ten top keys",
            "Whose requests fail, of every type. A click opens the key; one key alone is its client's mistake more "
            "often than the gateway's.",
            columns.ten_keys(m, f"{m.count('gateway_errors_total', among('most_failures'), by='key')} > 0"),
            "locale",
            links=[to.key()],
            no_value="No request failed",
            width=5,
            answers=Question.BREAKDOWN,
            id=16,
        ),
        bargauge(
            "Calls of the ten top methods, and others",
            "What is called. Calls in a JSON-RPC batch count one by one. A click opens the method's errors.",
            {"{{method}}": largest(methods, "method")},
            "locale",
            links=[to.method()],
            width=8,
            answers=Question.BREAKDOWN,
            id=17,
        ),
        bargauge(
            "Requests by chain",
            "Which networks are asked. A chain that went quiet: its node or its route is down.",
            {"{{chain}}": largest(m.count("gateway_requests_total", by="chain"), "chain")},
            "locale",
            links=[to.chain()],
            width=6,
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
            "Gateway and upstream failures by method",
            "Failures that count against availability: server_error, upstream_error, timeout.",
            {"{{method}}": f"topk(10, {m.count('gateway_errors_total', columns.OURS, by='method')} > 0)"},
            "locale",
            steps={1: RED},
            links=[to.method()],
            no_value="Neither the gateway nor an upstream failed",
            answers=(Question.BREAKDOWN, Question.WHICH_BOTTLENECKS),
            id=52,
        ),
        bargauge(
            "Data sent to the ten keys that take most",
            "Whose answers are large. Traffic costs money where the provider bills by the byte.",
            columns.ten_keys(m, m.count("gateway_response_bytes_total", by="key")),
            "bytes",
            links=[to.key()],
            answers=Question.HOW_MUCH,
            id=20,
        ),
    ]
