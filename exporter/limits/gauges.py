"""The `gateway_limit*` families: the limits of plans, the use of keys, and the ends of windows.

Registered keys without use are on the families' sheets; keys with use have series.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from msgspec import Struct

from exporter.limits.running import Running
from exporter.limits.use import Limit, Use
from exporter.metrics.roster import Sheet
from exporter.metrics.series import Series
from exporter.metrics.store import Store
from exporter.metrics.templates import sample
from exporter.model import catalog
from exporter.model.catalog import Family
from exporter.model.input_labels import escaped

log = logging.getLogger(__name__)

# Units and windows that every registered key has gauges for, even one without a limit.
_ALWAYS = (("requests", "1d"), ("requests", "1mo"))
# Those that every key has besides, registered or not, where requests cost money.
_SPENT = (("cost", "1d"), ("cost", "1mo"))
_LIMIT = catalog.LIMIT
_USED = (catalog.LIMIT_USED, catalog.LIMIT_USED_LAST)
_RESET = catalog.LIMIT_RESET_TIMESTAMP_SECONDS
_PLACE = "\0"  # stands for the key in the lines of a plan


class _Plan(Struct, eq=False):
    """A plan's limits, and the lines of its keys on each family's sheet, with _PLACE for the key."""

    limits: tuple[Limit, ...] = ()
    always: tuple[tuple[str, str], ...] = _ALWAYS
    lines: dict[Family, str] = {}

    @property
    def exposed(self) -> dict[tuple[str, str], None]:
        """The units and windows that its keys have gauges for."""
        return dict.fromkeys((*((limit.unit, limit.window) for limit in self.limits), *self.always))


class _Gauges(Struct):
    """The series of a key for a unit and a window."""

    unit: str
    window: str
    count_refused: bool
    used: Series
    used_last: Series


class LimitGauges:
    """Sets the families. `uses` has the use of each key, apart for refused requests; its owner keeps changing it."""

    def __init__(self, store: Store, running: Running, uses: Mapping[str, Mapping[bool, Use]]) -> None:
        self._store = store
        self._running = running
        self._uses = uses
        self._plans: dict[str, _Plan] = {}
        self._keys: dict[str, _Plan] = {}
        self._always: tuple[tuple[str, str], ...] = _ALWAYS
        # What a key has that is not registered.
        self._stranger = _Plan(always=())
        # The windows that any key has gauges for.
        self._windows: set[str] = set()
        # Whether the sheets have values of the running windows.
        self._begun = False
        self._gauges: dict[str, list[_Gauges]] = {}
        self._stale: set[str] = set()
        self._sheets: dict[Family, Sheet] = {
            family: store.sheet(family, partial(self._unused, family)) for family in (_LIMIT, *_USED, _RESET)
        }

    def configure(self, plans: dict[str, tuple[Limit, ...]], spending: bool) -> None:
        """Use these plans from the next `register` on. With `spending`, every key has gauges of what it has spent."""
        self._always = _ALWAYS + _SPENT if spending else _ALWAYS
        self._stranger = _Plan(always=_SPENT if spending else ())
        self._plans = {name: _Plan(limits, self._always) for name, limits in plans.items()}

    def register(self, keys: dict[str, str]) -> None:
        """Expose these keys, each with the name of its plan; of others, what they have spent."""
        self._warn_unknown_plans(keys.values())
        none = _Plan(always=self._always)
        before, self._keys = self._keys, {key: self._plans.get(plan, none) for key, plan in keys.items()}
        self._windows = {window for plan in {*self._keys.values()} for _, window in plan.exposed}
        self._store.registered.update(keys)
        for key, plan in self._keys.items():
            if key not in before:
                self._drop_series(key)  # what it had as a stranger
            elif (before[key].limits, before[key].always) != (plan.limits, plan.always):
                self._drop_series(key)
                for sheet in self._sheets.values():
                    sheet.renew(key)
        for key in self._gauges.keys() - keys.keys():
            self._drop_series(key)

    def forget(self, key: str) -> None:
        """A key has no use any more, or is called otherwise."""
        self._drop_series(key)

    def _warn_unknown_plans(self, plans: Iterable[str]) -> None:
        unknown = sorted({plan for plan in plans if plan and plan not in self._plans})
        if unknown and self._plans:
            log.warning("the key registry names plans that the config does not have: %s", ", ".join(unknown))

    def mark_stale(self, keys: Iterable[str]) -> None:
        """Set the gauges of these keys, whose use has changed, at the next `update`."""
        self._stale.update(keys)

    def turn(self, names: Iterable[str]) -> None:
        """Update what depends on the running windows of these names, which have changed."""
        turned = {*names}
        for key, gauges in self._gauges.items():
            if any(gauge.window in turned for gauge in gauges):
                self._stale.add(key)
        if turned & self._windows:
            for family in (_RESET,) if self._begun else (_RESET, *_USED):
                for plan in {*self._keys.values()}:
                    plan.lines.pop(family, None)
                self._sheets[family].clear()
            self._begun = True

    def update(self) -> None:
        """Set the gauges of keys whose use or windows have changed. Does nothing before the first window runs."""
        if self._running.period is None:
            return
        for key in sorted(self._stale):
            if key in self._uses and (key in self._keys or self._spends(key)):
                self._update(key)
        self._stale.clear()

    def _update(self, key: str) -> None:
        # Long, as it sets all gauges of a key in one pass over its use.
        period, uses = self._running.period, self._uses[key]
        assert period is not None, "checked by update"
        if key not in self._gauges:
            self._gauges[key] = [*self._new_gauges(key)]
            for family in _USED if key in self._keys else ():
                self._sheets[family].renew(key)
        for gauge in self._gauges[key]:
            counted = [use.windows[gauge.window] for refused, use in uses.items() if gauge.count_refused or not refused]
            start, last = period.windows[gauge.window].start, self._running.last[gauge.window].start
            gauge.used.value = sum(
                amounts.get(gauge.unit, 0) for starts in counted for at, amounts in starts.items() if at >= start
            )
            if key not in self._keys:
                end = period.windows[gauge.window].end
                self._store.own(_RESET, key, gauge.unit, gauge.window).value = end
            gauge.used_last.value = sum(starts.get(last, {}).get(gauge.unit, 0) for starts in counted)

    def _spends(self, key: str) -> bool:
        """Whether a key that is not registered has spent money that is to be shown."""
        return bool(self._stranger.always) and any(
            "cost" in amounts
            for use in self._uses[key].values()
            for starts in use.windows.values()
            for amounts in starts.values()
        )

    def _new_gauges(self, key: str) -> Iterator[_Gauges]:
        plan = self._keys.get(key, self._stranger)
        limits = {(limit.unit, limit.window): limit for limit in plan.limits}
        for at in plan.exposed:
            count_refused = at in limits and limits[at].count_refused
            yield _Gauges(*at, count_refused, *(self._store.own(family, key, *at) for family in _USED))

    def _drop_series(self, key: str) -> None:
        """Drop the series of a key. If it is registered, it is on the sheets again."""
        for gauge in self._gauges.pop(key, ()):
            for family in (*_USED, _RESET):
                self._store.drop(family, key, gauge.unit, gauge.window)

    # --- sheets

    def _unused(self, family: Family, key: str) -> str:
        """The lines of a key in a family; "" if it has series there."""
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
            for unit, window in plan.exposed:
                value = period.windows[window].end if family is _RESET else 0
                yield sample(name, labels, (_PLACE, unit, window), value)
