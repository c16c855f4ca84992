"""Gateway / Providers: who answered, who failed, and what the gateway did about it."""

from dashboards.board import Board, Row
from dashboards.fields import GREEN, ORANGE, YELLOW, column
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.pages.providers_attempts import NO_ATTEMPTS, NO_CIRCUITS, attempts, failover
from dashboards.panels import bars, stat, text, timeseries
from dashboards.promql import five
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import Served, or_zero

_VARIABLES = ("key", "model", "provider")
# Recorded hours answer while nothing is chosen.
_COVERED: tuple[str, ...] = ()
_HEADER = "**For whoever routes requests to providers.** An attempt is one try at one of them."


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
            Row("Attempts", attempts(m, to), id=9),
            Row("Failover", failover(m), id=14),
            Row("Answers of the five top providers", _answers(m, served), id=20),
            Row("Redirected and blocked", _policies(m, to), closed=True, id=24),
        ],
    )


def _now(m: Metrics) -> list[Panel]:
    tries, good = (
        m.count("gateway_upstream_attempts_total"),
        m.count("gateway_upstream_attempts_total", 'outcome="success"'),
    )
    requests = m.count("gateway_requests_total")
    return [
        stat(
            "Attempts that succeeded",
            "Of all tries at all providers. Low with a good success rate: failover works.",
            {"": f"({or_zero(good, tries)}) / ({tries} > 0)"},
            "percentunit",
            decimals=1,
            steps={0.9: YELLOW, 0.99: GREEN},
            first=ORANGE,
            compared=True,
            no_value=NO_ATTEMPTS,
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
            no_value=NO_CIRCUITS,
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
            high=columns.FIVE_NAMES,
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
            high=columns.FIVE_NAMES,
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
            high=columns.FIVE_NAMES,
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
