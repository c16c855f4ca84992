"""The tables of a file, which holds a day of requests, or a part of one.

`kind` has what many requests share, `word` texts such as addresses; a row of `request` has the rest. Times are epoch
milliseconds, durations microseconds; NULL is a value that the log does not have.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from exporter.request_log.fields import FIELDS, NUMBERS, SHARED, WORDS

APPLICATION = 0x4757584C  # "GWXL"
VERSION = 2

# `attempts` is JSON: [[provider, outcome, status, circuit, place in the log's lists], …]; so are `steps`, without
# outcome and status, and `labels`: an object. `timed` says whether the duration is a latency.
KIND_COLUMNS = (*SHARED, "timed")

# How long to wait for another process that deletes rows: it does so in small steps.
_PATIENCE_SECONDS = 5.0

_TYPES = {"flag": "INTEGER", "amount": "REAL", "number": "INTEGER", "seconds": "INTEGER"}


def _defined(columns: dict[str, str]) -> str:
    return ", ".join(f"{name} {type_}" for name, type_ in columns.items())


def _typed(names: Iterable[str]) -> dict[str, str]:
    return {name: _TYPES.get(FIELDS[name].type, "TEXT") for name in names}


_COLUMNS = {
    "kind": {"id": "INTEGER PRIMARY KEY", **_typed(SHARED), "timed": "INTEGER"},
    "word": {"id": "INTEGER PRIMARY KEY", "text": "TEXT"},
    "request": {
        **{"id": "INTEGER PRIMARY KEY", "time": "INTEGER", "kind": "INTEGER"},
        **{**dict.fromkeys(WORDS, "INTEGER"), "request_id": "TEXT", "attempt_times": "TEXT"},
        **_typed(NUMBERS),
    },
}
_TABLES = (
    *(f"CREATE TABLE {table} ({_defined(columns)})" for table, columns in _COLUMNS.items()),
    "CREATE INDEX by_time ON request (time)",
)


class ForeignError(sqlite3.DatabaseError):
    """A file that is not ours."""


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open a file for writing; a new one gets its tables. Raises sqlite3.Error."""
    db = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        path.chmod(0o600)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        if not db.execute("SELECT 1 FROM sqlite_schema").fetchone():
            db.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                db.execute(table)
            db.execute(f"PRAGMA application_id={APPLICATION}")
            db.execute(f"PRAGMA user_version={VERSION}")
            db.execute("COMMIT")
        check(db)
        upgrade(db)
    except BaseException:
        db.close()
        raise
    return db


def look_into(path: Path) -> sqlite3.Connection:
    """Open a file for reading, by one thread at a time; the exporter may write it. Raises sqlite3.Error."""
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE_SECONDS, check_same_thread=False
    )
    try:
        check(db)
        for table, missing in _missing(db).items():
            absent = ", ".join(f"NULL AS {name}" for name in missing)
            db.execute(f"CREATE TEMP VIEW {table} AS SELECT *, {absent} FROM main.{table}")
    except BaseException:
        db.close()
        raise
    return db


def last_id(db: sqlite3.Connection, table: str = "request") -> int:
    """The largest id in a table, 0 if it is empty."""
    found: int = db.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
    return found


def check(db: sqlite3.Connection) -> None:
    """Raises ForeignError if it is another program's file, or of a later version."""
    application, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if application != APPLICATION or not 1 <= version <= VERSION:
        raise ForeignError("it is not a request log of this version")


def upgrade(db: sqlite3.Connection) -> None:
    """Add the columns that a file of an earlier version does not have: at once, however large it is."""
    if missing := _missing(db):
        db.execute("BEGIN IMMEDIATE")
        for table, columns in missing.items():
            for name in columns:
                db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {_COLUMNS[table][name]}")
        db.execute(f"PRAGMA user_version={VERSION}")
        db.execute("COMMIT")


def _missing(db: sqlite3.Connection) -> dict[str, list[str]]:
    """The columns that tables of an earlier version do not have."""
    if db.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        return {}
    found = {
        table: columns.keys() - {row[1] for row in db.execute(f"PRAGMA main.table_info({table})")}
        for table, columns in _COLUMNS.items()
    }
    return {table: sorted(columns) for table, columns in found.items() if columns}
