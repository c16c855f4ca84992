"""Counting: rows → cells → series. Hot path: one look-up a line, then a few additions.

All that the words of a line decide is decided once, when their combination is new (`Meter._miss`),
and kept in a cell: the series that such a request adds to. `loop` generates the loop; `fold` moves
what cells have counted into their series, at a scrape and every few seconds.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from msgspec import Struct

from exporter.admission import Admissions
from exporter.catalog import CATALOG, Family
from exporter.enrich import Enricher
from exporter.formats.reader import RowReader
from exporter.keys import Keys
from exporter.loop import Cell, Loop
from exporter.record import TOKEN_TYPES, AccessRecord
from exporter.series import Series, Store

# More cells than this, and all are folded and forgotten: what is in use comes back at once.
_MOST_CELLS = 100_000

# The label values of a record, in the order in which `_admitted` gives them.
_VALUES = ("key", "class", "chain", "method", "protocol", "status", "type", "model", "provider", "currency", "result", "token_type")
_PLACE = {label: n for n, label in enumerate(_VALUES)}


class _Sink(Struct):
    """A family that records add to, and how its label values are picked from a record's."""

    family: Family
    labels: Callable[[tuple[str, ...]], tuple[str, ...]]
    when: int | None


def _sink(family: Family) -> _Sink:
    names = ["token_type" if family.adds == "tokens" and label == "type" else label for label in family.labels]
    places = [_PLACE[name] for name in names if name != "origin"]
    pick = itemgetter(*places) if len(places) > 1 else lambda values: (values[places[0]],)
    return _Sink(family, pick, _PLACE[family.when] if family.when else None)


class Slowest:
    """The slowest request of the running minute and the one before it, of one chain and method.

    `since_fold` is what the loop writes to.
    """

    __slots__ = ("minute", "now", "previous", "since_fold")

    def __init__(self) -> None:
        self.since_fold = [0.0]
        self.minute = 0
        self.now = self.previous = 0.0

    def fold(self, minute: int) -> None:
        """Take what the loop wrote, as of a minute since the epoch."""
        self.roll(minute)
        self.now = max(self.now, self.since_fold[0])
        self.since_fold[0] = 0.0

    def roll(self, minute: int) -> float:
        """Go on to a minute; the slowest of it and the one before, 0.0 when there was none."""
        if minute > self.minute:
            self.previous = self.now if minute == self.minute + 1 else 0.0
            self.minute, self.now = minute, 0.0
        return max(self.now, self.previous)


class Origins(Struct):
    """Requests by origin since the last fold, of one key, chain and protocol, and their series."""

    key: str
    chain: str
    protocol: str
    counts: dict[str, int] = {}
    series: dict[str, Series] = {}


class Meter:
    """Counts one input's rows. `labels` are the input's own, added to every family of records.

    `count(rows)` is the generated hot loop.
    """

    def __init__(
        self,
        name: str,
        reader: RowReader,
        enricher: Enricher,
        store: Store,
        admissions: Admissions,
        keys: Keys,
        labels: dict[str, str] | None = None,
        currency: str = "USD",
    ) -> None:
        self.name = name
        self.reader = reader
        self.last_time: float | None = None
        self._enricher = enricher
        self._store = store
        self._admissions = admissions
        self._keys = keys
        self._own = (",".join(f'{label}="{value}"' for label, value in labels.items()),) if labels else ()
        self._currency = currency
        self._cells: dict[tuple[Any, ...], Cell] = {}
        self._used: dict[str, tuple[Series | None, list[Any]]] = {}
        self._words: dict[Any, Any] = {}
        self._by_series: dict[tuple[Series, ...], Cell] = {}
        self._origins: dict[tuple[str, str, str], Origins] = {}
        self._slowest: dict[tuple[str, ...], Slowest] = {}
        families = [family for family in CATALOG.values() if family.adds]
        self._lines = {
            result: store.series("gateway_exporter_lines_total", name, result) for result in ("parsed", "ignored", "rejected")
        }
        self.loop = Loop(reader, families)
        self._call_sinks = [_sink(family) for family in families if family.adds == "calls"]
        self._request_sinks = [_sink(family) for family in families if family.adds == "requests"]
        self._sum_sinks = [(family.adds, _sink(family)) for family in families if family.type == "counter" and self.loop.adds(family)]
        self._token_sinks = [
            (f"{type_}_tokens", type_, _sink(family))
            for family in families
            if family.adds == "tokens"
            for type_ in TOKEN_TYPES
            if f"{type_}_tokens" in reader.measures
        ]
        self._histogram_sinks = [_sink(family) for family in families if family.type == "histogram" and self.loop.adds(family)]
        self._slowest_sink = _sink(CATALOG["gateway_request_duration_max_seconds"])
        self.count = self.loop.compile(self._cells, self._miss, self._new_origin)

    # --- what is decided once for each combination

    def _miss(self, dims: tuple[Any, ...]) -> Cell:
        """The cell of a combination that is new. One whose labels may change with a success is asked for again."""
        record = self._enricher.record(self.reader.words(dims))
        if record.ignored or record.rejected:
            cell = self._uncounted(record)
            open_ = False
        else:
            values, open_, overflows = self._admitted(record)
            counters = self._counters(record, values, overflows)
            found = self._by_series.get(counters)
            cell = found or self._build(record, values, counters)
        if not open_:
            if len(self._cells) >= _MOST_CELLS:
                self._forget()
            # Equal words are one object in all keys: a look-up then compares addresses, not texts far apart.
            self._cells[tuple([self._words.setdefault(word, word) for word in dims])] = cell
        return cell

    def _forget(self) -> None:
        self.fold()
        self._cells.clear()
        self._by_series.clear()
        self._origins.clear()
        self._words.clear()

    def _uncounted(self, record: AccessRecord) -> Cell:
        """The cell of lines that are no request."""
        counters = [self._lines["ignored" if record.ignored else "rejected"]]
        if record.rejected:
            counters.append(self._store.series("gateway_exporter_rejected_lines_total", self.name, record.rejected))
        return self._by_series.setdefault(tuple(counters), self.loop.cell(tuple(counters)))

    def _admitted(self, record: AccessRecord) -> tuple[tuple[str, ...], bool, list[str]]:
        """The record's label values; whether one may change with a later success; the labels past their budget."""
        success = not record.error_type
        open_ = False
        overflows: list[str] = []

        def admitted(label: str, value: str) -> str:
            nonlocal open_
            verdict = self._admissions.judge(label, value, success)
            open_ = open_ or verdict.open
            if verdict.overflow:
                overflows.append(label)
            return verdict.value

        values = (
            admitted("key", record.key),
            record.class_,
            admitted("chain", record.chain),
            admitted("method", record.method),
            record.protocol,
            record.status,
            record.error_type,
            admitted("model", record.model),
            admitted("provider", record.provider),
            self._currency,
            "success" if success else "error",
            "",
        )
        return values, open_, overflows

    def _counters(self, record: AccessRecord, values: tuple[str, ...], overflows: list[str]) -> tuple[Series, ...]:
        """The counters that one such request adds 1 to; one that it adds 2 to stands twice."""
        counters = [self._lines["parsed"]]
        for sink in self._call_sinks:
            for call in record.calls:
                method = values[3] if call == record.method else self._admissions.judge("method", call, not record.error_type).value
                counters += self._counter(sink, (*values[:3], method, *values[4:]))
        for sink in self._request_sinks:
            if record.requests and (sink.when is None or values[sink.when]):
                counters += self._counter(sink, values)
        if record.requests:
            if record.key and (record.key not in self._keys if len(self._keys) else values[0] != record.key):
                counters.append(self._store.series("gateway_exporter_unknown_key_requests_total", self.name))
            for label in overflows:
                for family in CATALOG.values():
                    if family.adds and label in family.labels:
                        counters.append(self._store.series("gateway_exporter_overflow_total", family.name, label))
        return tuple(counters)

    def _counter(self, sink: _Sink, values: tuple[str, ...]) -> list[Series]:
        family = self._store.families[sink.family.name]
        labels = (*sink.labels(values), *self._own)
        if family.is_full_for(labels):
            return [family.get(*labels), self._store.series("gateway_exporter_overflow_total", sink.family.name)]  # type: ignore[list-item]
        return [family.get(*labels)]  # type: ignore[list-item]

    def _build(self, record: AccessRecord, values: tuple[str, ...], counters: tuple[Series, ...]) -> Cell:
        """A cell for a new set of counters, connected to all that its numbers add to."""
        cell = self._by_series[counters] = self.loop.cell(counters)
        cell.success = not record.error_type
        cell.model = bool(values[_PLACE["model"]])
        if values[0] not in self._used:
            self._used[values[0]] = (self._keys.seen(values[0], record), [None])
        cell.used = self._used[values[0]][1]
        if not record.requests:
            return cell
        cell.sums = tuple(
            (measure, self._series(sink, values)) for measure, sink in self._sum_sinks if sink.when is None or values[sink.when]
        )
        if cell.model:
            cell.sums += tuple((measure, self._series(sink, (*values[:-1], type_))) for measure, type_, sink in self._token_sinks)
        if record.timed:
            for sink in self._histogram_sinks:
                if sink.when is None or values[sink.when]:
                    setattr(cell, sink.family.name, self._series(sink, values).values)
            place = self._slowest_sink.labels(values)
            if place not in self._slowest:
                self._slowest[place] = Slowest()
            cell.slowest = self._slowest[place].since_fold
        at = (values[0], values[2], values[4])
        if at not in self._origins:
            self._origins[at] = Origins(*at)
        cell.home = self._origins[at]
        cell.origins = cell.home.counts
        return cell

    def _series(self, sink: _Sink, values: tuple[str, ...]) -> Any:
        return self._store.families[sink.family.name].get(*sink.labels(values), *self._own)

    def _new_origin(self, cell: Cell, origin: str) -> None:
        """An origin that a key, chain and protocol have not had yet, or may not have."""
        home: Origins = cell.home
        verdict = self._admissions.origin(home.key, origin, cell.success)
        if verdict.fresh and home.key:
            self._store.add("gateway_key_new_origins_total", home.key, *self._own)
        if verdict.overflow:
            self._store.add("gateway_exporter_overflow_total", "gateway_origin_requests_total", "origin")
        label = verdict.value
        if label not in home.counts:
            values = (home.key, home.chain, label, home.protocol, *self._own)
            home.series[label] = self._store.series("gateway_origin_requests_total", *values)
            home.counts[label] = 0
        home.counts[label] += 1
        if cell.origin is None and label is origin:
            cell.origin = origin

    # --- the fold

    def fold(self) -> None:
        """Move what cells have counted since the last fold into their series."""
        for cell in self._by_series.values():
            n = cell.n
            if n:
                cell.n = 0
                if cell.from_origin:
                    cell.home.counts[cell.origin] += cell.from_origin
                    cell.from_origin = 0
                for series in cell.counters:
                    series.value += n
                for measure, target in cell.sums:
                    target.value += getattr(cell, measure)
                    setattr(cell, measure, 0)
        newest = self.last_time or 0.0
        for last_used, used in self._used.values():
            last = self.reader.seconds_since_epoch(used[0])
            used[0] = None
            if last is not None:
                newest = max(newest, last)
                if last_used is not None and last > last_used.value:
                    last_used.value = last
        if newest:
            self.last_time = newest
            for slowest in self._slowest.values():
                slowest.fold(int(newest // 60))
        for home in self._origins.values():
            for origin, count in home.counts.items():
                if count:
                    home.series[origin].value += count
                    home.counts[origin] = 0

    def show_slowest(self, minute: int) -> None:
        """Set the gauges of the slowest request, as of a minute since the epoch."""
        family = self._store.families["gateway_request_duration_max_seconds"]
        for values, slowest in self._slowest.items():
            seconds = slowest.roll(minute)
            if seconds:
                self._store.set(family.family.name, *values, *self._own, to=seconds)
            else:
                family.drop(*values, *self._own)

    # --- one row, for people

    def record(self, row: Any) -> AccessRecord:
        """The whole record of a row, numbers too. Cold path: `explain` and `replay --csv`."""
        dims, time, numbers = self.loop.read(row)
        record = self._enricher.record(self.reader.words(dims))
        record.time = self.reader.seconds_since_epoch(time)
        for measure, value in numbers.items():
            if value >= 0:
                setattr(record, measure, value)
        return record
