"""The state file: a snapshot and the deltas since then, each one blob, written completely or not at all.

SQLite keeps that promise across `kill -9` and power loss (WAL, `synchronous=FULL`). It has no checksums for what is
in the file, so each blob has its own (`frames`), and whatever else is read is compared with what it must be. One
process at a time holds the file. `checkpoint` defines what is in the blobs.
"""

import logging
import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from exporter.errors import DamagedError, StateError
from exporter.faults import fault
from exporter.state.frames import VERSION, Frame, unwrapped, version_of, wrapped
from exporter.state.lock import StateLock

log = logging.getLogger(__name__)

_APPLICATION = 0x47575845  # "GWXE"
_TABLE = "CREATE TABLE blob (id INTEGER PRIMARY KEY, body BLOB NOT NULL)"
_SCHEMA = [("table", "blob", "blob", _TABLE)]
# What SQLite says where the machine is at fault, and not what is in the file.
_MACHINE = frozenset(
    (
        *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_IOERR),
        *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL),
    )
)

# The next commit is a snapshot after this many deltas, or when they are larger than the snapshot and this size.
_MOST_DELTAS = int(os.environ.get("GATEWAY_EXPORTER_MOST_DELTAS", "500"))
_MOST_BYTES = 1 << 20


class State:
    """An open state file. `blobs` is what it held when it was opened: the snapshot, if any, then the deltas.

    A damaged file is set aside and a new one begun; `damaged` is then true. Raises StateError if the file can't be
    used at all.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = False
        self.blobs: list[bytes] = []
        self._sizes: list[int] = []
        # The name of this file, the number of its last commit, and that of its snapshot.
        self._file, self._number, self._snapshot = os.urandom(8), 0, 0
        self._lock = StateLock(path)
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        try:
            self._open()
            self.blobs = self._read()
        except DamagedError as error:
            self.set_aside(str(error))
        except sqlite3.DatabaseError as error:
            if _is_machines(error, self.path):
                raise StateError(f"{self.path}: the state file can't be used: {error}") from None
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
        """Add a delta. Raises sqlite3.Error if that fails; then nothing of it is kept."""
        fault("before-commit")
        with self._db:
            self._insert(delta, self._snapshot)
        fault("after-commit")
        self._written(self._snapshot)
        self._sizes.append(len(delta))

    def replace(self, snapshot: bytes) -> None:
        """Replace everything in the file by a snapshot; a file of an older version becomes one of this version.

        Raises sqlite3.Error if that fails, StateError if the file was replaced by one of another program.
        """
        fault("before-compact")
        if not self._is_there():
            self._db.close()
            self._lock.forget()
            self._open()
        with self._db:
            self._db.execute("DELETE FROM blob")
            self._db.execute(f"PRAGMA user_version={VERSION}")
            self._insert(snapshot, self._number + 1)
        fault("after-compact")
        self._written(self._number + 1)
        self._sizes = [len(snapshot)]

    def _insert(self, body: bytes, snapshot: int) -> None:
        frame = Frame(self._file, self._number + 1, snapshot, body)
        self._db.execute("INSERT INTO blob (body) VALUES (?)", (wrapped(frame),))
        fault("in-commit")

    def _written(self, snapshot: int) -> None:
        self._number += 1
        self._snapshot = snapshot
        self._lock.note(self._file, self._number)

    def reopen_if_removed(self) -> None:
        """If somebody removed the file, prepare to write a new one with all that was counted. StateError if another
        process holds it by now.
        """
        if not self._lock.held():
            lost, self._lock = self._lock, StateLock(self.path)
            lost.close()
        if self._sizes and not self._is_there():
            log.error("%s was removed: writing a new one with all counters", self.path)
            self._sizes = []

    def set_aside(self, why: str) -> None:
        """Keep the file under another name, and begin a new one."""
        self.damaged = True
        self.blobs, self._sizes = [], []
        aside = self._unused_name()
        write_ahead_log, index = (self.path.with_name(self.path.name + suffix) for suffix in ("-wal", "-shm"))
        self.path.rename(self.path.with_name(aside))
        if write_ahead_log.exists() and write_ahead_log.stat().st_size:
            write_ahead_log.rename(self.path.with_name(aside + "-wal"))
        with suppress(sqlite3.Error):  # not before, as that would remove the write-ahead log
            self._db.close()
        for part in (write_ahead_log, index):
            part.unlink(missing_ok=True)
        log.error(
            "%s is damaged (%s): kept as %s; counting restarts from zero, at the ends of the logs",
            self.path,
            why,
            aside,
        )
        try:
            self._open()
        except sqlite3.Error as error:
            raise StateError(f"{self.path}: no new state file can be begun: {error}") from None

    def _unused_name(self) -> str:
        aside = f"{self.path.name}.damaged-{int(time.time())}"
        while self.path.with_name(aside).exists():
            aside += "+"
        return aside

    def close(self) -> None:
        """Close the file."""
        if hasattr(self, "_db"):
            self._db.close()
        self._lock.close()

    def _open(self) -> None:
        """Open the file, or begin a new one. Raises DamagedError or sqlite3.DatabaseError if it is damaged."""
        self._inode = 0  # until all went well: a file that is half begun is begun again
        if not self.path.exists():
            self._lock.forget()
        # A statement that is cached keeps a copy of the last blob.
        self._db = sqlite3.connect(self.path, check_same_thread=False, cached_statements=0)
        if _is_begun(self._db):
            _check(self._db, self.path)
            self._db.execute("BEGIN")  # a damaged header may make the file read-only
            self._db.execute(f"PRAGMA user_version={_version(self._db)}")
            self._db.rollback()
        elif self._lock.noted:
            raise DamagedError("it is missing, although there were commits")
        self.path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        if not _is_begun(self._db):
            with self._db:
                self._db.execute(_TABLE)
                self._db.execute(f"PRAGMA application_id={_APPLICATION}")
                self._db.execute(f"PRAGMA user_version={VERSION}")
        self._inode = self.path.stat().st_ino

    def _read(self) -> list[bytes]:
        if self._db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise DamagedError("quick_check finds errors")
        frames = _frames(self._db)
        if frames and frames[-1].number:
            self._file, self._number, self._snapshot, _ = frames[-1]
        file, number = self._lock.noted or (self._file, 0)
        if number > self._number and (not self._number or file == self._file):
            raise DamagedError(f"it ends with commit {self._number}, but {number} were made")
        return [frame.body for frame in frames]

    def _is_there(self) -> bool:
        """Whether the file is still the one that is open."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False


def peek(path: Path) -> list[bytes]:
    """The blobs of a state file that another process may hold. Raises StateError if they can't be read."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            if not _is_begun(db):
                return []
            _check(db, path)
            return [frame.body for frame in _frames(db)]
    except DamagedError as error:
        raise StateError(f"{path} is damaged ({error}); the next start will set it aside") from None
    except sqlite3.Error as error:
        raise StateError(f"{path} can't be read: {error}") from None


def _is_begun(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_schema").fetchone() is not None


def _version(db: sqlite3.Connection) -> int:
    found: int = db.execute("PRAGMA user_version").fetchone()[0]
    return found


def _blobs(db: sqlite3.Connection) -> list[bytes]:
    found = [body for (body,) in db.execute("SELECT body FROM blob ORDER BY id")]
    if not all(isinstance(body, bytes) for body in found):
        raise DamagedError("it holds something else than blobs")
    return found


def _frames(db: sqlite3.Connection) -> list[Frame]:
    blobs = _blobs(db)
    return [Frame(b"", 0, 0, blob) for blob in blobs] if _version(db) == 1 else unwrapped(blobs)


def _check(db: sqlite3.Connection, path: Path) -> None:
    """Check that a file is a state file. Raises StateError if it is of another program or a newer version."""
    ours = db.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION
    version = _version(db)
    as_declared = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall() == _SCHEMA
    if not ours and not as_declared:
        raise StateError(f"{path} is another program's database")
    if ours and version > VERSION and not (as_declared and any(version_of(blob) <= VERSION for blob in _blobs(db))):
        raise StateError(
            f"{path} was written by a newer version: its format is {version}, this one knows {VERSION}. Run that "
            f"version again; or move the file away, and counting restarts from zero, at the ends of the logs"
        )
    if not ours or not as_declared or not 1 <= version <= VERSION:
        raise DamagedError("its header is wrong")


def _is_machines(error: sqlite3.DatabaseError, path: Path) -> bool:
    """Whether the machine is at fault: no permission to write, no space left, a failing disk."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    return code in _MACHINE or (code == sqlite3.SQLITE_READONLY and not os.access(path, os.W_OK))
