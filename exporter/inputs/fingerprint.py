"""A file is what it contains: how a position says where, and of which file.

Names change, and a file system gives an inode again as soon as it is free. So a file is known by the hash
of its first KiB and that of the last KiB before the offset. What this can't tell apart: files that hold the
same bytes up to the offset. Such are short in practice; what `Position.strong` says is asked of them.
"""

import os
from hashlib import blake2b

from msgspec import Struct

from exporter.inputs.content import Content

SPAN = 1024
Identity = tuple[int, int]
# Device, inode, size and time of the last change: as long as they stay, the content does.
Stamp = tuple[int, int, int, int]


def digest(data: bytes) -> bytes:
    """The hash that files are known by."""
    return blake2b(data, digest_size=16).digest()


_NULS = digest(bytes(SPAN))


class Position(Struct, frozen=True, array_like=True):
    """How far a file was read. Only whole lines count: an unfinished one is behind the offset.

    `path` is the log's name, also when the file was renamed since. `finished` means rotated away and read
    to its end. `skipping` means that the offset is within a line that was too long and is being left out.
    No `tail_size` means that only the length is known, as a packer has noted it.
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

    @property
    def identity(self) -> Identity:
        """Device and inode: a hint."""
        return self.device, self.inode

    @property
    def strong(self) -> bool:
        """Whether no other file is likely to begin with the same bytes."""
        return self.head_size == SPAN and self.head != _NULS

    def begins(self, first: bytes) -> bool:
        """Whether a file with these first bytes begins as this one does."""
        return len(first) >= self.head_size and digest(first[: self.head_size]) == self.head

    def agrees(self, content: Content) -> bool:
        """Whether a file that begins as this one does goes on so, up to the offset."""
        if content.packed and content.size() == self.offset:
            return True
        before = content.pread(self.tail_size, self.offset - self.tail_size)
        return self.tail_size > 0 and digest(before) == self.tail


def stamp(content: Content) -> Stamp:
    """The stamp of an open file."""
    found = os.fstat(content.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def whole(path: str, content: Content, identity: Identity) -> Position:
    """The position at the end of a file. A packed one is unpacked only where its size is not noted."""
    size = content.size()
    if size is None:
        size = 0
        while piece := len(content.pread(1 << 16, size)):
            size += piece
    head = content.pread(min(SPAN, size), 0)
    tail = b"" if content.packed else content.pread(min(SPAN, size), size - min(SPAN, size))
    return Position(path, *identity, size, digest(head), len(head), digest(tail), len(tail), finished=True)
