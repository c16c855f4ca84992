"""Columns, colours and lines that several pages have in common, by the config's thresholds."""

from dashboards.fields import GREEN, RED, YELLOW, column, thresholds
from dashboards.grafana import Json
from dashboards.promql import ABSENT
from dashboards.shown import Shown
from exporter.durations import seconds

SHARE = column("percentunit", min=0, max=1) | {"custom.cellOptions": {"type": "gauge", "mode": "basic"}}
COUNT = column("short", decimals=0)

Steps = dict[float, str]


def rate_of_success(shown: Shown) -> Json:
    """A share of successes: red below what people are warned of."""
    below = thresholds({shown.alerts.success_rate.warning or 0: "text"}, RED)
    return column("percentunit", decimals=2, thresholds=below) | {"custom.cellOptions": {"type": "color-text"}}


def latency(shown: Shown) -> Json:
    """Seconds, coloured from where people are warned."""
    return column("s", steps=slow(shown))


def slow(shown: Shown) -> Steps:
    """From where a latency is yellow, and from where red."""
    return _steps(shown.alerts.latency.warning, shown.alerts.latency.critical)


def near(shown: Shown) -> Steps:
    """From where the use of a limit is yellow, and from where red."""
    return _steps(shown.alerts.limits.warning, shown.alerts.limits.critical)


def late(shown: Shown) -> Steps:
    """From where the exporter's lag is yellow, and from where red."""
    lag = shown.alerts.exporter.lag
    return _steps(*(None if one is None else seconds(one) for one in (lag.warning, lag.critical)))


def good(shown: Shown) -> Steps:
    """From where a success rate is no longer red, and from where it is green."""
    level = shown.alerts.success_rate.warning or 0
    return {level: YELLOW, (1 + level) / 2: GREEN}


def money(shown: Shown) -> str:
    """The unit of amounts in the configured currency, as Grafana calls it."""
    known = ("USD", "EUR", "GBP", "JPY", "CHF", "RUB", "UAH", "BRL", "DKK", "SEK", "NOK", "CZK", "INR", "KRW", "TWD")
    return f"currency{shown.currency}" if shown.currency in known else f"suffix: {shown.currency}"


def expiring(shown: Shown, later: str) -> Steps:
    """Seconds until a key expires: red, yellow, then a colour of one's own."""
    expires = shown.alerts.keys.expires
    return {seconds(expires.critical or "1d"): YELLOW, seconds(expires.warning or "7d"): later}


def unused(shown: Shown) -> Steps:
    """Seconds since a key's last use."""
    longest = seconds(shown.alerts.keys.unused or "30d")
    return {longest / 4: YELLOW, longest: RED}


def level(value: float | None) -> str:
    """A line at a threshold; none where its alert is switched off."""
    return ABSENT if value is None else f"vector({value:g})"


def _steps(warning: float | None, critical: float | None) -> Steps:
    return {bound: colour for bound, colour in ((warning, YELLOW), (critical, RED)) if bound is not None}
