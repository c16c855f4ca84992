"""The overview: is it getting more, slower, worse, and through whom?"""

from dashboards.fields import GREEN, ORANGE, column, range_map
from dashboards.grafana import Json, Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import stat
from dashboards.promql import total
from dashboards.questions import Question
from dashboards.tables import table


def changes(m: Metrics, to: Links) -> list[Panel]:
    """How the chosen time developed, and which keys and methods changed most."""
    return [
        *_trends(m),
        _changed(
            m,
            "Keys whose use changed most",
            "Requests of the last 24 whole hours and of the 24 before. A key that stopped: its client is down, or "
            "can't reach the gateway; one that grew: see its limits.",
            "key",
            "key:gateway_requests",
            column(links=[to.cell("Look at this key", "gateway-key", "key")]),
            id=48,
        ),
        _changed(
            m,
            "Methods whose failures changed most",
            "Failed requests of the last 24 whole hours and of the 24 before, of every type.",
            "method",
            "method:gateway_errors",
            column(links=[to.cell("Errors and latency of this method", "gateway-errors", "method")]) | columns.METHOD,
            id=49,
        ),
    ]


def _trends(m: Metrics) -> list[Panel]:
    about = "The second half of the chosen time over the first: ±10 % counts as stable. "
    requests, errors = total(m("fleet:gateway_requests:rate5m")), total(m("fleet:gateway_errors:rate5m"))
    latency = f"avg({m('fleet:gateway_request_duration_seconds:mean5m')})"
    return [
        _trend("Trend of requests", about + "Growth that lasts: look at Costs and capacity.", requests, "blue", id=29),
        _trend(
            "Trend of latency",
            about + "Increasing: find what became slow in Errors and latency.",
            latency,
            ORANGE,
            id=30,
        ),
        _trend(
            "Trend of failures", about + "Increasing faster than requests: something breaks.", errors, "blue", id=31
        ),
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
        no_value="No recording rules, or nothing to compare with yet",
        width=8,
        high=3,
        answers=Question.WHICH_TRENDS,
        id=id,
    )


def _changed(m: Metrics, title: str, description: str, label: str, series: str, link: Json, *, id: int) -> Panel:
    now, before = m.hours(series, by=label, hours=24), m.hours(series, by=label, hours=24, at="offset 1d")
    # On the first day there is nothing that changed.
    watched = total(f"last_over_time({m('fleet:gateway_requests:rate5m')}[1h] offset 47h)")
    largest = f"topk(10, abs(({now}) - ({before}) or ({now}) or ({before})) and on () {watched})"
    last = f"({now}) and on ({label}) {largest}"
    return table(
        title,
        description,
        {
            "last_24_hours": m.named(last) if label == "key" else last,
            "the_day_before": f"({before}) and on ({label}) {largest}",
            "difference": largest,
            "change": f"({now}) / ({before} > 0) - 1 and on ({label}) {largest}",
        },
        {
            label: columns.KEY_ID | link,
            **({"name": columns.NAME} if label == "key" else {}),
            "difference": columns.COUNT,
            "last_24_hours": columns.COUNT,
            "the_day_before": columns.COUNT,
            "change": column("percentunit", decimals=0),
        },
        sort="difference",
        no_value="Needs two days of the recording rules",
        width=12,
        answers=Question.WHICH_TRENDS,
        id=id,
    )
