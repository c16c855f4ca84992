"""The tables of a file, which holds a day of requests, or a part of one.

`kind` has what many requests share, `word` texts such as addresses; a row of `request` has the rest. Times are epoch
milliseconds, durations microseconds; NULL is a value that the log does not have.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from exporter.request_log.fields import FIELDS, NUMBERS, SHARED, WORDS

APPLICATION = 0x4757584C  # "GWXL"
VERSION = 1

# `attempts` is JSON: [[provider, outcome, status, circuit, place in the list of times], …]; `timed` says whether the
# duration is a latency.
KIND_COLUMNS = (*SHARED, "timed")

# How long to wait for another process that deletes rows: it does so in small steps.
_PATIENCE_SECONDS = 5.0

_TYPES = {"flag": "INTEGER", "amount": "REAL", "number": "INTEGER", "seconds": "INTEGER"}


def _columns(names: Iterable[str]) -> str:
    return ", ".join(f"{name} {_TYPES.get(FIELDS[name].type, 'TEXT')}" for name in names)


_TABLES = (
    f"CREATE TABLE kind (id INTEGER PRIMARY KEY, {_columns(SHARED)}, timed INTEGER)",
    "CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT)",
    "CREATE TABLE request (id INTEGER PRIMARY KEY, time INTEGER, kind INTEGER, "
    f"{', '.join(f'{name} INTEGER' for name in WORDS)}, request_id TEXT, attempt_times TEXT, {_columns(NUMBERS)})",
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
    except BaseException:
        db.close()
        raise
    return db


def last_id(db: sqlite3.Connection, table: str = "request") -> int:
    """The largest id in a table, 0 if it is empty."""
    found: int = db.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
    return found


def check(db: sqlite3.Connection) -> None:
    """Raises ForeignError if it is another program's file, or of another version."""
    ours = db.execute("PRAGMA application_id").fetchone()[0], db.execute("PRAGMA user_version").fetchone()[0]
    if ours != (APPLICATION, VERSION):
        raise ForeignError("it is not a request log of this version")
