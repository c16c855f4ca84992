"""The checkpoint: positions in the logs and what was counted up to there, in one transaction.

A blob holds what has changed since the last one: values of series by row, labels of new rows, admitted values, and
parts, which is everything else that must survive a restart (positions, for example). A series' row is its place in
its family's dictionary. All of this is public labels and numbers, so no blob holds a raw key.
"""

import logging
import sqlite3
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from exporter.counting.admission import Admissions, Place
from exporter.errors import StateError
from exporter.metrics.rows import Rows
from exporter.metrics.series import FamilySeries, Series
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.model.input_labels import in_order
from exporter.state.database import State

log = logging.getLogger(__name__)

Parts = dict[str, Any]


class _FamilyDelta(Struct, array_like=True):
    """What has changed in a family. `declared` are its labels and buckets; `reset` if all rows follow again;
    `new_labels` are those of new rows, at the end, and `created` when they were made; `rows` are the changed ones,
    `values` theirs (of a histogram all values of each); `held` are all rows that are held at 0.
    """

    name: str
    declared: tuple[tuple[str, ...], tuple[float, ...]]
    reset: bool
    new_labels: list[tuple[str, ...]]
    created: bytes
    rows: bytes
    values: bytes
    held: bytes


class _Delta(Struct, array_like=True):
    """One blob. `at` is the time of the commit. Parts that have not changed are left out. `admitted` are the places
    in label budgets that were taken, `given_back` those that are free again.
    """

    at: float
    families: list[_FamilyDelta]
    parts: dict[str, bytes]
    admitted: list[Place]
    given_back: list[Place] = []

    def move(self, places: dict[Place, None]) -> None:
        """Apply the changes to the places that were taken before."""
        places |= dict.fromkeys(self.admitted)
        for place in self.given_back:
            places.pop(place, None)


class _Table(Struct):
    """A family's rows, assembled from blobs."""

    declared: tuple[tuple[str, ...], tuple[float, ...]] = ((), ())
    labels: list[tuple[str, ...]] = []
    created: list[float] = []
    values: list[Any] = []
    held: frozenset[int] = frozenset()

    def add(self, delta: _FamilyDelta) -> None:
        """Apply one delta. Raises ValueError or IndexError if it is inconsistent."""
        self.declared = delta.declared
        if delta.reset:
            self.labels, self.created, self.values = [], [], []
        buckets = delta.declared[1]
        width = len(buckets) + 2 if buckets else 1
        self.labels += delta.new_labels
        self.created += array("d", delta.created)
        self.values += [array("d", bytes(8 * width))] * len(delta.new_labels)
        rows, values = array("I", delta.rows), array("d", delta.values)
        if len(values) != width * len(rows) or len(self.created) != len(self.labels):
            raise ValueError(f"{delta.name}: {len(rows)} rows do not fit their values")
        for n, row in enumerate(rows):
            self.values[row] = values[n * width : (n + 1) * width]
        self.held = frozenset(array("I", delta.held))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Delta)


def places_of(blobs: list[bytes]) -> list[Place]:
    """The places in label budgets that a state holds. Raises StateError if a blob can't be decoded."""
    places: dict[Place, None] = {}
    try:
        for blob in blobs:
            _decoder.decode(blob).move(places)
    except msgspec.MsgspecError as error:
        raise StateError(f"the state is damaged: {error}") from None
    return [*places]


class Checkpoint:
    """Commits the store, the admitted values and the parts, and restores them at the start.

    `parts` returns everything else that must survive a restart, by name, in values that msgpack can encode. `healthy`
    is false while commits fail: counting goes on in memory. `committed` are the rows of each family that are on disk.
    """

    def __init__(self, state: State, store: Store, admissions: Admissions, parts: Callable[[], Parts]) -> None:
        self.healthy = True
        self._state = state
        self._store = store
        store.series(catalog.CHECKPOINT_FAILURES)  # 0 from the start
        self._admissions = admissions
        self._parts = parts
        self.committed: dict[str, Rows] = {}
        self._whole = True
        self._saved_parts: dict[str, bytes] = {}

    @property
    def _persisted(self) -> dict[str, FamilySeries]:
        return {name: family for name, family in self._store.families.items() if family.family.persisted}

    def _rows(self) -> dict[str, Rows]:
        return {name: family.rows() for name, family in self._persisted.items()}

    @property
    def path(self) -> Path:
        """The state file."""
        return self._state.path

    def restore(self) -> Parts:
        """Put what was committed into the store, and return the parts. An inconsistent file is set aside."""
        tables: dict[str, _Table] = {}
        parts: dict[str, Any] = {}
        places: dict[Place, None] = {}
        try:
            for blob in self._state.blobs:
                delta = _decoder.decode(blob)
                for family in delta.families:
                    tables.setdefault(family.name, _Table()).add(family)
                parts |= {name: msgspec.msgpack.decode(part) for name, part in delta.parts.items()}
                delta.move(places)
        except (msgspec.MsgspecError, ValueError, IndexError) as error:
            self._state.set_aside(str(error))
            return {}
        self._state.blobs.clear()
        for name, table in tables.items():
            self._fill(name, table)
        self.committed = self._rows()
        self._admissions.restore(places)
        return parts

    def _fill(self, name: str, table: _Table) -> None:
        family = self._persisted.get(name)
        if family is None:
            return
        if table.declared != family.family.shape:
            log.warning("%s: its labels or buckets have changed; it restarts from zero", name)
            return
        filled: dict[tuple[str, ...], Any] = {}
        for row, (written, values) in enumerate(zip(table.labels, table.values, strict=True)):
            labels = in_order(written, len(family.family.labels))
            series = family.series.get(labels)
            if series is None:
                series = family.make(labels)
                series.released = True
            if row in table.held:
                series.released, family.holds = False, True
            if table.created[row]:
                family.created[labels] = table.created[row]
            # Older states kept the order of the input labels, so one series could be two rows.
            other = filled.get(labels) if family.family.type != "gauge" else None
            filled[labels] = whole = array("d", map(sum, zip(values, other, strict=True))) if other else values
            if isinstance(series, Series):
                series.value = _number(whole[0])
        family.restore(filled)

    def commit(self) -> bool:
        """Write what has changed. True if all that is in the store is on disk now."""
        begun = time.monotonic()
        try:
            self._state.reopen_if_removed()
        except StateError as error:
            return self._failed(error, begun)
        # A snapshot also if a family is off now: what it held has to go from the file, too.
        rows = self._rows()
        whole = self._whole or self._state.wants_snapshot or not self.committed.keys() <= rows.keys()
        families = [found for each in rows.values() if (found := self._changes(each, whole))]
        parts = {name: _encoder.encode(part) for name, part in self._parts().items()}
        if delta := self._delta(families, parts, whole):
            write = self._state.replace if whole else self._state.commit
            blob = _encoder.encode(delta)
            try:
                write(blob)
            except (sqlite3.Error, OSError, StateError) as error:
                return self._failed(error, begun)
            self._note_saved(parts)
        self.committed = rows
        return self._record_result(True, begun)

    def _delta(self, families: list[_FamilyDelta], parts: dict[str, bytes], whole: bool) -> _Delta | None:
        """What to write; None if nothing has changed."""
        new_parts = {name: part for name, part in parts.items() if whole or self._saved_parts.get(name) != part}
        places = dict.fromkeys(self._admissions.places, True) if whole else self._admissions.changes
        if not (whole or families or new_parts or places):
            return None
        admitted, given_back = ([place for place, taken in places.items() if taken is way] for way in (True, False))
        return _Delta(time.time(), families, new_parts, admitted, given_back)

    def _note_saved(self, parts: dict[str, bytes]) -> None:
        """Remember what is on disk now."""
        for family in self._persisted.values():
            family.reordered = False
        self._admissions.changes.clear()
        self._saved_parts = parts
        self._whole = False

    def close(self) -> None:
        """Close the state file."""
        self._state.close()

    def _changes(self, rows: Rows, whole: bool) -> _FamilyDelta | None:
        """A family's delta; None if nothing has changed."""
        name = rows.family.name
        reordered = self._store.families[name].reordered
        before = None if whole or reordered else self.committed.get(name)
        changed = rows.changes_since(before)
        held = rows.held.tobytes()
        if not (changed or reordered or (before and before.held.tobytes() != held)):
            return None
        new_labels = rows.labels[len(before.labels) if before else 0 :]
        created = bytes(8 * len(new_labels))
        if rows.created:
            created = array("d", [rows.created.get(labels, 0.0) for labels in new_labels]).tobytes()
        values = array("d", rows.numbers_of(changed)).tobytes()
        places = array("I", changed).tobytes()
        return _FamilyDelta(name, rows.family.shape, not before, new_labels, created, places, values, held)

    def _failed(self, error: Exception, begun: float) -> bool:
        if self.healthy:
            log.error("%s: commit failed: %s; counters are served as they were last committed", self._state.path, error)
        return self._record_result(False, begun)

    def _record_result(self, good: bool, begun: float) -> bool:
        if good and not self.healthy:
            log.warning("%s: commits succeed again", self._state.path)
        self.healthy = good
        self._store.set(catalog.CHECKPOINT_HEALTHY, to=int(good))
        if good:
            self._store.set(catalog.CHECKPOINT_LAST_SUCCESS_TIMESTAMP_SECONDS, to=round(time.time(), 3))
        else:
            self._store.add(catalog.CHECKPOINT_FAILURES)
        self._store.observe(catalog.CHECKPOINT_DURATION_SECONDS, time.monotonic() - begun)
        return good


def _number(value: float) -> int | float:
    """The number as it was counted: whole numbers are ints."""
    return int(value) if value.is_integer() else value
