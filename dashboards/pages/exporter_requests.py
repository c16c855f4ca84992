"""The page of the exporter: the single requests that it keeps."""

from dashboards.fields import GREEN, ORANGE, RED, value_map
from dashboards.grafana import Panel
from dashboards.panels import bars, stat, timeseries
from dashboards.promql import Metrics

_NONE = "The config keeps no requests (requests)"


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
            id=37,
        ),
        stat(
            "Requests go back",
            "Age of the oldest day that is kept. Less than requests.keep: max_size is reached first.",
            {"": oldest},
            "dtdurations",
            decimals=0,
            no_value=_NONE,
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
    ]
