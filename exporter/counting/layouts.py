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

from exporter.counting.loop import Loop
from exporter.metrics.store import FamilySeries, Histogram, Series

# What a cell adds to a series, if it is not one of the sums or histograms of the loop.
COUNT, CREDITS, COST, UNPRICED = "count", "credits", "cost of lines without one", "unpriced"
# The first places of a cell's list of series: lines that were parsed; where sums go that such requests do not add to.
_PARSED, _NOWHERE = 0, 1

Lookup = Callable[[tuple[str, ...]], Series | Histogram | None]
Pick = Callable[[Any], tuple[Any, ...]]


class Feed(Struct, eq=False, frozen=True):
    """Families that are fed the same label values, and what a cell adds to each of them."""

    families: list[FamilySeries]
    added: list[str]

    @classmethod
    def of(cls, families: Iterable[FamilySeries], added: str) -> "Feed":
        """Families to which the same is added."""
        families = [*families]
        return cls(families, [added] * len(families))


class FamilyGroup(Struct, gc=False):
    """Families of a kind with the same labels, each behind its look-up. `own` are the label values that all callers
    share, and `lead` is the number of the caller's values before them; where these are not in front, `pick` orders all.
    """

    families: list[tuple[Lookup, FamilySeries]]
    own: tuple[str, ...]
    lead: int
    pick: Pick | None


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
    histograms: list[tuple[str, int]]
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
    full: dict[str, None]
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
        self._first = [parsed, Series()]
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
            [
                FamilyGroup(families, order.own(fed[number]) + more, order.lead, order.pick)
                for number, order, families in laid
            ]
            for laid in (layout.shared, layout.groups)
        )
        found: list[Any] = [*self._first]
        full: dict[str, None] = {}
        find(shared, (), found, full)
        return Laid(layout, found, full, groups)

    def _layout(self, feeds: Iterable[tuple[Feed, int]]) -> Layout:
        # Long, as it names the places of each sort of targets.
        grouped: dict[tuple[int, tuple[str, ...]], Feed] = {}
        for feed, number in feeds:
            for family, added in zip(feed.families, feed.added, strict=True):
                group = grouped.setdefault((number, family.family.labels), Feed([], []))
                group.families.append(family)
                group.added.append(added)
        more = len(self._input_labels)
        groups = [(number, _order(labels, self._of_callers, more), fed) for (number, labels), fed in grouped.items()]
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
            histograms=[(name, place) for name in self._histograms for place in places[name]],
            shared=[group for group in looked if not (group[1].lead or group[1].pick)],
            groups=[group for group in looked if group[1].lead or group[1].pick],
        )


def find(groups: Iterable[FamilyGroup], caller: tuple[str, ...], found: list[Any], full: dict[str, None]) -> None:
    """Append to `found` all series of these groups for a caller with these label values. Families that have no room for
    another series are added to `full`.
    """
    for group in groups:
        pick = group.pick
        labels = pick((*group.own, *caller)) if pick else caller[: group.lead] + group.own
        for get, family in group.families:
            series = get(labels)
            if series is None:
                if len(family.series) < family.limit:
                    series = family.make(labels)
                else:
                    series = family.find(labels)
                    if family.merges(labels):
                        full[family.family.name] = None
            found.append(series)


@cache
def _order(labels: tuple[str, ...], of_callers: tuple[str, ...], more: int) -> _Order:
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
