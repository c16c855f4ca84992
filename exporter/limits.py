"""Limits: what registered keys have used in the windows of the calendar, and what their plans allow.

Use belongs to the windows of the log's own time, in whatever order lines come. The clock that says which
window is running is the latest time in the logs; while all that was logged is counted, it is the wall
clock less a grace, if that is later: so the window of a key that is idle ends, too.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from exporter.series import Series, Store
from exporter.windows import WINDOWS, Calendar, Period, Window

UNITS = ("requests", "tokens", "credits", "cost")
SCOPES = ("global", "gateway")
# Requests that the gateway refused: HTTP statuses, and the gRPC codes that mean the same.
REFUSED = frozenset(("401", "403", "429", "7", "8", "16"))

# What is shown of every registered key, whether it has a limit or not.
_ALWAYS = (("requests", "1d"), ("requests", "1mo"))

Amounts = dict[str, float]


class Limit(Struct, frozen=True, kw_only=True):
    """So many of a unit (one of UNITS) in a window (one of WINDOWS). `scope` is one of SCOPES."""

    unit: str
    window: str
    amount: float
    scope: str = "global"
    count_refused: bool = False


class Use(Struct, eq=False):
    """What a key has used, by window, start of the window and unit; of refused requests, or of all others.

    `pending` is what was added since it was last put into its windows.
    """

    touched: list["Use"]
    windows: dict[str, dict[int, Amounts]]
    pending: Amounts = {}

    def add(self, unit: str, amount: float) -> None:
        """Add to the use of the period that is being counted."""
        if not self.pending:
            self.touched.append(self)
        self.pending[unit] = self.pending.get(unit, 0) + amount


class _Gauges(Struct):
    """What is shown of a key, a unit and a window. `uses` are those that count."""

    unit: str
    window: str
    uses: list[Use]
    used: Series
    used_last: Series
    reset: Series


class Limits:
    """Sets the `gateway_limit*` families. `keys` are the registered keys, each with its plan's limits.

    `grace` is in seconds. `boundaries` (epoch seconds) are further times that no period of `calendar` may
    span, for others that fold. `revision` changes whenever `remembered` would give something else.
    """

    def __init__(
        self,
        store: Store,
        keys: dict[str, tuple[Limit, ...]],
        zone: ZoneInfo,
        grace: float = 0.0,
        boundaries: Iterable[float] = (),
    ) -> None:
        kept = {window for _, window in _ALWAYS} | {limit.window for limits in keys.values() for limit in limits}
        self._windows = tuple(window for window in WINDOWS if window in kept and keys)
        self.calendar = Calendar(zone, self._windows, boundaries)
        self.revision = 0
        self._shown = -1
        self._grace = grace
        self._now: Period | None = None
        self._last: dict[str, Window] = {}
        self._touched: list[Use] = []
        self._uses = {(key, refused): self._new_use() for key in keys for refused in (False, True)}
        self._gauges: list[_Gauges] = []
        self._store = store
        self._keys = keys

    def _new_use(self) -> Use:
        return Use(self._touched, {window: {} for window in self._windows})

    # --- counting

    def use(self, key: str, refused: bool) -> Use | None:
        """Where to add what a key's requests use; None for a key that is not registered."""
        return self._uses.get((key, refused))

    def take(self, period: Period) -> None:
        """Put what was added into the windows of a period: it was used then."""
        self._advance(period.start)
        for use in self._touched:
            for name, window in period.windows.items():
                self._put(use, name, window.start, use.pending)
            use.pending.clear()
            self.revision += 1
        self._touched.clear()

    def _put(self, use: Use, name: str, start: int, amounts: Amounts) -> None:
        starts = use.windows[name]
        oldest = self._last[name].start
        if start not in starts:
            for old in [one for one in starts if one < oldest]:
                del starts[old]
            if start < oldest:
                return
            starts[start] = {}
        held = starts[start]
        for unit, amount in amounts.items():
            held[unit] = held.get(unit, 0) + amount

    def _advance(self, at: float) -> None:
        """It is so late, at least."""
        if self._now is None or at >= self._now.end:
            self._now = self.calendar.period(at)
            self._last = {name: self.calendar.window(name, one.start - 1) for name, one in self._now.windows.items()}
            self.revision += 1

    # --- showing

    def show(self, now: float | None) -> None:
        """Set the gauges. `now` is the wall clock if all that was logged is counted, None if not."""
        if now is not None:
            self._advance(now - self._grace)
        if self._now is None or self._shown == self.revision:
            return
        if not self._gauges:
            self._gauges = list(self._new_gauges())
        self._shown = self.revision
        for one in self._gauges:
            running = self._now.windows[one.window]
            one.used.value = _total(one, running)
            one.used_last.value = _total(one, self._last[one.window])
            one.reset.value = running.end

    def _new_gauges(self) -> Iterator[_Gauges]:
        """All gauges, instead of those that were shown under another config."""
        families = ("gateway_limit_used", "gateway_limit_used_last", "gateway_limit_reset_timestamp_seconds")
        for name in ("gateway_limit", *families):
            self._store.families[name].series.clear()
        for key, limits in self._keys.items():
            allowed = {(limit.unit, limit.window): limit for limit in limits}
            for at in dict.fromkeys((*allowed, *_ALWAYS)):
                limit = allowed.get(at)
                if limit:
                    self._store.set("gateway_limit", key, *at, limit.scope, to=limit.amount)
                uses = [self._uses[key, refused] for refused in (False, True)]
                if not (limit and limit.count_refused):
                    uses.pop()
                yield _Gauges(*at, uses, *(self._store.series(name, key, *at) for name in families))

    # --- across restarts and reloads

    def remembered(self) -> Any:
        """What `restore` needs, as plain values: the clock, and rows of key, refused, window, start, amounts."""
        rows = [
            [key, refused, name, start, dict(amounts)]
            for (key, refused), use in self._uses.items()
            for name, starts in use.windows.items()
            for start, amounts in starts.items()
        ]
        return [self._now.start if self._now else None, rows]

    def restore(self, remembered: Any) -> None:
        """Go on with what was remembered, of a window that is still one, and a key that is still registered."""
        now, rows = remembered
        if now is None:
            return
        self._advance(now)
        for key, refused, name, start, amounts in rows:
            use = self._uses.get((key, refused))
            if use and name in self._windows and self.calendar.window(name, start).start == start:
                self._put(use, name, start, amounts)


def _total(gauges: _Gauges, window: Window) -> float:
    """What counts of a window."""
    return sum(use.windows[gauges.window].get(window.start, {}).get(gauges.unit, 0) for use in gauges.uses)
