"""The series of one family: counters, gauges and histograms, up to a maximum number.

There may be a million series at once, so they are small: no garbage-collector header, and nothing that only a commit
or a scrape needs, which take the numbers of a whole family (`rows`).
"""

import time
from array import array
from collections.abc import Iterable, Mapping, Set
from typing import Any

from msgspec import Struct

from exporter.metrics import buckets
from exporter.metrics.roster import Sheet
from exporter.metrics.rows import Rows
from exporter.model import catalog
from exporter.model.catalog import Family
from exporter.model.labels import OTHER


class Series(Struct, gc=False, eq=False):
    """A counter's or a gauge's value. A counter that is 0 was never added to, and is not shown.

    A series that is not `released` is shown as 0 (see `zero_hold`): False before it is first shown, then None.
    """

    value: int | float = 0
    released: bool | None = True


class Histogram(list[float]):
    """Observations, which wait here until `FamilySeries.settle` sorts them into buckets. `released` is as a Series'."""

    __slots__ = ("released",)

    released: bool | None


class FamilySeries:
    """One family's series, by their label values in the catalogue's order.

    The labels of an input follow them as one text, `gateway="eu-1"`. At most `limit` series are
    made; all further records share one whose labels are all `other`, so that the family's sum stays complete.

    `sheet` has the lines of registered keys without a series, if the family shows such keys. With `has_created`,
    `created` keeps when each series was made, in epoch seconds. A series' row in the state file is its place in
    `series`; `reordered` if places have changed since the last commit. `holds` if a series may not be released.
    New series are `released` or not. `peaks` are the longest requests since somebody cleared them.
    """

    def __init__(self, family: Family, limit: int, hold: bool = False) -> None:
        self.family = family
        self.limit = limit
        self.series: dict[tuple[str, ...], Series | Histogram] = {}
        self.reordered = False
        self.has_created = False
        self.created: dict[tuple[str, ...], float] = {}
        self.holds = False
        self.sheet: Sheet | None = None
        # The label values of all series, listed, if there are as many.
        self._labels: list[tuple[str, ...]] = []
        # Of a histogram, one row for each series: its buckets, not cumulative, one above all bounds, and the sum. One
        # array for all takes less memory than one each, and is copied at once.
        self._numbers = array("d")
        self._width = len(family.buckets) + 2 if family.type == "histogram" else 0
        self._empty = bytes(8 * self._width)
        self._keeps_peaks = family.name == catalog.REQUEST_DURATION_SECONDS.name
        self.peaks: dict[tuple[str, ...], float] = {}
        self.released = not hold or family.type == "gauge" or not family.persisted

    def merges(self, values: tuple[str, ...]) -> bool:
        """Whether these values have no series of their own, as the family is full."""
        return len(self.series) >= self.limit and values not in self.series

    def get(self, *values: str) -> Series | Histogram:
        """The series of these values, made if it does not exist; the one of `other` if the family is full."""
        return self.find(values)

    def find(self, values: tuple[str, ...]) -> Series | Histogram:
        """The same, for a tuple of values, which is kept: families with equal labels may share it."""
        found = self.series.get(values)
        return self.make(values, []) if found is None else found

    def own(self, *values: str) -> Series:
        """The gauge of declared values, made whatever the limit."""
        found = self.series.get(values) or self.make(values)
        assert isinstance(found, Series), f"{self.family.name} is a histogram"
        return found

    def make(self, values: tuple[str, ...], full: list[str] | None = None) -> Series | Histogram:
        """Make a series that does not exist yet. With `full`, the limit is kept: the series of a full family is the one
        of `other`, and the family's name is appended to `full`.
        """
        if len(self.series) >= self.limit and full is not None:
            return self._other(values, full)
        made: Series | Histogram
        if self._empty:
            made = Histogram()
            made.released = self.released
            self._numbers.frombytes(self._empty)
        else:
            made = Series(0, self.released)
        if self.has_created:
            self.created[values] = time.time()
        self.series[values] = made
        return made

    def _other(self, values: tuple[str, ...], full: list[str]) -> Series | Histogram:
        own = len(self.family.labels)
        other = (*([OTHER] * own), *values[own:])
        if other != values:
            full.append(self.family.name)
        found = self.series.get(other)
        return self.make(other) if found is None else found

    def settle(self) -> None:
        """Sort the pending observations of all histograms into their buckets."""
        for row, (values, series) in enumerate(self.series.items()):
            if isinstance(series, Histogram) and series:
                peak = buckets.sort(series, self.family.buckets, self._numbers, row * self._width)
                if self._keeps_peaks:
                    self.peaks[values] = max(self.peaks.get(values, 0.0), peak)

    def restore(self, numbers: Mapping[tuple[str, ...], "array[float]"]) -> None:
        """Set the numbers of histograms by label values."""
        width = self._width
        for row, values in enumerate(self.series):
            if values in numbers:
                self._numbers[row * width : (row + 1) * width] = numbers[values]

    def drop(self, *values: str) -> None:
        """Remove a series."""
        if values in self.series:
            self.drop_all({values})

    def drop_all(self, gone: Set[tuple[str, ...]]) -> None:
        """Remove these series, which exist."""
        if self._width:
            kept = [row for row, values in enumerate(self.series) if values not in gone]
            self._numbers = array("d", self.rows().numbers_of(kept))
        for values in gone:
            del self.series[values]
            self.created.pop(values, None)
        self.reordered = True
        self._labels = []

    def rows(self) -> Rows:
        """The present values of all series. Hot path of a scrape."""
        if len(self._labels) != len(self.series):
            self._labels = [*self.series]
            self.holds = self.holds or not self.released
        every: Iterable[Any] = self.series.values()
        held = [row for row, series in enumerate(every) if not series.released] if self.holds else ()
        self.holds = bool(held)
        numbers: array[int] | array[float]
        if self.family.type == "histogram":
            numbers = self._numbers[:]
        else:
            values = [series.value for series in every]
            try:
                numbers = array("q", values)
            except (TypeError, OverflowError):
                numbers = array("d", values)
        return Rows(self.family, self._labels, numbers, array("I", held), self.created)

    def first_shown(self, rows: Rows) -> list[Series | Histogram]:
        """The series that these rows, which were just taken, show for the first time, and at 0."""
        if not rows.held:
            return []
        every, width = [*self.series.values()], rows.width
        new = [
            every[row]
            for row in rows.held
            if every[row].released is False and any(rows.numbers[row * width : (row + 1) * width])
        ]
        for series in new:
            series.released = None
        return new
