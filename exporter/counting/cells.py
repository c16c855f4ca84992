"""Creates cells, once for each new combination of a line's text fields. Cold path.

The fields fall into two groups: what was requested (a `RequestKind`) and by whom (a `Caller`). Both are created once
and shared: 35,000 cells are 500 callers of 1,400 kinds. A cell belongs to one of each, and is connected to all series
that such a request adds to.
"""

from collections.abc import Iterable
from typing import Any, cast

from exporter.counting.callers import Callers
from exporter.counting.cell import NO_PLACE, Caller, Cell, CellTargets, KindTargets, Origins, UnloggedCost
from exporter.counting.context import Context
from exporter.counting.groups import FamilyGroup
from exporter.counting.kinds import RequestKind, RequestKinds
from exporter.counting.loop import Loop
from exporter.formats.row_reader import RowReader
from exporter.limits.use import REFUSED
from exporter.metrics.store import FamilySeries, Series
from exporter.model import catalog
from exporter.model.labels import ORIGIN_LABELS, OTHER
from exporter.requests.enrich import Enricher

# With more than these, all are forgotten; those in use are created again at once.
_MOST_CELLS = 100_000
_MOST_KINDS = 20_000

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
        self._limits = context.limits
        self._input_labels = input_labels
        self._loop = loop
        # Where sums go that requests of a kind do not add to.
        self._nowhere = Series()
        self._unsummed = (self._nowhere,) * len(loop.summed)
        self._places = {slot: place for place, slot in enumerate(loop.summed)}
        self.callers = Callers(name, reader, enricher, context)
        self._kinds = RequestKinds(context, loop, input_labels)
        # Families that count origins, by what they add; each with the positions of its labels in ORIGIN_LABELS.
        self._of_origins: dict[str, list[tuple[FamilySeries, list[int]]]] = {"origins": [], "new_origins": []}
        for family in store.families.values():
            if family.family.adds in self._of_origins:
                places = [ORIGIN_LABELS.index(label) for label in family.family.labels]
                self._of_origins[family.family.adds].append((family, places))
        self._parsed, self._ignored, self._rejected = (
            store.series(catalog.LINES, name, result) for result in ("parsed", "ignored", "rejected")
        )
        self.by_key: dict[Any, dict[Any, Cell]] = {}
        self.forget()

    def forget(self) -> None:
        """Forget all cells. They must have been folded."""
        self.by_key.clear()
        self.born: list[Cell] = []
        self.origins: dict[tuple[str, ...], Origins] = {}
        self.callers.forget()
        self._kinds.forget()
        self._uncounted: dict[str, RequestKind] = {}
        self._asked: dict[Any, tuple[RequestKind, str]] = {}
        self._entries = 0

    @property
    def full(self) -> bool:
        """Whether there are too many, so that all should be forgotten."""
        return (
            max(self._entries, len(self.born)) >= _MOST_CELLS or max(len(self.by_key), len(self.callers)) >= _MOST_KINDS
        )

    # --- from raw values to cells

    def miss(self, request_key: Any, caller_key: Any) -> Cell:
        """The cell of values that are new, or whose labels may change with a later success."""
        asked = self._asked.get(request_key)
        open_ = False
        if asked is None:
            asked, open_ = self._ask(request_key)
            if not open_:
                self._asked[request_key] = asked
                self.by_key[request_key] = {}
        kind, key = asked
        cell = kind.everyones
        if cell is None:
            caller = self.callers.of_key.get((caller_key, key))
            if caller is None:
                proven = not (kind.record.error_type or kind.record.public)
                caller, caller_open = self.callers.resolve(caller_key, key, proven)
                open_ = open_ or caller_open
            cell = kind.cells.get(caller)
            if cell is None:
                cell = kind.cells[caller] = self._connected(kind, caller)
        if not open_:
            self.by_key[request_key][caller_key] = cell
            self._entries += 1
        return cell

    def _ask(self, request_key: Any) -> tuple[tuple[RequestKind, str], bool]:
        """The kind of a row's values, and the key in them; whether the kind may change with a later success."""
        record = self._enricher.record(self._reader.request_fields(request_key))
        if not (record.ignored or record.rejected):
            kind, open_ = self._kinds.resolve(record)
            return (kind, record.key), open_
        if record.rejected not in self._uncounted:
            counters = [self._ignored if record.ignored else self._rejected]
            if record.rejected:
                reason = self._store.series(catalog.REJECTED_LINES, self._name, record.rejected)
                counters.append(reason)
            self._uncounted[record.rejected] = RequestKind(
                record, everyones=self._new_cell(CellTargets(KindTargets(), tuple(counters), self._unsummed))
            )
        return (self._uncounted[record.rejected], ""), False

    # --- cells of a kind and a caller

    def _connected(self, kind: RequestKind, caller: Caller) -> Cell:
        """A new cell, connected to all series that its requests add to."""
        requests = kind.targets.requests
        home = self._home(kind, caller) if requests and self._loop.origins else None
        full: dict[str, None] = {}
        sums, more_sums = self._sums(kind, caller, full)
        counts = _find(kind.counted, caller, full)
        credited = [(series, amount) for group, amount in kind.credited for series in group.find(caller, full)]
        charged = self._charged(kind, caller, full)
        histograms = _find(kind.observed, caller, full)
        counts += self._faults(kind, caller, full)
        use = self._limits.use(caller.user, kind.record.status in REFUSED)
        cell = self._new_cell(
            CellTargets(
                kind.targets,
                (self._parsed, *counts),
                tuple(sums),
                tuple(more_sums),
                caller,
                home,
                tuple(credited),
                charged,
                use,
            )
        )
        for name, histogram in zip(kind.histograms, histograms, strict=True):
            setattr(cell, name, histogram.pending)
        if home:
            cell.origins = _NONE_YET
        return cell

    def _sums(
        self, kind: RequestKind, caller: Caller, full: dict[str, None]
    ) -> tuple[list[Series], list[tuple[Series, str]]]:
        """A series for each sum of the loop, and further ones with their slots."""
        sums, more = [*self._unsummed], []
        for slot, series in zip(kind.measures, _find(kind.summed, caller, full), strict=True):
            place = self._places[slot]
            if sums[place] is self._nowhere:
                sums[place] = series
            else:
                more.append((series, slot))
        return sums, more

    @staticmethod
    def _charged(kind: RequestKind, caller: Caller, full: dict[str, None]) -> UnloggedCost | None:
        if not (kind.cost or kind.unpriced):
            return None
        return UnloggedCost(tuple(_find(kind.cost, caller, full)), tuple(_find(kind.unpriced, caller, full)))

    def _faults(self, kind: RequestKind, caller: Caller, full: Iterable[str]) -> list[Series]:
        """The exporter's own counters that such a request adds to, because of implausible numbers, full families, an
        unknown key, or values that are over a label's budget.
        """
        found = [self._store.series(catalog.IMPLAUSIBLE_VALUES, self._name, field) for field in kind.record.implausible]
        found += [self._store.series(catalog.OVERFLOW, name) for name in full]
        if kind.record.requests:
            found += caller.counters
            for label in (*kind.overflows, *caller.overflows):
                found += self._kinds.overflows(label, kind.fed)
        return found

    def _new_cell(self, targets: CellTargets) -> Cell:
        cell = self._loop.cell(targets)
        self.born.append(cell)
        return cell

    def _home(self, kind: RequestKind, caller: Caller) -> Origins:
        """Where the origins of a kind and a caller are counted."""
        at = (caller.label, kind.values["chain"], kind.values["protocol"])
        home = self.origins.get(at)
        if home is None:
            home = self.origins[at] = Origins(*at)
        return home

    def new_origin(self, cell: Cell, origin: str) -> None:
        """Count an origin that is new for a cell's key, chain and protocol, or not admitted."""
        home = cell.targets.home
        assert home is not None, "a cell without origins takes them all"
        cell.origins = home.counts
        label = origin if origin in home.counts else self._origin_label(home, origin, cell.targets.kind.success)
        if cell.origin is None and label is origin:
            cell.origin = origin
        else:
            cell.elsewhere += 1
            home.counts[label] += 1

    def _origin_label(self, home: Origins, origin: str, success: bool) -> str:
        """What an origin is counted as: itself, `other` or NO_PLACE."""
        if NO_PLACE in home.counts:
            return cast(str, NO_PLACE)
        verdict = self._admissions.origin(home.key, origin, success)
        if verdict.overflow:
            self._add("origins", home, NO_PLACE, 0)
            shown = {"", OTHER, NO_PLACE, *self._admissions.origins(home.key)}
            home.counts |= dict.fromkeys(shown - home.counts.keys(), 0)
            return cast(str, NO_PLACE)
        label = verdict.value
        if label not in home.counts:
            self._add("origins", home, label, 0)
            home.counts[label] = 0
        if verdict.fresh and home.key:
            self._add("new_origins", home, label, 1)
        return label

    def _add(self, what: str, home: Origins, origin: str, count: int) -> None:
        """Add to the families that count origins, or new ones."""
        values = (home.key, home.chain, OTHER if origin is NO_PLACE else origin, home.protocol)
        of_all = []
        for family, places in self._of_origins[what]:
            labels = (*(values[place] for place in places), *self._input_labels)
            of_all.append(family.find(labels))
            if count and family.merges(labels):
                of_all.append(self._store.series(catalog.OVERFLOW, family.family.name))
            if origin is NO_PLACE and "origin" in family.family.labels:
                of_all.append(self._store.series(catalog.OVERFLOW, family.family.name, "origin"))
        for series in of_all:  # all exist before the first is changed
            assert isinstance(series, Series)
            series.value += count

    def odd(self, cell: Cell, field: str, value: float) -> float:
        """Count a number outside its field's range, unless it stands for "absent". Returns -1.0, for absent."""
        if cell.targets.caller and self._reader.absurd(field, value):
            self._store.add(catalog.IMPLAUSIBLE_VALUES, self._name, field)
        return -1.0

    def fold_origins(self) -> None:
        """Move the counts of origins into their series."""
        for home in self.origins.values():
            for origin, count in home.counts.items():
                if count:
                    self._add("origins", home, origin, count)
                    home.counts[origin] = 0


def _find(groups: Iterable[FamilyGroup], caller: Caller, full: dict[str, None]) -> list[Any]:
    """The series of groups for a caller: see `FamilyGroup.find`."""
    return [series for group in groups for series in group.find(caller, full)]
