"""One file of the request log, being written. What many requests share, and texts, get ids when they are first used."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct

from exporter.pricing.price import Price
from exporter.request_log.fields import WORDS
from exporter.request_log.schema import KIND_COLUMNS, last_id, open_to_write

# With more than these, what is known of kinds and words is forgotten: they get new ids when they come again.
_MOST_KINDS = 100_000
_MOST_WORDS = 100_000

# Rows that one statement inserts.
_AT_ONCE = 100

_INSERT_KIND = f"INSERT INTO kind (id, {', '.join(KIND_COLUMNS)}) VALUES ({', '.join('?' * (len(KIND_COLUMNS) + 1))})"
_INSERT_WORD = "INSERT INTO word VALUES (?, ?)"


class Kind(Struct, eq=False, gc=False):
    """What requests share. `share` of them is kept. `special` if costs or tokens are not simply those of the log. One
    that is kept, and is not special, is known by its id alone.
    """

    id: int
    share: float
    special: bool = False
    prices: tuple[Price, ...] = ()
    unbilled: bool = False
    cached: bool = False


# For lines that are no requests.
NO_REQUEST = Kind(0, -1.0)


class Batch(Struct):
    """Rows: the values of `columns` of `request`, one row after the other. The first one has the id `first`, the others
    those after it.
    """

    columns: tuple[str, ...]
    values: list[Any]
    first: int = 0

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.values) // len(self.columns)

    def column(self, name: str) -> list[Any]:
        """The values of a column."""
        return self.values[self.columns.index(name) :: len(self.columns)]

    def insert(self, db: sqlite3.Connection) -> None:
        """Insert them, many by one statement: that takes half of the time. SQLite gives a row without an id the one
        after the largest.
        """
        width = len(self.columns)
        names, places = ", ".join(self.columns), f"({', '.join('?' * width)})"
        db.execute(f"INSERT INTO request (id, {names}) VALUES (?, {places[1:]}", [self.first, *self.values[:width]])
        at = width
        for rows in (_AT_ONCE, 1):
            insert = f"INSERT INTO request ({names}) VALUES {', '.join([places] * rows)}"
            while at + rows * width <= len(self.values):
                db.execute(insert, self.values[at : at + rows * width])
                at += rows * width


class Words(dict[Any, Any]):
    """Raw value → id of the word that is shown for it; None for no value."""

    def __init__(self, shown: Callable[[Any], str], id_of: Callable[[str], int]) -> None:
        super().__init__()
        self._shown = shown
        self._id_of = id_of

    def __missing__(self, raw: Any) -> int | None:
        if len(self) >= _MOST_WORDS:
            self.clear()
        word = self._shown(raw)
        found = self[raw] = self._id_of(word) if word else None
        return found


class Known(Struct, eq=False):
    """What one recorder has seen in this file, by raw value."""

    kinds: dict[Any, dict[Any, Kind | int]]
    words: dict[str, Words]


class DayFile:
    """`known` has the values that each recorder has seen. Rows wait in `batches` until `write`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = open_to_write(path)
        # Whether another process has deleted rows: what is known of kinds and words is then no longer true.
        self.stale = False
        self.known: WeakKeyDictionary[Any, Known] = WeakKeyDictionary()
        self.batches: list[Batch] = []
        self._new_kinds: list[tuple[Any, ...]] = []
        self._new_words: list[tuple[int, str]] = []
        self._version = self._data_version()
        self._next_kind, self._next_word = (last_id(self._db, table) + 1 for table in ("kind", "word"))
        columns = ", ".join(KIND_COLUMNS)
        rows = self._db.execute(f"SELECT id, {columns} FROM kind ORDER BY id DESC LIMIT {_MOST_KINDS}")
        self._kinds = {row[1:]: row[0] for row in rows}
        self._words = dict(self._db.execute(f"SELECT text, id FROM word ORDER BY id DESC LIMIT {_MOST_WORDS}"))

    @property
    def waiting(self) -> int:
        """The number of rows that wait to be written."""
        return sum(batch.count for batch in self.batches)

    def kind(self, values: tuple[Any, ...]) -> int:
        """The id of a kind with these values of KIND_COLUMNS."""
        found = self._kinds.get(values)
        if found is None:
            if len(self._kinds) >= _MOST_KINDS:
                self._kinds.clear()
                self.known.clear()
            found = self._kinds[values] = self._next_kind
            self._next_kind += 1
            self._new_kinds.append((found, *values))
        return found

    def word(self, text: str) -> int:
        """The id of a text."""
        found = self._words.get(text)
        if found is None:
            if len(self._words) >= _MOST_WORDS:
                self._words.clear()
            found = self._words[text] = self._next_word
            self._next_word += 1
            self._new_words.append((found, text))
        return found

    def write(self) -> None:
        """Write what waits, durably, in one transaction. Raises sqlite3.Error; then nothing of it is in the file."""
        if not self.batches:
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(_INSERT_KIND, self._new_kinds)
            self._db.executemany(_INSERT_WORD, self._new_words)
            if self._data_version() != self._version:
                self._restore_used()
            for batch in self.batches:
                batch.insert(self._db)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self.batches.clear()
        self._new_kinds.clear()
        self._new_words.clear()

    def _data_version(self) -> int:
        """A number that another process's changes change."""
        found: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        return found

    def _restore_used(self) -> None:
        """Put back the kinds and words that waiting rows refer to, if they were deleted."""
        self.stale = True
        words = {id_: (id_, text) for text, id_ in self._words.items()}
        kinds = {id_: (id_, *values) for values, id_ in self._kinds.items()}
        referred = (("kind", kinds, _INSERT_KIND), *((name, words, _INSERT_WORD) for name in WORDS))
        for batch in self.batches:
            for name, known, insert in referred:
                if name in batch.columns:
                    back = [known[id_] for id_ in {*batch.column(name)} if id_ in known]
                    self._db.executemany(insert.replace("INSERT", "INSERT OR IGNORE"), back)

    def close(self) -> None:
        """Close the file. What waits is lost."""
        self._db.close()
