"""The page of a key: what it asks, what fails, how long it takes."""

from dashboards.fields import STATUS_COLOURS, column
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import bars, timeseries
from dashboards.promql import success
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import Served, or_zero


def activity(m: Metrics, to: Links, served: Served) -> list[Panel]:
    """Volume and failures by method, what the failures were, and when."""
    return [
        _requests_by_method(m, to),
        _failed_requests_by_status_and_protocol(m, to),
        _requests_by_status(m, to),
        _latency(m, served),
    ]


def _requests_by_method(m: Metrics, to: Links) -> Panel:
    volume, failed = (m.count(f"gateway_{family}_total", by="method") for family in ("requests", "errors"))
    return table(
        "Requests by method",
        "What is asked, how often, what fails. A click on a method narrows this page to it, or shows its errors.",
        {
            "volume": volume,
            "share": f"{volume} / on () group_left () {m.count('gateway_requests_total')}",
            "failed": or_zero(failed, volume),
            "success": success(failed, volume),
        },
        {
            "method": column(
                links=[
                    to.cell("Its statuses: this method alone", "gateway-key", "method"),
                    to.cell("Errors and latency of this method", "gateway-errors", "method"),
                ]
            )
            | {"custom.minWidth": 200},
            "volume": columns.COUNT,
            "share": columns.SHARE,
            "failed": columns.COUNT,
            "success": columns.SUCCESS,
        },
        sort="volume",
        width=12,
        answers=Question.WHAT_FAILED_FOR_A_KEY,
        id=17,
    )


def _failed_requests_by_status_and_protocol(m: Metrics, to: Links) -> Panel:
    return table(
        "Failed requests by status and protocol",
        "What the failures of each method were, HTTPS and WSS apart. Choose a method above to see only its own.",
        {"requests": m.count("gateway_errors_total", by="method status type protocol") + " > 0"},
        {
            "requests": columns.COUNT_FIRST,
            "status": {"custom.width": 80},
            "type": {"custom.width": 165},
            "method": column(links=[to.cell("Errors and latency of this method", "gateway-errors", "method")]),
            "protocol": {"custom.width": 90},
        },
        sort="requests",
        no_value="No request failed",
        width=12,
        answers=Question.WHAT_FAILED_FOR_A_KEY,
        id=18,
    )


def _requests_by_status(m: Metrics, to: Links) -> Panel:
    by_status = m.count("gateway_requests_total", by="status", over="$__interval", at="offset -$__interval")
    return bars(
        "Requests by status",
        "When it failed. Yellow all along: the client sends what can't work; red for a while: an incident of the "
        "gateway.",
        {"{{status}}": by_status},
        "locale",
        colours=STATUS_COLOURS,
        links=[to.page("Errors and latency", "gateway-errors")],
        answers=Question.WHAT_FAILED_FOR_A_KEY,
        id=19,
    )


def _latency(m: Metrics, served: Served) -> Panel:
    return timeseries(
        "Latency",
        "How long this key's requests take. The dashed line is the warning level of the average.",
        {
            "average": m.mean("gateway_key_request_duration_seconds"),
            "p95": m.quantile(0.95, "gateway_key_request_duration_seconds"),
            "warning level": columns.level(served.alerts.latency.warning),
        },
        "s",
        limit="warning level",
        exemplar=True,
        id=20,
    )
