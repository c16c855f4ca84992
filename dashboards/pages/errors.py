"""Gateway / Errors and latency: what fails, where, why; what is slow."""

import math

from dashboards.board import Board, Row
from dashboards.fields import GREEN, GREY, ORANGE, RED, STATUS_COLOURS, YELLOW, column, range_map
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import bars, donut, heatmap, stat, text, timeseries
from dashboards.promql import Metrics, leaders, success
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config_served import ABSENT, Served, or_zero

_VARIABLES = ("key", "chain", "method")
_HEADER = """**For whoever has to find out what fails, or what is slow.** First the types: `upstream_error`, \
`server_error` and `timeout` are ours, the others the clients'. Then the method, then the key. Each table leads on."""

# What the types of errors mean, and what to do.
TYPES = {
    "blocked": "a policy of the gateway refused it: see Providers",
    "rate_limit_exceeded": "over a limit (429): see Limits and quotas",
    "auth": "key missing, wrong, or not allowed (401, 403): ask the key's owner",
    "timeout": "the upstream did not answer in time: look at its load, or at heavy calls",
    "upstream_error": "the upstream failed or was not there: look at the upstream",
    "server_error": "the gateway itself failed (5xx): look at its log",
    "client_abort": "the client went away (499): it is impatient, or answers are slow",
    "client_error": "the request was wrong (4xx): ask the key's owner",
    "rpc_error": "a JSON-RPC error inside a 200: the call itself was wrong, or the node refused it",
}


def page(served: Served) -> Board:
    """The dashboard."""
    m, to = Metrics(served, _VARIABLES), Links(served, _VARIABLES)
    return Board(
        uid="gateway-errors",
        title="Errors and latency",
        description="What fails, where, and why; what is slow. By type, method, status and key.",
        variables=_VARIABLES,
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("Bottlenecks", _bottlenecks(m, to, served), id=2),
            Row("Errors", _errors(m, to), id=10),
            Row("Latency", _latency(m, to, served), id=15),
            Row("Broken down", _broken_down(m, to, served), id=20),
            Row("Failures in detail", _detail(m, to), closed=True, id=26),
        ],
    )


def _bottlenecks(m: Metrics, to: Links, served: Served) -> list[Panel]:
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


def _errors(m: Metrics, to: Links) -> list[Panel]:
    errors = "gateway_errors_total"
    by_type = m.count(errors, by="type")
    meanings = {name: {"text": f"{name}: {meaning}", "index": n} for n, (name, meaning) in enumerate(TYPES.items())}
    return [
        bars(
            "Failed requests by type",
            "When what failed. The table beside it says what the types mean.",
            {"{{type}}": m.count(errors, by="type", over="$__interval", at="offset -$__interval")},
            "short",
            colours={
                "^(server_error|upstream_error|timeout)$": RED,
                "^(auth|client_error|rpc_error)$": YELLOW,
                "^rate_limit_exceeded$": ORANGE,
                "^client_abort$": GREY,
                "^blocked$": "purple",
            },
            no_value="No request failed",
            answers=Question.WHICH_ERRORS,
            id=11,
        ),
        table(
            "Types of failures",
            "How often each occurs, its share, what it means and where to look.",
            {"requests": by_type, "share": f"{by_type} / on () group_left () {m.count(errors)}"},
            {
                "type": column(mappings=[{"type": "value", "options": meanings}]),
                "requests": columns.COUNT,
                "share": columns.SHARE,
            },
            sort="requests",
            no_value="No request failed",
            width=12,
            answers=Question.WHICH_ERRORS,
            id=12,
        ),
        timeseries(
            "Failed requests a second by type",
            "The rate of each type; 0 is drawn as 0.",
            {"{{type}}": m.rate(errors, by="type"), "all": or_zero(m.rate(errors), m.rate("gateway_requests_total"))},
            "reqps",
            no_value="No request failed",
            answers=Question.WHICH_ERRORS,
            id=13,
        ),
        timeseries(
            "Failed requests a second of the five methods that fail most, and others",
            "Which endpoint it is. A click narrows this page to it.",
            {"{{method}}": leaders(m.rate(errors, by="method"), m.count(errors, by="method", at="@ end()"), "method")},
            "reqps",
            links=[to.method()],
            no_value="No request failed",
            answers=(Question.WHICH_ERRORS, Question.WHAT_FAILED_FOR_A_KEY),
            id=14,
        ),
    ]


def _latency(m: Metrics, to: Links, served: Served) -> list[Panel]:
    name = "gateway_request_duration_seconds"
    ranking = m.count(f"{name}_count", by="method", at="@ end()")
    return [
        timeseries(
            "Latency",
            "Half of the requests are faster than p50, 19 of 20 than p95. The dashed line is the warning level.",
            {
                "p50": m.quantile(0.5, name),
                "p95": m.quantile(0.95, name),
                "p99": m.quantile(0.99, name),
                "average": m.mean(name),
                "warning level": columns.level(served.alerts.latency.warning),
            },
            "s",
            limit="warning level",
            exemplar=True,
            answers=Question.WHICH_BOTTLENECKS,
            id=16,
        ),
        heatmap(
            "How long requests take",
            "Darker means more requests. Two bands: two kinds of calls; a band that climbs: something fills up.",
            f"sum by (le) (increase({m(f'{name}_bucket', by='le')}[$__rate_interval]))",
            "s",
            width=12,
            id=17,
        ),
        timeseries(
            "p95 latency of the ten methods called most",
            "Which method is slow, and since when.",
            {"{{method}}": f"{m.quantile(0.95, name, by='method')} and on (method) topk(10, {ranking})"},
            "s",
            links=[to.method()],
            answers=Question.WHICH_BOTTLENECKS,
            id=18,
        ),
        timeseries(
            "Slowest request of the ten slowest methods",
            "The slowest of two minutes each. Compare with p95: single outliers are not worth a night.",
            {"{{method}}": f"topk(10, max by (method) ({m('gateway_request_duration_max_seconds', by='method')}))"},
            "s",
            links=[to.method()],
            answers=Question.HOW_MUCH,
            id=19,
        ),
    ]


def _broken_down(m: Metrics, to: Links, served: Served) -> list[Panel]:
    requests, errors, duration = "gateway_requests_total", "gateway_errors_total", "gateway_request_duration_seconds"
    whole = m.count(requests)

    def rows(by: str, *, latency: str = "") -> dict[str, str]:
        volume, failed = m.count(requests, by=by), m.count(errors, by=by)
        found = {
            "requests": volume,
            "share": f"{volume} / on () group_left () {whole}",
            "failed": or_zero(failed, volume),
            "success": success(failed, volume),
        }
        if latency:
            found["average"] = m.mean(latency, by=by, over="$__range")
            found["p95"] = m.quantile(0.95, latency, by=by, over="$__range")
        return found

    shared_columns = {
        "requests": columns.COUNT,
        "share": columns.SHARE,
        "failed": columns.COUNT,
        "success": columns.rate_of_success(served),
        "average": columns.latency(served),
        "p95": columns.latency(served),
    }
    verbs = _verbs(m.count(requests, by="method"))
    return [
        table(
            "By method",
            "Endpoints (route templates) and JSON-RPC methods. Sort by requests, failures or latency.",
            {name: f"topk(200, {query})" for name, query in rows("method", latency=duration).items()},
            {"method": column(links=[to.cell("Only this method", "gateway-errors", "method")]), **shared_columns},
            sort="requests",
            answers=Question.BREAKDOWN,
            id=21,
        ),
        table(
            "By key",
            "Whose requests. A click opens the key.",
            {
                name: f"topk(200, {query})"
                for name, query in rows("key", latency="gateway_key_request_duration_seconds").items()
            },
            {"key": column(links=[to.cell("Look at this key", "gateway-key", "key")]), **shared_columns},
            sort="failed",
            answers=Question.BREAKDOWN,
            id=22,
        ),
        table(
            "By status",
            "Every status, its share. 499: the client went away; other: no HTTP status was logged.",
            {
                "requests": m.count(requests, by="status"),
                "share": f"{m.count(requests, by='status')} / on () group_left () {whole}",
            },
            {"status": "", "requests": columns.COUNT, "share": columns.SHARE},
            sort="requests",
            width=8,
            answers=Question.BREAKDOWN,
            id=23,
        ),
        donut(
            "By HTTP method",
            "Verbs; JSON-RPC calls have none worth telling.",
            {"{{verb}}": verbs},
            "short",
            answers=Question.BREAKDOWN,
            id=24,
        ),
        donut(
            "Share of statuses",
            "Classes have their colours: green good, blue elsewhere, yellow the client, red ours.",
            {"{{status}}": m.count(requests, by="status")},
            "short",
            colours=STATUS_COLOURS,
            answers=Question.BREAKDOWN,
            id=25,
        ),
    ]


def _verbs(by_method: str) -> str:
    """Counts by method as counts by HTTP verb; a method that is no `VERB /route` is JSON-RPC's."""
    if by_method == ABSENT:
        return ABSENT
    rpc = f'label_replace({by_method}, "verb", "JSON-RPC", "", "")'
    return f'sum by (verb) (label_replace({rpc}, "verb", "$1", "method", "([A-Z]+) .*"))'


def _detail(m: Metrics, to: Links) -> list[Panel]:
    return [
        table(
            "Failures by key, method, status and type",
            "The 100 most frequent failures. What one key alone sees is its client's; what all see is ours.",
            {"requests": f"topk(100, {m.count('gateway_errors_total', by='key chain method protocol status type')})"},
            {
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]),
                "method": column(links=[to.cell("Only this method", "gateway-errors", "method")]),
                "chain": "",
                "protocol": "",
                "status": "",
                "type": "",
                "requests": columns.COUNT,
            },
            sort="requests",
            no_value="No request failed",
            answers=(Question.WHAT_FAILED_FOR_A_KEY, Question.WHICH_ERRORS),
            id=27,
        )
    ]
