"""Origins: counts the requests of each origin, by key, chain and protocol. The loop adds to `Origins.counts`."""

from collections.abc import Container
from typing import cast

from exporter.counting.admission import Admissions
from exporter.counting.cell import NO_PLACE, Cell, Origins
from exporter.counting.connect import Group, compile_find
from exporter.counting.layouts import order_of
from exporter.metrics.series import Series
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.model.labels import ORIGIN_LABELS, OTHER


class OriginCounts:
    """The counts of one input by origin: `homes` by key, chain and protocol."""

    def __init__(self, store: Store, admissions: Admissions, input_labels: tuple[str, ...]) -> None:
        self._admissions = admissions
        self.homes: dict[tuple[str, str, str], Origins] = {}
        self._counts, self._new = (_Families(store, adds, input_labels) for adds in ("origins", "new_origins"))

    def home(self, key: str, values: dict[str, str]) -> Origins:
        """Where the origins of a key and a kind of request are counted; `values` are the kind's label values."""
        at = (key, values["chain"], values["protocol"])
        home = self.homes.get(at)
        if home is None:
            home = self.homes[at] = Origins(at, self._admissions.origins(key))
        return home

    def keep(self, homes: Container[Origins | None]) -> None:
        """Drop all other homes. They must have been folded."""
        self.homes = {at: home for at, home in self.homes.items() if home in homes}

    def count(self, cell: Cell, origin: str) -> None:
        """Count an origin that is new for a cell's key, chain and protocol, or not admitted."""
        home = cell.targets.home
        assert home is not None, "a cell without origins takes them all"
        cell.origins = counts = home.counts
        label = origin if origin in counts else self._label(home, origin, cell.targets.kind.success)
        if cell.origin is None and label is origin:
            cell.origin = origin
        else:
            cell.elsewhere += 1
            counts[label] += 1

    def _label(self, home: Origins, origin: str, success: bool) -> str:
        """What an origin is counted as: itself, `other` or NO_PLACE."""
        counts = home.counts
        if NO_PLACE in counts:
            return cast(str, NO_PLACE)
        if origin in home.admitted:
            self._counts.find(home, origin)
            counts[origin] = 0
            return origin
        key = home.at[0]
        verdict = self._admissions.origin(key, origin, success)
        if verdict.overflow:
            self._counts.find(home, NO_PLACE)
            shown = {"", OTHER, NO_PLACE, *home.admitted}
            counts |= dict.fromkeys(shown - counts.keys(), 0)
            return cast(str, NO_PLACE)
        label = verdict.value
        if label not in counts:
            self._counts.find(home, label)
            counts[label] = 0
        if verdict.fresh and key:
            for series in self._new.find(home, label):
                series.value += 1
        return label

    def fold(self) -> None:
        """Move the counts of origins into their series."""
        for home in self.homes.values():
            for origin, count in home.counts.items():
                if count:
                    for series in self._counts.find(home, origin):
                        series.value += count
                    home.counts[origin] = 0


class _Families:
    """The families that count origins, or new ones."""

    def __init__(self, store: Store, adds: str, input_labels: tuple[str, ...]) -> None:
        self._store = store
        families = [family for family in store.families.values() if family.family.adds == adds]
        # Those that show which origin it is.
        self._showing = [family.family.name for family in families if "origin" in family.family.labels]
        self._own = [input_labels] * len(families)
        more = len(input_labels)
        orders = [(family, order_of(family.family.labels, ORIGIN_LABELS, more)) for family in families]
        self._find = compile_find([Group([family], [adds], False, *order) for family, order in orders])

    def find(self, home: Origins, origin: str) -> tuple[Series, ...]:
        """The series that count an origin, made if they don't exist; and those that count that it has no room."""
        key, chain, protocol = home.at
        full: list[str] = []
        found = self._find(self._own, (key, chain, OTHER if origin is NO_PLACE else origin, protocol), full)
        return found if not full and origin is not NO_PLACE else (*found, *self._without_room(full, origin))

    def _without_room(self, full: list[str], origin: str) -> list[Series]:
        labels = [(name,) for name in full] + [(name, "origin") for name in self._showing if origin is NO_PLACE]
        return [self._store.series(catalog.OVERFLOW, *values) for values in labels]
