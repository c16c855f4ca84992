"""What a file holds, plain or packed, read from any place."""

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
# The first bytes of a file, which tell most files apart.
FIRST = 1024
_NOT_REGULAR = "Not a regular file; to read from a pipe use `-` (standard input)"
# So much is unpacked at once.
_PIECE = 1 << 20


class Content(Protocol):
    """Bytes that are read as `os.pread` does it: fewer than asked for means the end."""

    packed: bool
    damaged: bool

    def pread(self, size: int, at: int) -> bytes:
        """The bytes from a place on."""

    def ready(self, at: int) -> bool:
        """Whether the bytes before a place are at hand. Each call unpacks a piece, until they are."""

    def size(self) -> int | None:
        """How many there are; None where only unpacking could tell."""

    def fileno(self) -> int:
        """The open file."""

    def close(self) -> None:
        """Let go of the file."""


def open_content(path: str) -> Content:
    """Open a file by its name; OSError where that fails."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise no_file(path)
    return _Packed(fd, path) if path.endswith(PACKED) else _Plain(fd)


def open_log(path: str) -> Content:
    """Open a log by its name, for long; OSError (EMFILE) where that would take a descriptor that is not for logs."""
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
    """The stream of what an open file holds, by its name's end."""
    if path.endswith(".gz"):
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if path.endswith(".zst"):
        return zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
    return raw


def no_file(path: str) -> OSError:
    """The error for a path that leads to a folder or a pipe."""
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
    """Unpacks forwards and keeps the last piece; going back further means to begin again.

    Where it can't be unpacked (damaged, or not yet written to its end) it ends, and is `damaged`.
    """

    packed = True

    def __init__(self, fd: int, path: str) -> None:
        self._path = path
        self._raw = os.fdopen(fd, "rb")
        self._first: bytes | None = None
        self._start = 0
        self._kept = b""
        self._end: int | None = None
        self._rewind()

    def pread(self, size: int, at: int) -> bytes:
        if self._first and at + size <= len(self._first):
            return self._first[at : at + size]
        if at < self._start:
            self._rewind()
        while (missing := at + size - self._start - len(self._kept)) > 0:
            if not (piece := self._unpack(max(missing, CHUNK))):
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
        """As the packer has noted it, until the end was reached."""
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

    def _unpack(self, size: int) -> bytes:
        piece = b""
        try:
            piece = self._stream.read1(size)  # type: ignore[attr-defined]
        except UNPACKING:
            self.damaged = True
        if not piece:
            self._end = self._start + len(self._kept)
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
