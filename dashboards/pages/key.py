"""Gateway / API key: one key, or several side by side. Is it in trouble, what does it do, how much is left?"""

from dashboards.board import Board, Row
from dashboards.fields import STATUS_COLOURS, column
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.pages.key_quota import quota
from dashboards.pages.key_state import state
from dashboards.pages.keys import compared, registry, suspicious
from dashboards.pages.links import Links
from dashboards.panels import bars, donut, text, timeseries
from dashboards.promql import Metrics, largest, leaders, success
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import Served, or_zero

_VARIABLES = ("key", "chain", "method")
_HEADER = """**For whoever has to know whether a key is in trouble.** Choose it above. The first row says it: all \
green and nothing near its limit, then the key is well, and its own client is to be asked. Yellow and red numbers \
are links to what is behind them. Several keys are compared side by side further down."""


def page(served: Served) -> Board:
    """The dashboard."""
    m, to = Metrics(served, _VARIABLES), Links(served, _VARIABLES)
    return Board(
        uid="gateway-key",
        title="API key",
        description="One key, or several side by side: is it in trouble, what does it do, how much is left?",
        variables=_VARIABLES,
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("Is this key in trouble?", state(m, to, served), id=2),
            Row("What it calls", _calls(m, to), id=11),
            Row("Requests activity", _activity(m, to, served), id=16),
            Row("Where it is used from", _origins(m), id=21),
            Row("Quota", quota(m, to, served), id=24),
            Row("Several keys side by side", compared(m, to, served), id=32),
            Row("Is it stolen, broken, or idle?", suspicious(m, to), id=36),
            Row("All keys", registry(Metrics(served, ()), to, served), closed=True, id=39),
        ],
    )


def _calls(m: Metrics, to: Links) -> list[Panel]:
    calls = "gateway_calls_total"
    whole = m.count(calls, by="method")
    return [
        bars(
            "Calls of the five methods called most, and others",
            "Each colour is a method; together they are all calls. A method that takes over: the client changed.",
            {
                "{{method}}": leaders(
                    m.count(calls, by="method", over="$__interval", at="offset -$__interval"),
                    m.count(calls, by="method", at="@ end()"),
                    "method",
                )
            },
            "short",
            links=[to.method()],
            width=16,
            answers=Question.WHICH_METHODS,
            id=12,
        ),
        donut(
            "Share of methods",
            "The five methods called most in the chosen time, and all others.",
            {"{{method}}": largest(whole, "method")},
            "short",
            links=[to.method()],
            answers=Question.WHICH_METHODS,
            id=13,
        ),
        bars(
            "Credits by the hour, last 24 hours",
            "What the calls cost in credits (compute units). Steps up: a dearer method is called, or more often.",
            {"{{key}}": m.count("gateway_credits_total", by="key", over="1h", at="offset -1h")},
            "short",
            every="1h",
            timeFrom="24h",
            no_value="Calls have no credits: the config has no pricing.credits",
            width=16,
            answers=Question.CREDITS_BY_HOUR,
            id=14,
        ),
        bars(
            "Calls by chain",
            "Networks that the key uses. Click a name below to hide it; the variable above narrows the page to one.",
            {"{{chain}}": m.count(calls, by="chain", over="$__interval", at="offset -$__interval")},
            "short",
            links=[to.chain()],
            width=8,
            answers=Question.WHICH_CHAINS,
            id=15,
        ),
    ]


def _activity(m: Metrics, to: Links, served: Served) -> list[Panel]:
    return [
        _requests_by_method(m, to, served),
        _failed_requests_by_status_and_protocol(m, to),
        _requests_by_status(m, to),
        _latency(m, served),
    ]


def _requests_by_method(m: Metrics, to: Links, served: Served) -> Panel:
    requests = "gateway_requests_total"
    errors = "gateway_errors_total"
    volume = m.count(requests, by="method")
    failed = m.count(errors, by="method")
    return table(
        "Requests by method",
        "What is asked, how often, what fails. A click on a method narrows this page to it, or shows its errors.",
        {
            "volume": volume,
            "share": f"{volume} / on () group_left () {m.count(requests)}",
            "failed": or_zero(failed, volume),
            "success": success(failed, volume),
        },
        {
            "method": column(
                links=[
                    to.cell("Its statuses: this method alone", "gateway-key", "method"),
                    to.cell("Errors and latency of this method", "gateway-errors", "method"),
                ]
            ),
            "volume": columns.COUNT,
            "share": columns.SHARE,
            "failed": columns.COUNT,
            "success": columns.rate_of_success(served),
        },
        sort="volume",
        width=14,
        answers=Question.WHAT_FAILED_FOR_A_KEY,
        id=17,
    )


def _failed_requests_by_status_and_protocol(m: Metrics, to: Links) -> Panel:
    errors = "gateway_errors_total"
    return table(
        "Failed requests by status and protocol",
        "What the failures of each method were, HTTPS and WSS apart. Choose a method above to see only its own.",
        {"requests": m.count(errors, by="method status type protocol") + " > 0"},
        {
            "method": column(links=[to.cell("Errors and latency of this method", "gateway-errors", "method")]),
            "status": "",
            "type": "",
            "protocol": "",
            "requests": columns.COUNT,
        },
        sort="requests",
        no_value="No request failed",
        width=10,
        answers=Question.WHAT_FAILED_FOR_A_KEY,
        id=18,
    )


def _requests_by_status(m: Metrics, to: Links) -> Panel:
    requests = "gateway_requests_total"
    return bars(
        "Requests by status",
        "When it failed. Yellow all along: the client sends what can't work; red for a while: an incident of ours.",
        {"{{status}}": m.count(requests, by="status", over="$__interval", at="offset -$__interval")},
        "short",
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


def _origins(m: Metrics) -> list[Panel]:
    name = "gateway_origin_requests_total"
    return [
        bars(
            "Requests of the five busiest origins, and others",
            "Sites (or networks) that the key is used from. One that nobody knows: ask the owner, rotate the key.",
            {
                "{{origin}}": leaders(
                    m.count(name, by="origin", over="$__interval", at="offset -$__interval"),
                    m.count(name, by="origin", at="@ end()"),
                    "origin",
                )
            },
            "short",
            width=14,
            answers=Question.WHICH_ORIGINS,
            id=22,
        ),
        table(
            "Requests by origin and protocol",
            "Calls from each origin, HTTPS and WSS apart.",
            {"requests": f"topk(200, {m.count(name, by='origin protocol')})"},
            {"origin": ""},
            pivot=("origin", "protocol"),
            width=10,
            answers=Question.WHICH_ORIGINS,
            id=23,
        ),
    ]
