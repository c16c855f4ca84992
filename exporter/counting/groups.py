"""Family groups: families with the same labels, whose series are looked up with one tuple of label values."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

from msgspec import Struct

from exporter.counting.cell import Caller
from exporter.metrics.store import FamilySeries


class FamilyGroup(Struct):
    """Families with the same labels that requests of a kind add to. `own` are the label values that all callers share,
    and `lead` is the number of the caller's values before them; where these are not in front, `pick` orders all.
    """

    families: list[FamilySeries]
    own: tuple[str, ...]
    lead: int
    pick: Callable[[tuple[str, ...]], tuple[str, ...]] | None
    # The series that all callers share, once they are found, and the families without room for them.
    shared: list[Any] | None = None
    shared_full: dict[str, None] = {}

    def find(self, caller: Caller, full: dict[str, None]) -> list[Any]:
        """The families' series for a caller. Families that have no room for another series are added to `full`."""
        if self.shared is not None:
            full |= self.shared_full
            return self.shared
        labels = self.pick((*self.own, *caller.values)) if self.pick else caller.values[: self.lead] + self.own
        found = []
        for family in self.families:
            series = family.series.get(labels)
            if series is None:
                if len(family.series) < family.limit:
                    series = family.make(labels, family.released)
                else:
                    series = family.find(labels)
                    if family.merges(labels):
                        full[family.family.name] = None
            found.append(series)
        if not (self.lead or self.pick):
            self.shared, self.shared_full = found, {**full}
        return found


class _Order(NamedTuple):
    """The labels among a family's that all callers share; how their values go together with the caller's."""

    own: tuple[str, ...]
    lead: int
    pick: Callable[[tuple[str, ...]], tuple[str, ...]] | None


class Groups:
    """Makes the groups of one input's families. `of_callers` are the labels that `Caller.values` has values of, in
    their order; the values of `input_labels` come last.
    """

    def __init__(self, of_callers: tuple[str, ...], input_labels: tuple[str, ...]) -> None:
        self._of_callers = of_callers
        self._input_labels = input_labels
        # Neighbours with the same labels, by all families that are fed the same values.
        self._neighbours: dict[tuple[FamilySeries, ...], list[tuple[_Order, list[FamilySeries]]]] = {}

    def of(self, families: Iterable[FamilySeries], values: Mapping[str, str]) -> list[FamilyGroup]:
        """Families to which a request adds with these label values, as groups of neighbours with the same labels."""
        families = tuple(families)
        neighbours = self._neighbours.get(families)
        if neighbours is None:
            more = len(self._input_labels)
            ordered = groupby(families, lambda family: _order(family.family.labels, self._of_callers, more))
            neighbours = self._neighbours[families] = [(order, [*group]) for order, group in ordered]
        return [
            FamilyGroup(
                group, tuple([values[label] for label in order.own]) + self._input_labels, order.lead, order.pick
            )
            for order, group in neighbours
        ]


@cache
def _order(labels: tuple[str, ...], of_callers: tuple[str, ...], more: int) -> _Order:
    """The order of some labels and so many labels of an input."""
    own = tuple(label for label in labels if label not in of_callers)
    lead = len(labels) - len(own)
    if (*of_callers[:lead], *own) == labels:
        return _Order(own, lead, None)
    given = (*own, *("",) * more, *of_callers)
    places = [*map(given.index, labels), *range(len(own), len(own) + more)]
    return _Order(own, lead, lambda values: tuple([values[place] for place in places]))
