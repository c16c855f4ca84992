"""Use of limits: what keys have used in the windows of the calendar, also across restarts.

Use belongs to the windows of the log's own time, in whatever order lines come. The clock that says which window is
running is the latest time in the logs. Once all that was logged is counted, it is the wall clock less a grace, if that
is later: so the windows of an idle key end, too.

A wall clock that was ahead, and went back, is followed. What was counted by it was used before now, but nobody can say
when: it counts in the windows that run now, and stays in them.
"""

import logging
from collections.abc import Iterable, Iterator, KeysView
from typing import Any
from zoneinfo import ZoneInfo

from exporter.clock import AHEAD, Clock
from exporter.limits.calendar import WINDOWS, Calendar, Period
from exporter.limits.gauges import LimitGauges
from exporter.limits.running import Running
from exporter.limits.use import Amounts, Limit, Use
from exporter.metrics.store import Store
from exporter.model.labels import UNKNOWN

log = logging.getLogger(__name__)

# The most unregistered keys whose use is kept, in case they are registered later.
_MOST_STRANGERS = 10_000


class Limits:
    """Use of every key, and the families that show it. Until it is configured there are none, and time has no periods.

    `waiting` says that the registry has not answered yet: until then any key may turn out to be registered, and its
    use is kept.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.waiting = False
        self._clock = clock
        self._running = Running(Calendar(ZoneInfo("UTC"), ()))
        self._grace = 0.0
        self._windows: tuple[str, ...] = ()
        self._spending = False
        self._division: Any = None
        # The registered keys, each with the name of its plan.
        self._keys: dict[str, str] = {}
        self._uses: dict[str, dict[bool, Use]] = {}
        # Keys with use that are not registered; of these, those that are no label: they go when the registry answers.
        self._strangers: set[str] = set()
        self._apart: set[str] = set()
        self._full = False
        self._touched: list[Use] = []
        # Keys whose use has changed since `changed` was asked; None for all.
        self._changed: set[str] | None = None
        self._gauges = LimitGauges(store, self._running, self._uses)
        clock.add(self._go_back)

    @property
    def calendar(self) -> Calendar:
        """What divides time."""
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
        """Count use by this calendar from now on. `grace` is in seconds. `boundaries` (epoch seconds) are further
        times that no period may span, for others that fold. With `spending`, what every key has spent is shown. Then
        `register`; what was used stays.
        """
        self._grace = grace
        self._spending = spending
        self._gauges.configure(plans, spending)
        self._windows = tuple(windows)
        division = (zone, self._windows, [*boundaries])
        if division != self._division:
            self._division = division
            if self._running.divide(Calendar(*division)):
                self._turned()

    def register(self, keys: dict[str, str]) -> None:
        """These are the registered keys now, each with the name of its plan. What was used stays."""
        self._keys = keys
        self._gauges.register(keys)
        self._forget([key for key in self._uses if key not in keys and not self._current(key)])
        self._strangers = self._uses.keys() - keys.keys()
        self._gauges.mark_stale(self._uses)
        self._full = False
        self._changed = None

    def answered(self) -> None:
        """The registry has answered: who is not registered is a stranger."""
        self.waiting = False
        self._forget(self._apart - self._keys.keys())
        self._apart.clear()
        self._changed = None

    @property
    def strangers(self) -> list[str]:
        """Keys with use that are not registered."""
        return [*self._strangers]

    def rename(self, old: str, new: str) -> None:
        """A stranger is registered now, under another name: what it has used it has used."""
        self._strangers.discard(old)
        self._gauges.forget(old)
        self._gauges.mark_stale((new,))
        self._changed = None
        for refused, use in self._uses.pop(old, {}).items():
            for name, starts in use.windows.items():
                for start, amounts in starts.items():
                    self._use(new, refused).put(name, start, amounts, self._running.oldest.get(name, 0))

    # --- counting

    def user(self, label: str, key: str) -> str:
        """Whose use requests are that have this label and this key; "" for nobody's. It may be a key that is not
        registered, as it may be soon; of these ten thousand at the most.
        """
        # Long, as it has a branch for each sort of caller, and of keys that are not kept.
        apart = self.waiting and label != key
        user = key if apart else "" if label == UNKNOWN and not self._spending else label
        if not user or not self._windows:
            return ""
        if user not in self._keys and user not in self._strangers:
            if len(self._strangers) >= _MOST_STRANGERS and user != UNKNOWN:
                if not self._full:
                    log.warning("more than %d unregistered keys: use of further ones is not kept", _MOST_STRANGERS)
                self._full = True
                return ""
            self._strangers.add(user)
            if apart:
                self._apart.add(user)
        if not apart:
            self._apart.discard(user)
        return user

    def use(self, user: str, refused: bool) -> Use | None:
        """Where to add what a user's requests use; None for nobody's."""
        return self._use(user, refused) if user else None

    def _use(self, key: str, refused: bool) -> Use:
        uses = self._uses.setdefault(key, {})
        if key not in self._keys:
            self._strangers.add(key)
        if refused not in uses:
            uses[refused] = Use(key, self._touched, {name: {} for name in WINDOWS})
        return uses[refused]

    def assign_to(self, period: Period) -> None:
        """Put what was added into the windows of a period: it was used then. The period may be of another calendar:
        of the last lines of an input that a reload takes away, what that calendar had no windows for is not counted.
        """
        now = self._clock.now()
        at = period.start if period.start <= now + AHEAD else now
        self._advance(at)
        names = self._running.last.keys() & period.windows.keys()
        starts = {name: self.calendar.window(name, at).start for name in names}
        for use in self._touched:
            for name, start in starts.items():
                use.put(name, start, use.pending, self._running.oldest[name])
            use.pending.clear()
        used = {use.key for use in self._touched}
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
        """Other windows run now."""
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
        """Set the gauges. `now` is the wall clock if all that was logged is counted, None if not."""
        if now is not None:
            self._advance(now - self._grace)
        self._gauges.update()

    # --- across restarts

    def snapshot(self) -> Any:
        """What `restore` needs, as plain values: the clock; key, refused or not, and use of each; keys that wait."""
        return self.remember([row for key in self._uses for row in self.rows(key)])

    def remember(self, rows: list[Any]) -> Any:
        """What `snapshot` gives, with other rows."""
        period = self._running.period
        return [period.start if period else None, rows, sorted(self._apart)]

    def rows(self, key: str) -> list[Any]:
        """What is remembered of a key's use."""
        return [[key, refused, windows] for refused, windows in self._current(key).items()]

    def changed(self) -> Iterable[str] | None:
        """The keys whose use has changed since this was asked; None for all."""
        changed, self._changed = self._changed, set()
        return changed

    @property
    def users(self) -> KeysView[str]:
        """All keys with use."""
        return self._uses.keys()

    def restore(self, remembered: Any) -> None:
        """Go on with what was remembered, also of keys that are not registered yet; with None, from nothing."""
        now, uses, *more = remembered or (None, [])
        if now is not None:
            self._advance(now)
        for key, refused, windows in uses:
            for name in self._running.last:
                for start, amounts in windows.get(name, {}).items():
                    self._running.keep(name, start)
                    self._use(key, refused).put(name, start, amounts, self._running.oldest[name])
            self._gauges.mark_stale((key,))
        self._apart.update(*more)

    def _current(self, key: str) -> dict[bool, dict[str, dict[int, Amounts]]]:
        """The windows of a key's uses that are not over for good."""
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
