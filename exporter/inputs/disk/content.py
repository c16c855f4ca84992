"""The content of a file, plain or packed (compressed), read from any offset."""

import errno
import gzip
import os
import stat
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol

import zstandard

from exporter import descriptors
from exporter.inputs.lines import CHUNK

PACKED = (".gz", ".zst")
UNPACKING = (OSError, EOFError, zlib.error, zstandard.ZstdError)
# How many of the first bytes of a packed file are kept: they are compared most often.
FIRST = 1024
_NOT_REGULAR = "Not a regular file; to read from a pipe use `-` (standard input)"
# Bytes that a call of `ready` unpacks.
_PIECE = 1 << 20


class Content(Protocol):
    """An open file. `packed` if it is compressed, `damaged` if it can't be unpacked to its end."""

    packed: bool
    damaged: bool

    def pread(self, size: int, at: int) -> bytes:
        """Bytes from an offset. Fewer than `size` at the end of the file, as with `os.pread`."""

    def ready(self, at: int) -> bool:
        """Whether the bytes up to an offset can be read at once. If not, each call unpacks one piece more."""

    def size(self) -> int | None:
        """The size in bytes, unpacked; None if it is known only after unpacking."""

    def fileno(self) -> int:
        """The file descriptor."""

    def close(self) -> None:
        """Close the file."""


def open_content(path: str) -> Content:
    """Open a file. Raises OSError if it can't be opened or is not a regular file."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise no_file(path)
    return _Packed(fd, path) if path.endswith(PACKED) else _Plain(fd)


def open_log(path: str) -> Content:
    """Open a log, which stays open. Raises OSError; EMFILE if that took a file descriptor reserved for other uses."""
    content = open_content(path)
    limit = descriptors.limit()
    if content.fileno() >= descriptors.for_logs(limit):
        content.close()
        why = (
            f"no file descriptor is left for logs (limit {limit}): "
            "raise the limit of open files (ulimit -n, LimitNOFILE=)"
        )
        raise OSError(errno.EMFILE, why)
    return content


def unpacked(path: str, raw: BinaryIO) -> BinaryIO:
    """A stream of an open file's content, unpacked if its name ends in `.gz` or `.zst`."""
    if path.endswith(".gz"):
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if path.endswith(".zst"):
        return zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
    return raw


def no_file(path: str) -> OSError:
    """The error for a path that is not a regular file."""
    return OSError(errno.EINVAL, "Is a directory" if os.path.isdir(path) else _NOT_REGULAR)  # noqa: PTH112


class _Plain:
    packed = damaged = False

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def pread(self, size: int, at: int) -> bytes:
        return os.pread(self._fd, size, at)

    def ready(self, at: int) -> bool:  # noqa: ARG002
        return True

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        os.close(self._fd)


class _Packed:
    """Unpacks forwards and keeps the last piece. To read before that piece, it starts again from the beginning.

    If it can't be unpacked further (damaged, or not yet completely written), the content ends there and is `damaged`.
    """

    packed = True

    def __init__(self, fd: int, path: str) -> None:
        self._path = path
        self._raw = os.fdopen(fd, "rb")
        self._first: bytes | None = None
        self._start = 0
        self._kept = b""
        self._end: int | None = None
        # The size and the time of the last change of the file when its end was reached.
        self._at_end = (0, 0)
        self._rewind()

    def pread(self, size: int, at: int) -> bytes:
        if self._first and at + size <= len(self._first):
            return self._first[at : at + size]
        if self._end is not None and self._at_end != self._written():
            self._first = self._end = None
            self._rewind()  # it was written to since, and an unpacker does not go on behind an end
        elif at < self._start:
            self._rewind()
        while (missing := at + size - self._start - len(self._kept)) > 0:
            if self._start + len(self._kept) == self._end or not (piece := self._unpack(max(missing, CHUNK))):
                break
            self._kept += piece
            if self._first is None and len(self._kept) >= FIRST:
                self._first = self._kept[:FIRST]
            behind = min(at - self._start, len(self._kept))
            self._kept = self._kept[behind:]
            self._start += behind
        return self._kept[at - self._start :][:size] if at >= self._start else b""

    def ready(self, at: int) -> bool:
        if at < self._start:
            self._rewind()
        here = self._start + len(self._kept)
        place = min(at, here + _PIECE)
        self.pread(1, place)
        return place == at or here == self._end

    def size(self) -> int | None:
        """The size that the compressor stored; once the end was reached, the real one."""
        return self._stated() if self._end is None else self._end

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()

    def _rewind(self) -> None:
        self._raw.seek(0)
        self._stream = unpacked(self._path, self._raw)
        self._start, self._kept = 0, b""
        self.damaged = False

    def _written(self) -> tuple[int, int]:
        found = os.fstat(self.fileno())
        return found.st_size, found.st_mtime_ns

    def _unpack(self, size: int) -> bytes:
        piece = b""
        written = self._written()
        try:
            piece = self._stream.read1(size)  # type: ignore[attr-defined]
        except UNPACKING:
            self.damaged = True
        if not piece:
            self._end, self._at_end = self._start + len(self._kept), written
        return piece

    def _stated(self) -> int | None:
        fd = self.fileno()
        if Path(self._path).suffix == ".gz":
            length = os.fstat(fd).st_size
            # The last four bytes: the size modulo 2^32, of the last member where there are several.
            return struct.unpack("<I", os.pread(fd, 4, length - 4))[0] if length >= 18 else None
        try:
            stated: int = zstandard.frame_content_size(os.pread(fd, 18, 0))
        except zstandard.ZstdError:
            return None
        return stated if stated >= 0 else None
