"""Limits: what registered keys have used in the windows of the calendar, and what their plans allow.

Use belongs to the windows of the log's own time, in whatever order lines come. The clock that says which
window is running is the latest time in the logs; while all that was logged is counted, it is the wall
clock less a grace, if that is later: so the window of a key that is idle ends, too.

A wall clock that was ahead, and went back, is followed. What was counted by it was used before now, but nobody can say
when: it counts in the windows that run now, and stays in them.
"""

import logging
from collections.abc import Iterable, Iterator, KeysView
from functools import partial
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from exporter.clock import AHEAD, Clock
from exporter.limits.calendar import WINDOWS, Calendar, Period
from exporter.limits.running import Running, Turn
from exporter.metrics.exposition import sample
from exporter.metrics.roster import Sheet
from exporter.metrics.store import Series, Store
from exporter.model import catalog
from exporter.model.catalog import Family
from exporter.model.input_labels import escaped
from exporter.model.labels import UNKNOWN

log = logging.getLogger(__name__)

UNITS = ("requests", "tokens", "credits", "cost")
Scope = Literal["global", "gateway"]
# Requests that the gateway refused: HTTP statuses, and the gRPC codes that mean the same.
REFUSED = frozenset(("401", "403", "429", "7", "8", "16"))

# What is shown of every registered key, whether it has a limit or not.
_ALWAYS = (("requests", "1d"), ("requests", "1mo"))
# What is shown of every key, registered or not, where requests cost money.
_SPENT = (("cost", "1d"), ("cost", "1mo"))
# Keys that are not registered, or not yet, whose use is kept; more have none.
_MOST_STRANGERS = 10_000
_LIMIT = catalog.LIMIT
_USED = (catalog.LIMIT_USED, catalog.LIMIT_USED_LAST)
_RESET = catalog.LIMIT_RESET_TIMESTAMP_SECONDS
_PLACE = "\0"  # where a key goes in the lines of a plan

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

    key: str
    touched: list["Use"]
    windows: dict[str, dict[int, Amounts]]
    pending: Amounts = {}

    def add(self, unit: str, amount: float) -> None:
        """Add to the use of the period that is being counted."""
        if not self.pending:
            self.touched.append(self)
        self.pending[unit] = self.pending.get(unit, 0) + amount

    def put(self, name: str, start: int, amounts: Amounts, oldest: int) -> None:
        """Add to the use of a window; what began before the oldest is over, and goes."""
        starts = self.windows[name]
        if start not in starts:
            for old in [one for one in starts if one < oldest]:
                del starts[old]
            if start < oldest:
                return
            starts[start] = {}
        held = starts[start]
        for unit, amount in amounts.items():
            held[unit] = held.get(unit, 0) + amount

    def turn(self, name: str, turn: Turn) -> None:
        """Put what a clock that was ahead has counted where it belongs."""
        starts = self.windows[name]
        for start in [one for one in starts if turn.later is not None and one > turn.later]:
            self.put(name, turn.into, starts.pop(start), turn.into)


class _Plan(Struct, eq=False):
    """What a plan allows, and the lines that it has on each family's sheet, with a place for the key."""

    limits: tuple[Limit, ...] = ()
    always: tuple[tuple[str, str], ...] = _ALWAYS
    lines: dict[Family, str] = {}

    @property
    def shown(self) -> dict[tuple[str, str], None]:
        """Units and windows that are shown of its keys."""
        return dict.fromkeys((*((limit.unit, limit.window) for limit in self.limits), *self.always))


class _Gauges(Struct):
    """What is shown of a key, a unit and a window. `uses` are those that count."""

    unit: str
    window: str
    uses: list[Use]
    used: Series
    used_last: Series


class Limits:
    """Sets the `gateway_limit*` families. Until it is configured there are none, and time has no periods.

    A key that has used nothing is on the families' sheets, any other has series. `waiting` says that the registry has
    not answered yet: until then any key may turn out to be registered, and its use is kept.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.waiting = False
        self._store = store
        self._clock = clock
        self._running = Running(Calendar(ZoneInfo("UTC"), ()))
        self._grace = 0.0
        self._windows: tuple[str, ...] = ()
        self._spending = False
        self._division: Any = None
        # Whether windows run, and use is shown.
        self._begun = False
        # Windows of which something is shown of some key.
        self._seen: set[str] = set()
        self._plans: dict[str, _Plan] = {}
        self._keys: dict[str, _Plan] = {}
        self._uses: dict[str, dict[bool, Use]] = {}
        # Keys with use that are not registered; of these, those that are no label: they go when the registry answers.
        self._strangers: set[str] = set()
        self._apart: set[str] = set()
        self._full = False
        self._touched: list[Use] = []
        self._gauges: dict[str, list[_Gauges]] = {}
        self._stale: set[str] = set()
        # Keys whose use has changed since `changed` was asked; None for all.
        self._changed: set[str] | None = None
        self._sheets: dict[Family, Sheet] = {
            family: store.sheet(family, partial(self._resting, family)) for family in (_LIMIT, *_USED, _RESET)
        }
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
        self._plans = {name: _Plan(limits, self._always) for name, limits in plans.items()}
        self._windows = tuple(windows)
        division = (zone, self._windows, [*boundaries])
        if division != self._division:
            self._division = division
            if self._running.divide(Calendar(*division)):
                self._turned()

    def register(self, keys: dict[str, str]) -> None:
        """These are the registered keys now, each with the name of its plan. What was used stays."""
        unknown = sorted({plan for plan in keys.values() if plan and plan not in self._plans})
        if unknown and self._plans:
            log.warning("the key registry has plans without limits here: %s", ", ".join(unknown))
        none = _Plan(always=self._always)
        before, self._keys = self._keys, {key: self._plans.get(plan, none) for key, plan in keys.items()}
        self._seen = {window for plan in {*self._keys.values()} for _, window in plan.shown}
        self._store.registered.update(keys)
        for key, plan in self._keys.items():
            old = before.get(key)
            if old is None:
                self._hide(key)  # a stranger shows less
            elif (old.limits, old.always) != (plan.limits, plan.always):
                self._hide(key)
                for sheet in self._sheets.values():
                    sheet.renew(key)
        for key in before.keys() - keys.keys():
            self._hide(key)
        self._forget([key for key in self._uses if key not in keys and not self._current(key)])
        self._strangers = self._uses.keys() - keys.keys()
        self._seen.update(window for _, window in self._stranger.shown)
        for key in self._strangers:
            self._hide(key)
        self._stale.update(self._uses)
        self._full = False
        self._changed = None

    @property
    def _always(self) -> tuple[tuple[str, str], ...]:
        """What is shown of every registered key."""
        return _ALWAYS + _SPENT if self._spending else _ALWAYS

    @property
    def _stranger(self) -> _Plan:
        """What is shown of a key that is not registered."""
        return _Plan(always=_SPENT if self._spending else ())

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
        self._hide(old)
        self._stale.add(new)
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
        apart = self.waiting and label != key
        user = key if apart else "" if label == UNKNOWN and not self._spending else label
        if not user or not self._windows:
            return ""
        if user not in self._keys and user not in self._strangers:
            if len(self._strangers) >= _MOST_STRANGERS and user != UNKNOWN:
                if not self._full:
                    log.warning("more than %d keys are not registered: what others use is not kept", _MOST_STRANGERS)
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

    def take(self, period: Period) -> None:
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
            self._stale.add(use.key)
            if self._changed is not None:
                self._changed.add(use.key)
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
            for key, gauges in self._gauges.items():
                if any(one.window == name for one in gauges):
                    self._stale.add(key)
        if self._running.turned.keys() & self._seen:
            for family in (_RESET,) if self._begun else (_RESET, *_USED):
                for plan in {*self._keys.values()}:
                    plan.lines.pop(family, None)
                self._sheets[family].clear()
            self._begun = True
        self._running.turned.clear()

    def _all_uses(self) -> Iterator[Use]:
        return (use for uses in self._uses.values() for use in uses.values())

    # --- showing

    def show(self, now: float | None) -> None:
        """Set the gauges. `now` is the wall clock if all that was logged is counted, None if not."""
        if now is not None:
            self._advance(now - self._grace)
        period = self._running.period
        if period is None:
            return
        for key in self._stale:
            registered = key in self._keys
            if key not in self._uses or not (registered or self._spends(key)):
                continue
            if key not in self._gauges:
                self._gauges[key] = [*self._new_gauges(key)]
                for family in _USED if registered else ():
                    self._sheets[family].renew(key)
            for one in self._gauges[key]:
                start = period.windows[one.window].start
                one.used.value = sum(
                    amounts.get(one.unit, 0)
                    for use in one.uses
                    for at, amounts in use.windows[one.window].items()
                    if at >= start
                )
                last = self._running.last[one.window].start
                if not registered:
                    end = period.windows[one.window].end
                    self._store.own(_RESET, key, one.unit, one.window).value = end
                one.used_last.value = sum(use.windows[one.window].get(last, {}).get(one.unit, 0) for use in one.uses)
        self._stale.clear()

    def _spends(self, key: str) -> bool:
        """Whether a key that is not registered is a label, and has spent money."""
        return (
            self._spending
            and key not in self._apart
            and any(
                "cost" in amounts
                for use in self._uses[key].values()
                for starts in use.windows.values()
                for amounts in starts.values()
            )
        )

    def _new_gauges(self, key: str) -> Iterator[_Gauges]:
        plan = self._keys.get(key) or self._stranger
        limits = {(limit.unit, limit.window): limit for limit in plan.limits}
        for at in plan.shown:
            limit = limits.get(at)
            uses = [
                self._use(key, refused) for refused in ((False, True) if limit and limit.count_refused else (False,))
            ]
            yield _Gauges(*at, uses, *(self._store.own(family, key, *at) for family in _USED))

    def _hide(self, key: str) -> None:
        """Drop the series of a key: it is on the sheets again, if it is registered."""
        for one in self._gauges.pop(key, ()):
            for family in (*_USED, _RESET):
                self._store.drop(family, key, one.unit, one.window)

    def _resting(self, family: Family, key: str) -> str:
        """The lines of a key that has no series of its own."""
        plan = self._keys.get(key)
        if plan is None or (key in self._gauges and family in _USED):
            return ""
        lines = plan.lines.get(family)
        if lines is None:
            lines = plan.lines[family] = "".join(self._lines_of(family, plan))
        return lines.replace(_PLACE, escaped(key))

    def _lines_of(self, family: Family, plan: _Plan) -> Iterator[str]:
        name, labels = family.name, self._store.families[family.name].family.labels
        if family is _LIMIT:
            for limit in plan.limits:
                yield sample(name, labels, (_PLACE, limit.unit, limit.window, limit.scope), limit.amount)
        elif period := self._running.period:
            for unit, window in plan.shown:
                value = period.windows[window].end if family is _RESET else 0
                yield sample(name, labels, (_PLACE, unit, window), value)

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
            self._stale.add(key)
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
            self._hide(key)
            self._uses.pop(key, None)
            self._strangers.discard(key)
