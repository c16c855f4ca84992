"""Counting: rows → cells → series. Hot path: two look-ups per line, then a few additions.

Which series a request adds to depends on its text fields. It is decided once for each combination (`cells`) and kept in
a cell. `loop` generates the loop that counts into cells; `fold` moves their counts into the series, at a scrape and
every few seconds.
"""

import logging
from collections import deque
from collections.abc import Callable
from operator import itemgetter, length_hint
from typing import Any

from exporter.counting.cell import Cell
from exporter.counting.cells import Cells
from exporter.counting.context import Context
from exporter.counting.fold import Shown, compile_fold, compile_use_up
from exporter.counting.loop import Loop
from exporter.counting.periods import Periods, latest
from exporter.formats.codegen import compile_function
from exporter.formats.decoders.decoder import Decoded
from exporter.formats.row_reader import RowReader
from exporter.limits.calendar import Period
from exporter.model import catalog
from exporter.model.input_labels import input_labels_text
from exporter.model.record import AccessRecord
from exporter.request_log.recorder import Recorder
from exporter.requests.enrich import Enricher
from exporter.requests.records import RecordReader

# The maximum number of lines between two folds of the histograms, whose observations wait until then.
_MOST_PENDING = 100_000
# A chunk's age is the latest time of this many first rows: one long session does not make a chunk old.
_FIRST = 2
# The maximum number of faults kept until they are logged: the same few repeat.
_MOST_FAULTS = 20

log = logging.getLogger(__name__)


class Meter:
    """Counts one input's rows. `labels` are the input's labels, added to every family of records. A `recorder` keeps
    each request that was counted.

    A cell that can't be folded keeps its counts and is tried again at the next fold: `kept` is the number of lines in
    such cells, `faults` are the reasons. When cells are forgotten, these lines are rejected.
    """

    def __init__(
        self,
        name: str,
        reader: RowReader,
        enricher: Enricher,
        context: Context,
        labels: dict[str, str] | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.name = name
        self.reader = reader
        self.last_time: float | None = None
        self.kept = 0
        self.faults: deque[Exception] = deque(maxlen=_MOST_FAULTS)
        self._store = context.store
        self._keys = context.keys
        self._slowest = context.slowest
        self._input_labels = input_labels_text(labels or {})
        self._recorder = recorder
        self._pending = 0
        self._limits = context.limits
        self._clock = context.clock
        self.pricing = context.pricing
        # If windows or dated prices divide time: between two periods, the requests of cells use up limits.
        self.period: Period | None = None
        calendar = context.limits.calendar
        self._periods = Periods(name, reader, calendar) if calendar.divides else None
        # Then: the cells that have counted since the period began, and those that have since the last fold.
        self._noted: list[Cell] = []
        self._unfolded: dict[Cell, None] = {}
        self.loop = Loop(
            reader,
            [family.family for family in context.store.families.values()],
            noting=self._periods is not None,
            by_minute=context.limits.units_by_minute,
            priced=context.pricing.priced,
            recorder=recorder,
        )
        self._histograms = [context.store.families[family.name] for family in self.loop.histograms]
        self._cells = Cells(name, reader, enricher, context, self._input_labels, self.loop)
        cells = self._cells
        self._count = self.loop.compile(cells.by_key, cells.miss, cells.origins.count, cells.odd, self._noted)
        self._fold_cell = compile_fold(self.loop, reader.seconds_since_epoch)
        self._use_up_cell = compile_use_up(self.loop)
        first = f"return [{reader.time} for r in rows[:{_FIRST}]]"
        self._first_times = compile_function("first_times", "rows", [first], reader.names)
        self._records = RecordReader(reader, enricher, self.loop.derived)

    def count(self, decoded: Decoded) -> None:
        """Count a chunk's rows. Lines whose rows can't be counted are rejected in it."""
        if self._periods:
            for period, part in self._divided(self._periods, decoded):
                self._turn_to(period)
                self._count_all(part, decoded)
        else:
            self._count_all(decoded.rows, decoded)
        self._pending += len(decoded.rows)
        if self._pending >= _MOST_PENDING:
            self._try(self._settle)
            self._try(self._fold_times)
        if self._recorder and self._recorder.has_many:
            self._try(self.record_captured)
        if self._cells.grown:
            self.fold()
            self._cells.note()

    def begins_at(self, decoded: Decoded) -> float | None:
        """The log time at which a chunk starts, in epoch seconds; None if its lines have no time."""
        try:
            times = map(self.reader.seconds_since_epoch, self._first_times(decoded.rows))
            return max((time_ for time_ in times if time_ is not None), default=None)
        except Exception:
            return None  # the row at fault is rejected when it is counted

    def _count_all(self, rows: list[Any], decoded: Decoded) -> None:
        """Count rows. Where the loop raises, it has added nothing of that row: reject it, and continue after it."""
        rest = iter(rows)
        while True:
            try:
                self._count(rest)
                return
            except Exception as error:
                decoded.fail(rows[-1 - length_hint(rest)], error)

    def _divided(self, periods: Periods, decoded: Decoded) -> list[tuple[Period, list[Any]]]:
        """The rows of each period. If dividing them fails, they are tried one by one to find the row at fault."""
        now = self._clock.now()
        try:
            return periods.divide(decoded.rows, now)
        except Exception:
            parts = []
        for row in decoded.rows:
            try:
                parts += periods.divide([row], now)
            except Exception as error:
                decoded.fail(row, error)
        return parts

    def _turn_to(self, period: Period) -> None:
        """Count from now on for this period."""
        if self.period and period != self.period:
            self._try(self._use_up if period.since == self.period.since else self._fold_cells)
        self.period = period

    def forget(self) -> None:
        """Fold, then forget all cells and what values mean: they are looked up again."""
        self.fold()
        self.give_up(self.kept)
        self.kept = 0
        self._noted.clear()
        self._unfolded.clear()
        self._cells.forget()
        self.reader.forget()
        if self._recorder:
            self._recorder.forget()

    def give_up(self, lines: int) -> None:
        """Count lines as rejected whose cells could not be folded."""
        if lines:
            log.error("%s: %d lines could not be folded, and are counted as rejected", self.name, lines)
            self._store.add(catalog.LINES, self.name, "rejected", amount=lines)
            self._store.add(catalog.REJECTED_LINES, self.name, "failed", amount=lines)

    def _settle(self) -> None:
        self._pending = 0
        for family in self._histograms:
            family.settle()

    def fold(self) -> None:
        """Move what has been counted since the last fold into the series."""
        origins = self._cells.origins
        for part in (self._settle, self._fold_cells, self._fold_times, origins.fold, self.record_captured):
            self._try(part)

    def record_captured(self) -> None:
        """Hand the requests that were counted over to the request log."""
        if self._recorder:
            self._recorder.move(self._clock.now())

    def _try(self, part: Callable[[], None]) -> None:
        """Do a part of a fold. A failure is kept in `faults`, and the other parts go on."""
        try:
            part()
        except Exception as error:
            self.faults.append(error)

    def _use_up(self) -> None:
        """Add to the use of limits by the minute what was counted in the running period."""
        assert self.period, "requests were counted in it"
        noted, self._noted[:] = [*self._noted], ()
        for cell in noted:
            self._unfolded[cell] = None
            try:
                self._use_up_cell(cell, cell.targets, self.period.start)
            except Exception as error:
                self._noted.append(cell)
                self.faults.append(error)
        self._limits.assign_to(self.period)

    def _fold_cells(self) -> None:
        shown: Shown = []
        start = self.period.start if self.period else None
        self.kept = 0
        self._unfolded.update(dict.fromkeys(self._noted))
        for cell in self._unfolded if self._periods else self._cells.born:
            if cell.n:
                cell.used_at = self._cells.now
                try:
                    self._fold_cell(cell, cell.targets, start, shown)
                except Exception as error:
                    self.kept += cell.n
                    self.faults.append(error)
        self._keep_unfolded()
        if self.period:
            self._limits.assign_to(self.period)
        for gauge, value in (each for _, gauges in sorted(shown, key=itemgetter(0)) for each in gauges):
            gauge.value = value

    def _keep_unfolded(self) -> None:
        self._unfolded = {cell: None for cell in self._unfolded if cell.n}
        self._noted[:] = [cell for cell in self._unfolded if cell.n != cell.used_up]

    def _fold_times(self) -> None:
        """Update last-used gauges and the newest record time. Future timestamps are clamped to now, or one bad line
        would freeze them.
        """
        now = self._clock.now()
        newest = self.last_time or 0.0
        named = []
        for caller in self._cells.callers.values():
            times, caller.used[:] = [*caller.used], ()  # reset first: an unreadable time is tried only once
            last = latest(times, self.reader.seconds_since_epoch)
            if last is not None:
                last = min(last, now)
                newest = max(newest, last)
                if caller.last_used is not None and last > caller.last_used.value:
                    caller.last_used.value = last
                if caller.about.key_name or caller.about.key_owner:
                    named.append((last, caller))
        for _, caller in sorted(named, key=itemgetter(0)):  # of several names of a key, the latest is shown
            self._keys.name(caller.label, caller.about)
        if newest:
            self.last_time = newest
            self._slowest.fold(int(newest // 60))

    # --- one record

    def record(self, row: Any) -> AccessRecord:
        """The record of a row, with its numbers and cost. Cold path: for `explain` and `replay --csv`."""
        record = self._records.record(row)
        if not (record.ignored or record.rejected):
            self.pricing.charge(record, self._clock.now())
        return record
