"""A family's series at one moment: what a commit writes, and a scrape shows."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, compress
from operator import ne
from typing import TypeAlias

from msgspec import Struct

from exporter.model.catalog import Family

Numbers: TypeAlias = "array[int] | array[float]"


class Rows(Struct, frozen=True, eq=False):
    """The values of a family's series, in the order of `labels`.

    `numbers` has one of each counter or gauge; of a histogram its buckets, not cumulative, and the sum. `held` are
    the places of series that are shown as 0. `created` is when series were made, where the family keeps that. Nobody
    changes a list or an array in here, so another thread can read it while counting goes on.
    """

    family: Family
    labels: list[tuple[str, ...]]
    numbers: Numbers
    held: "array[int]"
    created: Mapping[tuple[str, ...], float]

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return len(self.family.buckets) + 2 if self.family.type == "histogram" else 1

    def changes_since(self, before: "Rows | None") -> list[int]:
        """The places of rows that are new, or whose numbers have changed. Hot path of a commit."""
        known = len(before.labels) if before else 0
        changed: list[int] = []
        if before:
            width = self.width
            step = _COMPARED * width
            for start in range(0, known * width, step):
                new, old = self.numbers[start : start + step], before.numbers[start : start + step]
                if new != old:
                    first = start // width
                    pair = (new, old) if width == 1 else (_in_rows(new, width), _in_rows(old, width))
                    changed += compress(range(first, min(first + _COMPARED, known)), map(ne, *pair))
        changed += range(known, len(self.labels))
        return changed

    def each(self) -> Iterator[tuple[tuple[str, ...], Numbers]]:
        """The label values and the numbers of each row."""
        return zip(self.labels, _in_rows(self.numbers, self.width), strict=True)

    def numbers_of(self, places: list[int]) -> "Iterable[int | float]":
        """The numbers of the rows at these places, in this order."""
        numbers, width = self.numbers, self.width
        if len(places) == len(self.labels):
            return numbers
        if width == 1:
            return [numbers[row] for row in places]
        return chain.from_iterable(numbers[row * width : (row + 1) * width] for row in places)


# Rows are compared in groups of so many first, which C does.
_COMPARED = 16


def _in_rows(numbers: Numbers, width: int) -> list[Numbers]:
    return [numbers[start : start + width] for start in range(0, len(numbers), width)]
