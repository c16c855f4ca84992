"""Columns, colours and lines that several pages have in common, by the config's thresholds."""

from dashboards.fields import GREEN, RED, YELLOW, column, thresholds
from dashboards.grafana import Json
from exporter.config.served import ABSENT, Served
from exporter.durations import seconds

SHARE = column("percentunit", min=0, max=1) | {"custom.cellOptions": {"type": "gauge", "mode": "basic"}}
COUNT = column("short", decimals=0)
# Where there is nothing to show.
NO_EXPORTER = "No exporter is scraped: see Prometheus' targets"

Steps = dict[float, str]


def rate_of_success(served: Served) -> Json:
    """A share of successes: red below what people are warned of."""
    below = thresholds({served.alerts.success_rate.warning or 0: "text"}, RED)
    return column("percentunit", decimals=2, thresholds=below) | {"custom.cellOptions": {"type": "color-text"}}


def latency(served: Served) -> Json:
    """Seconds, coloured from where people are warned."""
    return column("s", steps=slow(served))


def slow(served: Served) -> Steps:
    """From where a latency is yellow, and from where red."""
    return _steps(served.alerts.latency.warning, served.alerts.latency.critical)


def near(served: Served) -> Steps:
    """From where the use of a limit is yellow, and from where red."""
    return _steps(served.alerts.limits.warning, served.alerts.limits.critical)


def late(served: Served) -> Steps:
    """From where the exporter's lag is yellow, and from where red."""
    lag = served.alerts.exporter.lag
    return _steps(*(None if one is None else seconds(one) for one in (lag.warning, lag.critical)))


def good(served: Served) -> Steps:
    """From where a success rate is no longer red, and from where it is green."""
    level = served.alerts.success_rate.warning or 0
    return {level: YELLOW, (1 + level) / 2: GREEN}


def money(served: Served) -> str:
    """The unit of amounts in the configured currency, as Grafana calls it."""
    known = ("USD", "EUR", "GBP", "JPY", "CHF", "RUB", "UAH", "BRL", "DKK", "SEK", "NOK", "CZK", "INR", "KRW", "TWD")
    return f"currency{served.currency}" if served.currency in known else f"suffix: {served.currency}"


def expiring(served: Served, later: str) -> Steps:
    """Seconds until a key expires: red, yellow, then a colour of one's own."""
    expires = served.alerts.keys.expires
    return {seconds(expires.critical or "1d"): YELLOW, seconds(expires.warning or "7d"): later}


def unused(served: Served) -> Steps:
    """Seconds since a key's last use."""
    longest = seconds(served.alerts.keys.unused or "30d")
    return {longest / 4: YELLOW, longest: RED}


def level(value: float | None) -> str:
    """A line at a threshold; none where its alert is switched off."""
    return ABSENT if value is None else f"vector({value:g})"


def _steps(warning: float | None, critical: float | None) -> Steps:
    return {bound: colour for bound, colour in ((warning, YELLOW), (critical, RED)) if bound is not None}
