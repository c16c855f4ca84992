"""Gateway / Providers: who answered, who failed, and what the gateway did about it."""

from dashboards.board import Board, Row
from dashboards.fields import GREEN, GREY, ORANGE, RED, YELLOW, column, range_map
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import bars, stat, text, timeline, timeseries
from dashboards.promql import LAST_BAR, TODAY, Metrics, five, leaders
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import Served, or_zero

_VARIABLES = ("key", "model", "provider")
# Recorded hours answer while nothing is chosen.
_COVERED: tuple[str, ...] = ()
_HEADER = "**For whoever routes requests to providers.** An attempt is one try at one of them."
# Grid rows: so that a legend below a graph has five names.
_FIVE_NAMES = 11
_MODEL = {"custom.minWidth": 300}
_NO_CIRCUITS = "The log has no circuits"
_NO_ATTEMPTS = "No attempts in this time, or the log has none"

_OUTCOMES = {
    "^success$": GREEN,
    "^(error|failed|failure|timeout|upstream_error|server_error)$": RED,
    "^(auth|client_error)$": YELLOW,
    "rate_limit": ORANGE,
    "^(client_abort|cancelled)$": GREY,
}


def page(served: Served) -> Board:
    """The dashboard."""
    m, to = Metrics(served, _VARIABLES, _COVERED), Links(served, _VARIABLES)
    return Board(
        uid="gateway-providers",
        title="Providers",
        description="Which provider answered, which failed, why, and what the gateway did: failover, redirect, block.",
        variables=_VARIABLES,
        covered=_COVERED,
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("Now", _now(m), id=2),
            Row("Attempts", _attempts(m, to), id=9),
            Row("Failover", _failover(m), id=14),
            Row("Answers of the five providers asked most", _answers(m, served), id=20),
            Row("Redirected and blocked", _policies(m, to), closed=True, id=24),
        ],
    )


def _now(m: Metrics) -> list[Panel]:
    attempts, good = (
        m.count("gateway_upstream_attempts_total"),
        m.count("gateway_upstream_attempts_total", 'outcome="success"'),
    )
    requests = m.count("gateway_requests_total")
    return [
        stat(
            "Attempts that succeeded",
            "Of all tries at all providers. Low with a good success rate: failover works.",
            {"": f"({or_zero(good, attempts)}) / ({attempts} > 0)"},
            "percentunit",
            decimals=1,
            steps={0.9: YELLOW, 0.99: GREEN},
            first=ORANGE,
            compared=True,
            no_value=_NO_ATTEMPTS,
            answers=Question.PROVIDER_FAILURES,
            id=3,
        ),
        stat(
            "Failovers",
            "Requests that moved on to another provider.",
            {"": or_zero(m.count("gateway_failovers_total"), requests)},
            "locale",
            compared=True,
            answers=Question.PROVIDER_FAILURES,
            id=4,
        ),
        stat(
            "p95 extra delay of failover",
            "What failed attempts added to the requests that needed another provider.",
            {"": m.quantile(0.95, "gateway_failover_delay_seconds", over="$__range")},
            "s",
            compared=True,
            no_value="No failover in this time",
            answers=Question.PROVIDER_FAILURES,
            id=5,
        ),
        stat(
            "Providers out of use",
            "Circuits that are open: the gateway sends them nothing.",
            {"": f"sum({m('gateway_provider_circuit_open')})"},
            "none",
            steps={1: ORANGE},
            first=GREEN,
            graph=True,
            no_value=_NO_CIRCUITS,
            answers=Question.PROVIDER_FAILURES,
            id=6,
        ),
        stat(
            "Redirected requests",
            "Served by another model than the one asked for.",
            {"": or_zero(m.count("gateway_model_redirects_total"), requests)},
            "locale",
            compared=True,
            answers=Question.BLOCKED_AND_REDIRECTED,
            id=7,
        ),
        stat(
            "Blocked requests",
            "Stopped by a policy of the gateway.",
            {"": or_zero(m.count("gateway_blocked_requests_total"), requests)},
            "locale",
            compared=True,
            answers=Question.BLOCKED_AND_REDIRECTED,
            id=8,
        ),
    ]


def _attempts(m: Metrics, to: Links) -> list[Panel]:
    name = "gateway_upstream_attempts_total"
    by_provider, good = m.count(name, by="provider"), m.count(name, 'outcome="success"', by="provider")
    return [
        bars(
            "Attempts by outcome",
            "What the tries came to. Anything but success that grows: look at the table.",
            {"{{outcome}}": m.count(name, by="outcome", over="$__interval", at="offset -$__interval")},
            "locale",
            colours=_OUTCOMES,
            no_value=_NO_ATTEMPTS,
            answers=Question.PROVIDER_FAILURES,
            id=10,
        ),
        table(
            "Providers",
            "Attempts, how many succeeded, and the multiplier of each provider's price.",
            {
                "attempts": by_provider,
                "succeeded": f"({or_zero(good, by_provider)}) / ({by_provider} > 0)",
                "multiplier": f"max by (provider) ({m('gateway_provider_cost_multiplier')})",
                "circuit": f"max by (provider) ({m('gateway_provider_circuit_open')})",
            },
            {
                "provider": column(links=[to.cell("Only this provider", "gateway-providers", "provider")]),
                "attempts": columns.COUNT,
                "succeeded": column("percentunit", decimals=2),
                "multiplier": column("none", decimals=2),
                "circuit": column(mappings=_CIRCUIT) | {"custom.cellOptions": {"type": "color-text"}},
            },
            sort="attempts",
            no_value=_NO_ATTEMPTS,
            width=12,
            answers=Question.PROVIDER_FAILURES,
            id=11,
        ),
        table(
            "Failed attempts",
            "Which provider failed with which model, and how.",
            {"attempts": m.count(name, 'outcome!="success"', by="provider model outcome")},
            {"attempts": columns.COUNT_FIRST, "provider": "", "model": _MODEL, "outcome": columns.NAME},
            sort="attempts",
            no_value="No attempt failed",
            width=12,
            answers=Question.PROVIDER_FAILURES,
            id=12,
        ),
        timeline(
            "Circuits",
            "When a provider was kept out of use.",
            {"{{provider}}": f"max by (provider) ({m('gateway_provider_circuit_open')})"},
            _CIRCUIT,
            no_value=_NO_CIRCUITS,
            width=12,
            answers=Question.PROVIDER_FAILURES,
            id=13,
        ),
    ]


_CIRCUIT = range_map([(0, 0, "in use", GREEN), (1, 1, "out of use", ORANGE)])


def _failover(m: Metrics) -> list[Panel]:
    name = "gateway_failovers_total"
    return [
        bars(
            "Failovers by provider that failed",
            "Who was left, when.",
            leaders(
                m.count(name, by="from_provider", over="$__interval", at="offset -$__interval"),
                m.count(name, by="from_provider", at=LAST_BAR),
                "from_provider",
            ),
            "locale",
            no_value="No failover in this time",
            width=7,
            high=_FIVE_NAMES,
            answers=Question.PROVIDER_FAILURES,
            id=15,
        ),
        table(
            "From, to, why",
            "Which provider failed, why, and who was tried next.",
            {"failovers": m.count(name, by="from_provider to_provider reason")},
            {
                "failovers": columns.COUNT_FIRST,
                "from_provider": "",
                "to_provider": "",
                "reason": {"custom.minWidth": 165},
            },
            sort="failovers",
            no_value="No failover in this time",
            width=10,
            high=_FIVE_NAMES,
            answers=Question.PROVIDER_FAILURES,
            id=16,
        ),
        timeseries(
            "p95 extra delay, by provider that answered",
            "Long: lower the timeout of the provider before it.",
            five(
                m.quantile(0.95, "gateway_failover_delay_seconds", by="to_provider"),
                m.count("gateway_failover_delay_seconds_count", by="to_provider", at="@ end()"),
                "to_provider",
            ),
            "s",
            no_value="No failover in this time",
            width=7,
            high=_FIVE_NAMES,
            answers=Question.PROVIDER_FAILURES,
            id=17,
        ),
        bars(
            "Failovers by day",
            "Whole hours, from recorded rules. A provider that gets worse.",
            leaders(
                m.hours("provider:gateway_failovers", by="from_provider", hours=24, at="offset -1d"),
                m.hours("provider:gateway_failovers", by="from_provider", hours=24 * 30, at=TODAY),
                "from_provider",
            ),
            "locale",
            every="1d",
            timeFrom="30d",
            maxDataPoints=96,
            no_value="No failover in 30 days, or no recording rules",
            width=12,
            answers=Question.PROVIDER_FAILURES,
            id=18,
        ),
        bars(
            "Attempts a day by outcome",
            "Whole hours, from recorded rules.",
            {"{{outcome}}": m.hours("provider:gateway_upstream_attempts", by="outcome", hours=24, at="offset -1d")},
            "locale",
            every="1d",
            timeFrom="30d",
            maxDataPoints=96,
            colours=_OUTCOMES,
            no_value=columns.NEEDS_AN_HOUR,
            width=12,
            answers=Question.PROVIDER_FAILURES,
            id=19,
        ),
    ]


def _answers(m: Metrics, served: Served) -> list[Panel]:
    requests, duration = "gateway_model_requests_total", "gateway_model_request_duration_seconds"
    ranking = m.count(requests, by="provider", at="@ end()")
    return [
        timeseries(
            "Requests an hour by provider",
            "Who answers, at the rate of each time. A line that falls to zero: its share moved on.",
            five(f"3600 * {m.rate(requests, by='provider')}", ranking, "provider"),
            "short",
            width=8,
            high=_FIVE_NAMES,
            answers=Question.PROVIDER_FAILURES,
            id=21,
        ),
        timeseries(
            "p95 duration by provider",
            "Who is slow. The same model at two providers is a fair comparison.",
            five(m.quantile(0.95, duration, by="provider"), ranking, "provider"),
            "s",
            exemplar=True,
            width=8,
            high=_FIVE_NAMES,
            answers=Question.PROVIDER_FAILURES,
            id=22,
        ),
        timeseries(
            "Cost an hour by provider",
            "What each is paid, at the rate of each time.",
            five(f"3600 * {m.rate('gateway_cost_total', by='provider')}", ranking, "provider"),
            columns.money(served),
            decimals=2,
            no_value="No cost was logged",
            width=8,
            high=_FIVE_NAMES,
            answers=Question.PROVIDER_FAILURES,
            id=23,
        ),
    ]


def _policies(m: Metrics, to: Links) -> list[Panel]:
    redirects, blocked = "gateway_model_redirects_total", "gateway_blocked_requests_total"
    return [
        table(
            "Redirects",
            "Asked for, served, and which of the two is billed.",
            {"requests": m.count(redirects, by="requested_model model billed")},
            {
                "requests": columns.COUNT_FIRST,
                "requested_model": {"custom.minWidth": 180},
                "model": columns.MODEL,
                "billed": "",
            },
            sort="requests",
            no_value="No request was redirected",
            width=12,
            answers=Question.BLOCKED_AND_REDIRECTED,
            id=25,
        ),
        table(
            "Blocked requests by key",
            "By key and reason. One key again and again: talk to its owner.",
            {"requests": m.named(m.count(blocked, by="key reason"))},
            {
                "requests": columns.COUNT_FIRST,
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]) | columns.KEY_ID,
                "name": columns.NAME,
                "reason": columns.NAME,
            },
            sort="requests",
            no_value="Nothing was blocked",
            width=12,
            answers=Question.BLOCKED_AND_REDIRECTED,
            id=26,
        ),
        bars(
            "Blocked requests by reason",
            "When. A wall at one time: a new policy, or an attack.",
            {"{{reason}}": m.count(blocked, by="reason", over="$__interval", at="offset -$__interval")},
            "locale",
            no_value="Nothing was blocked",
            width=24,
            answers=Question.BLOCKED_AND_REDIRECTED,
            id=27,
        ),
    ]
