"""Origins: counts the requests of each origin, by key, chain and protocol. The loop adds to `Origins.counts`."""

from collections.abc import Container
from typing import Any, cast

from exporter.counting.admission import Admissions
from exporter.counting.cell import NO_PLACE, Cell, Origins
from exporter.counting.layouts import FamilyGroup, find, order_of
from exporter.metrics.store import Series, Store
from exporter.model import catalog
from exporter.model.labels import ORIGIN_LABELS, OTHER


class OriginCounts:
    """The counts of one input by origin: `homes` by key, chain and protocol."""

    def __init__(self, store: Store, admissions: Admissions, input_labels: tuple[str, ...]) -> None:
        self._store = store
        self._admissions = admissions
        self._input_labels = input_labels
        self.homes: dict[tuple[str, ...], Origins] = {}
        # Families that count origins, by what they add.
        self._groups: dict[str, list[FamilyGroup]] = {"origins": [], "new_origins": []}
        for family in store.families.values():
            if family.family.adds in self._groups:
                _, lead, pick = order_of(family.family.labels, ORIGIN_LABELS, len(input_labels))
                group: FamilyGroup = ([(family.series.get, family)], input_labels, lead, pick)
                self._groups[family.family.adds].append(group)

    def home(self, key: str, values: dict[str, str]) -> Origins:
        """Where the origins of a key and a kind of request are counted; `values` are the kind's label values."""
        at = (key, values["chain"], values["protocol"])
        home = self.homes.get(at)
        if home is None:
            home = self.homes[at] = Origins(*at)
        return home

    def keep(self, homes: Container[Origins | None]) -> None:
        """Drop all other homes. They must have been folded."""
        self.homes = {at: home for at, home in self.homes.items() if home in homes}

    def count(self, cell: Cell, origin: str) -> None:
        """Count an origin that is new for a cell's key, chain and protocol, or not admitted."""
        home = cell.targets.home
        assert home is not None, "a cell without origins takes them all"
        cell.origins = home.counts
        label = origin if origin in home.counts else self._label(home, origin, cell.targets.kind.success)
        if cell.origin is None and label is origin:
            cell.origin = origin
        else:
            cell.elsewhere += 1
            home.counts[label] += 1

    def _label(self, home: Origins, origin: str, success: bool) -> str:
        """What an origin is counted as: itself, `other` or NO_PLACE."""
        if NO_PLACE in home.counts:
            return cast(str, NO_PLACE)
        verdict = self._admissions.origin(home.key, origin, success)
        if verdict.overflow:
            self._find("origins", home, NO_PLACE)
            shown = {"", OTHER, NO_PLACE, *self._admissions.origins(home.key)}
            home.counts |= dict.fromkeys(shown - home.counts.keys(), 0)
            return cast(str, NO_PLACE)
        label = verdict.value
        if label not in home.counts:
            self._find("origins", home, label)
            home.counts[label] = 0
        if verdict.fresh and home.key:
            for series in self._find("new_origins", home, label):
                series.value += 1
        return label

    def _find(self, what: str, home: Origins, origin: str) -> list[Series]:
        """The series that count an origin, or a new one, made if they don't exist; and those that count that it has no
        room.
        """
        values = (home.key, home.chain, OTHER if origin is NO_PLACE else origin, home.protocol)
        found: list[Any] = []
        for full in find(self._groups[what], values, found):
            found.append(self._store.series(catalog.OVERFLOW, full))
        if origin is NO_PLACE:
            named = [family.family for ((_, family),), *_ in self._groups[what] if "origin" in family.family.labels]
            found += [self._store.series(catalog.OVERFLOW, family.name, "origin") for family in named]
        return found

    def fold(self) -> None:
        """Move the counts of origins into their series."""
        for home in self.homes.values():
            for origin, count in home.counts.items():
                if count:
                    for series in self._find("origins", home, origin):
                        series.value += count
                    home.counts[origin] = 0
