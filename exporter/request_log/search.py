"""Finds rows and their sums, in files that the exporter may hold open. For any thread: each search opens its own files.

New rows have higher ids, whatever their time, so `after` an id come those that were added since.
"""

import math
import sqlite3
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from heapq import merge
from itertools import groupby, islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from exporter.errors import ExporterError, UsageError
from exporter.request_log import chain
from exporter.request_log.fields import FIELDS, MICROSECONDS, NUMBERS, TOKENS, WORDS
from exporter.request_log.file_names import files_in
from exporter.request_log.filters import Filter
from exporter.request_log.horizon import DAY_MS
from exporter.request_log.key_names import KeyNames
from exporter.request_log.schema import KIND_COLUMNS, ForeignError, look_into

# A search that takes longer is given up.
PATIENCE_SECONDS = 10.0
# SQLite's steps between two looks at the clock.
_STEPS = 100_000
# Durations are counted to so many significant bits: percentiles are exact to 0.1 %.
_BITS = 10
_PLACES = 54
_BYTES = ("request_bytes", "response_bytes")
_FLAGS = tuple(name for name, field in FIELDS.items() if field.type == "flag")

# The names of a row's own columns, and all columns in SQL: those, then KIND_COLUMNS.
ROW_NAMES = ("id", "time", "request_id", "attempt_times", *WORDS, *NUMBERS)
COLUMNS = ", ".join(
    (
        *(f"{name}.text AS {name}" if name in WORDS else f"r.{name}" for name in ROW_NAMES),
        *(f"k.{name}" for name in KIND_COLUMNS),
    )
)
FROM = "FROM request r JOIN kind k ON k.id = r.kind " + " ".join(
    f"LEFT JOIN word {name} ON {name}.id = r.{name}" for name in WORDS
)


class TooLongError(ExporterError):
    """A search that was given up."""

    def __init__(self) -> None:
        super().__init__("the search took too long: give a shorter time, or another filter")


class Cursor(NamedTuple):
    """Where a page ends."""

    time: int
    id: int

    def __str__(self) -> str:
        return f"{self.time}.{self.id}"


class Page(Struct):
    """Rows by column; `next` is where the next page starts, None after the last."""

    rows: list[dict[str, Any]]
    next: Cursor | None = None


class Sums(Struct, kw_only=True):
    """What the requests of a filter add up to. Durations in seconds, of requests whose duration is a latency."""

    requests: int = 0
    failures: int = 0
    cost: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    average_duration: float | None = None
    p95_duration: float | None = None


def cursor_of(written: str) -> Cursor:
    """A cursor as an earlier page gave it. UsageError if it is none."""
    time_, _, id_ = written.partition(".")
    if not (time_.isdecimal() and id_.isdecimal() and len(written) < 40):
        raise UsageError("cursor: is not one that an earlier answer gave")
    return Cursor(int(time_), int(id_))


class Search:
    """Searches the folder of a request log. Nothing older than `keep` seconds is found."""

    def __init__(self, folder: Path, registry: KeyNames, keep: float, patience: float = PATIENCE_SECONDS) -> None:
        self._folder = folder
        self._registry = registry
        self._keep = keep
        self._until = time.monotonic() + patience
        self._late = False

    def newest(self, wanted: Filter, limit: int, cursor: Cursor | None = None) -> Page:
        """The newest rows first, from a cursor on."""
        found = [*islice(self.each(wanted, cursor), limit + 1)]
        more = len(found) > limit
        rows = found[:limit]
        return Page(rows, Cursor(rows[-1]["time"], rows[-1]["id"]) if more and rows else None)

    def each(self, wanted: Filter, cursor: Cursor | None = None) -> Generator[dict[str, Any], None, None]:
        """All rows of a filter, the newest first."""
        until = wanted.until if cursor is None else min(wanted.until, cursor.time + 1)
        where = wanted.where()
        behind = "" if cursor is None else f" AND (r.time < {cursor.time} OR r.id < {cursor.id})"
        sql = (
            f"SELECT {COLUMNS} {FROM} WHERE r.time >= ? AND r.time < ?{behind} AND ({where.sql}) "
            "ORDER BY r.time DESC, r.id DESC"
        )
        since = max(wanted.since, self._oldest)
        for _, paths in groupby(self._files(since, until), lambda named: named[0]):
            parts = (self._rows(path, sql, [since, until, *where.values]) for _, path in paths)
            yield from merge(*parts, key=lambda row: (-row["time"], -row["id"]))

    def after(self, wanted: Filter, id_: int, limit: int) -> list[dict[str, Any]]:
        """Rows that were added after one, in the order in which they were."""
        where = wanted.where()
        # With a plus, the times choose no index: the ids after one are few, those of a time may be all.
        sql = (
            f"SELECT {COLUMNS} {FROM} WHERE r.id > ? AND +r.time >= ? AND +r.time < ? AND ({where.sql}) "
            "ORDER BY r.id LIMIT ?"
        )
        since = max(wanted.since, self._oldest)
        values = [id_, since, wanted.until, *where.values, limit]
        parts = [self._rows(path, sql, values) for _, path in self._files(since, wanted.until)]
        return [*islice(merge(*parts, key=lambda row: row["id"]), limit)]

    def ids_at(self, wanted: Filter, time_: int) -> list[int]:
        """The ids of a filter's rows of one millisecond, in the order in which they were added."""
        where = wanted.where()
        sql = f"SELECT r.id {FROM} WHERE r.time = ? AND ({where.sql})"
        files = self._files(time_, time_ + 1)
        return sorted(row[0] for _, path in files for row in self._fetch(path, sql, [time_, *where.values]))

    def last_id(self) -> int:
        """The id of the row that was added last; 0 if there is none."""
        last = 0
        for _, path in self._files(0, 1 << 62):
            for row in self._fetch(path, "SELECT coalesce(max(id), 0) FROM request"):
                last = max(last, row[0])
        return last

    def sums(self, wanted: Filter) -> Sums:
        """What the rows of a filter add up to."""
        where = wanted.where()
        since = max(wanted.since, self._oldest)
        sums = Sums()
        durations = [0] * (_PLACES << _BITS)
        total = 0
        for day, path in self._files(since, wanted.until):
            whole = since <= day * DAY_MS and (day + 1) * DAY_MS <= wanted.until
            times = "1" if whole else f"time >= {int(since)} AND time < {int(wanted.until)}"
            added = ", ".join(f"total({name})" for name in (*TOKENS, *_BYTES))
            # Cross: rows in the order of the file or of their time, and a kind for each; not the other way round.
            sql = (
                f"SELECT count(*), coalesce(sum(k.error_type IS NOT NULL), 0), total(cost), {added}, "
                "total(CASE WHEN k.timed THEN counted(duration) END) "
                f"FROM request r CROSS JOIN kind k WHERE k.id = r.kind AND {times} AND ({where.sql})"
            )
            for row in self._fetch(path, sql, where.values, counted=_counting(durations)):
                sums.requests += row[0]
                sums.failures += row[1]
                sums.cost += row[2]
                for name, amount in zip((*TOKENS, *_BYTES), row[3:-1], strict=True):
                    setattr(sums, name, getattr(sums, name) + int(amount))
                total += row[-1]
        sums.cost = round(sums.cost, 9)  # as that of rows
        if measured := sum(durations):
            sums.average_duration = total / measured / 1e6
            sums.p95_duration = _percentile(durations, 0.95)
        return sums

    def grouped(self, wanted: Filter, columns: str, by: str) -> Iterator[tuple[Any, ...]]:
        """Aggregates of the rows `r` of a filter, with their kinds `k`, by an expression: those of each file."""
        where = wanted.where()
        since = max(wanted.since, self._oldest)
        sql = (
            f"SELECT {columns} FROM request r CROSS JOIN kind k WHERE k.id = r.kind AND r.time >= ? AND r.time < ? "
            f"AND ({where.sql}) GROUP BY {by}"
        )
        for _, path in self._files(since, wanted.until):
            yield from self._fetch(path, sql, [since, wanted.until, *where.values])

    def first_time(self) -> float | None:
        """The time of the oldest row, in epoch seconds; None if there is none."""
        oldest = self._oldest
        for _, path in reversed(self._files(oldest, 1 << 62)):
            for (at,) in self._fetch(path, "SELECT min(time) FROM request WHERE time >= ?", [oldest]):
                if at is not None:
                    return float(at) / 1000
        return None

    # --- files

    @property
    def _oldest(self) -> int:
        """The time in milliseconds from which on rows are found."""
        return int((time.time() - self._keep) * 1000)

    def _files(self, since: int, until: int) -> list[tuple[int, Path]]:
        """The files that may hold rows of a time, the newest first, with their days."""
        return [
            (name.day, path)
            for name, path in reversed(files_in(self._folder).items())
            if name.day * DAY_MS < until and since < (name.day + 1) * DAY_MS
        ]

    @contextmanager
    def _open(self, path: Path) -> Iterator[sqlite3.Connection]:
        with closing(look_into(path)) as db:
            self._registry.join(db)
            db.set_progress_handler(self._is_late, _STEPS)
            yield db

    def _is_late(self) -> bool:
        self._late = time.monotonic() > self._until
        return self._late

    def _rows(self, path: Path, sql: str, values: list[Any]) -> Iterator[dict[str, Any]]:
        """The rows of a file."""
        with self._searching(path), self._open(path) as db:
            db.row_factory = self._row
            yield from db.execute(sql, values)

    def _fetch(
        self, path: Path, sql: str, values: Iterable[Any] = (), **functions: Callable[[Any], Any]
    ) -> list[tuple[Any, ...]]:
        """The answer of a file; `functions` are called in SQL."""
        with self._searching(path), self._open(path) as db:
            for name, function in functions.items():
                db.create_function(name, 1, function)
            return db.execute(sql, [*values]).fetchall()
        return []

    @contextmanager
    def _searching(self, path: Path) -> Iterator[None]:
        """Nothing is found in a file that is gone, as it was too old, or that the exporter is just beginning."""
        try:
            yield
        except ForeignError:
            return
        except sqlite3.DatabaseError as error:
            if self._late:
                raise TooLongError from None
            if path.exists():
                raise ExporterError(f"{path} can't be searched: {error}") from None

    def _row(self, cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> dict[str, Any]:
        """A row by column, with the registry's names."""
        row = dict(zip((column[0] for column in cursor.description), values, strict=True))
        row["key_name"] = self._registry.name(row["key"], row["key_name"])
        row["key_owner"] = self._registry.owner(row["key"], row["key_owner"])
        logged = (row.pop(name) for name in ("attempts", "steps", "attempt_reasons", "attempt_times"))
        row["attempts"], row["steps"] = chain.shown(*logged)
        row["labels"] = msgspec.json.decode(row["labels"] or "{}")
        for name in MICROSECONDS:
            row[name] = None if row[name] is None else row[name] / 1e6
        for name in _FLAGS:
            row[name] = bool(row[name])
        return row


def _counting(counts: list[int]) -> Callable[[int | None], int | None]:
    """A function that counts a duration by its first bits, and returns it. Called for each row."""

    def counted(duration: int | None) -> int | None:
        if duration is not None:
            shift = duration.bit_length() - _BITS
            counts[duration if shift <= 0 else (shift << _BITS) + (duration >> shift)] += 1
        return duration

    return counted


def _percentile(counts: list[int], share: float) -> float:
    """The duration in seconds that this share of requests does not exceed."""
    left = math.ceil(share * sum(counts))
    for place, count in enumerate(counts):
        left -= count
        if left <= 0:
            shift, bits = place >> _BITS, place & ((1 << _BITS) - 1)
            return (bits << shift) / 1e6
    return 0.0
