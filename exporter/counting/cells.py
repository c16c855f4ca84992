"""Creates cells, once for each new combination of a line's text fields. Cold path.

The fields fall into two groups: what was requested (a `RequestKind`) and by whom (a `Caller`). Both are created once
and shared: 35,000 cells are 500 callers of 1,400 kinds. A cell belongs to one of each, and is connected to all series
that such a request adds to.
"""

from collections.abc import Callable, Container, Iterable
from operator import attrgetter
from typing import Any

from exporter.counting.admission import Verdict
from exporter.counting.cell import Caller, Cell, CellTargets, KindTargets
from exporter.counting.context import Context
from exporter.counting.kinds import RequestKind, RequestKinds
from exporter.counting.loop import UNSEEN, Loop
from exporter.counting.origins import OriginCounts
from exporter.formats.row_reader import RowReader
from exporter.limits.use import REFUSED
from exporter.metrics.series import Series
from exporter.model import catalog
from exporter.model.record import AccessRecord
from exporter.requests.enrich import Enricher

# With so many, those that were idle for longest are dropped: cells; different requests; callers.
_MOST_CELLS = 400_000
_MOST_REQUESTS = 20_000
_MOST_CALLERS = 100_000
# The maximum number of values of rows that lead to the same cell, or the same caller, as others.
_MOST_ALIASES = 50_000
# After so many new cells, it is noted which have been used.
_NOTED_AFTER = 50_000

# What was requested by a row's values: its kind; the key in them; its cells, by the caller's values.
_Asked = tuple[RequestKind, str, dict[Any, Cell]]
# The origins of a cell whose first line is still to be counted.
_NONE_YET: dict[str, int] = {}


class Cells:
    """The cells of one input: `by_key[request_key][caller_key]` is the cell of a row's raw values.

    A cell whose labels may change with a later success is not kept there, so that `miss` is called for it again.
    """

    def __init__(
        self,
        name: str,
        reader: RowReader,
        enricher: Enricher,
        context: Context,
        input_labels: tuple[str, ...],
        loop: Loop,
    ) -> None:
        self._name = name
        self._reader = reader
        self._enricher = enricher
        self._store = store = context.store
        self._admissions = context.admissions
        self._labels = context.labels
        self._keys = context.keys
        self._limits = context.limits
        self._input_labels = input_labels
        self._loop = loop
        # Where the numbers of lines go that are not requests.
        self._unsummed, self._unobserved = (Series(),) * len(loop.summed), (UNSEEN,) * len(loop.histograms)
        self.origins = OriginCounts(store, context.admissions, input_labels)
        parsed, self._ignored, self._rejected = (
            store.series(catalog.LINES, name, result) for result in ("parsed", "ignored", "rejected")
        )
        self._kinds = RequestKinds(context, loop, input_labels, parsed)
        self.by_key: dict[Any, dict[Any, Cell]] = {}
        # Counts the calls of `note`.
        self.now = 0
        self.forget()

    def forget(self) -> None:
        """Forget all cells. They must have been folded."""
        self.by_key.clear()
        self.born: list[Cell] = []
        self.origins.homes.clear()
        self.callers: dict[Any, Caller] = {}
        # The caller of a row's values, with these values: all cells keep the same text, not one each.
        self._known: dict[Any, tuple[Caller, Any]] = {}
        self._kinds.forget()
        self._uncounted: dict[str, RequestKind] = {}
        self._asked: dict[Any, _Asked] = {}
        self._values: dict[Any, Any] = {}
        self._entries = self._noted = 0

    # --- room for new cells

    @property
    def grown(self) -> bool:
        """Whether `note` is due: there are many new cells, or too many of something."""
        return len(self.born) - self._noted >= _NOTED_AFTER or self._crowded()

    def note(self) -> None:
        """Make room if there is too much of something. All cells must have been folded; one that could not be is kept.

        What leads to the same cell as something else goes first: it costs little to find again. If that is not enough,
        the half of the cells goes that was idle for longest.
        """
        if self._crowded():
            self._drop_aliases()
            if self._crowded(times=2):
                self._drop_idle()
        self._noted = len(self.born)
        self.now += 1

    def _crowded(self, times: int = 1) -> bool:
        """Whether there is too much of something, or would be if there were so many times as much."""
        aliases = max(self._entries - len(self.born), len(self._known) - len(self.callers))
        return (
            times * len(self.born) >= _MOST_CELLS
            or times * len(self.by_key) >= _MOST_REQUESTS
            or times * len(self.callers) >= _MOST_CALLERS
            or times * aliases >= _MOST_ALIASES
        )

    def _drop_aliases(self) -> None:
        self._values.clear()
        self._keep_ways(lambda cell: cell.ways == 1)
        self._known = {values: known for values, known in self._known.items() if known[0].ways == 1}
        for cell in self.born:
            cell.ways = int(cell.ways == 1)
        for caller in self.callers.values():
            caller.ways = int(caller.ways == 1)

    def _drop_idle(self) -> None:
        by_use = sorted(self.born, key=attrgetter("used_at"))
        idle = {cell for cell in by_use[: len(by_use) // 2] if cell.targets.caller and not cell.n}
        self._keep_ways(lambda cell: cell not in idle)
        self._kinds.drop(idle)
        self.born = [cell for cell in self.born if cell not in idle]
        self._drop_callers({cell.targets.caller for cell in self.born})
        self.origins.keep({cell.targets.home for cell in self.born})

    def _drop_callers(self, callers: Container[Caller | None]) -> None:
        """Drop callers except some, and those with times that could not be folded."""
        self.callers = {at: caller for at, caller in self.callers.items() if caller in callers or caller.used}
        self._known = {values: known for values, known in self._known.items() if known[0] in callers}

    def _keep_ways(self, keeps: Callable[[Cell], bool]) -> None:
        """Keep the rows' values that lead to some cells only."""
        self._entries = 0
        for request_key, cells in [*self.by_key.items()]:
            kept = {caller_key: cell for caller_key, cell in cells.items() if keeps(cell)}
            self._entries += len(kept)
            cells.clear()
            cells.update(kept)
            if not kept:
                del self.by_key[request_key], self._asked[request_key]

    # --- from raw values to cells

    def miss(self, request_key: Any, caller_key: Any) -> Cell:
        """The cell of values that are new, or whose labels may change with a later success."""
        asked = self._asked.get(request_key)
        open_ = False
        if asked is None:
            asked, open_ = self._ask(request_key)
            if not open_:
                kept = self._kept(request_key)
                self._asked[kept] = asked
                self.by_key[kept] = asked[-1]
        kind, key, cells = asked
        cell = kind.everyones
        if cell is not None:
            caller_key = self._kept(caller_key)
        else:
            known = self._known.get((caller_key, key))
            if known is None:
                known, caller_open = self._caller(kind, key, caller_key)
                open_ = open_ or caller_open
            caller, caller_key = known
            cell = kind.cells.get(caller)
            if cell is None:
                cell = kind.cells[caller] = self._connected(kind, caller)
        if not open_:
            cells[caller_key] = cell
            self._entries += 1
            cell.ways += 1
        return cell

    def _kept(self, key: Any) -> Any:
        """A key of look-ups, in which equal values of all keys are the same object. Each line compares its values with
        them, so the fewer there are, the more stay in the processor's caches.
        """
        same = self._values.setdefault
        return tuple([same(value, value) for value in key]) if key.__class__ is tuple else same(key, key)

    def _ask(self, request_key: Any) -> tuple[_Asked, bool]:
        """What a row's values mean; whether that may change with a later success."""
        record = self._enricher.record(self._reader.request_fields(request_key))
        if not (record.ignored or record.rejected):
            kind, open_ = self._kinds.resolve(record)
            return (kind, record.key, {}), open_
        if record.rejected not in self._uncounted:
            counters = [self._ignored if record.ignored else self._rejected]
            if record.rejected:
                reason = self._store.series(catalog.REJECTED_LINES, self._name, record.rejected)
                counters.append(reason)
            targets = CellTargets(KindTargets(), tuple(counters), self._unsummed)
            cell = self._born(self._loop.cell(targets, *self._unobserved))
            self._uncounted[record.rejected] = RequestKind(record, everyones=cell)
        return (self._uncounted[record.rejected], "", {}), False

    # --- callers

    def _caller(self, kind: RequestKind, path_key: str, caller_key: Any) -> tuple[tuple[Caller, Any], bool]:
        """The caller, and its values as they are kept; whether it may change with a later success. `path_key` is the
        key in the path.
        """
        fields = self._reader.caller_group.read(caller_key)
        key = fields.get("key") or path_key
        proven = not (kind.record.error_type or kind.record.public)
        verdict = self._admissions.judge("key", key, proven)
        label, class_ = verdict.value, self._enricher.class_of(key)
        unknown = bool(key) and (key not in self._keys if len(self._keys) else label != key)
        about = AccessRecord(class_=class_)
        if label == key:
            about.key_name = self._enricher.name(fields.get("key_name", ""))
            about.key_owner = self._enricher.name(fields.get("key_owner", ""))
        user = self._limits.user(label, key)
        declared = self._declared(fields, proven)
        values = (label, class_, *(verdict.value for _, verdict in declared))
        verdicts = [("key", verdict), *declared]
        overflows = _overflows(verdicts)
        at = (values, about.key_name, about.key_owner, unknown, overflows, user)
        caller = self.callers.get(at)
        if caller is None:
            name = catalog.UNKNOWN_KEY_REQUESTS
            counters = (self._store.series(name, self._name),) if unknown else ()
            is_odd, last_used = bool(counters or overflows), self._keys.seen(label, about)
            caller = self.callers[at] = Caller(values, about, counters, overflows, is_odd, last_used, user)
        open_ = any(verdict.open for _, verdict in verdicts)
        if not open_:
            caller_key = self._kept(caller_key)
            self._known[caller_key, path_key] = caller, caller_key
            caller.ways += 1
        return (caller, caller_key), open_

    def _declared(self, fields: dict[str, Any], proven: bool) -> list[tuple[str, Verdict]]:
        """The labels that the config declares, with the verdicts on their values."""
        return [
            (label, self._admissions.judge(label, self._enricher.label(fields.get(field, "")), proven))
            for label, field in self._labels.items()
        ]

    # --- cells of a kind and a caller

    def _connected(self, kind: RequestKind, caller: Caller) -> Cell:
        """A new cell, connected to all series that its requests add to."""
        laid = kind.laid
        assert laid, "lines that are not requests have one cell"
        full = laid.full.copy()
        cell = laid.connect(kind, caller, full)
        targets = cell.targets
        if full or caller.is_odd or kind.is_odd:
            targets.counts += (*self._faults(kind, caller, full),)
        if caller.user:
            targets.use = self._limits.use(caller.user, kind.record.status in REFUSED)
        if kind.targets.requests and self._loop.origins:
            targets.home = self.origins.home(caller.values[0], kind.values)
            cell.origins = _NONE_YET
        return self._born(cell)

    def _faults(self, kind: RequestKind, caller: Caller, full: Iterable[str]) -> list[Series]:
        """The exporter's own counters that such a request adds to, because of implausible numbers, full families, an
        unknown key, or values that are over a label's budget.
        """
        found = [self._store.series(catalog.IMPLAUSIBLE_VALUES, self._name, field) for field in kind.record.implausible]
        found += [self._store.series(catalog.OVERFLOW, name) for name in dict.fromkeys(full)]
        if kind.record.requests:
            found += caller.counters
            for label in (*kind.overflows, *caller.overflows):
                found += self._kinds.overflows(label, kind.fed)
        return found

    def _born(self, cell: Cell) -> Cell:
        cell.used_at = self.now
        self.born.append(cell)
        return cell

    def odd(self, cell: Cell, field: str, value: float) -> float:
        """Count a number outside its field's range, unless it stands for "absent". Returns -1.0, for absent."""
        if cell.targets.caller and self._reader.absurd(field, value):
            self._store.add(catalog.IMPLAUSIBLE_VALUES, self._name, field)
        return -1.0


def _overflows(verdicts: list[tuple[str, Verdict]]) -> tuple[str, ...]:
    """The labels whose budget is used up."""
    return tuple(label for label, verdict in verdicts if verdict.overflow)
