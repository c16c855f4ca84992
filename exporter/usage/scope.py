"""What is asked for: whose usage, of which time, in which form."""

from typing import Literal, get_args

from msgspec import Struct, field

Granularity = Literal["minute", "hour", "day", "week", "month"]
Sort = Literal["requests", "errors", "latency", "cost", "timestamp"]
Order = Literal["desc", "asc"]
GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)
SORTS: tuple[Sort, ...] = get_args(Sort)
ORDERS: tuple[Order, ...] = get_args(Order)
# How many entries a list has if nobody says, and at most in an answer of the API.
ENTRIES, MOST_ENTRIES = 100, 1000


class Scope(Struct, frozen=True, kw_only=True):
    """Whose usage: of these `keys` (public names; None: all), of a chain, of a model ("": all). From `begin` up to
    `end`, in epoch seconds. Lists have `limit` entries from `offset` on, sorted.
    """

    begin: float
    end: float
    keys: tuple[str, ...] | None = None
    chain: str = ""
    model: str = ""
    granularity: Granularity = "hour"
    sort: Sort = "requests"
    order: Order = "desc"
    limit: int = ENTRIES
    offset: int = 0

    @property
    def seconds(self) -> float:
        """The length of the time."""
        return self.end - self.begin

    def where(self, *without: str) -> dict[str, tuple[str, ...]]:
        """The labels that the series to count have."""
        found = {"key": self.keys, "chain": (self.chain,), "model": (self.model,)}
        return {name: values for name, values in found.items() if values and values[0] and name not in without}


class Terms(Struct, frozen=True, kw_only=True):
    """What a report needs of the config: the labels of each family that is served; thresholds (shares; seconds; None
    where there is no alert); prices; the time zone of days and months.
    """

    families: dict[str, tuple[str, ...]]
    timezone: str = "UTC"
    currency: str = "USD"
    thousand_requests: float = 0.0
    gigabyte: float = 0.0
    success_rate: float | None = 0.95
    latency: tuple[float | None, float | None] = (0.5, 1.0)
    limits: tuple[float | None, float | None] = (0.8, 0.9)
    match: dict[str, tuple[str, ...]] = field(default_factory=dict)


def granularity_for(seconds: float) -> Granularity:
    """The steps in which a time of a length is shown."""
    steps: tuple[tuple[float, Granularity], ...] = ((3 * 3600, "minute"), (3 * 86400, "hour"), (92 * 86400, "day"))
    return next((name for most, name in steps if seconds <= most), "month")
