"""Deletes the requests of one key, user or client, in small steps: the exporter may write between two of them."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from exporter.errors import ExporterError, UsageError
from exporter.request_log.fields import WORDS
from exporter.request_log.file_names import files_in
from exporter.request_log.filters import alternatives, filter_of
from exporter.request_log.key_names import KeyNames
from exporter.request_log.schema import ForeignError, check, upgrade

# Whose requests can be deleted.
SUBJECTS = ("key", "user", "client")
_STEP = 5_000
_PATIENCE_SECONDS = 60.0
# What no request refers to any more: it may be personal, too.
_UNUSED = (
    "DELETE FROM kind WHERE id NOT IN (SELECT kind FROM request)",
    "DELETE FROM word WHERE id NOT IN "
    f"({' UNION '.join(f'SELECT {name} FROM request WHERE {name} IS NOT NULL' for name in WORDS)})",
)


def delete(folder: Path, registry: KeyNames, asked: dict[str, str]) -> int:
    """Delete what a filter of SUBJECTS finds, and overwrite it. Returns how many requests that were. UsageError if
    anything else is asked for.
    """
    given = {name: value for name, value in asked.items() if value}
    if len(given) != 1 or not given.keys() <= set(SUBJECTS):
        raise UsageError(f"to delete requests, give one of {', '.join(SUBJECTS)}, and no other filter")
    [(name, value)] = given.items()
    if len(alternatives(name, value)) != 1:
        raise UsageError(f"--{name} must be one to delete the requests of; put a name with commas in double quotes")
    where = filter_of(given).where()
    deleted = 0
    try:
        for path in files_in(folder).values():
            with suppress(ForeignError):  # just begun, or damaged
                deleted += _delete(path, registry, where.sql, where.values)
    except sqlite3.Error as error:
        raise ExporterError(f"{folder}: not all requests could be deleted: {error}") from None
    return deleted


def _delete(path: Path, registry: KeyNames, where: str, values: list[object]) -> int:
    with closing(sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None)) as db:
        check(db)
        upgrade(db)
        registry.join(db)
        db.execute("PRAGMA secure_delete=ON")
        first, last = db.execute("SELECT coalesce(min(id), 0), coalesce(max(id), -1) FROM request").fetchone()
        deleted = 0
        for at in range(first, last + 1, _STEP):
            sql = f"DELETE FROM request WHERE id >= ? AND id < ? AND ({where})"
            deleted += db.execute(sql, (at, at + _STEP, *values)).rowcount
        if deleted:
            for sql in _UNUSED:
                db.execute(sql)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return deleted
