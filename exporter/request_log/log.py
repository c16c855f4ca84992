"""RequestLog: the files of the request log, written by the pipeline's thread.

A file holds the requests of a day (UTC, by their log time), or a part of it: `2026-03-01.db`, `2026-03-01.2.db`. So old
days go at once. Rows are committed before the state is, and the state has their mark: rows behind it are deleted at the
start, as their lines are read again. Whatever goes wrong here stops rows, never counting.
"""

import errno
import logging
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

from msgspec import Struct

from exporter.faults import fault
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.private_folder import make_private_folder
from exporter.request_log.day_file import Batch, DayFile
from exporter.request_log.file_names import FileName, files_in
from exporter.request_log.follower import Follower
from exporter.request_log.horizon import DAY_SECONDS, Days, Horizon
from exporter.request_log.schema import ForeignError, last_id, open_to_write

log = logging.getLogger(__name__)

# A new part of a day is begun when a file has this share of `max_size`: the oldest file goes where there is no room.
_PARTS = 8
# With so many rows waiting, they are written.
_MOST_WAITING = 20_000
# Files that are open for writing: today's, and those of late requests.
_MOST_OPEN = 3
# So much of the disk is left to the state and to everybody else.
RESERVE_BYTES = 100 << 20


class RequestLogSettings(Struct, frozen=True, kw_only=True):
    """`keep` in seconds, `max_size` in bytes. `successes` and `failures` are the shares of requests that are kept."""

    path: Path
    keep: float
    max_size: int
    successes: float = 1.0
    failures: float = 1.0
    client: Literal["network", "full", "none"] = "network"


class RequestLog:
    """Appends rows and commits them. `mark` is the id of the last row that was committed.

    `mark` is given if the state has one: rows behind it are deleted. While rows can't be written, `problem` says why;
    they are dropped and counted. With less than `reserve` bytes left on the disk nothing is written.
    """

    def __init__(
        self, settings: RequestLogSettings, store: Store, mark: int | None, reserve: int = RESERVE_BYTES
    ) -> None:
        self.settings = settings
        self.follower: Follower | None = None
        self.horizon = Horizon(settings.keep)
        self.problem = ""
        self.next_id = (mark or 0) + 1
        self.mark = mark or 0
        self._restored = mark
        self._has_begun = False
        self._store = store
        self._reserve = reserve
        self._open: dict[int, DayFile] = {}
        self._sizes: dict[FileName, int] = {}
        self._waiting = 0
        self._tidied = 0.0
        for result in ("kept", "dropped"):  # 0 from the start
            store.series(catalog.REQUEST_ROWS, result)
        try:
            self._begin()
            self._tidy(time.time())
        except (OSError, sqlite3.Error) as error:
            self._failed(error, 0)

    def _begin(self) -> None:
        """Find the row mark, and delete what is behind it. Raises OSError or sqlite3.Error; then nothing is written."""
        make_private_folder(self.settings.path)
        last = max((self._cut_off(path) for path in files_in(self.settings.path).values()), default=0)
        self.mark = last if self._restored is None else self._restored
        self.next_id = self.mark + 1
        self._has_begun = True

    def _cut_off(self, path: Path) -> int:
        """Delete a file's rows behind the restored mark; returns the id of its last row."""
        try:
            with closing(open_to_write(path)) as db:
                if self._restored is not None:
                    deleted = db.execute("DELETE FROM request WHERE id > ?", (self._restored,)).rowcount
                    if deleted:
                        log.info("%s: %d rows are not in the state: their lines are read again", path, deleted)
                return last_id(db)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._set_aside(path, error)
            return 0

    # --- rows

    def file(self, day: int) -> DayFile | None:
        """The file that rows of a day are added to; None if it can't be written: the rows are then dropped."""
        file = self._open.get(day)
        if file is None:
            try:
                self._check_disk()
                if not self._has_begun:
                    self._begin()
                file = self._open[day] = self._opened(day)
            except (OSError, sqlite3.Error) as error:
                self._failed(error, 0)
                return None
        return file

    def add(self, day: int, batch: Batch) -> None:
        """Add rows to the file of a day, which `file` has returned. They get their ids."""
        batch.first = self.next_id
        self.next_id += batch.count
        self._open[day].batches.append(batch)
        self._waiting += batch.count
        if self._waiting >= _MOST_WAITING:
            self.write()

    def count(self, result: str, rows: int) -> None:
        """Count requests by what became of their rows."""
        if rows:
            self._store.add(catalog.REQUEST_ROWS, result, amount=rows)

    def write(self) -> None:
        """Write what waits to the disk. What can't be written is dropped. Call it before each commit of the state."""
        for day, file in [*self._open.items()]:
            if waiting := file.waiting:
                self._write(day, file, waiting)
        self._waiting = 0
        now = time.monotonic()
        if now - self._tidied > 1.0:
            self._tidied = now
            self._tidy(time.time())
        if self.follower:
            self.follower.count()

    def committed(self) -> None:
        """Call it after each commit of the state."""
        if self.follower and self.known_mark is not None:
            self.follower.committed(self.known_mark)

    @property
    def known_mark(self) -> int | None:
        """The mark; None while the files can't be read."""
        return self.mark if self._has_begun else None

    def _write(self, day: int, file: DayFile, waiting: int) -> None:
        last = file.batches[-1].first + file.batches[-1].count - 1
        try:
            self._check_disk()
            file.write()
        except (OSError, sqlite3.Error) as error:
            self._failed(error, waiting)
            file.close()
            del self._open[day]
            if isinstance(error, sqlite3.DatabaseError) and is_damage(error):
                self._set_aside(file.path, error)
            return
        fault("after-rows")
        self.mark = max(self.mark, last)
        if file.stale:
            self._close(day)
        self.count("kept", waiting)
        if self.problem:
            log.warning("%s: requests are kept again", self.settings.path)
            self.problem = ""

    def _check_disk(self) -> None:
        """Raises OSError if the rest of the disk is not for rows."""
        free = shutil.disk_usage(self.settings.path).free
        if free < self._reserve:
            text = f"{free >> 20} MiB are left on the disk, and {self._reserve >> 20} MiB are kept for the state"
            raise OSError(errno.ENOSPC, text)

    def _failed(self, error: Exception, rows: int) -> None:
        """Stop rows: say why once, and count what is dropped."""
        problem = (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)
        if not self.problem:
            log.error("%s: requests can't be kept: %s; they are counted all the same", self.settings.path, problem)
        self.problem = problem
        self.count("dropped", rows)

    # --- files

    def _opened(self, day: int) -> DayFile:
        """Open the last part of a day, or begin the next one if it is full."""
        part = max((name.part for name in files_in(self.settings.path) if name.day == day), default=1)
        path = self.settings.path / FileName(day, part).text
        if path.exists() and path.stat().st_size > self.settings.max_size // _PARTS:
            path = path.with_name(FileName(day, part + 1).text)
        try:
            return DayFile(path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._set_aside(path, error)
            return DayFile(path)

    def _set_aside(self, path: Path, error: Exception) -> None:
        """Rename a damaged file. Its rows can't be read any more."""
        aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
        log.error("%s is damaged (%s): kept as %s; its requests are lost to searches", path, error, aside.name)
        path.replace(aside)
        for part in _beside(path):
            part.unlink(missing_ok=True)

    def _tidy(self, now: float) -> None:
        """Remove what is too old, or too large together; close files that are full or no longer in use."""
        try:
            self._sizes = {
                name: path.stat().st_size + sum(part.stat().st_size for part in _beside(path) if part.exists())
                for name, path in files_in(self.settings.path).items()
            }
            self._drop_surplus(self.horizon.days(now), self.settings.max_size // _PARTS)
            for day in [*self._open][: -_MOST_OPEN or None]:
                self._close(day)
            for day, file in [*self._open.items()]:
                if file.path.stat().st_size > self.settings.max_size // _PARTS:
                    self._close(day)
        except OSError as error:
            self._failed(error, 0)

    def _drop_surplus(self, kept: Days, spare: int) -> None:
        """Remove the files of other days, and the oldest ones until `spare` bytes are left for new rows."""
        for name in [*self._sizes]:
            is_too_large = self.size + spare > self.settings.max_size and len(self._sizes) > 1
            if not kept.first <= name.day <= kept.last or is_too_large:
                self._remove(name)

    def _remove(self, name: FileName) -> None:
        path = self.settings.path / name.text
        if name.day in self._open and self._open[name.day].path == path:
            self._close(name.day)
        if self.follower:
            self.follower.removing(path)
        for part in (path, *_beside(path)):
            part.unlink(missing_ok=True)
        del self._sizes[name]

    def _close(self, day: int) -> None:
        if not self._open[day].batches:
            self._open.pop(day).close()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self._sizes.values())

    def forget(self) -> None:
        """Forget what raw values mean: keys or prices may have changed."""
        for file in self._open.values():
            file.known.clear()

    def update_gauges(self, store: Store) -> None:
        """Set the gauges about the request log."""
        store.set(catalog.REQUEST_LOG_HEALTHY, to=int(not self.problem))
        store.set(catalog.REQUEST_LOG_BYTES, to=self.size)
        oldest = min(self._sizes, default=None)
        if oldest:
            store.set(catalog.REQUEST_LOG_OLDEST_TIMESTAMP_SECONDS, to=oldest.day * DAY_SECONDS)
        if self.follower:
            self.follower.update_gauges()

    def close(self) -> None:
        """Write what waits, and close all files."""
        self.write()
        if self.follower:
            self.follower.close()
        for file in self._open.values():
            file.close()
        self._open.clear()


def _beside(path: Path) -> Iterator[Path]:
    """SQLite's files beside one."""
    return (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is at fault, and not the machine."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, ForeignError) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
