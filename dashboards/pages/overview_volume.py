"""The overview: how much there is, and how it was by hour, day, week and month."""

from dashboards.fields import GREY, RED, override
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panel import panel_of
from dashboards.panels import bars, stat, timeseries
from dashboards.promql import success, total
from dashboards.questions import Question
from exporter.config.served import Served, or_zero

# Of each bar its name and its hours, since when (at most 96 of them), and the ids of its two panels.
_STEPS = (("hour", 1, "4d", 34, 35), ("day", 24, "30d", 36, 37), ("week", 24 * 7, "90d", 38, 39))
_EVERY_BAR = 96
_COLOURS = {"^of them failed$": GREY, "^failed by the gateway$": RED}


def volume(m: Metrics, to: Links, served: Served) -> list[Panel]:
    """Numbers of the chosen time."""
    return [*_totals(m, to, served), *_peaks(m)]


def _totals(m: Metrics, to: Links, served: Served) -> list[Panel]:
    requests, failed = m.count("gateway_requests_total"), m.count("gateway_errors_total")
    errors = [to.page("What fails, and why", "gateway-errors")]
    return [
        stat(
            "Successful requests",
            "Requests without an error of any type.",
            {"": f"({requests}) - ({or_zero(failed, requests)})"},
            "locale",
            compared=True,
            answers=Question.HOW_MUCH,
            id=50,
        ),
        stat(
            "Failed requests",
            "Requests with an error of any type, the gateway's and the clients'. The link says which.",
            {"": or_zero(failed, requests)},
            "locale",
            compared=True,
            links=errors,
            answers=Question.HOW_MUCH,
            id=4,
        ),
        stat(
            "Success rate",
            "Share of requests that did not fail in any way, refusals of clients among them.",
            {"": success(failed, requests)},
            "percentunit",
            decimals=2,
            compared=True,
            links=errors,
            answers=Question.HOW_MUCH,
            id=3,
        ),
        stat(
            "Average latency",
            "Average duration, without WebSocket sessions and aborted requests. High: find the slow method above.",
            {"": m.mean("gateway_request_duration_seconds", over="$__range")},
            "s",
            steps=columns.slow(served),
            compared=True,
            links=errors,
            answers=Question.HOW_MUCH,
            id=6,
        ),
        stat(
            "Slowest request now",
            "The slowest request of the last two minutes. One slow call may be chance: look at the average too.",
            {"": f"max({m('gateway_request_duration_max_seconds')})"},
            "s",
            no_value="No requests in the last two minutes",
            graph=True,
            answers=Question.HOW_MUCH,
            id=7,
        ),
        stat(
            "Requests of all time",
            "What Prometheus still holds, of up to five years, in whole hours.",
            {"": m.hours(m.smallest("gateway_requests"), hours=5 * 365 * 24)},
            "locale",
            no_value=columns.NEEDS_RULES,
            answers=Question.HOW_MUCH_OVER_TIME,
            id=51,
        ),
    ]


def _peaks(m: Metrics) -> list[Panel]:
    requests = "gateway_requests_total"
    sent, received = m.count("gateway_response_bytes_total"), m.count("gateway_request_bytes_total")
    whole = m.smallest("gateway_requests")
    hour, day = total(m(f"{whole}:increase1h")), m.hours(whole, hours=24)
    return [
        stat(
            "Requests a minute",
            "Average over the chosen time, and the highest five minutes of it. A peak far above: bursts; see Limits.",
            {
                "average": f"60 * {m.rate(requests, over='$__range')}",
                "peak": f"60 * max_over_time({total(m('fleet:gateway_requests:rate5m'))}[$__range:5m])",
            },
            "locale",
            answers=Question.HOW_MUCH,
            id=22,
        ),
        stat(
            "Requests an hour",
            "The last whole hour, and the busiest of the chosen time.",
            {
                "last": hour,
                "peak": f"max_over_time({hour}[$__range:1h]) > ({hour}) or ({hour})",
            },
            "locale",
            no_value=columns.NEEDS_RULES,
            answers=Question.HOW_MUCH,
            id=23,
        ),
        stat(
            "Requests a day",
            "The last 24 whole hours, and the busiest day of the last 30.",
            {"last": day, "peak": f"max_over_time(({day})[30d:1d]) > ({day}) or ({day})"},
            "locale",
            no_value=columns.NEEDS_RULES,
            answers=Question.HOW_MUCH,
            id=24,
        ),
        stat(
            "Peak latency",
            "The slowest request of the chosen time, by the hour.",
            {"": f"max(max_over_time({m('method:gateway_request_duration_max_seconds:max1h')}[$__range]))"},
            "s",
            no_value=columns.NEEDS_RULES,
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
            compared=True,
            answers=Question.HOW_MUCH,
            id=27,
        ),
    ]


def by_step(m: Metrics) -> list[Panel]:
    """Bars of all sizes."""
    found = [
        bars(
            "Requests by minute",
            "The chosen time in bars of a minute, or longer where they would be too thin.",
            {
                "requests": m.count("gateway_requests_total", over="$__interval", at="offset -$__interval"),
                "of them failed": m.count("gateway_errors_total", over="$__interval", at="offset -$__interval"),
                "failed by the gateway": m.count(
                    "gateway_errors_total", columns.OURS, over="$__interval", at="offset -$__interval"
                ),
            },
            "locale",
            colours=_COLOURS,
            width=24,
            answers=Question.HOW_MUCH_OVER_TIME,
            stacked=False,
            id=33,
        )
    ]
    requests, errors = m.smallest("gateway_requests"), m.smallest("gateway_errors")
    duration, every_one = "method:gateway_request_duration_seconds", 'le="+Inf"'
    for step, hours, since, requests_id, latency_id in _STEPS:
        every = "1h" if hours == 1 else f"{hours // 24}d"
        at = f"offset -{every}"
        found += [
            bars(
                f"Requests by {step}",
                "Each bar stands at its beginning; the last one is not over. Whole hours, from recorded rules.",
                {
                    "requests": m.hours(requests, hours=hours, at=at),
                    "of them failed": m.hours(errors, hours=hours, at=at),
                    "failed by the gateway": m.hours(errors, columns.OURS, hours=hours, at=at),
                },
                "locale",
                every=every,
                maxDataPoints=_EVERY_BAR,
                colours=_COLOURS,
                timeFrom=since,
                stacked=False,
                no_value=columns.NEEDS_AN_HOUR,
                answers=Question.HOW_MUCH_OVER_TIME,
                id=requests_id,
            ),
            timeseries(
                f"Average latency by {step}",
                "A slope over weeks is growth or ageing data; a step is a release.",
                {
                    "average": f"{m.hours(f'{duration}_sum', hours=hours, at=at)}"
                    f" / ({m.hours(f'{duration}_bucket', every_one, hours=hours, at=at)} > 0)"
                },
                "s",
                interval=every,
                maxDataPoints=_EVERY_BAR,
                timeFrom=since,
                no_value=columns.NEEDS_AN_HOUR,
                answers=Question.HOW_MUCH_OVER_TIME,
                id=latency_id,
            ),
        ]
    return [*found, _by_month(m)]


def _by_month(m: Metrics) -> Panel:
    """Days as a query gives them, summed by calendar month as Grafana groups rows."""
    sums = {"Value #A": "Requests", "Value #B": "Failed"}
    grouped = {column: {"operation": "aggregate", "aggregations": ["sum"]} for column in sums}
    converted = [{"targetField": "Time", "destinationType": "string", "dateFormat": "YYYY-MM"}]
    named = {f"{column} (sum)": name for column, name in sums.items()} | {"Time": "Month"}
    return panel_of(
        "table",
        "Requests by month",
        "Calendar months, in whole days; the first is not whole and the last not over.",
        {
            "requests": m.hours(m.smallest("gateway_requests"), hours=24, at="offset -1d"),
            "failed": m.hours(m.smallest("gateway_errors"), hours=24, at="offset -1d"),
        },
        form="table",
        defaults={"noValue": columns.NEEDS_AN_HOUR, **columns.COUNT, "custom": {"align": "auto"}},
        overrides=[override("byRegexp", "/.*/", {"noValue": "–"})],
        options={"showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": "Month", "desc": True}]},
        transformations=[
            {"id": "merge", "options": {}},
            {"id": "convertFieldType", "options": {"conversions": converted, "fields": {}}},
            {"id": "groupBy", "options": {"fields": {"Time": {"operation": "groupby", "aggregations": []}} | grouped}},
            {"id": "organize", "options": {"excludeByName": {}, "indexByName": {}, "renameByName": named}},
        ],
        interval="1d",
        maxDataPoints=400,
        timeFrom="1y",
        width=24,
        answers=Question.HOW_MUCH_OVER_TIME,
        id=40,
    )
