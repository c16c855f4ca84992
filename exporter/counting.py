"""Counting: rows → cells → series. Hot path: two look-ups a line, then a few additions.

All that the words of a line decide is decided once, when their combination is new (`cells`), and kept
in a cell: the series that such a request adds to. `loop` generates the loop; `fold` moves what cells
have counted into their series, at a scrape and every few seconds.
"""

from operator import itemgetter
from typing import Any

from exporter.admission import Admissions
from exporter.catalog import CATALOG
from exporter.cell import Bill, Cell, Ends
from exporter.cells import Cells
from exporter.enrich import Enricher
from exporter.formats.reader import RowReader
from exporter.keys import Keys
from exporter.loop import Loop
from exporter.pricing import Pricing, price_at
from exporter.record import AccessRecord
from exporter.series import Store
from exporter.slowest import Slowest

# Lines between two folds of the histograms, at most: their observations are held until then.
_MOST_PENDING = 100_000


class Meter:
    """Counts one input's rows. `labels` are the input's own, added to every family of records."""

    def __init__(
        self,
        name: str,
        reader: RowReader,
        enricher: Enricher,
        store: Store,
        admissions: Admissions,
        keys: Keys,
        slowest: Slowest,
        labels: dict[str, str] | None = None,
        pricing: Pricing | None = None,
    ) -> None:
        self.name = name
        self.reader = reader
        self.last_time: float | None = None
        self._enricher = enricher
        self._store = store
        self._keys = keys
        self._slowest = slowest
        self._own = (",".join(f'{label}="{value}"' for label, value in labels.items()),) if labels else ()
        self._pending = 0
        self.pricing = pricing or Pricing()
        self.loop = Loop(reader, [family for family in CATALOG.values() if family.adds], self.pricing.priced)
        self._cells = Cells(
            name=name,
            reader=reader,
            enricher=enricher,
            store=store,
            admissions=admissions,
            keys=keys,
            own=self._own,
            pricing=self.pricing,
            loop=self.loop,
        )
        self._count = self.loop.compile(self._cells.by_words, self._cells.miss, self._cells.new_origin)
        self._read = self.loop.compile_read()

    def count(self, rows: list[Any]) -> None:
        """Count a chunk's rows."""
        self._count(rows)
        self._pending += len(rows)
        if self._pending >= _MOST_PENDING:
            self._settle()
        if self._cells.full:
            self.fold()
            self._cells.forget()

    def forget(self) -> None:
        """Fold, and forget what words and keys meant: the registry may say something else now."""
        self.fold()
        self._cells.forget()
        self.reader.forget()

    def _settle(self) -> None:
        self._pending = 0
        for family in self.loop.histograms:
            self._store.families[family.name].settle()

    def fold(self) -> None:
        """Move what has been counted since the last fold into the series."""
        self._settle()
        self._fold_cells()
        self._fold_times()
        self._cells.fold_origins()

    def _fold_cells(self) -> None:
        shown = []
        for cell in self._cells.born:
            n = cell.n
            if n:
                ends = cell.ends
                if ends.caller:
                    ends.caller.times.append(cell.time)
                if ends.bill:
                    self._charge(cell, ends, ends.bill)
                for credited, amount in ends.credits:
                    credited.value += n * amount
                if ends.shown:
                    shown.append((self.reader.seconds_since_epoch(cell.time) or 0.0, ends.shown))
                for measure, series in zip(ends.measures, ends.series, strict=False):
                    series.value += getattr(cell, measure)
                    setattr(cell, measure, 0)
                for series in ends.series[len(ends.measures) :]:
                    series.value += n
                if ends.home and cell.origin is not None:
                    ends.home.counts[cell.origin] += n - cell.elsewhere
                cell.n = cell.elsewhere = 0
        for _, gauges in sorted(shown, key=itemgetter(0)):
            for gauge, value in gauges:
                gauge.value = value

    def _charge(self, cell: Cell, ends: Ends, bill: Bill) -> None:
        """Add what requests cost whose log has no cost.

        All of a fold's records are of one time between two of the pricing's `boundaries`, so the last one's
        time tells the price of all.
        """
        unlogged = getattr(cell, self.loop.unlogged)
        if not unlogged:
            return
        price = price_at(bill.prices, self.reader.seconds_since_epoch(cell.time))
        if price and bill.cost:
            cost = price.request * unlogged
            for measure, rate in price.rates:
                slot = self.loop.rated.get(measure)
                cost += rate * getattr(cell, slot) if slot else 0
            bill.cost.value += cost
        elif bill.unpriced:
            bill.unpriced.value += unlogged
        for slot in self.loop.rated.values():
            if slot not in ends.measures:  # those are taken, and reset, by the fold
                setattr(cell, slot, 0)
        if self.loop.unlogged != "n":
            setattr(cell, self.loop.unlogged, 0)

    def _fold_times(self) -> None:
        newest = self.last_time or 0.0
        named = []
        for caller in self._cells.callers.values():
            last = self.reader.latest(caller.times)
            caller.times.clear()
            if last is not None:
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
