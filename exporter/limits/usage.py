"""Use of limits: what keys have used in the windows of the calendar, also across restarts.

Use belongs to the window of the log's time, in whatever order lines come. The running window follows the latest time in
the logs. Once all lines are counted, it follows the wall clock minus a grace period, if that is later; so the windows
of an idle key end, too.

If the wall clock was ahead and goes back, the running windows go back with it. Use that was counted meanwhile has an
unknown time in the past: it counts in the windows that run now.
"""

import logging
from collections.abc import Iterable, Iterator, KeysView
from typing import Any
from zoneinfo import ZoneInfo

from exporter.clock import AHEAD, Clock
from exporter.limits.calendar import MINUTE, WINDOWS, Calendar, Period
from exporter.limits.gauges import LimitGauges
from exporter.limits.running import Running
from exporter.limits.use import Amounts, Limit, Use
from exporter.metrics.store import Store
from exporter.model.labels import UNKNOWN

log = logging.getLogger(__name__)

# The maximum number of unregistered keys whose use is kept in case they are registered later.
_MOST_STRANGERS = 10_000
# Units that follow from the number of requests.
_COUNTED = frozenset(("requests", "credits"))


class Limits:
    """The use of every key, and the families that show it. Before `configure`, there are no windows.

    `waiting` is true until the registry has answered for the first time: until then any key may be registered, so the
    use of all keys is kept.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.waiting = False
        self._clock = clock
        self._running = Running(Calendar(ZoneInfo("UTC"), ()))
        self._grace = 0.0
        self._windows: tuple[str, ...] = ()
        # Units of which the use by the minute is kept: what is summed costs more, so only if a plan limits it.
        self.units_by_minute = _COUNTED
        self._spending = False
        self._division: Any = None
        # The registered keys, each with the name of its plan.
        self._keys: dict[str, str] = {}
        self._uses: dict[str, dict[bool, Use]] = {}
        # Unregistered keys with use; of these, the keys that are not a label: dropped when the registry answers.
        self._strangers: set[str] = set()
        self._apart: set[str] = set()
        self._full = False
        self._touched: list[Use] = []
        # Keys whose use has changed since the last call of `changed`; None for all.
        self._changed: set[str] | None = None
        self._gauges = LimitGauges(store, self._running, self._uses)
        clock.add(self._go_back)

    @property
    def calendar(self) -> Calendar:
        """The calendar that divides time."""
        return self._running.calendar

    def configure(
        self,
        *,
        plans: dict[str, tuple[Limit, ...]],
        zone: ZoneInfo,
        grace: float,
        windows: Iterable[str] = WINDOWS,
        boundaries: Iterable[float] = (),
        spending: bool = False,
    ) -> None:
        """Use these plans and this calendar from now on; call `register` next. Use counted before stays. `grace` is in
        seconds. `boundaries` (epoch seconds) are additional ends of periods, such as changes of prices. With
        `spending`, the spending of every key is shown.
        """
        self._grace = grace
        self._spending = spending
        self._gauges.configure(plans, spending)
        self._windows = tuple(windows)
        every = (limit for limits in plans.values() for limit in limits)
        self.units_by_minute = _COUNTED.union(limit.unit for limit in every if limit.window == MINUTE)
        division = (zone, self._windows, [*boundaries])
        if division != self._division:
            self._division = division
            if self._running.divide(Calendar(*division)):
                self._turned()

    def register(self, keys: dict[str, str]) -> None:
        """Replace the registered keys, each with the name of its plan. Their use stays."""
        self._keys = keys
        self._gauges.register(keys)
        self._forget([key for key in self._uses if key not in keys and not self._current(key)])
        self._strangers = self._uses.keys() - keys.keys()
        self._gauges.mark_stale(self._uses)
        self._full = False
        self._changed = None

    def answered(self) -> None:
        """Drop the use that was kept only until the registry answered."""
        self.waiting = False
        self._forget(self._apart - self._keys.keys())
        self._apart.clear()
        self._changed = None

    @property
    def strangers(self) -> list[str]:
        """Unregistered keys with use."""
        return [*self._strangers]

    def rename(self, old: str, new: str) -> None:
        """Move the use of an unregistered key that is now registered under another name."""
        self._strangers.discard(old)
        self._gauges.forget(old)
        self._gauges.mark_stale((new,))
        self._changed = None
        for refused, use in self._uses.pop(old, {}).items():
            for name, starts in use.windows.items():
                for start, amounts in starts.items():
                    self.use(new, refused).put(name, start, amounts, self._running.oldest.get(name, 0))

    # --- counting

    def user(self, label: str, key: str) -> str:
        """The key that requests with this label and key count for; "" if for none. It may be an unregistered key, as it
        may be registered later; of these at most ten thousand are kept.
        """
        # Long, as it has a branch for each sort of caller, and of keys that are not kept.
        apart = self.waiting and label != key
        user = key if apart else "" if label == UNKNOWN and not self._spending else label
        if not user or not self._windows:
            return ""
        if user not in self._keys and user not in self._strangers:
            if len(self._strangers) >= _MOST_STRANGERS and user != UNKNOWN:
                if not self._full:
                    log.warning("more than %d unregistered keys; the use of others is not kept", _MOST_STRANGERS)
                self._full = True
                return ""
            self._strangers.add(user)
            if apart:
                self._apart.add(user)
        if not apart:
            self._apart.discard(user)
        return user

    def use(self, key: str, refused: bool) -> Use:
        """The use to add a user's requests to: see `user`."""
        uses = self._uses.get(key)
        if uses is None:
            uses = self._uses[key] = {}
        if key not in self._keys:
            self._strangers.add(key)
        if refused not in uses:
            uses[refused] = Use(key, self._touched, {name: {} for name in WINDOWS})
        return uses[refused]

    def assign_to(self, period: Period) -> None:
        """Assign pending use to the windows of a period. The period may be of an earlier calendar, for the last lines
        of an input that a reload removes: use in windows which that calendar does not have is not counted.
        """
        now = self._clock.now()
        at = period.start if period.start <= now + AHEAD else now
        self._advance(at)
        names = self._running.last.keys() & period.windows.keys()
        starts = {name: self.calendar.window(name, at).start for name in names}
        used = set()
        for use in self._touched:
            if amounts := use.take():
                used.add(use.key)
                by_minute = {unit: amount for unit, amount in amounts.items() if unit in self.units_by_minute}
                for name, start in starts.items():
                    if kept := by_minute if name == MINUTE else amounts:
                        use.put(name, start, kept, self._running.oldest[name])
        self._gauges.mark_stale(used)
        if self._changed is not None:
            self._changed |= used
        self._touched.clear()

    def _advance(self, at: float) -> None:
        if self._running.advance(at):
            self._turned()

    def _go_back(self, now: float) -> float:
        running = self._running.period
        if running is None or running.start <= now + AHEAD:
            return 0.0
        self._running.go_back(now - self._grace)
        self._turned()
        return running.start

    def _turned(self) -> None:
        """Update what depends on the running windows, which have changed."""
        for name, turn in self._running.turned.items():
            if turn.later is not None:
                self._changed = None
                for use in self._all_uses():
                    use.turn(name, turn)
        self._gauges.turn(self._running.turned)
        self._running.turned.clear()

    def _all_uses(self) -> Iterator[Use]:
        return (use for uses in self._uses.values() for use in uses.values())

    def update_gauges(self, now: float | None) -> None:
        """Set the gauges. `now` is the wall clock if all lines of the logs are counted, else None."""
        if now is not None:
            self._advance(now - self._grace)
        self._gauges.update()

    # --- across restarts

    def snapshot(self) -> Any:
        """Plain values for `restore`: the clock; the key, refused or not, and use of each; keys kept until the registry
        answers.
        """
        return self.remember([row for key in self._uses for row in self.rows(key)])

    def remember(self, rows: list[Any]) -> Any:
        """The same as `snapshot`, with other rows."""
        period = self._running.period
        return [period.start if period else None, rows, sorted(self._apart)]

    def rows(self, key: str) -> list[Any]:
        """The rows of a key in a snapshot."""
        return [[key, refused, windows] for refused, windows in self._current(key).items()]

    def changed(self) -> Iterable[str] | None:
        """The keys whose use has changed since the last call; None for all."""
        changed, self._changed = self._changed, set()
        return changed

    @property
    def users(self) -> KeysView[str]:
        """All keys with use."""
        return self._uses.keys()

    def restore(self, remembered: Any) -> None:
        """Continue from a snapshot, also for keys that are not registered yet. None starts with no use."""
        now, uses, *more = remembered or (None, [])
        if now is not None:
            self._advance(now)
        for key, refused, windows in uses:
            for name in self._running.last:
                for start, amounts in windows.get(name, {}).items():
                    self._running.keep(name, start)
                    self.use(key, refused).put(name, start, amounts, self._running.oldest[name])
            self._gauges.mark_stale((key,))
        self._apart.update(*more)

    def _current(self, key: str) -> dict[bool, dict[str, dict[int, Amounts]]]:
        """The windows of a key's use that are not over for good."""
        found: dict[bool, dict[str, dict[int, Amounts]]] = {}
        for refused, use in self._uses[key].items():
            for name, oldest in self._running.oldest.items():
                starts = {start: {**amounts} for start, amounts in use.windows[name].items() if start >= oldest}
                if starts:
                    found.setdefault(refused, {})[name] = starts
        return found

    def _forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._uses.pop(key, None)
            self._gauges.forget(key)
            self._strangers.discard(key)
