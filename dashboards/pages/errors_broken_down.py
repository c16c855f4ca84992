"""The page of errors: requests by method, key, status and HTTP verb."""

from dashboards.fields import STATUS_COLOURS, column
from dashboards.grafana import Json, Panel
from dashboards.leading import LEADING
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import donut
from dashboards.promql import success
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import ABSENT, Served, or_zero


def broken_down(m: Metrics, few: Metrics, to: Links, served: Served) -> list[Panel]:
    """The same requests, by one label after the other; `few` reads the leading keys alone."""
    return [
        _by_method(m, to, served),
        _by_key(few, to, served),
        _by_status(m),
        _by_http_method(m),
        _share_of_statuses(m),
    ]


def _by_method(m: Metrics, to: Links, served: Served) -> Panel:
    return table(
        "By method",
        "Endpoints (route templates) and JSON-RPC methods. Sort by requests, failures or latency.",
        _compared(m, "method", "gateway_request_duration_seconds"),
        {
            "method": column(links=[to.cell("Only this method", "gateway-errors", "method")]) | {"custom.width": 240},
            **_columns(served),
        },
        sort="requests",
        answers=Question.BREAKDOWN,
        id=21,
    )


def _by_key(m: Metrics, to: Links, served: Served) -> Panel:
    return table(
        "By key",
        f"Whose requests; over long ranges of a large gateway, {LEADING}. A click opens the key.",
        _compared(m, "key", "gateway_key_request_duration_seconds"),
        {
            "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]) | columns.KEY_ID,
            "name": columns.NAME,
            "failed": columns.COUNT,
            **_columns(served),
        },
        sort="failed",
        answers=Question.BREAKDOWN,
        id=22,
    )


def _compared(m: Metrics, by: str, duration: str) -> dict[str, str]:
    """The columns of requests by a label, those with the largest values."""
    volume, failed = m.count("gateway_requests_total", by=by), m.count("gateway_errors_total", by=by)
    found = {
        "requests": volume,
        "share": f"{volume} / on () group_left () {m.count('gateway_requests_total')}",
        "failed": or_zero(failed, volume),
        "gateway_failures": or_zero(m.count("gateway_errors_total", columns.OURS, by=by), volume),
        "success": success(failed, volume),
        "average": m.mean(duration, by=by, over="$__range"),
        "p95": m.quantile(0.95, duration, by=by, over="$__range"),
    }
    every = {name: f"topk(200, {query})" for name, query in found.items()}
    return every | {"requests": m.named(every["requests"])} if by == "key" else every


def _columns(served: Served) -> dict[str, Json | str]:
    return {
        "requests": columns.COUNT,
        "share": columns.SHARE,
        "failed": columns.COUNT,
        "gateway_failures": columns.FAILED_BY_US,
        "success": columns.SUCCESS,
        "average": columns.latency(served),
        "p95": columns.latency(served),
    }


def _by_status(m: Metrics) -> Panel:
    by_status = m.count("gateway_requests_total", by="status")
    return table(
        "By status",
        "Every status, its share. 499: the client went away; other: no HTTP status was logged.",
        {"requests": by_status, "share": f"{by_status} / on () group_left () {m.count('gateway_requests_total')}"},
        {"status": "", "requests": columns.COUNT, "share": columns.SHARE},
        sort="requests",
        width=8,
        answers=Question.BREAKDOWN,
        id=23,
    )


def _by_http_method(m: Metrics) -> Panel:
    return donut(
        "By HTTP method",
        "HTTP methods; all JSON-RPC calls are POST.",
        {"{{verb}}": _verbs(m.count("gateway_requests_total", by="method"))},
        "locale",
        answers=Question.BREAKDOWN,
        id=24,
    )


def _share_of_statuses(m: Metrics) -> Panel:
    return donut(
        "Share of statuses",
        "Classes have their colours: green good, blue elsewhere, yellow the client, red the gateway or its upstreams.",
        {"{{status}}": m.count("gateway_requests_total", by="status")},
        "locale",
        colours=STATUS_COLOURS,
        answers=Question.BREAKDOWN,
        id=25,
    )


def _verbs(by_method: str) -> str:
    """Counts by method as counts by HTTP verb; a method that is not `VERB /route` is JSON-RPC."""
    if by_method == ABSENT:
        return ABSENT
    rpc = f'label_replace({by_method}, "verb", "JSON-RPC", "", "")'
    return f'sum by (verb) (label_replace({rpc}, "verb", "$1", "method", "([A-Z]+) .*"))'
