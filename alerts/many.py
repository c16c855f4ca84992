"""GatewayManyKeys: one alert instead of hundreds when many keys have the same trouble. It lists the ten worst, because
Alertmanager can't sort; `routing.py` has it silence those of the single keys.
"""

from collections.abc import Iterator

from msgspec import Struct

from alerts.alert import Alert, share
from alerts.promql import Terms

NAME = "GatewayManyKeys"
SHOWN = 10


_COUNT, _MONEY, _NUMBER, _DURATION = (
    f"{{{{ .Value | {how} }}}}" for how in ('printf "%.0f"', 'printf "%.2f"', "humanize", "humanizeDuration")
)


class Trouble(Struct, frozen=True):
    """What is wrong with keys that have an alert; a template of its value, and whether the lowest are the worst."""

    verb: str
    value: str = share(".Value")
    lowest: bool = False


TROUBLES = {
    "GatewayLimitNear": Trouble("are near a limit"),
    "GatewayLimitReached": Trouble("have used up a limit"),
    "GatewayLimitProjected": Trouble("will use up a limit before it resets"),
    "GatewayRequestsRefused": Trouble("have requests refused with 429"),
    "GatewayKeyExpiring": Trouble("expire soon", _DURATION, lowest=True),
    "GatewayExpiredKeyInUse": Trouble("have expired or are disabled, and the gateway still serves them", _COUNT),
    "GatewayKeyUnused": Trouble("have not been used for long", _DURATION),
    "GatewayKeyAuthFailures": Trouble("have requests refused with 401 or 403", _COUNT),
    "GatewayKeyNewOrigins": Trouble("are used from new origins", _COUNT),
    "GatewayKeyCallsSpike": Trouble("make far more calls than usual", _NUMBER),
    "GatewayKeyTokensSpike": Trouble("use far more tokens than usual", _NUMBER),
    "GatewayKeySuccessRateLow": Trouble("have many failing requests", lowest=True),
    "GatewayKeySpendOverBudget": Trouble("have spent more than a day's budget", _MONEY),
    "GatewaySpendAnomaly": Trouble("spend far more than usual", _MONEY),
}


def many(terms: Terms, alerts: list[Alert]) -> Iterator[Alert]:
    """For each alert of keys and its severity: the one that takes its place."""
    least = terms.config.many_keys
    if least is None:
        return
    expressions: dict[tuple[str, str], list[str]] = {}
    of = {}
    for alert in alerts:
        if alert.name in TROUBLES:
            expressions.setdefault((alert.name, alert.severity), []).append(alert.expression)
            of[alert.name] = alert
    for (name, of_severity), expression in expressions.items():
        alert = of[name]
        severity = alert.change(terms).severity or of_severity
        firing = f'ALERTS{{alertname="{name}", severity="{severity}", alertstate="firing"}}'
        keys = f"count by {terms.by_target('key')} ({firing})"
        yield Alert(
            name=NAME,
            severity=severity,
            component="gateway",
            category=alert.category,
            expression=f"count by {terms.by_target()} ({keys}) > {least}",
            for_="0s",
            keep_firing_for="5m",
            labels={"about": name},
            summary=f"{{{{ $value }}}} keys {TROUBLES[name].verb}",
            description=(
                f"The {SHOWN} worst of {{{{ $value }}}} keys that {TROUBLES[name].verb}: "
                f"{_worst(TROUBLES[name], expression)}. "
                f"While more than {least} keys have {name}, this alert takes their place."
            ),
            recommendation=(
                "So many at once have one cause: look for what changed at the gateway, its key registry or its plans. "
                f"The runbook says under {name} what to do about a single key."
            ),
            dashboard=alert.dashboard,
        )


def _worst(trouble: Trouble, expressions: list[str]) -> str:
    """A template that lists the worst keys with their values."""
    worst, order = ("bottomk", "sort") if trouble.lowest else ("topk", "sort_desc")
    every = "\nor\n".join(expressions)
    query = f"{order}({worst}({SHOWN}, {every}))"
    return (
        f"{{{{ range $n, $one := query `{query}` }}}}{{{{ if $n }}}}, {{{{ end }}}}{{{{ .Labels.name }}}} "
        f"({trouble.value}){{{{ end }}}}"
    )
