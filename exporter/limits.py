"""Limits: what registered keys have used in the windows of the calendar, and what their plans allow.

Use belongs to the windows of the log's own time, in whatever order lines come. The clock that says which
window is running is the latest time in the logs; while all that was logged is counted, it is the wall
clock less a grace, if that is later: so the window of a key that is idle ends, too.
"""

import logging
from collections.abc import Iterable, Iterator
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from exporter.series import Series, Store
from exporter.windows import WINDOWS, Calendar, Period, Window

log = logging.getLogger(__name__)

UNITS = ("requests", "tokens", "credits", "cost")
Scope = Literal["global", "gateway"]
# Requests that the gateway refused: HTTP statuses, and the gRPC codes that mean the same.
REFUSED = frozenset(("401", "403", "429", "7", "8", "16"))

# What is shown of every registered key, whether it has a limit or not.
_ALWAYS = (("requests", "1d"), ("requests", "1mo"))

Amounts = dict[str, float]


class Limit(Struct, frozen=True, kw_only=True):
    """So many of a unit (one of UNITS) in a window (one of WINDOWS). `scope` says whose the amount is."""

    unit: str
    window: str
    amount: float
    scope: Scope = "global"
    count_refused: bool = False


class Use(Struct, eq=False):
    """What a key has used, by window, start of the window and unit; of refused requests, or of all others.

    `pending` is what was added since it was last put into its windows; `touched` are all uses that have such.
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
    """Sets the `gateway_limit*` families. Until it is configured there are none, and time has no periods.

    `revision` changes whenever `remembered` would give something else.
    """

    def __init__(self, store: Store) -> None:
        self.calendar = Calendar(ZoneInfo("UTC"), ())
        self.revision = 0
        self._store = store
        self._grace = 0.0
        self._plans: dict[str, tuple[Limit, ...]] = {}
        self._keys: dict[str, tuple[Limit, ...]] = {}
        self._uses: dict[tuple[str, bool], Use] = {}
        self._touched: list[Use] = []
        self._gauges: list[_Gauges] | None = None
        self._shown = 0
        # The running period, and of each window the one before.
        self._now: Period | None = None
        self._last: dict[str, Window] = {}

    def configure(
        self,
        *,
        plans: dict[str, tuple[Limit, ...]],
        zone: ZoneInfo,
        grace: float,
        windows: Iterable[str] = WINDOWS,
        boundaries: Iterable[float] = (),
    ) -> None:
        """Count use by this calendar from now on. `grace` is in seconds. `boundaries` (epoch seconds) are further
        times that no period may span, for others that fold. Then `register`; what was used stays.
        """
        self._plans, self._grace = plans, grace
        self.calendar = Calendar(zone, windows, boundaries)
        now, self._now = self._now, None
        if now:
            self._advance(now.start)

    def register(self, keys: dict[str, str]) -> None:
        """These are the registered keys now, each with the name of its plan. What was used stays."""
        unknown = sorted({plan for plan in keys.values() if plan and plan not in self._plans})
        if unknown and self._plans:
            log.warning("the key registry has plans without limits here: %s", ", ".join(unknown))
        self._keys = {key: self._plans.get(plan, ()) for key, plan in keys.items()}
        self._uses = {at: use for at, use in self._uses.items() if at[0] in keys or self._current(use)}
        self._gauges = None
        self.revision += 1

    # --- counting

    def use(self, key: str, refused: bool) -> Use | None:
        """Where to add what a key's requests use; None for a key that is not registered."""
        return self._use(key, refused) if key in self._keys else None

    def _use(self, key: str, refused: bool) -> Use:
        if (key, refused) not in self._uses:
            self._uses[key, refused] = Use(self._touched, {name: {} for name in WINDOWS})
        return self._uses[key, refused]

    def take(self, period: Period) -> None:
        """Put what was added into the windows of a period: it was used then. The period may be of another calendar:
        of the last lines of an input that a reload takes away, what that calendar had no windows for is not counted.
        """
        self._advance(period.start)
        starts = {name: self.calendar.window(name, period.start).start for name in self._last if name in period.windows}
        for use in self._touched:
            for name, start in starts.items():
                self._put(use, name, start, use.pending)
            use.pending.clear()
            self.revision += 1
        self._touched.clear()

    def _put(self, use: Use, name: str, start: int, amounts: Amounts) -> None:
        starts = use.windows[name]
        if start not in starts:
            oldest = self._last[name].start
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
        self._shown = self.revision
        if self._gauges is None:
            self._gauges = list(self._new_gauges())
        for one in self._gauges:
            running = self._now.windows[one.window]
            one.used.value = _total(one, running)
            one.used_last.value = _total(one, self._last[one.window])
            one.reset.value = running.end

    def _new_gauges(self) -> Iterator[_Gauges]:
        """All gauges, instead of those that were shown before."""
        families = ("gateway_limit_used", "gateway_limit_used_last", "gateway_limit_reset_timestamp_seconds")
        for name in ("gateway_limit", *families):
            self._store.clear(name)
        for key, limits in self._keys.items():
            allowed = {(limit.unit, limit.window): limit for limit in limits}
            for at in dict.fromkeys((*allowed, *_ALWAYS)):
                limit = allowed.get(at)
                if limit:
                    self._store.set("gateway_limit", key, *at, limit.scope, to=limit.amount)
                counted = (False, True) if limit and limit.count_refused else (False,)
                uses = [self._use(key, refused) for refused in counted]
                yield _Gauges(*at, uses, *(self._store.series(name, key, *at) for name in families))

    # --- across restarts

    def remembered(self) -> Any:
        """What `restore` needs, as plain values: the clock; and key, refused or not, and use of each."""
        uses = [[*at, current] for at, use in self._uses.items() if (current := self._current(use))]
        return [self._now.start if self._now else None, uses]

    def restore(self, remembered: Any) -> None:
        """Go on with what was remembered, also of keys that are not registered yet; with None, from nothing."""
        now, uses = remembered or (None, [])
        if now is not None:
            self._advance(now)
        for key, refused, windows in uses:
            for name in self._last:
                for start, amounts in windows.get(name, {}).items():
                    self._put(self._use(key, refused), name, start, amounts)

    def _current(self, use: Use) -> dict[str, dict[int, Amounts]]:
        """The windows of a use that are not over for long."""
        found = {}
        for name, last in self._last.items():
            starts = {start: {**amounts} for start, amounts in use.windows[name].items() if start >= last.start}
            if starts:
                found[name] = starts
        return found


def _total(gauges: _Gauges, window: Window) -> float:
    """What counts of a window."""
    return sum(use.windows[gauges.window].get(window.start, {}).get(gauges.unit, 0) for use in gauges.uses)
