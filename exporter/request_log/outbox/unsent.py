"""The rows behind a number, from all files of a request log, which the exporter may hold open."""

import logging
import sqlite3
from collections.abc import Generator
from contextlib import closing
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any

from exporter.request_log.file_names import files_in
from exporter.request_log.log import is_damage
from exporter.request_log.schema import ForeignError, last_id, look_into
from exporter.request_log.search import COLUMNS, FROM

log = logging.getLogger(__name__)

Row = tuple[Any, ...]

_SQL = f"SELECT {COLUMNS} {FROM} WHERE r.id > ? AND r.id <= ? ORDER BY r.id LIMIT ?"


class Unsent:
    """For one thread. Files in which nothing was found are left out until they change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._done: dict[Path, tuple[int, ...]] = {}

    def after(self, id_: int, upto: int, limit: int) -> list[Row]:
        """The first rows with a larger number, as COLUMNS has them, in the order of their numbers. Raises sqlite3.Error
        if they can't be read now.
        """
        paths = files_in(self._folder).values()
        self._done = {path: stamp for path, stamp in self._done.items() if path in paths}
        parts = [self._rows(path, id_, upto, limit) for path in paths if self._done.get(path) != _stamp(path)]
        found = [*islice(merge(*parts, key=lambda row: row[0]), limit)]
        for part in parts:
            part.close()
        return found

    def _rows(self, path: Path, id_: int, upto: int, limit: int) -> Generator[Row, None, None]:
        stamp = _stamp(path)
        try:
            with closing(look_into(path)) as db:
                yield from db.execute(_SQL, (id_, upto, limit))
                if last_id(db) <= id_:
                    self._done[path] = stamp
        except ForeignError:
            return  # it is just begun
        except sqlite3.DatabaseError as error:
            if not path.exists():
                return  # it was too old, or too large
            if not is_damage(error):
                raise
            self._done[path] = stamp
            log.error("%s is damaged (%s): its rows can't be sent", path, error)


def count_after(path: Path, id_: int) -> int:
    """How many rows of a file have a larger number; 0 if it can't be read."""
    try:
        with closing(look_into(path)) as db:
            found: int = db.execute("SELECT count(*) FROM request WHERE id > ?", (id_,)).fetchone()[0]
            return found
    except sqlite3.DatabaseError:
        return 0


def _stamp(path: Path) -> tuple[int, ...]:
    """What differs once a file was written to."""
    found: list[int] = []
    for part in (path, path.with_name(path.name + "-wal")):
        try:
            stat = part.stat()
        except OSError:
            continue
        found += (stat.st_mtime_ns, stat.st_size)
    return tuple(found)
