"""The overview: how much there is, where it leads, and how it was by hour, day, week and month."""

from dashboards.fields import GREEN, RED, range_map
from dashboards.grafana import Panel
from dashboards.panels import bars, stat, timeseries
from dashboards.promql import Metrics, total
from dashboards.questions import Question

# Of each bar its name and its hours, since when, and the ids of its two panels.
_STEPS = (
    ("hour", 1, "7d", 34, 35),
    ("day", 24, "30d", 36, 37),
    ("week", 24 * 7, "90d", 38, 39),
    ("30 days", 24 * 30, "1y", 40, 41),
)


def volume(m: Metrics) -> list[Panel]:
    """Numbers of the chosen time."""
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


def trends(m: Metrics) -> list[Panel]:
    """Whether each grows."""
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


def by_step(m: Metrics) -> list[Panel]:
    """Bars of all sizes."""
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
