"""Gateway / API key: one key, or several side by side. Is it in trouble, what does it do, how much is left?"""

from dashboards.board import Board, Row
from dashboards.fields import GREEN, RED, STATUS_COLOURS, column, value_map
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.pages.keys import compared, registry, suspicious
from dashboards.pages.links import Links
from dashboards.panels import bars, donut, stat, text, timeseries
from dashboards.promql import Metrics, largest, leaders, success, total
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config_served import Served, or_zero

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
            Row("Is this key in trouble?", _state(m, to, served), id=2),
            Row("What it calls", _calls(m, to), id=11),
            Row("Requests activity", _activity(m, to, served), id=16),
            Row("Where it is used from", _origins(m), id=21),
            Row("Quota", _quota(m, to, served), id=24),
            Row("Several keys side by side", compared(m, to, served), id=32),
            Row("Is it stolen, broken, or idle?", suspicious(m, to), id=36),
            Row("All keys", registry(Metrics(served, ()), to, served), closed=True, id=39),
        ],
    )


def _state(m: Metrics, to: Links, served: Served) -> list[Panel]:
    return [
        _key(m),
        _success_rate(m, to, served),
        _failed_requests(m, to),
        _requests(m),
        _p95_latency(m, to, served),
        _nearest_limit(m, to, served),
        _last_used(m),
        _expires_in(m, served),
    ]


def _key(m: Metrics) -> Panel:
    enabled = m("gateway_key_enabled")
    return stat(
        "Key",
        "Whether the registry has it enabled. Disabled, and people complain: that is why. Of several: if one is.",
        {"": f"max({enabled})"},
        "none",
        mappings=value_map({1: ("enabled", GREEN), 0: ("disabled", RED)}),
        no_value="Not registered",
        width=3,
        answers=Question.WHICH_KEYS,
        id=3,
    )


def _success_rate(m: Metrics, to: Links, served: Served) -> Panel:
    requests = m.count("gateway_requests_total")
    failed = m.count("gateway_errors_total")
    errors = [to.page("What fails, and why", "gateway-errors")]
    return stat(
        "Success rate",
        "Share of requests that did not fail. Red: the link shows which types of failure, and their statuses.",
        {"": success(failed, requests)},
        "percentunit",
        steps=columns.good(served),
        first=RED,
        links=errors,
        width=3,
        answers=Question.WHAT_FAILED_FOR_A_KEY,
        id=4,
    )


def _failed_requests(m: Metrics, to: Links) -> Panel:
    requests = m.count("gateway_requests_total")
    failed = m.count("gateway_errors_total")
    errors = [to.page("What fails, and why", "gateway-errors")]
    return stat(
        "Failed requests",
        "Requests of this key that failed. 429 is the limit, 401 and 403 the key itself, 5xx ours.",
        {"": or_zero(failed, requests)},
        "short",
        links=errors,
        width=3,
        answers=Question.WHAT_FAILED_FOR_A_KEY,
        id=5,
    )


def _requests(m: Metrics) -> Panel:
    requests = m.count("gateway_requests_total")
    return stat(
        "Requests",
        "Finished requests in the chosen time. None: the key is idle, or refused before it is counted.",
        {"": requests},
        "short",
        width=3,
        answers=Question.WHAT_FAILED_FOR_A_KEY,
        id=6,
    )


def _p95_latency(m: Metrics, to: Links, served: Served) -> Panel:
    errors = [to.page("What fails, and why", "gateway-errors")]
    return stat(
        "p95 latency",
        "19 of 20 requests were faster. High for this key and not for others: its methods are heavy.",
        {"": m.quantile(0.95, "gateway_key_request_duration_seconds", over="$__range")},
        "s",
        steps=columns.slow(served),
        first=GREEN,
        links=errors,
        width=3,
        id=7,
    )


def _nearest_limit(m: Metrics, to: Links, served: Served) -> Panel:
    limits = [to.page("Limits of this key", "gateway-limits")]
    return stat(
        "Nearest limit",
        "Use over the allowed amount, of the limit that is nearest to its end. Red: it will be refused soon.",
        {"": f"max({m('key:gateway_limit_utilization:ratio')})"},
        "percentunit",
        steps=columns.near(served),
        first=GREEN,
        links=limits,
        no_value="This key has no limit",
        width=3,
        answers=Question.USE_OF_QUOTA,
        id=8,
    )


def _last_used(m: Metrics) -> Panel:
    return stat(
        "Last used",
        "Time since its last request. Long ago though its owner says it is in use: it never reaches the gateway.",
        {"": f"time() - (max({m('key:gateway_key_last_used_timestamp_seconds:max')}) > 0)"},
        "s",
        no_value="Never used",
        width=3,
        answers=Question.WHICH_KEYS,
        id=9,
    )


def _expires_in(m: Metrics, served: Served) -> Panel:
    expires = m("gateway_key_expires_timestamp_seconds")
    return stat(
        "Expires in",
        "Time until the registry ends it. Tell its owner before it turns red.",
        {"": f"min({expires}) - time()"},
        "s",
        steps=columns.expiring(served, GREEN),
        first=RED,
        no_value="No expiry date",
        width=3,
        answers=Question.WHICH_KEYS_END_SOON,
        id=10,
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


def _quota(m: Metrics, to: Links, served: Served) -> list[Panel]:
    return [
        _requests_this_month(m),
        _monthly_quota(m),
        _left_this_month(m, to),
        _month_used(m, served),
        _resets_in(m),
        _quota_at_the_reset(m),
        _calls_by_day(m, to),
    ]


def _requests_this_month(m: Metrics) -> Panel:
    month = 'unit="requests"', 'window="1mo"'
    used = m("key:gateway_limit_used:sum", *month, by="key")
    return stat(
        "Requests this month",
        "Use of the calendar month; exact.",
        {"{{key}}": total(used, "key")},
        "short",
        no_value="Not registered: use by month is kept for registered keys",
        answers=Question.USE_OF_QUOTA,
        id=25,
    )


def _monthly_quota(m: Metrics) -> Panel:
    month = 'unit="requests"', 'window="1mo"'
    limit = m("key:gateway_limit:max", *month, by="key")
    unlimited = "This key has no monthly quota"
    return stat(
        "Monthly quota",
        "What its plan allows.",
        {"{{key}}": f"max by (key) ({limit})"},
        "short",
        no_value=unlimited,
        answers=Question.USE_OF_QUOTA,
        id=26,
    )


def _left_this_month(m: Metrics, to: Links) -> Panel:
    month = 'unit="requests"', 'window="1mo"'
    used = m("key:gateway_limit_used:sum", *month, by="key")
    limit = m("key:gateway_limit:max", *month, by="key")
    unlimited = "This key has no monthly quota"
    return stat(
        "Left this month",
        "Requests until it is refused. Little, and days to go: a larger plan, or a client that asks less.",
        {"{{key}}": f"max by (key) ({limit}) - {total(used, 'key')}"},
        "short",
        steps={1: "text"},
        first=RED,
        no_value=unlimited,
        links=[to.page("Limits and quotas", "gateway-limits")],
        answers=Question.USE_OF_QUOTA,
        id=27,
    )


def _month_used(m: Metrics, served: Served) -> Panel:
    month = 'unit="requests"', 'window="1mo"'
    unlimited = "This key has no monthly quota"
    return stat(
        "Month used",
        "Share of the monthly quota.",
        {"{{key}}": f"max by (key) ({m('key:gateway_limit_utilization:ratio', *month, by='key')})"},
        "percentunit",
        steps=columns.near(served),
        first=GREEN,
        no_value=unlimited,
        answers=Question.USE_OF_QUOTA,
        id=28,
    )


def _resets_in(m: Metrics) -> Panel:
    month = 'unit="requests"', 'window="1mo"'
    reset = m("key:gateway_limit_reset_timestamp_seconds:max", *month, by="key")
    return stat(
        "Resets in",
        "Time until the month's count starts again.",
        {"{{key}}": f"max by (key) ({reset}) - time()"},
        "s",
        no_value="Not registered",
        answers=Question.USE_OF_QUOTA,
        id=29,
    )


def _quota_at_the_reset(m: Metrics) -> Panel:
    month = 'unit="requests"', 'window="1mo"'
    unlimited = "This key has no monthly quota"
    return stat(
        "Quota at the reset",
        "Use over the quota at the month's end, if the last six hours go on. Above 100 %: it will run out.",
        {"{{key}}": f"max by (key) ({m('key:gateway_limit_projected:ratio', *month, by='key')})"},
        "percentunit",
        steps={1: RED},
        first=GREEN,
        no_value=unlimited,
        answers=Question.USE_OF_QUOTA,
        id=30,
    )


def _calls_by_day(m: Metrics, to: Links) -> Panel:
    return bars(
        "Calls by day, last 30 days",
        "Each bar stands at its day's beginning; the last one is not over. Whole hours, from recorded rules.",
        {"{{key}}": m.hours("key:gateway_calls", by="key", hours=24, at="offset -1d")},
        "short",
        every="1d",
        timeFrom="30d",
        links=[to.key()],
        width=24,
        answers=Question.USE_OF_QUOTA,
        id=31,
    )
