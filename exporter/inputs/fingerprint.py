"""A file is what it contains: how a position says where, and of which file.

Names change, and a file system gives an inode again as soon as it is free. So a file is known by the hash
of its first KiB and that of the last KiB before the offset. What this can't tell apart: files that hold the
same bytes up to the offset. Such are short in practice; what `Position.strong` says is asked of them.
"""

import os
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace as changed

from exporter.inputs.content import Content

SPAN = 1024
# Changes of a file that are so close may leave the same time (ns): a tick of the kernel's clock, and some more.
TICK = 50_000_000
Identity = tuple[int, int]
# The size of what a file is known by at its beginning, at most SPAN, and the hash of it.
Head = tuple[int, bytes]
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
    No `tail_size` means that only the length is known, as a packer has noted it. `ended` means renamed away, with
    nothing left to read in it. `size` (bytes) and `changed` (epoch ns) are those of a finished one's file, which
    needs no second look as long as it has them.
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

    def stored(self) -> "Position":
        """As it is written down: a path that is no UTF-8 byte by byte, behind a NUL, which no path has."""
        try:
            self.path.encode()
        except UnicodeEncodeError:
            return changed(self, path="\0" + os.fsencode(self.path).decode("latin-1"))
        return self

    def restored(self) -> "Position":
        """What `stored` made of it, turned back."""
        if self.path.startswith("\0"):
            return changed(self, path=os.fsdecode(self.path[1:].encode("latin-1")))
        return self

    @property
    def stamp(self) -> Stamp:
        """The stamp of a finished one's file."""
        return self.device, self.inode, self.size, self.changed

    @property
    def identity(self) -> Identity:
        """Device and inode: a hint."""
        return self.device, self.inode

    @property
    def begin(self) -> Head:
        """What the file begins with."""
        return self.head_size, self.head

    @property
    def strong(self) -> bool:
        """Whether no other file is likely to begin with the same bytes."""
        return self.head_size == SPAN and self.head != _NULS

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
