"""Gateway / Errors and latency: what fails, where, why; what is slow."""

from dashboards.board import Board, Row
from dashboards.fields import GREY, ORANGE, RED, YELLOW, column
from dashboards.grafana import Panel
from dashboards.leading import LEADING, OfLeadingKeys, leading_keys
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.errors_bottlenecks import bottlenecks
from dashboards.pages.errors_broken_down import broken_down
from dashboards.pages.links import Links
from dashboards.panels import bargauge, bars, heatmap, text, timeseries
from dashboards.promql import five, largest
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import Served, or_zero

_VARIABLES = ("key", "chain", "method")
# Recorded hours answer while nothing is chosen.
_COVERED: tuple[str, ...] = ()
_HEADER = "**For whoever has to find out what fails, or what is slow.** Every table leads on."

# What the types of errors mean, and what to do.
TYPES = {
    "blocked": "a policy of the gateway refused it: see Providers",
    "rate_limit_exceeded": "over a limit (429): see Limits and quotas",
    "auth": "key missing, wrong, or not allowed (401, 403): ask the key's owner",
    "timeout": "the upstream was too slow: look at its load and at heavy calls",
    "upstream_error": "the upstream failed or was not there: look at the upstream",
    "server_error": "the gateway itself failed (5xx): look at its log",
    "client_abort": "the client went away (499): impatient, or slow answers",
    "client_error": "the request was wrong (4xx): ask the key's owner",
    "rpc_error": "JSON-RPC error in a 200: a wrong call, or the node refused it",
}

_COLOURS = {
    "^(server_error|upstream_error|timeout)$": RED,
    "^(auth|client_error|rpc_error)$": YELLOW,
    "^rate_limit_exceeded$": ORANGE,
    "^client_abort$": "semi-dark-blue",
    "^blocked$": "purple",
}


def page(served: Served) -> Board:
    """The dashboard."""
    m, to = Metrics(served, _VARIABLES, _COVERED), Links(served, _VARIABLES)
    few = OfLeadingKeys(served, _VARIABLES, _COVERED)
    return Board(
        uid="gateway-errors",
        title="Errors and latency",
        description="What fails, where, and why; what is slow. By type, method, status and key.",
        variables=_VARIABLES,
        covered=_COVERED,
        more=leading_keys(m),
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("Bottlenecks", bottlenecks(m, to, served), id=2),
            Row("Errors", _errors(m, to), id=10),
            Row("Latency", _latency(m, to, served), id=15),
            Row("Broken down", broken_down(m, few, to, served), closed=True, id=20),
            Row("Failures in detail", _detail(few, to), closed=True, id=26),
        ],
    )


def _errors(m: Metrics, to: Links) -> list[Panel]:
    errors = "gateway_errors_total"
    by_type = m.count(errors, by="type")
    meanings = {name: {"text": f"{name}: {meaning}", "index": n} for n, (name, meaning) in enumerate(TYPES.items())}
    return [
        bars(
            "Failed requests by type",
            "When what failed. Red types are the gateway's or its upstreams', the others the clients'. The table says "
            "what they mean.",
            {"{{type}}": m.count(errors, by="type", over="$__interval", at="offset -$__interval")},
            "locale",
            colours=_COLOURS,
            no_value="No request failed",
            answers=Question.WHICH_ERRORS,
            id=11,
        ),
        table(
            "Types of failures",
            "How often each occurs, its share, what it means and where to look.",
            {"requests": by_type, "share": f"{by_type} / on () group_left () {m.count(errors)}"},
            {
                "requests": columns.COUNT_FIRST,
                "share": columns.SHARE | {"custom.width": 120},
                "type": column(mappings=[{"type": "value", "options": meanings}]) | {"custom.minWidth": 480},
            },
            sort="requests",
            no_value="No request failed",
            width=12,
            answers=Question.WHICH_ERRORS,
            id=12,
        ),
        timeseries(
            "Failed requests an hour by type",
            "The rate of each type; 0 is drawn as 0.",
            {
                "{{type}}": f"3600 * {m.rate(errors, by='type')}",
                "all": f"3600 * ({or_zero(m.rate(errors), m.rate('gateway_requests_total'))})",
            },
            "short",
            colours=_COLOURS | {"^all$": GREY},
            no_value="No request failed",
            answers=Question.WHICH_ERRORS,
            id=13,
        ),
        bargauge(
            "Failures of the ten top methods, and others",
            "Which endpoint it is. A click narrows this page to it.",
            {"{{method}}": largest(m.count(errors, by="method"), "method")},
            "locale",
            links=[to.method()],
            no_value="No request failed",
            width=12,
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
            m.rate(f"{name}_bucket", by="le"),
            "s",
            width=12,
            id=17,
        ),
        timeseries(
            "p95 latency of the five methods called most",
            "Which method is slow, and since when.",
            five(m.quantile(0.95, name, by="method"), ranking, "method"),
            "s",
            links=[to.method()],
            answers=Question.WHICH_BOTTLENECKS,
            id=18,
        ),
        bargauge(
            "Slowest request of the ten slowest methods",
            "Of the last two minutes. Compare with p95: isolated outliers do not need action.",
            {"{{method}}": f"topk(10, max by (method) ({m('gateway_request_duration_max_seconds', by='method')}))"},
            "s",
            links=[to.method()],
            no_value="No requests in the last two minutes",
            width=12,
            answers=Question.HOW_MUCH,
            id=19,
        ),
    ]


def _detail(m: Metrics, to: Links) -> list[Panel]:
    parts = "key method status type"
    failures = m.count("gateway_errors_total", by=f"{parts} chain protocol", recorded_by=parts)
    return [
        table(
            "Failures by key, method, status and type",
            "The 100 most frequent failures. What one key alone sees is its client's; what all see is ours. Over long "
            f"ranges of a large gateway without chain and protocol, of {LEADING}.",
            {"requests": m.named(f"topk(100, {failures})")},
            {
                "requests": columns.COUNT_FIRST,
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]) | columns.KEY_ID,
                "name": columns.NAME,
                "method": column(links=[to.cell("Only this method", "gateway-errors", "method")]) | columns.METHOD,
                "chain": "",
                "protocol": {"custom.width": 110},
                "status": {"custom.width": 100},
                "type": {"custom.minWidth": 165},
            },
            sort="requests",
            no_value="No request failed",
            answers=(Question.WHAT_FAILED_FOR_A_KEY, Question.WHICH_ERRORS),
            id=27,
        )
    ]
