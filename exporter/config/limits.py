"""The config's `plans` and `limits`: what keys may use, and which time zone the windows follow."""

from sys import float_info
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta, field

from exporter.config.values import Duration
from exporter.errors import FieldError, within
from exporter.limits.calendar import WindowName, time_zone
from exporter.limits.use import UNITS, Limit, Scope
from exporter.yaml_file import Part

_ALLOWED = "more than 0 (leave out what has no limit)"
_Number = Annotated[int, Meta(gt=0, description=_ALLOWED)]
_Amount = Annotated[float, Meta(gt=0, le=float_info.max, description=_ALLOWED)]


class LimitConfig(Part):
    """Amounts of one or more units in a window."""

    window: WindowName
    """Minute, hour, day or month: `1m`, `1h`, `1d`, `1mo`."""
    requests: _Number | None = None
    """Requests in a window."""
    tokens: _Number | None = None
    """Tokens in a window."""
    credits: _Amount | None = None
    """Credits in a window."""
    cost: _Amount | None = None
    """Cost in a window, in `pricing.currency`."""
    scope: Scope = "global"
    """`global`: all gateways share the amount. `gateway`: each has the whole amount."""
    count_refused: bool = False
    """Whether requests answered 401, 403 or 429 count, too."""

    def __post_init__(self) -> None:
        if not self.limits:
            raise ValueError(f"give an amount of {', '.join(UNITS[:-1])} or {UNITS[-1]}")

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limit of each unit that is given."""
        return tuple(
            Limit(
                unit=unit,
                window=self.window,
                amount=getattr(self, unit),
                scope=self.scope,
                count_refused=self.count_refused,
            )
            for unit in UNITS
            if getattr(self, unit) is not None
        )


class PlanConfig(Part):
    """What keys of a plan may use."""

    limits: list[LimitConfig] = field(default_factory=list)
    """Each pair of unit and window has one amount at most."""

    def __post_init__(self) -> None:
        given = [f"{limit.unit} per {limit.window}" for limit in self.all_limits]
        for amount in given:
            if given.count(amount) > 1:
                raise FieldError("limits", f"{amount} is given more than once")

    @property
    def all_limits(self) -> tuple[Limit, ...]:
        """Every limit of the plan."""
        return tuple(limit for config in self.limits for limit in config.limits)


class LimitsConfig(Part):
    """When windows begin and end."""

    timezone: str = "UTC"
    """Decides when days and months begin."""
    grace: Duration = "5s"
    """How long after its end a window closes, for late lines."""

    def __post_init__(self) -> None:
        with within("timezone"):
            time_zone(self.timezone)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of `timezone`."""
        return time_zone(self.timezone)
