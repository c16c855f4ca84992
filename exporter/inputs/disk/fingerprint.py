"""Recognizes files by their content: a position says which file was read, and how far.

Names change, and a file system reuses an inode as soon as it is free. So a file is recognized by the hash of its first
KiB and the hash of the last KiB before the offset. Files that hold the same bytes up to the offset can't be told apart;
in practice they are short, so `Position.strong` asks for a whole first KiB.
"""

import os
from contextlib import suppress
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace as changed

from exporter.inputs.disk.content import Content

SPAN = 1024
# Two changes of a file within this time (ns) may leave the same timestamp: a tick of the kernel's clock, and some more.
TICK = 50_000_000
Identity = tuple[int, int]
# A number of bytes at the beginning of a file, at most SPAN, and their hash.
Head = tuple[int, bytes]
# Device, inode, size and time of the last change: while these stay the same, so does the content.
Stamp = tuple[int, int, int, int]


def digest(data: bytes) -> bytes:
    """The hash that files are recognized by."""
    return blake2b(data, digest_size=16).digest()


_NULS = digest(bytes(SPAN))


class Position(Struct, frozen=True, array_like=True):
    """How far a file was read: `offset` is the end of the last whole line.

    - `path` is the log's path, also if the file was renamed since.
    - `finished`: the file was rotated and read to its end. Until its `size` (bytes) or `changed` (epoch ns) differ, it
    is
      not opened again.
    - `ended`: the file was renamed, and nothing is left to read in it now.
    - `skipping`: the offset is within a line that is too long and is being left out.
    - `head` is that of the unfinished line if the offset is 0.
    - `columns` is the file's header, cell by cell, if its lines have one.
    - A `tail_size` of 0 means that only the length is known, as a compressor stored it.
    """

    path: str
    device: int = 0
    inode: int = 0
    offset: int = 0
    head: bytes = b""
    head_size: int = 0
    tail: bytes = b""
    tail_size: int = 0
    finished: bool = False
    skipping: bool = False
    ended: bool = False
    size: int = 0
    changed: int = 0
    columns: tuple[str, ...] = ()

    def stored(self) -> "Position":
        """The form to store: a path that is not UTF-8 is written byte by byte after a NUL, which no path contains."""
        try:
            self.path.encode()
        except UnicodeEncodeError:
            return changed(self, path="\0" + os.fsencode(self.path).decode("latin-1"))
        return self

    def restored(self) -> "Position":
        """The reverse of `stored`."""
        if self.path.startswith("\0"):
            return changed(self, path=os.fsdecode(self.path[1:].encode("latin-1")))
        return self

    @property
    def stamp(self) -> Stamp:
        """The stamp of the file, if `finished`."""
        return self.device, self.inode, self.size, self.changed

    @property
    def identity(self) -> Identity:
        """Device and inode. Only a hint, as inodes are reused."""
        return self.device, self.inode

    @property
    def begin(self) -> Head:
        """The head of the file."""
        return self.head_size, self.head

    @property
    def strong(self) -> bool:
        """Whether another file is unlikely to have the same head: it is a whole KiB, and not all zeros."""
        return self.head_size == SPAN and self.head != _NULS

    def is_packed(self, content: Content) -> bool:
        """Whether a packed file with the same head need not be unpacked to know it: it has the same length, and either
        nothing more is known or the time of the last change, which packing keeps, is the same, too.
        """
        if not content.packed or content.size() != self.offset:
            return False
        return not self.tail_size or self.changed == stamp(content)[-1]

    def agrees(self, content: Content) -> bool:
        """Whether a file with the same head also has the same bytes before the offset."""
        if not self.offset or self.is_packed(content):
            return True
        before = content.pread(self.tail_size, self.offset - self.tail_size)
        return self.tail_size > 0 and digest(before) == self.tail


def stamp(content: Content) -> Stamp:
    """The stamp of an open file."""
    return stamp_of(os.fstat(content.fileno()))


def stamp_of(found: os.stat_result) -> Stamp:
    """The stamp of a file, of its status."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def stamp_at(path: str) -> Stamp | None:
    """The stamp of the file at a path; None if there is none."""
    with suppress(OSError):
        return stamp_of(os.stat(path))  # noqa: PTH116 - many are looked at
    return None


def whole(path: str, content: Content, identity: Identity) -> Position:
    """The position at the end of a file. A packed file is unpacked only if its size is not stored in it."""
    size = content.size()
    if size is None:
        size = 0
        while piece := len(content.pread(1 << 16, size)):
            size += piece
    head = content.pread(min(SPAN, size), 0)
    tail = b"" if content.packed else content.pread(min(SPAN, size), size - min(SPAN, size))
    return Position(path, *identity, size, digest(head), len(head), digest(tail), len(tail), finished=True)
