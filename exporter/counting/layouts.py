"""Layouts: to which series a cell is connected, and what it adds to each. Cold path: see `benchmarks.births`.

All families of a kind that have the same labels are a group: their series are found with one tuple of label values.
Layouts are the same for many kinds; what is generated for one (`connect`) serves all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from msgspec import Struct

from exporter.counting.connect import Connect, Find, Group, Pick, compile_connect, compile_find
from exporter.counting.loop import Loop
from exporter.metrics.series import FamilySeries, Series

Values = Mapping[str, str]


class Feed(Struct, eq=False, frozen=True):
    """Families that are fed the same label values, and what a cell adds to each of them."""

    families: list[FamilySeries]
    added: list[str]

    @classmethod
    def of(cls, families: Iterable[FamilySeries], added: str) -> "Feed":
        """Families to which the same is added."""
        families = [*families]
        return cls(families, [added] * len(families))


# What a kind feeds, with one or more mappings of label values: each family has a series for each of them.
Feeds = list[tuple[Feed, list[Values]]]


class Laid(Struct, frozen=True):
    """How the cells of a kind find their series. `shared` are those of all callers, `full` the families without room
    for one of these. The others are found with the label values in `own` and the caller's.
    """

    connect: Connect
    own: list[Any]
    shared: tuple[Any, ...]
    full: list[str]


class _Layout(NamedTuple):
    """Of each group, the `shared` ones first, the number of what it is fed, and how its own values are taken from that;
    the functions that are generated.
    """

    own: list[tuple[int, Pick, bool]]
    shared: int
    find_shared: Find
    connect: Connect


class Layouts:
    """Makes the layouts of one input's kinds. `of_callers` are the labels that `Caller.values` has values of, in their
    order; the values of `input_labels` come last.
    """

    def __init__(self, of_callers: tuple[str, ...], input_labels: tuple[str, ...], loop: Loop, parsed: Series) -> None:
        self._of_callers = of_callers
        self._input_labels = input_labels
        self._loop = loop
        self._parsed = parsed
        self._known: dict[tuple[tuple[Feed, int, bool], ...], _Layout] = {}

    def lay_out(self, feeds: Feeds) -> Laid:
        """How the cells of a kind that feeds this are connected."""
        # Most feeds have the same values, and then share the tuples of them.
        every: dict[int, tuple[int, list[Values]]] = {}
        fed = [
            (feed, every.setdefault(id(each) if len(each) > 1 else id(each[0]), (len(every), each))[0], len(each) > 1)
            for feed, each in feeds
        ]
        layout = self._known.get(key := tuple(fed))
        if layout is None:
            layout = self._known[key] = self._layout(key)
        different = [each for _, each in every.values()]
        more = self._input_labels
        own = [
            [pick(values) + more for values in different[n]] if several else pick(different[n][0]) + more
            for n, pick, several in layout.own
        ]
        full: list[str] = []
        shared = layout.find_shared(own[: layout.shared], (), full)
        return Laid(layout.connect, own[layout.shared :], shared, full)

    def _layout(self, feeds: Iterable[tuple[Feed, int, bool]]) -> _Layout:
        grouped: dict[tuple[int, tuple[str, ...]], Group] = {}
        for feed, number, several in feeds:
            for family, added in zip(feed.families, feed.added, strict=True):
                labels = family.family.labels
                order = order_of(labels, self._of_callers, len(self._input_labels))
                group = grouped.setdefault((number, labels), Group([], [], several, *order))
                group.families.append(family)
                group.added.append(added)
        shared, others = (
            {at: group for at, group in grouped.items() if group.of_callers == of_callers}
            for of_callers in (False, True)
        )
        return _Layout(
            [(number, group.own, group.several) for (number, _), group in (*shared.items(), *others.items())],
            len(shared),
            compile_find([*shared.values()]),
            compile_connect([*shared.values()], [*others.values()], self._loop, self._parsed),
        )


@cache
def order_of(labels: tuple[str, ...], of_callers: tuple[str, ...], more: int) -> tuple[Pick, int, Pick | None]:
    """How a group with these labels, and so many of an input, finds its label values: see `Group`."""
    own = tuple(label for label in labels if label not in of_callers)
    lead = len(labels) - len(own)
    if (*of_callers[:lead], *own) == labels:
        return _pick_of(own), lead, None
    given = (*own, *("",) * more, *of_callers)
    places = [*map(given.index, labels), *range(len(own), len(own) + more)]
    return _pick_of(own), lead, _pick_of(places)


def _pick_of(places: Sequence[Any]) -> Pick:
    """The function that returns what is at these places, always as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    if not places:
        return lambda _: ()
    (place,) = places
    return lambda values: (values[place],)
