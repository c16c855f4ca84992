"""Gives places in label budgets back: when the last series of a value has expired, there is room for another value.

Gauges about the value, such as `gateway_key_info`, are dropped as well, as gauges do not expire by themselves.
"""

from collections.abc import Callable, Collection, Iterable
from operator import itemgetter

from exporter.counting.admission import Admissions
from exporter.keys.key_metrics import Keys
from exporter.metrics.store import FamilySeries, Store
from exporter.model.labels import LABELS

# The label whose budget a label's values take places of.
_BUDGET_OF = {name: label.budget for name, label in LABELS.items() if label.budget}


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
        held: dict[str, set[str]] = {label: set() for label in _BUDGET_OF.values()}
        for family in counted:
            for label, values in _values(family):
                held[label].update(values)
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
            if values := gone.get(_BUDGET_OF.get(label, "")):
                for labels in [labels for labels in gauge.series if labels[place] in values]:
                    gauge.drop(*labels)


def _values(family: FamilySeries) -> list[tuple[str, Iterable[str]]]:
    """The values of a family's labels that have budgets, each with the label whose budget it is."""
    labels = enumerate(family.family.labels)
    return [(_BUDGET_OF[label], map(itemgetter(at), family.series)) for at, label in labels if label in _BUDGET_OF]
