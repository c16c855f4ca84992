"""Expiry: counters and histograms that have been idle for long enough are dropped, which makes room for others.

Only time in which the exporter runs counts as idle. Series of registered keys and the exporter's own never expire. A
series that comes back starts from zero. A value whose last series is dropped gives its place back.
"""

from array import array
from collections.abc import Callable

from exporter.counting.admission import LOOKS
from exporter.counting.places import Places
from exporter.metrics.series import FamilySeries
from exporter.metrics.store import Store


class _Seen:
    """A family at the last look: the value of each series, and for how many looks it has not changed."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.idle = array("B")


class Expiry:
    """Drops series idle for `after` seconds, but not those of keys for which `keeps` is true. Times are monotonic."""

    def __init__(self, store: Store, after: float, keeps: Callable[[str], bool], places: Places, now: float) -> None:
        self.after = after
        self.places = places
        self._store = store
        self._keeps = keeps
        self._looked = now
        self._seen: dict[FamilySeries, _Seen] = {}

    def drop(self, now: float) -> bool:
        """Look, if a look is due. Returns whether series or places were dropped: references to them are invalid."""
        if now - self._looked < self.after / LOOKS:
            return False
        self._looked = now
        self._seen = {
            family: self._seen.get(family) or _Seen()
            for name, family in self._store.families.items()
            if family.family.type != "gauge" and family.family.persisted and not name.startswith("gateway_exporter_")
        }
        dropped = False
        for family, seen in self._seen.items():
            dropped = self._look(family, seen) or dropped
        return self.places.give_back() or dropped

    def _look(self, family: FamilySeries, seen: _Seen) -> bool:
        """Drop the idle series of a family; whether there were any."""
        # Long, as it compares, drops and keeps the rows of a family side by side, in one pass.
        values = _counts(family)
        known = len(seen.values)
        idle = array("B", bytes(len(values)))
        for row, value in enumerate(values[:known]):
            if value == seen.values[row]:
                idle[row] = min(seen.idle[row] + 1, LOOKS)
        place = family.family.labels.index("key") if "key" in family.family.labels else None
        expired = {
            row: labels
            for row, (looks, labels) in enumerate(zip(idle, family.series, strict=True))
            if looks >= LOOKS and not (place is not None and self._keeps(labels[place]))
        }
        if expired:
            family.drop_all({*expired.values()})
        seen.values = [value for row, value in enumerate(values) if row not in expired]
        seen.idle = array("B", [looks for row, looks in enumerate(idle) if row not in expired])
        return bool(expired)


def _counts(family: FamilySeries) -> list[float]:
    """The number that each series counts up."""
    rows = family.rows()
    return [*rows.numbers] if rows.width == 1 else [sum(numbers[:-1]) for _, numbers in rows.each()]
