"""A cell: what requests of one kind and one caller have added since the last fold, and where that goes."""

from collections import deque
from collections.abc import Collection
from typing import Any

from msgspec import Struct, field

from exporter.limits.use import Use
from exporter.metrics.series import Series
from exporter.model.record import AccessRecord
from exporter.pricing.price import NO_RATES, Rates

# The labels whose values belong to the caller; those that the config declares follow.
CALLER_LABELS = ("key", "class")


class Caller(Struct, eq=False):
    """Who sent requests. `values` are those of CALLER_LABELS and of the declared labels. `used` holds the raw times of
    the requests since the last fold.
    """

    values: tuple[str, ...]
    # The key's name and owner, from the log.
    about: AccessRecord
    # Counters of the exporter's own that each request of this caller adds to.
    counters: tuple[Series, ...]
    # The labels whose value is `other` or `unknown` because the budget is used up.
    overflows: tuple[str, ...]
    # Whether there are any of these two.
    is_odd: bool
    last_used: Series | None
    # The key whose limits its requests use up; "" if none.
    user: str = ""
    used: list[Any] = field(default_factory=list)
    # How many values of rows lead to it: see `cells`.
    ways: int = 0

    @property
    def label(self) -> str:
        """The value of the label `key`."""
        return self.values[0]


# In place of an origin: those that have no place in the budget.
NO_PLACE: Any = object()


class Origins(Struct, eq=False, gc=False):
    """Requests by origin since the last fold, of the key, chain and protocol in `at`. `admitted` are the key's origins
    that have a place in the budget.

    Once that is used up, `counts` has all of them, and NO_PLACE for all others.
    """

    at: tuple[str, str, str]
    admitted: Collection[str]
    counts: dict[str, int] = {}


class UnloggedCost(Struct, eq=False, gc=False):
    """Where requests are counted whose log has no cost: at the kind's rates, in `cost`; while there are none, in
    `unpriced`, which is empty if they cost nothing anyway.
    """

    cost: tuple[Series, ...]
    unpriced: tuple[Series, ...]


class KindTargets(Struct, eq=False):
    """What the targets of all cells of a kind have in common."""

    # 0 for lines of a request that another line has counted.
    requests: int = 0
    success: bool = False
    # Gauges, with the values that the last request sets.
    shown: tuple[tuple[Series, float], ...] = ()
    # Of a request without a logged cost.
    rates: Rates = NO_RATES
    # Of one request.
    credits: float = 0
    # Whether logged tokens and cost use up limits.
    tokens_limited: bool = False
    cost_limited: bool = False


class CellTargets(Struct, eq=False, gc=False):
    """Where a cell's counts go at a fold."""

    kind: KindTargets
    # The series that get the number of requests.
    counts: tuple[Series, ...]
    # A series for each sum of the loop, also for those that such requests do not add to; further ones, with their slot.
    sums: tuple[Series, ...]
    more_sums: tuple[tuple[Series, str], ...] = ()
    # None for lines that are not requests.
    caller: Caller | None = None
    home: Origins | None = None
    # The series that credits go to, with the credits of one request.
    credited: tuple[tuple[Series, float], ...] = ()
    charged: UnloggedCost | None = None
    # The use of limits to add to.
    use: Use | None = None


class Cell:
    """The counts of one kind of request by one caller since the last fold, laid out for the processor's caches.

    With many cells in use, each object that a line touches is a cache miss. So a cell's own counts are in its slots:
    `n`, and the sums of the format's numbers, which the loop's subclass adds. What many cells share is in a list that
    all of them point to: `used` holds the times of the caller's requests, and a slot for each histogram (of the
    subclass, too) its observations. `time` is set only where gauges need it. `targets` is read by the fold.
    `used_up` of its requests, and so much of its tokens and cost, have used up limits already: see `fold`. How many
    values of rows lead to the cell (`ways`), and when a fold last found counts in it (`used_at`), decide whether it is
    kept if there are too many. The subclass sets all slots of a new cell.
    """

    __slots__ = ("elsewhere", "n", "origin", "origins", "targets", "time", "used", "used_at", "used_up", "ways")

    n: int
    targets: CellTargets
    used: Any
    time: Any
    # The first origin; the number of requests from others, and their counts.
    origin: str | None
    elsewhere: int
    origins: Any
    ways: int
    used_at: int
    used_up: int


class _Nowhere:
    """Ignores the origins of lines whose origins are not counted."""

    def __contains__(self, origin: str) -> bool:
        return True

    def __getitem__(self, origin: str) -> int:
        return 0

    def __setitem__(self, origin: str, count: int) -> None:
        pass


NOWHERE = _Nowhere()
UNUSED: deque[Any] = deque(maxlen=0)
