"""The checkpoint: where the logs were read to and what was counted by then, in one transaction.

A blob holds what changed since the last one: values of series by their row, the labels of new rows,
admitted values, and parts: whatever else has to be found again (positions, for one). Rows are the order of
a family's dictionary. All of that is public words and numbers, so no blob holds a raw key.
"""

import logging
import sqlite3
import time
from array import array
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from exporter.counting.admission import Admissions, Place
from exporter.errors import StateError
from exporter.metrics.store import FamilySeries, Histogram, Series, Store
from exporter.model import catalog
from exporter.model.input_labels import in_order
from exporter.state.database import State

log = logging.getLogger(__name__)

Parts = dict[str, Any]


class _FamilyDelta(Struct, array_like=True):
    """What changed in a family, and what it is declared as: `reset` if all its rows come again; the labels of new
    rows, at the end, and when they were made; changed rows and their values (of a histogram, all of each one's
    values); all rows that are not released yet.
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
    """One blob. `at` is when it was committed; parts that did not change are left out. `admitted` are the places that
    were taken, `given_back` those that are free again.
    """

    at: float
    families: list[_FamilyDelta]
    parts: dict[str, bytes]
    admitted: list[Place]
    given_back: list[Place] = []

    def move(self, places: dict[Place, None]) -> None:
        """Take, and give back, places among those there were before."""
        places |= dict.fromkeys(self.admitted)
        for place in self.given_back:
            places.pop(place, None)


class _Table(Struct):
    """A family's rows, put together from blobs."""

    declared: tuple[tuple[str, ...], tuple[float, ...]] = ((), ())
    labels: list[tuple[str, ...]] = []
    created: list[float] = []
    values: list[Any] = []
    held: frozenset[int] = frozenset()

    def add(self, delta: _FamilyDelta) -> None:
        """ValueError or IndexError where a delta makes no sense."""
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
    """The places that a state has. StateError where its blobs make no sense."""
    places: dict[Place, None] = {}
    try:
        for blob in blobs:
            _decoder.decode(blob).move(places)
    except msgspec.MsgspecError as error:
        raise StateError(f"the state is damaged: {error}") from None
    return [*places]


class Checkpoint:
    """Commits the store, the admitted values and the parts; restores them at the start.

    `parts` gives what else has to be found again, by name; values that msgpack can hold. `healthy` is false
    while commits fail: then counters are served as they were, and counting goes on in memory.
    """

    def __init__(self, state: State, store: Store, admissions: Admissions, parts: Callable[[], Parts]) -> None:
        self.healthy = True
        self._state = state
        self._store = store
        store.series(catalog.CHECKPOINT_FAILURES)  # 0 from the start
        self._admissions = admissions
        self._parts = parts
        self._whole = True
        self._saved_parts: dict[str, bytes] = {}
        self._saved_rows: dict[str, int] = {}
        self._saved_held: dict[str, bytes] = {}

    @property
    def _lasting(self) -> dict[str, FamilySeries]:
        return {name: one for name, one in self._store.families.items() if one.family.persisted}

    @property
    def path(self) -> Path:
        """The state file."""
        return self._state.path

    def restore(self) -> Parts:
        """Put what was committed into the store; the parts. A file whose blobs make no sense is set aside."""
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
        self._admissions.restore(places)
        return parts

    def _fill(self, name: str, table: _Table) -> None:
        family = self._lasting.get(name)
        if family is None:
            return
        if table.declared != family.family.shape:
            log.warning("%s: its labels or buckets have changed; it restarts from zero", name)
            return
        filled: dict[tuple[str, ...], Any] = {}
        for row, (written, values) in enumerate(zip(table.labels, table.values, strict=True)):
            labels = in_order(written, len(family.family.labels))
            one = family.series.get(labels) or family.make(labels, released=True)
            one.released, one.created = row not in table.held, table.created[row]
            # One series was two in older states, which kept the order of the input labels.
            other = filled.get(labels) if family.family.type != "gauge" else None
            filled[labels] = whole = [*map(sum, zip(values, other, strict=True))] if other else values
            if isinstance(one, Histogram):
                one.values = [*map(_number, whole)]
                one.saved = one.values.copy()
            else:
                one.value = one.saved = _number(whole[0])

    def commit(self) -> bool:
        """Write what changed; whether all that is in the store is on disk now."""
        begun = time.monotonic()
        try:
            self._state.reopen_if_removed()
        except StateError as error:
            return self._failed(error, begun)
        lasting = self._lasting
        # A snapshot also where a family is off now: what it held is to go from the file, too.
        whole = self._whole or self._state.wants_snapshot or not self._saved_rows.keys() <= lasting.keys()
        changed: list[Series | Histogram] = []
        families = [delta for one in lasting.values() if (delta := self._changes(one, whole, changed))]
        parts = {name: _encoder.encode(part) for name, part in self._parts().items()}
        news = {name: part for name, part in parts.items() if whole or self._saved_parts.get(name) != part}
        changes = dict.fromkeys(self._admissions.places, True) if whole else self._admissions.changes
        if not (whole or families or news or changes):
            return self._record_result(True, begun)
        admitted, given_back = ([place for place, taken in changes.items() if taken is way] for way in (True, False))
        blob = _encoder.encode(_Delta(time.time(), families, news, admitted, given_back))
        try:
            (self._state.replace if whole else self._state.commit)(blob)
        except (sqlite3.Error, OSError, StateError) as error:
            return self._failed(error, begun)
        for one in changed:
            if isinstance(one, Histogram):
                one.saved = one.values.copy()
            else:
                one.saved = one.value
        for delta in families:
            self._saved_held[delta.name] = delta.held
        self._saved_rows = {name: len(family.series) for name, family in lasting.items()}
        for family in lasting.values():
            family.reordered = False
        self._admissions.changes.clear()
        self._saved_parts = parts
        self._whole = False
        return self._record_result(True, begun)

    def close(self) -> None:
        """Let go of the state file."""
        self._state.close()

    def _changes(self, family: FamilySeries, whole: bool, changed: list[Series | Histogram]) -> _FamilyDelta | None:
        """A family's delta; None where nothing changed. The series in it are added to `changed`."""
        name = family.family.name
        reset = whole or family.reordered
        new_labels = list(islice(family.series, 0 if reset else self._saved_rows.get(name, 0), None))
        created = array("d", (family.series[labels].created for labels in new_labels))
        series: list[Any] = [*family.series.values()]
        values = array("d")
        if family.family.type == "histogram":
            rows = [row for row, one in enumerate(series) if reset or one.values != one.saved]
            for row in rows:
                values.extend(series[row].values)
        else:
            rows = [row for row, one in enumerate(series) if reset or one.value != one.saved]
            values.extend([series[row].value for row in rows])
        changed += [series[row] for row in rows]
        held = array("I", [row for row, one in enumerate(series) if not one.released])
        if not (new_labels or rows or self._saved_held.get(name, b"") != held.tobytes() or family.reordered):
            return None
        packed = (part.tobytes() for part in (array("I", rows), values, held))
        return _FamilyDelta(name, family.family.shape, reset, new_labels, created.tobytes(), *packed)

    def _failed(self, error: Exception, begun: float) -> bool:
        if self.healthy:
            log.error("%s: can't commit: %s; counters are served as they were", self._state.path, error)
        return self._record_result(False, begun)

    def _record_result(self, good: bool, begun: float) -> bool:
        if good and not self.healthy:
            log.warning("%s: commits work again", self._state.path)
        self.healthy = good
        self._store.set(catalog.CHECKPOINT_HEALTHY, to=int(good))
        if good:
            self._store.set(catalog.CHECKPOINT_LAST_SUCCESS_TIMESTAMP_SECONDS, to=round(time.time(), 3))
        else:
            self._store.add(catalog.CHECKPOINT_FAILURES)
        self._store.observe(catalog.CHECKPOINT_DURATION_SECONDS, time.monotonic() - begun)
        return good


def _number(value: float) -> int | float:
    """As it was counted: whole numbers are ints."""
    return int(value) if value.is_integer() else value
