"""The config's `plans` and `limits`: what keys may use, and by which calendar and clock."""

from zoneinfo import ZoneInfo

from msgspec import field

from exporter.durations import seconds
from exporter.errors import unknown
from exporter.limits import SCOPES, UNITS, Limit
from exporter.windows import WINDOWS, time_zone
from exporter.yamlfile import Part


class LimitConfig(Part):
    """An amount of one unit or more in a window. `count_refused`: requests answered 401, 403 or 429 use it up, too.

    `scope: gateway` gives each gateway the whole amount; `global`, the whole fleet.
    """

    window: str
    requests: int | None = None
    tokens: int | None = None
    credits: float | None = None
    cost: float | None = None
    scope: str = "global"
    count_refused: bool = False

    def __post_init__(self) -> None:
        if self.window not in WINDOWS:
            raise ValueError(unknown("window", self.window, WINDOWS))
        if self.scope not in SCOPES:
            raise ValueError(unknown("scope", self.scope, SCOPES))
        if not self.limits:
            raise ValueError(f"give an amount of {', '.join(UNITS[:-1])} or {UNITS[-1]}")
        for limit in self.limits:
            if not 0 < limit.amount < float("inf"):
                raise ValueError(f"{limit.unit} must be above 0, not {limit.amount:g}; what has no limit is left out")

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
    """What keys of a plan may use; of a unit in a window, one amount."""

    limits: list[LimitConfig] = field(default_factory=list)

    def __post_init__(self) -> None:
        given = [f"{limit.unit} per {limit.window}" for limit in self.all_limits]
        for one in given:
            if given.count(one) > 1:
                raise ValueError(f"limits: {one} is given more than once")

    @property
    def all_limits(self) -> tuple[Limit, ...]:
        """Every limit of the plan."""
        return tuple(limit for one in self.limits for limit in one.limits)


class LimitsConfig(Part):
    """`timezone` is that of days and months. For `grace` (`5s`) after a window's end, lines for it may come."""

    timezone: str = "UTC"
    grace: str = "5s"

    def __post_init__(self) -> None:
        time_zone(self.timezone)
        seconds(self.grace)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of `timezone`."""
        return time_zone(self.timezone)
