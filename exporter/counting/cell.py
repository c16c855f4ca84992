"""A cell: what requests of one kind and one caller have added since the last fold, and where that goes."""

from collections import deque
from typing import Any

from msgspec import Struct, field

from exporter.limits.use import Use
from exporter.metrics.store import Series
from exporter.model.record import AccessRecord
from exporter.pricing.prices import Price


class Caller(Struct, eq=False):
    """Who asked, as far as labels tell. `used` holds the raw times of the requests since the last fold."""

    label: str
    class_: str
    # What the log says of the key: its name and owner.
    about: AccessRecord
    # What a request of this caller counts besides.
    counters: tuple[Series, ...]
    # Whether its label is `unknown` for want of room.
    overflow: bool
    last_used: Series | None
    # Whose use of limits its requests are; "" for nobody's.
    user: str = ""
    used: list[Any] = field(default_factory=list)


class Origins(Struct, eq=False):
    """Requests by origin since the last fold, of one key, chain and protocol."""

    key: str
    chain: str
    protocol: str
    counts: dict[str, int] = {}


class UnloggedCost(Struct, eq=False, gc=False):
    """What requests of a cell cost that no log says: of `prices` the first that holds at their time."""

    prices: tuple[Price, ...]
    cost: tuple[Series, ...]
    # Where they are counted while no price holds; nowhere where that is no loss.
    unpriced: tuple[Series, ...]


class CellTargets(Struct, eq=False, gc=False):
    """Where a cell's counts go at a fold. `series` are those of its sums, which are in the slots that
    `measures` names, and then those of its number. Each request costs `credits`, and adds to what is `credited`;
    `shown` are gauges that have these values as of its last request. Lines that are no request have no caller; those of
    a request that was counted already have 0 `requests`.
    """

    series: tuple[Series, ...]
    measures: tuple[str, ...] = ()
    caller: Caller | None = None
    home: Origins | None = None
    success: bool = False
    credits: float = 0
    credited: tuple[tuple[Series, float], ...] = ()
    unlogged_cost: UnloggedCost | None = None
    shown: tuple[tuple[Series, float], ...] = ()
    requests: int = 0
    # What it adds to the use of a registered key; of the sums, those that use up something, with their units.
    use: Use | None = None
    units: tuple[tuple[str, str], ...] = ()


class Cell:
    """Laid out for the processor's caches: with many cells in use, each thing that a line touches
    is far away. What only a cell has stands in its slots: its count, and the sums of
    the format's numbers (a subclass of the loop's has these). What many cells share is a list: `used` with the times
    of a caller's requests, and each histogram's pending observations (slots of the subclass, too). To keep a
    time in each cell would be dear: each is an object, far away, too. `time` is only where gauges need it. `targets`
    is for the fold.
    """

    __slots__ = ("elsewhere", "n", "origin", "origins", "targets", "time", "used")

    def __init__(self, targets: CellTargets) -> None:
        self.n = 0
        self.targets = targets
        self.used: Any = targets.caller.used if targets.caller else _UNUSED
        self.time: Any = None
        # The first origin it had; the number of requests from others, and their counts.
        self.origin: str | None = None
        self.elsewhere = 0
        self.origins: Any = NOWHERE


class _Nowhere:
    """Takes the origins of lines that count for none."""

    def __getitem__(self, origin: str) -> int:
        return 0

    def __setitem__(self, origin: str, count: int) -> None:
        pass


NOWHERE = _Nowhere()
_UNUSED: deque[Any] = deque(maxlen=0)
