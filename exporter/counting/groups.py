"""Family groups: families with the same labels, whose series are looked up with one tuple of label values."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from msgspec import Struct

from exporter.counting.cell import Caller
from exporter.metrics.store import FamilySeries


class FamilyGroup(Struct):
    """Families with the same labels that requests of a kind add to. `own` are the label values that all callers share;
    `pick` puts them and the caller's values in the order of the labels.
    """

    families: list[FamilySeries]
    own: tuple[str, ...]
    pick: Callable[[tuple[str, ...]], tuple[str, ...]]

    def labels(self, caller: Caller, input_labels: tuple[str, ...]) -> tuple[str, ...]:
        """The label values of the families' series for a caller."""
        return self.pick((*self.own, *caller.values)) + input_labels


class _Order(NamedTuple):
    """The labels among a family's that all callers share; what picks all labels from their values and the caller's."""

    own: tuple[str, ...]
    pick: Callable[[tuple[str, ...]], tuple[str, ...]]


class Grouping:
    """Puts families into groups. `of_callers` are the labels of which each caller has values, in their order."""

    def __init__(self, of_callers: tuple[str, ...]) -> None:
        self._of_callers = of_callers

    def __call__(self, fed: Iterable[tuple[FamilySeries, Mapping[str, str]]]) -> list[FamilyGroup]:
        """Families, each with the label values of a request, as groups of neighbours with equal labels."""
        found = []
        for family, values in fed:
            order = _order(family.family.labels, self._of_callers)
            found.append((order, tuple([values[label] for label in order.own]), family))
        return [
            FamilyGroup([family for *_, family in group], own, order.pick)
            for (order, own), group in groupby(found, itemgetter(0, 1))
        ]


@cache
def _order(labels: tuple[str, ...], of_callers: tuple[str, ...]) -> _Order:
    own = tuple(label for label in labels if label not in of_callers)
    given = (*own, *of_callers)
    places = [given.index(label) for label in labels]
    if len(places) > 1:
        return _Order(own, itemgetter(*places))
    first = places[0] if places else 0
    return _Order(own, itemgetter(slice(first, first + len(places))))  # a tuple, too
