"""The store: counters, gauges and histograms by family, with a maximum number of series for each.

There may be a million series at once, so they are small: no garbage-collector header, and nothing that only a commit
or a scrape needs, which take the numbers of a whole family (`rows`).
"""

import logging
import time
from array import array
from collections.abc import Iterable, Mapping, Set
from typing import Any

from msgspec import Struct

from exporter.clock import AHEAD
from exporter.metrics import buckets
from exporter.metrics.roster import LineOf, Roster, Sheet
from exporter.metrics.rows import Rows
from exporter.model import catalog
from exporter.model.catalog import CATALOG, Family
from exporter.model.labels import OTHER

log = logging.getLogger(__name__)


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

    @property
    def full(self) -> bool:
        """Whether the maximum number of series is reached."""
        return len(self.series) >= self.limit

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
        if full is not None and len(self.series) >= self.limit:
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


class Store:
    """The families that are served, with their series. With `hold`, new counters and histograms are not released yet.

    A family that is not served is off: values that are set or added there are ignored.
    `registered` are the registered keys; the lines that each of them has in a family are on that family's sheet.
    """

    def __init__(self, max_series: int = 200_000, hold: bool = False, families: Mapping[str, Family] = CATALOG) -> None:
        self.families: dict[str, FamilySeries] = {}
        self.registered = Roster()
        self._sheets: dict[str, Sheet] = {}
        self._max_series = max_series
        self._hold = hold
        self.declare(families)

    def declare(self, families: Mapping[str, Family]) -> list[str]:
        """Serve these families from now on, and no others. Returns those that restart from zero because their labels
        or buckets have changed.
        """
        before, self.families = self.families, {}
        running = bool(before)
        restarted: list[str] = []
        for name, family in families.items():
            served = before.pop(name, None)
            if served is None or served.family.shape != family.shape:
                restarted += [name] if served else []
                served = FamilySeries(family, self._max_series, self._hold)
                served.reordered = running
            served.family = family
            served.sheet = self._sheets.get(name)
            self.families[name] = served
        for name in before:
            self.drop(catalog.SERIES, name)
            self.drop(catalog.SERIES_LIMIT, name)
        for name in restarted:
            log.warning("%s: its labels or buckets have changed; it restarts from zero", name)
        return restarted

    def get(self, family: Family) -> FamilySeries | None:
        """A family's series; None if the family is off."""
        return self.families.get(family.name)

    def series(self, family: Family, *values: str) -> Series:
        """A counter or gauge by family and label values."""
        served = self.get(family)
        found = served.get(*values) if served else Series()
        assert isinstance(found, Series), f"{family.name} is a histogram"
        return found

    def own(self, family: Family, *values: str) -> Series:
        """A gauge by family and label values, whatever the limit."""
        served = self.get(family)
        return served.own(*values) if served else Series()

    def gauges(self, family: Family) -> dict[tuple[str, ...], Series]:
        """All series of a gauge, by label values."""
        served = self.get(family)
        return {values: gauge for values, gauge in served.series.items() if isinstance(gauge, Series)} if served else {}

    def sheet(self, family: Family, lines_of: LineOf) -> Sheet:
        """Give a family of gauges lines of each registered key, which need no series."""
        sheet = self._sheets[family.name] = self.registered.sheet(lines_of)
        if served := self.get(family):
            served.sheet = sheet
        return sheet

    def set(self, family: Family, *values: str, to: float) -> None:
        """Set a gauge."""
        self.series(family, *values).value = to

    def add(self, family: Family, *values: str, amount: float = 1) -> None:
        """Add to a counter. Cold path."""
        self.series(family, *values).value += amount

    def drop(self, family: Family, *values: str) -> None:
        """Remove a series."""
        if served := self.get(family):
            served.drop(*values)

    def clear(self, family: Family) -> None:
        """Remove all series of a gauge."""
        if served := self.get(family):
            for values in [*served.series]:
                served.drop(*values)

    def bound(self, max_series: int, has_created: bool) -> None:
        """Set the maximum number of series per family, and whether new series keep the time when they are made."""
        for family in self.families.values():
            family.limit = max_series
            family.has_created = has_created and family.family.persisted and family.family.type != "gauge"

    def look_for_held(self) -> None:
        """Series that were released may be held again."""
        for family in self.families.values():
            family.holds = True

    def update_sizes(self) -> None:
        """Set the gauges that show the number of series of each family, and its maximum."""
        for name, served in list(self.families.items()):
            if served.family.adds:
                self.set(catalog.SERIES, name, to=len(served.series))
                self.set(catalog.SERIES_LIMIT, name, to=served.limit)

    def go_back(self, now: float) -> float:
        """See `Clock.add`: times when the exporter did something, and when series were made."""
        latest = 0.0
        for name, served in self.families.items():
            if name.startswith("gateway_exporter_") and name.endswith("_timestamp_seconds"):
                for series in served.series.values():
                    if isinstance(series, Series) and series.value > now + AHEAD:
                        latest, series.value = max(latest, series.value), now
            for values, created in served.created.items():
                if created > now + AHEAD:
                    latest, served.created[values] = max(latest, created), now
        return latest

    def observe(self, family: Family, value: float) -> None:
        """Observe in a histogram without labels. Cold path."""
        served = self.families[family.name]
        histogram = served.get()
        assert isinstance(histogram, Histogram), f"{family.name} is not a histogram"
        histogram.append(value)
        served.settle()
