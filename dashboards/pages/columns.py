"""Columns and colours that several tables have in common."""

from dashboards.fields import RED, YELLOW, column
from dashboards.grafana import Json
from dashboards.shown import Shown

SHARE = column("percentunit", min=0, max=1) | {"custom.cellOptions": {"type": "gauge", "mode": "basic"}}
COUNT = column("short", decimals=0)


def rate_of_success(shown: Shown) -> Json:
    """A share of successes: yellow below what people are warned of."""
    return column("percentunit", decimals=2, thresholds=_below(shown.success_warning)) | {
        "custom.cellOptions": {"type": "color-text"}
    }


def latency(shown: Shown) -> Json:
    """Seconds, coloured from where people are warned."""
    return column("s", steps=slow(shown))


def slow(shown: Shown) -> dict[float, str]:
    """From where a latency is yellow, and from where red."""
    return {shown.latency_warning: YELLOW, shown.latency_critical: RED}


def near(shown: Shown) -> dict[float, str]:
    """From where the use of a limit is yellow, and from where red."""
    return {shown.limit_warning: YELLOW, shown.limit_critical: RED}


def good(shown: Shown) -> dict[float, str]:
    """From where a success rate is no longer red, and from where it is green."""
    return {shown.success_warning: YELLOW, (1 + shown.success_warning) / 2: "green"}


def _below(warning: float) -> Json:
    steps: list[Json] = [{"color": "red", "value": None}, {"color": "text", "value": warning}]
    return {"mode": "absolute", "steps": steps}
