"""Columns, colours and lines that several pages have in common, by the config's thresholds."""

from collections.abc import Mapping

from dashboards.fields import BLUE, ORANGE, RED, WHOLE, YELLOW, column, thresholds
from dashboards.grafana import Json
from dashboards.metrics import Metrics
from exporter.config.served import ABSENT, Served
from exporter.durations import seconds

SHARE = column("percentunit", decimals=1, min=0, max=1, thresholds=thresholds({}, BLUE))
SHARE |= {"custom.cellOptions": {"type": "gauge", "mode": "basic"}}
# The legend of a key: its name. In tables the name stands beside the key; both are wider than a number.
KEY = "{{name}}"
KEY_ID = {"custom.minWidth": 90}
NAME = {"custom.minWidth": 130}
TEXT = {"custom.minWidth": 110}
MODEL = {"custom.minWidth": 272}
METHOD = {"custom.minWidth": 215}
COUNT = WHOLE
# A count that stands first, where a narrow table and a phone show it.
COUNT_FIRST = WHOLE | {"custom.width": 120}
SUCCESS = column("percentunit", decimals=2)
# Failures that are not the clients'.
FAILED_BY_US = WHOLE | {"thresholds": thresholds({0.5: RED}, "text")}
FAILED_BY_US |= {"custom.cellOptions": {"type": "color-text"}}
# What to do: a sentence, whole and from the left.
ADVICE = {"custom.width": 360, "custom.align": "left", "custom.cellOptions": {"type": "color-text"}}
# Grid rows of a graph, so that a legend below it has five names.
FIVE_NAMES = 11
# Where there is nothing to show.
NO_EXPORTER = "No exporter is scraped"
NEEDS_RULES = "Needs the recording rules"
# Of bars and sums of whole hours there are none before the first.
NEEDS_AN_HOUR = "Needs an hour of the recording rules"
# Whose failure it was, by type.
OURS = 'type=~"server_error|upstream_error|timeout"'
CLIENTS = 'type!~"server_error|upstream_error|timeout"'

Steps = dict[float, str]
Queries = Mapping[str, str | tuple[str, str]]


def by_key(queries: Queries) -> Queries:
    """Series by key with the names of the keys as legend."""
    return {KEY if legend == "{{key}}" else legend: query for legend, query in queries.items()}


def ten_keys(m: Metrics, query: str) -> dict[str, str]:
    """The ten keys of which a query by key says most, that one first; keys without a name would come last."""
    return {KEY: f"sort_desc({m.named(f'topk(10, {query})')})"}


def latency(served: Served) -> Json:
    """Seconds, coloured from where people are warned."""
    return column("s", steps=slow(served), first="text") | {"custom.cellOptions": {"type": "color-text"}}


def slow(served: Served) -> Steps:
    """From where a latency is yellow, and from where orange."""
    return _steps(served.alerts.latency.warning, served.alerts.latency.critical)


def near(served: Served) -> Steps:
    """From where the use of a limit is yellow, and from where orange."""
    return _steps(served.alerts.limits.warning, served.alerts.limits.critical)


def late(served: Served) -> Steps:
    """From where the exporter's lag is yellow, and from where red: what is shown is no longer true."""
    lag = served.alerts.exporter.lag
    warning, critical = (None if duration is None else seconds(duration) for duration in (lag.warning, lag.critical))
    return _steps(warning, critical, RED)


def money(served: Served) -> str:
    """The unit of amounts in the configured currency: to the cent, where Grafana's own would write $1.23K."""
    sign = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩"}.get(served.currency)
    return f"prefix:{sign}" if sign else f"suffix: {served.currency}"


def expiring(served: Served, later: str) -> Steps:
    """Seconds until a key expires: yellow, then the colour of what is far away."""
    expires = served.alerts.keys.expires
    return {seconds(expires.critical or "1d"): YELLOW, seconds(expires.warning or "7d"): later}


def unused(served: Served) -> Steps:
    """Seconds since a key's last use."""
    longest = seconds(served.alerts.keys.unused or "30d")
    return {longest / 4: YELLOW, longest: ORANGE}


def level(value: float | None) -> str:
    """A line at a threshold; none where its alert is switched off."""
    return ABSENT if value is None else f"vector({value:g})"


def _steps(warning: float | None, critical: float | None, grave: str = ORANGE) -> Steps:
    return {bound: colour for bound, colour in ((warning, YELLOW), (critical, grave)) if bound is not None}
