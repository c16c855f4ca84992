"""Gives places in label budgets back: when the last series of a value has expired, there is room for another value.

Gauges about the value, such as `gateway_key_info`, are dropped as well, as gauges do not expire by themselves.
"""

from collections.abc import Callable, Collection
from operator import itemgetter

from exporter.counting.admission import Admissions
from exporter.keys.key_metrics import Keys
from exporter.metrics.series import FamilySeries
from exporter.metrics.store import Store
from exporter.model.labels import LABELS


class Places:
    """Finds the values that are in no series any more. `admissions` has the places."""

    def __init__(self, store: Store, admissions: Admissions, keys: Keys) -> None:
        self.admissions = admissions
        self._store = store
        self._keys = keys

    def give_back(self) -> bool:
        """Give back the places of values that are in no series any more. Returns whether there were any; cells with
        these values are then invalid.
        """
        families = list(self._store.families.values())
        counted = [family for family in families if family.family.adds and family.family.type != "gauge"]
        held: dict[str, set[str]] = {label: set() for label in self.admissions.labels}
        for family in counted:
            for place, label in enumerate(family.family.labels):
                if (budget := _budget_of(label)) in held:
                    held[budget].update(map(itemgetter(place), family.series))
        gone = self.admissions.give_back(
            held, self._origins([family for family in counted if "origin" in family.family.labels])
        )
        for family in families:
            if family.family.type == "gauge":
                self._drop(family, gone)
        self._keys.forget(gone.get("key", ()))
        return bool(gone)

    @staticmethod
    def _origins(families: list[FamilySeries]) -> Callable[[str], Collection[str]] | None:
        """A function that returns the origins in a series of a key. Those of families without the label `key` count
        for every key.
        """
        if not families:
            return None
        held: dict[str, set[str]] = {}
        anyones: set[str] = set()
        for family in families:
            labels = family.family.labels
            origin = labels.index("origin")
            if "key" not in labels:
                anyones.update(map(itemgetter(origin), family.series))
                continue
            for key, value in map(itemgetter(labels.index("key"), origin), family.series):
                held.setdefault(key, set()).add(value)
        return lambda key: held.get(key, set()) | anyones

    @staticmethod
    def _drop(gauge: FamilySeries, gone: dict[str, set[str]]) -> None:
        """Drop a gauge's series about values that have lost their place."""
        for place, label in enumerate(gauge.family.labels):
            if values := gone.get(_budget_of(label)):
                for labels in [labels for labels in gauge.series if labels[place] in values]:
                    gauge.drop(*labels)


def _budget_of(label: str) -> str:
    """The label whose budget the values of a label take places of; a label that the config declares has its own."""
    return LABELS[label].budget if label in LABELS else label
