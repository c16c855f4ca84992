"""The state file: a snapshot and the deltas since, each one blob, each written whole or not at all.

SQLite keeps that promise across `kill -9` and power loss (WAL, `synchronous=FULL`). One process at a
time holds the file. What is in the blobs is `checkpoint`'s business.
"""

import fcntl
import logging
import os
import signal
import sqlite3
import time
from pathlib import Path

from exporter.errors import ExporterError

log = logging.getLogger(__name__)

# The format of the file and of its blobs. A newer one is refused.
VERSION = 1
_APPLICATION = 0x47575845  # "GWXE"

# Deltas become a new snapshot when they are this many, or larger than the snapshot and this size.
_MOST_DELTAS = int(os.environ.get("GATEWAY_EXPORTER_MOST_DELTAS", "500"))
_MOST_BYTES = 1 << 20

# Where the tests of the promises kill the process: the point's name and at which pass.
_FAULT, _, _times = os.environ.get("GATEWAY_EXPORTER_FAULT", "").partition(":")
_passed = 0


def fault(point: str) -> None:
    """Die here, as by `kill -9`, if a test asked for it."""
    global _passed  # noqa: PLW0603
    if point == _FAULT:
        _passed += 1
        if _passed >= int(_times or 1):
            os.kill(os.getpid(), signal.SIGKILL)


class StateError(ExporterError):
    """The state file is in use, can't be opened, or is of a version that is not known."""


class State:
    """An open state file. `blobs` is what it held: the snapshot, if there is one, then the deltas.

    A file that is damaged is set aside and a new one begun; `damaged` is then true. StateError where it
    can't be used at all.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = False
        self.blobs: list[bytes] = []
        self._lock_path = path.with_name(path.name + ".lock")
        self._lock = self._take_lock()
        try:
            self._db = self._open()
            self.blobs = self._read()
        except sqlite3.OperationalError as error:
            raise StateError(f"{path}: the state file can't be used: {error}") from None
        except sqlite3.DatabaseError as error:
            self.set_aside(str(error))
        self._sizes = [len(blob) for blob in self.blobs]

    @property
    def wants_snapshot(self) -> bool:
        """Whether the next commit should be a snapshot: the first one, and when the deltas have grown."""
        if not self._sizes:
            return True
        snapshot, *deltas = self._sizes
        return len(deltas) >= _MOST_DELTAS or sum(deltas) > max(_MOST_BYTES, snapshot)

    def commit(self, delta: bytes) -> None:
        """Add a delta. sqlite3.Error where that fails; nothing of it is kept then."""
        fault("before-commit")
        with self._db:
            self._db.execute("INSERT INTO blob (body) VALUES (?)", (delta,))
            fault("in-commit")
        fault("after-commit")
        self._sizes.append(len(delta))

    def replace(self, snapshot: bytes) -> None:
        """Put a snapshot in the place of all that is there. sqlite3.Error where that fails, StateError where the
        file is not there any more, and another program's is.
        """
        fault("before-compact")
        if not self._is_there():
            self._db.close()
            self._db = self._open()
        with self._db:
            self._db.execute("DELETE FROM blob")
            self._db.execute("INSERT INTO blob (body) VALUES (?)", (snapshot,))
            fault("in-commit")
        fault("after-compact")
        self._sizes = [len(snapshot)]

    def look(self) -> None:
        """See whether the file is still where it was; if somebody removed it, it is begun anew. StateError where
        another process has it by now.
        """
        if not _is_same(self._lock_path, os.fstat(self._lock).st_ino):
            lost, self._lock = self._lock, self._take_lock()
            os.close(lost)
        if self._sizes and not self._is_there():
            log.error("%s was removed: it is begun anew with all that is counted", self.path)
            self._sizes = []

    def set_aside(self, why: str) -> None:
        """Keep the file under another name, and begin anew."""
        self.damaged = True
        self.blobs, self._sizes = [], []
        if hasattr(self, "_db"):
            self._db.close()
        aside = f"{self.path.name}.damaged-{int(time.time())}"
        for suffix in ("", "-wal", "-shm"):
            part = self.path.with_name(self.path.name + suffix)
            if part.exists():
                part.rename(self.path.with_name(aside + suffix))
        log.error(
            "%s is damaged (%s): it is kept as %s; counting begins anew, at the logs' ends", self.path, why, aside
        )
        self._db = self._open()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
        os.close(self._lock)

    def _take_lock(self) -> int:
        """Hold `<path>.lock`, which names the process; StateError where another one does."""
        path = self._lock_path
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(f"{path} can't be written: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(lock)
            raise StateError(f"{self.path} is in use by process {holder}; one state file serves one exporter") from None
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        return lock

    def _open(self) -> sqlite3.Connection:
        self._inode = 0  # until all went well: what is half begun is begun again
        db = sqlite3.connect(self.path, check_same_thread=False)
        application, version = (
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        if application != _APPLICATION and db.execute("SELECT 1 FROM sqlite_schema").fetchone():
            raise StateError(f"{self.path} is another program's database")
        if version > VERSION:
            raise StateError(
                f"{self.path} was written by a newer version: its format is {version}, this one knows {VERSION}"
            )
        self.path.chmod(0o600)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        if not version:
            with db:
                db.execute("CREATE TABLE blob (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
                db.execute(f"PRAGMA application_id={_APPLICATION}")
                db.execute(f"PRAGMA user_version={VERSION}")
        self._inode = self.path.stat().st_ino
        return db

    def _read(self) -> list[bytes]:
        if self._db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("quick_check finds errors")
        return [body for (body,) in self._db.execute("SELECT body FROM blob ORDER BY id")]

    def _is_there(self) -> bool:
        return _is_same(self.path, self._inode)


def _is_same(path: Path, inode: int) -> bool:
    """Whether a path is of a file that was there before."""
    try:
        return path.stat().st_ino == inode
    except OSError:
        return False
