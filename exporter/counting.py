"""Counting: rows → cells → series. Hot path: two look-ups a line, then a few additions.

All that the words of a line decide is decided once, when their combination is new (`cells`), and kept
in a cell: the series that such a request adds to. `loop` generates the loop; `fold` moves what cells
have counted into their series, at a scrape and every few seconds.
"""

import time
from operator import itemgetter
from typing import Any

from exporter.cell import Bill, Cell, Ends
from exporter.cells import Cells
from exporter.enrich import Enricher
from exporter.formats.reader import RowReader
from exporter.limits import Use
from exporter.loop import Loop
from exporter.own_labels import own_labels
from exporter.periods import Periods
from exporter.pricing import price_at
from exporter.record import AccessRecord
from exporter.shared import Shared
from exporter.windows import Period

# A sum past this is a mistake in the log; it must not spoil a counter for good.
_MOST = 1e18
# Lines between two folds of the histograms, at most: their observations are held until then.
_MOST_PENDING = 100_000


class Meter:
    """Counts one input's rows. `labels` are the input's own, added to every family of records."""

    def __init__(
        self,
        name: str,
        reader: RowReader,
        enricher: Enricher,
        shared: Shared,
        labels: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self.reader = reader
        self.last_time: float | None = None
        self._enricher = enricher
        self._keys = shared.keys
        self._slowest = shared.slowest
        self._own = own_labels(labels or {})
        self._pending = 0
        self._limits = shared.limits
        self.pricing = shared.pricing
        # Where what happens at a time of its own matters, cells hold one period's requests at a time.
        self.period: Period | None = None
        calendar = shared.limits.calendar
        self._periods = Periods(name, reader, calendar) if calendar.divides else None
        self._touched: list[Cell] = []
        self.loop = Loop(
            reader,
            [one.family for one in shared.store.families.values()],
            noting=self._periods is not None,
            priced=shared.pricing.priced,
        )
        self._histograms = [shared.store.families[family.name] for family in self.loop.histograms]
        self._cells = Cells(name, reader, enricher, shared, self._own, self.loop)
        self._count = self.loop.compile(self._cells.by_words, self._cells.miss, self._cells.new_origin, self._touched)
        self._read = self.loop.compile_read()

    def count(self, rows: list[Any]) -> None:
        """Count a chunk's rows."""
        if self._periods:
            for period, part in self._periods.divide(rows, time.time()):
                self._turn_to(period)
                self._count(part)
        else:
            self._count(rows)
        self._pending += len(rows)
        if self._pending >= _MOST_PENDING:
            self._settle()
        if self._cells.full:
            self.forget()

    def _turn_to(self, period: Period) -> None:
        """What is counted from now on happened in this period."""
        if period != self.period:
            self._fold_cells()
            self.period = period

    def forget(self) -> None:
        """Fold, and forget what words and keys mean: they are looked up anew."""
        self.fold()
        self._cells.forget()
        self.reader.forget()

    def _settle(self) -> None:
        self._pending = 0
        for family in self._histograms:
            family.settle()

    def fold(self) -> None:
        """Move what has been counted since the last fold into the series."""
        self._settle()
        self._fold_cells()
        self._fold_times()
        self._cells.fold_origins()

    def _fold_cells(self) -> None:
        shown = []
        for cell in self._touched if self._periods else self._cells.born:
            n = cell.n
            if n:
                ends = cell.ends
                cost = self._charge(cell, ends, ends.bill) if ends.bill else 0.0
                if ends.use:
                    self._use_up(ends.use, cell, cost)
                for credited, amount in ends.credited:
                    credited.value += n * amount
                if ends.shown:
                    shown.append((self.reader.seconds_since_epoch(cell.time) or 0.0, ends.shown))
                for measure, series in zip(ends.measures, ends.series, strict=False):
                    if (amount := getattr(cell, measure)) < _MOST:
                        series.value += amount
                for measure in ends.measures:  # of which several series may have the same
                    setattr(cell, measure, 0)
                for series in ends.series[len(ends.measures) :]:
                    series.value += n
                if ends.home and cell.origin is not None:
                    ends.home.counts[cell.origin] += n - cell.elsewhere
                cell.n = cell.elsewhere = 0
        self._touched.clear()
        if self.period:
            self._limits.take(self.period)
        for gauge, value in (one for _, gauges in sorted(shown, key=itemgetter(0)) for one in gauges):
            gauge.value = value

    @staticmethod
    def _use_up(use: Use, cell: Cell, cost: float) -> None:
        """Add a cell's counts to what its key has used; `cost` is what no log says."""
        ends = cell.ends
        if ends.requests:
            use.add("requests", cell.n)
        if cost:
            use.add("cost", cost)
        if ends.credits:
            use.add("credits", cell.n * ends.credits)
        for measure, unit in ends.units:
            amount = getattr(cell, measure)
            if amount:
                use.add(unit, amount)

    def _charge(self, cell: Cell, ends: Ends, bill: Bill) -> float:
        """Add what requests cost whose log has no cost; the amount.

        All of a fold's records are of one time between two of the pricing's `boundaries`, so the last one's
        time tells the price of all.
        """
        unlogged = getattr(cell, self.loop.unlogged)
        if not unlogged:
            return 0.0
        cost = 0.0
        price = price_at(bill.prices, self.reader.seconds_since_epoch(cell.used[0]))
        if price:
            cost = price.request * unlogged
            for measure, rate in price.rates:
                slot = self.loop.rated.get(measure)
                cost += rate * getattr(cell, slot) if slot else 0
            for series in bill.cost:
                series.value += cost
        else:
            for series in bill.unpriced:
                series.value += unlogged
        for slot in self.loop.rated.values():
            if slot not in ends.measures:  # those are taken, and reset, by the fold
                setattr(cell, slot, 0)
        if self.loop.unlogged != "n":
            setattr(cell, self.loop.unlogged, 0)
        return cost

    def _fold_times(self) -> None:
        """Tell when keys were used, and the log's clock. What is ahead of the wall clock was now: it must not stay."""
        now = time.time()
        newest = self.last_time or 0.0
        named = []
        for caller in self._cells.callers.values():
            last = self.reader.seconds_since_epoch(caller.used[0])
            caller.used[0] = None
            if last is not None:
                last = min(last, now)
                newest = max(newest, last)
                if caller.last_used is not None and last > caller.last_used.value:
                    caller.last_used.value = last
                if caller.about.key_name or caller.about.key_owner:
                    named.append((last, caller))
        for _, caller in sorted(named, key=itemgetter(0)):  # a key that was renamed has the name it used last
            self._keys.seen(caller.label, caller.about)
        if newest:
            self.last_time = newest
            self._slowest.fold(int(newest // 60))

    # --- one row, for people

    def record(self, row: Any) -> AccessRecord:
        """The whole record of a row, numbers too. Cold path: `explain` and `replay --csv`."""
        dims, time, origin, numbers = self._read(row)
        record = self._enricher.record(self.reader.words(dims))
        record.origin = origin
        record.time = self.reader.seconds_since_epoch(time)
        for measure, value in numbers.items():
            if value >= 0:
                setattr(record, measure, value)
        if not (record.ignored or record.rejected):
            self.pricing.charge(record)
        return record
