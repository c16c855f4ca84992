"""Births of cells: what the words of a line decide, decided once for each combination. Cold path.

A line's words fall in two: what was asked (its `Kind`) and who asked (its `Caller`). Both are found
once and shared: 35,000 cells are 500 callers of 1,400 kinds. A cell is where the two meet, connected
to all series that such a request adds to.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from exporter.admission import Admissions
from exporter.catalog import CATALOG, Family
from exporter.cell import Caller, Cell, Ends, Origins
from exporter.enrich import Enricher
from exporter.formats.reader import RowReader
from exporter.keys import Keys
from exporter.kinds import CHAIN, METHOD, PLACE, PROTOCOL, Kind, Sink, Values, names_of, picker
from exporter.limits import REFUSED, Limits
from exporter.loop import Loop
from exporter.record import TOKEN_TYPES, AccessRecord
from exporter.series import Histogram, Series, Store

# More than these, and all are to be forgotten: what is in use comes back at once.
_MOST_CELLS = 100_000
_MOST_KINDS = 20_000

# The origins of a cell whose first line is still to be counted.
_NONE_YET: dict[str, int] = {}


class Cells:
    """Makes one input's cells; `by_words[what][who]` is the cell of a row's raw words.

    A cell whose labels may change with a later success is made, but not kept there: it is asked for again.
    """

    def __init__(
        self,
        *,
        name: str,
        reader: RowReader,
        enricher: Enricher,
        store: Store,
        admissions: Admissions,
        keys: Keys,
        limits: Limits,
        own: Values,
        currency: str,
        loop: Loop,
    ) -> None:
        self._name = name
        self._reader = reader
        self._enricher = enricher
        self._store = store
        self._admissions = admissions
        self._keys = keys
        self._limits = limits
        self._own = own
        self._currency = currency
        self._loop = loop
        self._families = [family for family in CATALOG.values() if family.adds]
        self._parsed, self._ignored, self._rejected = (
            store.series("gateway_exporter_lines_total", name, result) for result in ("parsed", "ignored", "rejected")
        )
        self.by_words: dict[Any, dict[Any, Cell]] = {}
        self.forget()

    def forget(self) -> None:
        """Forget all cells. They must have been folded."""
        self.by_words.clear()
        self.born: list[Cell] = []
        self.origins: dict[Values, Origins] = {}
        self.callers: dict[Any, Caller] = {}
        self._known: dict[Any, Caller] = {}
        self._kinds: dict[Any, Kind] = {}
        self._uncounted: dict[str, Kind] = {}
        self._asked: dict[Any, tuple[Kind, str]] = {}
        self._entries = 0

    @property
    def full(self) -> bool:
        """Whether there are so many that all should be forgotten."""
        return (
            max(self._entries, len(self.born)) >= _MOST_CELLS
            or max(len(self.by_words), len(self._known), len(self.callers)) >= _MOST_KINDS
        )

    # --- from raw words to cells

    def miss(self, what: Any, who: Any) -> Cell:
        """The cell of words that are new, or whose labels may change with a later success."""
        asked = self._asked.get(what)
        open_ = False
        if asked is None:
            asked, open_ = self._ask(what)
            if not open_:
                self._asked[what] = asked
                self.by_words[what] = {}
        kind, key = asked
        cell = kind.everyones
        if cell is None:
            caller = self._known.get((who, key))
            if caller is None:
                caller, caller_open = self._caller(kind, key, who)
                open_ = open_ or caller_open
            cell = kind.cells.get(caller)
            if cell is None:
                cell = kind.cells[caller] = self._born(kind, caller)
        if not open_:
            self.by_words[what][who] = cell
            self._entries += 1
        return cell

    def _ask(self, what: Any) -> tuple[tuple[Kind, str], bool]:
        """The kind of a row's words, and the key in them; whether the kind may change with a later success."""
        record = self._enricher.record(self._reader.asked(what))
        if not (record.ignored or record.rejected):
            kind, open_ = self._kind(record)
            return (kind, record.key), open_
        if record.rejected not in self._uncounted:
            counters = [self._ignored if record.ignored else self._rejected]
            if record.rejected:
                reason = self._store.series("gateway_exporter_rejected_lines_total", self._name, record.rejected)
                counters.append(reason)
            self._uncounted[record.rejected] = Kind(record, everyones=self._new_cell(Ends(tuple(counters))))
        return (self._uncounted[record.rejected], ""), False

    # --- who asked, what was asked

    def _caller(self, kind: Kind, key: str, who: Any) -> tuple[Caller, bool]:
        """The caller; whether that may change with a later success."""
        words = self._reader.who.read(who)
        said = words.get("key") or key
        verdict = self._admissions.judge("key", said, not kind.record.error_type)
        label, class_ = verdict.value, self._enricher.class_of(said)
        unknown = bool(said) and (said not in self._keys if len(self._keys) else label != said)
        about = AccessRecord(class_=class_)
        if label == said:
            about.key_name, about.key_owner = words.get("key_name", ""), words.get("key_owner", "")
        at = (label, class_, about.key_name, about.key_owner, unknown, verdict.overflow)
        caller = self.callers.get(at)
        if caller is None:
            counters = self._overflows("key") if verdict.overflow else []
            if unknown:
                counters.append(self._store.series("gateway_exporter_unknown_key_requests_total", self._name))
            last_used = self._keys.seen(label, about)
            caller = self.callers[at] = Caller(label, class_, about, tuple(counters), last_used)
        if not verdict.open:
            self._known[who, key] = caller
        return caller, verdict.open

    def _kind(self, record: AccessRecord) -> tuple[Kind, bool]:
        """The kind of a record; whether that may change with a later success."""
        success = not record.error_type
        judge = self._admissions.judge
        words = {"chain": record.chain, "method": record.method, "model": record.model, "provider": record.provider}
        verdicts = {label: judge(label, word, success) for label, word in words.items()}
        calls = [
            verdicts["method"] if call == record.method else judge("method", call, success) for call in record.calls
        ]
        values = (
            verdicts["chain"].value,
            verdicts["method"].value,
            record.protocol,
            record.status,
            record.error_type,
            verdicts["model"].value,
            verdicts["provider"].value,
            self._currency,
            "success" if success else "error",
            "",
        )
        methods = tuple(call.value for call in calls)
        overflows = tuple(label for label, verdict in verdicts.items() if verdict.overflow)
        at = (values, methods, record.requests, overflows)
        if at not in self._kinds:
            self._kinds[at] = self._new_kind(record, values, methods, overflows)
        return self._kinds[at], any(verdict.open for verdict in (*verdicts.values(), *calls))

    def _overflows(self, label: str) -> list[Series]:
        """Where records are counted whose value of a label became `other`."""
        name = "gateway_exporter_overflow_total"
        return [self._store.series(name, family.name, label) for family in self._families if label in family.labels]

    def _new_kind(self, record: AccessRecord, values: Values, methods: Values, overflows: Values) -> Kind:
        kind = Kind(record, values)
        before, after = values[:METHOD], values[METHOD + 1 :]
        calls = [family for family in self._families if family.adds == "calls"]
        kind.counted = self._sinks((family, (*before, method, *after)) for method in methods for family in calls)
        if not record.requests:
            return kind
        kind.counters = tuple(series for label in overflows for series in self._overflows(label))
        fed = [family for family in self._families if not family.when or values[PLACE[family.when]]]
        kind.counted += self._sinks((family, values) for family in fed if family.adds == "requests")
        summed = [(family.adds, family, values) for family in fed if family.adds in self._loop.summed]
        summed += [
            (f"{type_}_tokens", family, (*values[:-1], type_))
            for family in fed
            if family.adds == "tokens"
            for type_ in TOKEN_TYPES
            if f"{type_}_tokens" in self._loop.summed
        ]
        kind.measures = tuple(measure for measure, *_ in summed)
        kind.summed = self._sinks((family, values) for _, family, values in summed)
        if record.timed:
            kind.observed = self._sinks((family, values) for family in fed if family in self._loop.histograms)
        return kind

    def _sinks(self, fed: Iterable[tuple[Family, Values]]) -> list[Sink]:
        """Sinks of families, each with the values of which its labels are picked, in that order."""
        groups = groupby(fed, lambda one: (names_of(one[0]), one[1]))
        return [
            Sink([self._store.families[family.name] for family, _ in group], picker(names), values)
            for (names, values), group in groups
        ]

    # --- where the two meet

    def _born(self, kind: Kind, caller: Caller) -> Cell:
        """A new cell, connected to all that it adds to."""
        counters: list[Any] = [self._parsed]
        for sink in kind.counted:
            labels = sink.labels(caller, self._own)
            for family in sink.families:
                counters.append(family.find(labels))
                if family.full and labels not in family.series:
                    counters.append(self._store.series("gateway_exporter_overflow_total", family.family.name))
        sums: list[Any] = []
        for sink in kind.summed:
            labels = sink.labels(caller, self._own)
            sums += [family.find(labels) for family in sink.families]
        home = None
        if kind.record.requests:
            counters += (*kind.counters, *caller.counters)
            home = self._home(kind, caller)
        record = kind.record
        use = self._limits.use(caller.label, record.status in REFUSED)
        cell = self._new_cell(
            Ends((*sums, *counters), kind.measures, caller, home, not record.error_type, record.requests, use)
        )
        for sink in kind.observed:
            labels = sink.labels(caller, self._own)
            for family in sink.families:
                histogram = family.find(labels)
                assert isinstance(histogram, Histogram)
                setattr(cell, family.family.name, histogram.pending)
        if home:
            cell.origins = _NONE_YET
        return cell

    def _new_cell(self, ends: Ends) -> Cell:
        cell = self._loop.cell(ends)
        self.born.append(cell)
        return cell

    def _home(self, kind: Kind, caller: Caller) -> Origins:
        """Where the origins of a kind and a caller are counted."""
        at = (caller.label, kind.values[CHAIN], kind.values[PROTOCOL])
        home = self.origins.get(at)
        if home is None:
            home = self.origins[at] = Origins(*at)
        return home

    def new_origin(self, cell: Cell, origin: str) -> None:
        """Count an origin that a cell's key, chain and protocol have not had yet, or may not have."""
        home = cell.ends.home
        assert home is not None, "a cell without origins takes them all"
        cell.origins = home.counts
        label = origin if origin in home.counts else self._origin_label(home, origin, cell.ends.success)
        if cell.origin is None and label is origin:
            cell.origin = origin
        else:
            cell.elsewhere += 1
            home.counts[label] += 1

    def _origin_label(self, home: Origins, origin: str, success: bool) -> str:
        verdict = self._admissions.origin(home.key, origin, success)
        if verdict.fresh and home.key:
            self._store.add("gateway_key_new_origins_total", home.key, *self._own)
        if verdict.overflow:
            self._store.add("gateway_exporter_overflow_total", "gateway_origin_requests_total", "origin")
        label = verdict.value
        if label not in home.counts:
            home.counts[label] = 0
            self._origin_series(home, label)
        return label

    def _origin_series(self, home: Origins, origin: str) -> Series:
        values = (home.key, home.chain, origin, home.protocol, *self._own)
        return self._store.series("gateway_origin_requests_total", *values)

    def fold_origins(self) -> None:
        """Move the counts of origins into their series."""
        for home in self.origins.values():
            for origin, count in home.counts.items():
                if count:
                    self._origin_series(home, origin).value += count
                    home.counts[origin] = 0
