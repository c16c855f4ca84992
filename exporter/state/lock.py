"""The lock beside a state file: one process at a time holds it. It also notes which commit was the last one.

The note is written after the commit, so a state file that has not got that far has lost commits: SQLite takes a
write-ahead log with a damaged or missing end for one that ended earlier, and says nothing.
"""

import fcntl
import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path

from exporter.errors import StateError

# The holder's process id, padded, is in front of the note.
_HOLDER = 32
_NOTE = struct.Struct("<8sQ")
_CHECKSUM = struct.Struct("<I")


class StateLock:
    """Holds `<state file>.lock`. StateError where another process does, or where it can't be written.

    `noted` is the last commit, by state file and number; None where none is known.
    """

    def __init__(self, state: Path) -> None:
        self._path = path = state.with_name(state.name + ".lock")
        try:
            state.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(f"{path} can't be written: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, _HOLDER).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise StateError(f"{state} is in use by process {holder}; one state file serves one exporter") from None
        self.noted = self._read()
        os.pwrite(self._file, b"%-31d\n" % os.getpid(), 0)

    def note(self, file: bytes, number: int) -> None:
        """A commit is on disk. A note that can't be written is only missed where commits get lost, too."""
        self.noted = file, number
        packed = _NOTE.pack(file, number)
        with suppress(OSError):
            os.pwrite(self._file, packed + _CHECKSUM.pack(zlib.crc32(packed)), _HOLDER)

    def forget(self) -> None:
        """A state file begins: what was noted is of no other."""
        self.noted = None
        with suppress(OSError):
            os.ftruncate(self._file, _HOLDER)

    def held(self) -> bool:
        """Whether the lock's file is still there, and the same."""
        try:
            return self._path.stat().st_ino == os.fstat(self._file).st_ino
        except OSError:
            return False

    def close(self) -> None:
        """Let go of it."""
        os.close(self._file)

    def _read(self) -> tuple[bytes, int] | None:
        packed = os.pread(self._file, _NOTE.size, _HOLDER)
        checksum = os.pread(self._file, _CHECKSUM.size, _HOLDER + _NOTE.size)
        if len(packed) < _NOTE.size or _CHECKSUM.pack(zlib.crc32(packed)) != checksum:
            return None
        file, number = _NOTE.unpack(packed)
        return file, number
