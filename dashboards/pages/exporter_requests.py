"""The page of the exporter: the single requests that it keeps."""

from dashboards.fields import GREEN, ORANGE, RED, value_map
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.panels import bars, stat, timeseries

_NONE = "The config keeps no requests (requests)"
_NOT_SENT = "The config sends no requests (requests.otlp)"


def requests(m: Metrics) -> list[Panel]:
    """Whether requests are kept, how far back they go, and how large they are."""
    rows = m.count("gateway_exporter_request_rows_total", by="result", over="$__interval", at="offset -$__interval")
    oldest = f"floor(time() - min({m('gateway_exporter_request_log_oldest_timestamp_seconds')}))"
    return [
        stat(
            "Requests can be kept",
            "No: the disk is full, or the folder can't be written. Requests are counted all the same.",
            {"": f"min({m('gateway_exporter_request_log_healthy')})"},
            "none",
            mappings=value_map({1: ("yes", GREEN), 0: ("no", RED)}),
            no_value=_NONE,
            high=8,
            id=37,
        ),
        stat(
            "Requests go back",
            "Age of the oldest day that is kept. Less than requests.keep: max_size is reached first.",
            {"": oldest},
            "dtdurations",
            decimals=0,
            no_value=_NONE,
            high=8,
            id=38,
        ),
        bars(
            "Requests by what became of their row",
            "Dropped: they could not be written; see the exporter's log. Old: a backlog older than what is kept.",
            {"{{result}}": rows},
            "locale",
            colours={"^kept$": GREEN, "^dropped$": RED, "^(old|sampled)$": ORANGE},
            no_value=_NONE,
            width=8,
            id=39,
        ),
        timeseries(
            "Size of the request log",
            "All of its files. At requests.max_size the oldest day is deleted.",
            {"{{instance}}": f"max by (instance) ({m('gateway_exporter_request_log_bytes')})"},
            "bytes",
            no_value=_NONE,
            width=8,
            id=40,
        ),
        *_sent(m),
    ]


def _sent(m: Metrics) -> list[Panel]:
    """Whether they arrive where they are sent by OTLP."""
    by_result = m.count("gateway_exporter_otlp_rows_total", by="result", over="$__interval", at="offset -$__interval")
    failed = m.count("gateway_exporter_otlp_failures_total", by="reason", over="$__interval", at="offset -$__interval")
    return [
        stat(
            "Last sent by OTLP",
            "Time since the receiver last took requests.",
            {"": f"time() - max({m('gateway_exporter_otlp_last_success_timestamp_seconds')})"},
            "dtdurations",
            decimals=0,
            no_value=_NOT_SENT,
            high=8,
            id=41,
        ),
        timeseries(
            "Requests that wait to be sent",
            "At most; they wait in the exporter's files.",
            {"{{instance}}": f"max by (instance) ({m('gateway_exporter_otlp_lag_rows')})"},
            "locale",
            no_value=_NOT_SENT,
            width=10,
            id=42,
        ),
        timeseries(
            "Age of the oldest that waits",
            "By its time in the log. More than requests.keep: what is older is lost to the receiver.",
            {"{{instance}}": f"max by (instance) ({m('gateway_exporter_otlp_lag_seconds')})"},
            "s",
            no_value=_NOT_SENT,
            width=10,
            id=43,
        ),
        bars(
            "Requests sent by OTLP",
            "Refused: by the receiver, for good. Lost: deleted by age or size before they were sent.",
            {"{{result}}": by_result},
            "locale",
            colours={"^sent$": GREEN, "^(lost|refused)$": ORANGE},
            no_value=_NOT_SENT,
            id=44,
        ),
        bars(
            "Failures of the OTLP receiver",
            "Requests to it that failed, by reason. Rows wait and are sent again, unless they are refused.",
            {"{{reason}}": failed},
            "locale",
            no_value=_NOT_SENT,
            id=45,
        ),
    ]
