"""What a request's words decide: its kind (what was asked, and how it went) and its caller (who asked)."""

from collections.abc import Callable
from functools import cache
from operator import itemgetter

from msgspec import Struct

from exporter.catalog import Family
from exporter.cell import Caller, Cell
from exporter.record import AccessRecord
from exporter.series import FamilySeries, Series

# A request's label values in the order in which they are kept: its kind's first, then the caller's.
_VALUES = (
    *("chain", "method", "protocol", "status", "type", "model", "provider", "currency", "result", "token_type"),
    *("key", "class"),
)
PLACE = {label: n for n, label in enumerate(_VALUES)}
CHAIN, METHOD, PROTOCOL = (PLACE[label] for label in ("chain", "method", "protocol"))
Values = tuple[str, ...]


class Sink(Struct):
    """Families that requests of a kind add to, and how their labels, equal in all of them, are picked."""

    families: list[FamilySeries]
    pick: Callable[[Values], Values]
    values: Values

    def labels(self, caller: Caller, own: Values) -> Values:
        """The label values of their series for a caller."""
        return self.pick((*self.values, caller.label, caller.class_)) + own


def names_of(family: Family) -> Values:
    """The values that are a family's labels."""
    return tuple("token_type" if family.adds == "tokens" and label == "type" else label for label in family.labels)


@cache
def picker(names: Values) -> Callable[[Values], Values]:
    """Picks the named values of all."""
    places = [PLACE[name] for name in names]
    return itemgetter(*places) if len(places) > 1 else lambda values: (values[places[0]],)


class Kind(Struct, eq=False):
    """What was asked and how it went: all label values but the caller's, and what such requests add to."""

    record: AccessRecord
    values: Values = ()
    # What such a request counts besides.
    counters: tuple[Series, ...] = ()
    counted: list[Sink] = []
    measures: tuple[str, ...] = ()
    summed: list[Sink] = []
    observed: list[Sink] = []
    cells: dict[Caller, Cell] = {}
    # The one cell of lines that are no request, whoever sent them.
    everyones: Cell | None = None
