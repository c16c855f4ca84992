"""Layouts: to which series a cell is connected, and what it adds to each. Cold path: see `benchmarks.births`.

All families of a kind that have the same labels are a group: their series are found with one tuple of label values. The
series of all groups are one list, and the layout says which places of it are counts, sums, credits and so on. Layouts
are the same for many kinds, and groups for all callers of a kind.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from msgspec import Struct

from exporter.counting.loop import UNSEEN, Loop
from exporter.metrics.store import FamilySeries, Histogram, Series

# What a cell adds to a series, if it is not one of the sums or histograms of the loop.
COUNT, CREDITS, COST, UNPRICED = "count", "credits", "cost of lines without one", "unpriced"
# The first places of a cell's list of series: lines that were parsed; where sums and observations go that such requests
# do not have.
_PARSED, _NOWHERE, _UNSEEN = 0, 1, 2

Lookup = Callable[[tuple[str, ...]], Series | Histogram | None]
Pick = Callable[[Any], tuple[Any, ...]]
# Families of a kind with the same labels, each behind its look-up; the label values that all callers share; the number
# of the caller's values before them; where these are not in front, what orders all.
FamilyGroup = tuple[list[tuple[Lookup, FamilySeries]], tuple[str, ...], int, Pick | None]


class Feed(Struct, eq=False, frozen=True):
    """Families that are fed the same label values, and what a cell adds to each of them."""

    families: list[FamilySeries]
    added: list[str]

    @classmethod
    def of(cls, families: Iterable[FamilySeries], added: str) -> "Feed":
        """Families to which the same is added."""
        families = [*families]
        return cls(families, [added] * len(families))


class Layout(Struct, eq=False, frozen=True):
    """What a cell adds to the series of its list: a function for each sort of targets. A series for each sum of the
    loop; `more_sums` are further places with their slots.
    """

    counts: Pick
    sums: Pick
    more_sums: list[tuple[int, str]]
    credited: Pick
    cost: Pick
    unpriced: Pick
    charged: bool
    # One for each histogram of the loop.
    observed: Pick
    # For each group: the number of the label values that it is fed; its order; its families. First those without a
    # label of callers.
    shared: list[tuple[int, "_Order", list[tuple[Lookup, FamilySeries]]]]
    groups: list[tuple[int, "_Order", list[tuple[Lookup, FamilySeries]]]]


class Laid(NamedTuple):
    """How the cells of a kind find their series: `found` are the first ones of each list, which all callers share, and
    `full` the families that had no room for one; the groups find the others.
    """

    layout: Layout
    found: list[Any]
    full: tuple[str, ...]
    groups: list[FamilyGroup]


class _Order(NamedTuple):
    """The labels among a family's that all callers share; how their values go together with the caller's."""

    own: Pick
    lead: int
    pick: Pick | None


class Layouts:
    """Makes the layouts of one input's kinds. `of_callers` are the labels that `Caller.values` has values of, in their
    order; the values of `input_labels` come last.
    """

    def __init__(self, of_callers: tuple[str, ...], input_labels: tuple[str, ...], loop: Loop, parsed: Series) -> None:
        self._of_callers = of_callers
        self._input_labels = input_labels
        self._sums = loop.summed
        self._histograms = [family.name for family in loop.histograms]
        self._first = [parsed, Series(), UNSEEN]
        self._known: dict[tuple[tuple[Feed, int], ...], Layout] = {}

    def forget(self) -> None:
        """Forget all layouts."""
        self._known.clear()

    def lay_out(self, feeds: Iterable[tuple[Feed, Mapping[str, str]]]) -> Laid:
        """The layout of a kind, from what it feeds with which label values."""
        every: dict[int, tuple[int, Mapping[str, str]]] = {}
        key = tuple([(feed, every.setdefault(id(values), (len(every), values))[0]) for feed, values in feeds])
        layout = self._known.get(key)
        if layout is None:
            layout = self._known[key] = self._layout(key)
        fed = [values for _, values in every.values()]
        more = self._input_labels
        shared, groups = (
            [(families, own(fed[number]) + more, lead, pick) for number, (own, lead, pick), families in laid]
            for laid in (layout.shared, layout.groups)
        )
        found: list[Any] = [*self._first]
        return Laid(layout, found, find(shared, (), found), groups)

    def _layout(self, feeds: Iterable[tuple[Feed, int]]) -> Layout:
        # Long, as it names the places of each sort of targets.
        grouped: dict[tuple[int, tuple[str, ...]], Feed] = {}
        for feed, number in feeds:
            for family, added in zip(feed.families, feed.added, strict=True):
                group = grouped.setdefault((number, family.family.labels), Feed([], []))
                group.families.append(family)
                group.added.append(added)
        more = len(self._input_labels)
        groups = [(number, order_of(labels, self._of_callers, more), fed) for (number, labels), fed in grouped.items()]
        groups.sort(key=lambda group: bool(group[1].lead or group[1].pick))
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, added in enumerate([added for *_, fed in groups for added in fed.added], len(self._first)):
            places[added].append(place)
        looked: list[tuple[int, _Order, list[tuple[Lookup, FamilySeries]]]] = [
            (number, order, [(family.series.get, family) for family in fed.families]) for number, order, fed in groups
        ]
        return Layout(
            counts=pick_of([_PARSED, *places[COUNT]]),
            sums=pick_of([(places[slot] or [_NOWHERE])[0] for slot in self._sums]),
            more_sums=[(place, slot) for slot in self._sums for place in places[slot][1:]],
            credited=pick_of(places[CREDITS]),
            cost=pick_of(places[COST]),
            unpriced=pick_of(places[UNPRICED]),
            charged=bool(places[COST] or places[UNPRICED]),
            observed=pick_of([(places[name] or [_UNSEEN])[0] for name in self._histograms]),
            shared=[group for group in looked if not (group[1].lead or group[1].pick)],
            groups=[group for group in looked if group[1].lead or group[1].pick],
        )


def find(groups: Iterable[FamilyGroup], caller: tuple[str, ...], found: list[Any]) -> tuple[str, ...]:
    """Append to `found` all series of these groups for a caller with these label values. Returns the names of the
    families that have no room for another series.
    """
    full: tuple[str, ...] = ()
    for families, own, lead, pick in groups:
        labels = pick((*own, *caller)) if pick else caller[:lead] + own
        for get, family in families:
            series = get(labels)
            if series is None:
                if len(family.series) < family.limit:
                    series = family.make(labels)
                else:
                    series = family.find(labels)
                    if family.merges(labels):
                        full = (*full, family.family.name)
            found.append(series)
    return full


@cache
def order_of(labels: tuple[str, ...], of_callers: tuple[str, ...], more: int) -> _Order:
    """The order of some labels and so many labels of an input."""
    own = tuple(label for label in labels if label not in of_callers)
    lead = len(labels) - len(own)
    if (*of_callers[:lead], *own) == labels:
        return _Order(pick_of(own), lead, None)
    given = (*own, *("",) * more, *of_callers)
    places = [*map(given.index, labels), *range(len(own), len(own) + more)]
    return _Order(pick_of(own), lead, pick_of(places))


def pick_of(places: Sequence[Any]) -> Pick:
    """The function that returns what is at these places, always as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    if not places:
        return lambda _: ()
    (place,) = places
    return lambda values: (values[place],)
