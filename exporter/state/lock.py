"""The lock beside a state file, which one process at a time holds. It also notes the number of the last commit.

The note is written after the commit, so a state file that ends before it has lost commits: SQLite treats a write-ahead
log whose end is damaged or missing as one that ended earlier, and reports nothing.
"""

import errno
import fcntl
import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path

from exporter.errors import StateError
from exporter.private_folder import make_private_folder, not_writable

# Bytes of the holder's process id, padded; the note follows.
_HOLDER = 32
_NOTE = struct.Struct("<8sQ")
_CHECKSUM = struct.Struct("<I")


class StateLock:
    """Holds `<state file>.lock`. Raises StateError if another process does, or if it can't be written.

    `noted` is the last commit, as the name of the state file and the number; None if none is known.
    """

    def __init__(self, state: Path) -> None:
        self._path = path = state.with_name(state.name + ".lock")
        try:
            make_private_folder(state.parent)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            problem = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
            raise StateError(f"{path} can't be written: {problem}{not_writable(error)}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, _HOLDER).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise StateError(f"{state} is in use by process {holder}; one state file serves one exporter") from None
        self.noted = self._read()
        os.pwrite(self._file, b"%-31d\n" % os.getpid(), 0)

    def note(self, file: bytes, number: int) -> None:
        """Note a commit that is on disk. A note that can't be written matters only if commits get lost, too."""
        self.noted = file, number
        packed = _NOTE.pack(file, number)
        with suppress(OSError):
            os.pwrite(self._file, packed + _CHECKSUM.pack(zlib.crc32(packed)), _HOLDER)

    def forget(self) -> None:
        """Forget the note, as a new state file begins."""
        self.noted = None
        with suppress(OSError):
            os.ftruncate(self._file, _HOLDER)

    def held(self) -> bool:
        """Whether the lock file is still there, and still this one."""
        try:
            return self._path.stat().st_ino == os.fstat(self._file).st_ino
        except OSError:
            return False

    def close(self) -> None:
        """Release the lock."""
        os.close(self._file)

    def _read(self) -> tuple[bytes, int] | None:
        packed = os.pread(self._file, _NOTE.size, _HOLDER)
        checksum = os.pread(self._file, _CHECKSUM.size, _HOLDER + _NOTE.size)
        if len(packed) < _NOTE.size or _CHECKSUM.pack(zlib.crc32(packed)) != checksum:
            return None
        file, number = _NOTE.unpack(packed)
        return file, number
