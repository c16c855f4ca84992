"""Rows of the page of providers about tries: what they came to, and the moves from one provider to the next."""

from dashboards.fields import GREEN, GREY, ORANGE, RED, YELLOW, column, range_map
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import bars, timeline, timeseries
from dashboards.promql import LAST_BAR, TODAY, five, leaders
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import or_zero

_MODEL = {"custom.minWidth": 300}
NO_CIRCUITS = "The log has no circuits"
NO_ATTEMPTS = "No attempts in this time, or the log has none"

_OUTCOMES = {
    "^success$": GREEN,
    "^(error|failed|failure|timeout|upstream_error|server_error)$": RED,
    "^(auth|client_error)$": YELLOW,
    "rate_limit": ORANGE,
    "^(client_abort|cancelled)$": GREY,
}


def attempts(m: Metrics, to: Links) -> list[Panel]:
    """What the tries came to, by provider and model."""
    name = "gateway_upstream_attempts_total"
    by_provider, good = m.count(name, by="provider"), m.count(name, 'outcome="success"', by="provider")
    return [
        bars(
            "Attempts by outcome",
            "What the tries came to. Anything but success that grows: look at the table.",
            {"{{outcome}}": m.count(name, by="outcome", over="$__interval", at="offset -$__interval")},
            "locale",
            colours=_OUTCOMES,
            no_value=NO_ATTEMPTS,
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
            no_value=NO_ATTEMPTS,
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
            no_value=NO_CIRCUITS,
            width=12,
            answers=Question.PROVIDER_FAILURES,
            id=13,
        ),
    ]


_CIRCUIT = range_map([(0, 0, "in use", GREEN), (1, 1, "out of use", ORANGE)])


def failover(m: Metrics) -> list[Panel]:
    """From which provider to which, why, and how long that took."""
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
            high=columns.FIVE_NAMES,
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
            high=columns.FIVE_NAMES,
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
            high=columns.FIVE_NAMES,
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
