"""One open file, read on from a place, and its position.

Each read begins with the last KiB that was read before. If that is not there any more, the file was truncated,
however much it has grown since.
"""

import os
import re
import time
from contextlib import suppress

from exporter.inputs.content import Content
from exporter.inputs.events import InputEvents
from exporter.inputs.fingerprint import SPAN, TICK, Head, Identity, Position, digest, stamp
from exporter.inputs.lines import CHUNK, SLICE, Lines

# A hole at the start of a line: see `Tail._skip_hole`.
_HOLE = re.compile(rb"^\0+", re.MULTILINE)


class TruncatedError(Exception):
    """What was read before is not in the file any more."""


class Tail:
    """`log` is the log's name, `name` where the file was found. `started` once it is clear where to read from.

    One that is not `wanted` is read only if it is a known one. `seen` is the size at the last look, `drained` says
    that the last read came to the end.
    """

    def __init__(self, log: str, name: str, content: Content, events: InputEvents, wanted: bool = True) -> None:
        found = os.fstat(content.fileno())
        self.log = log
        self.name = name
        self.content = content
        self.identity: Identity = (found.st_dev, found.st_ino)
        self.wanted = wanted
        self.started = False
        self.drained = False
        self.at = 0
        self.seen = content.size() or 0
        self.grown_at = time.monotonic() - max(0.0, time.time() - found.st_mtime)
        self.lines = Lines()
        self._fd = content.fileno()
        self._changed = 0
        self._events = events
        self._head = self._window = self._consumed = b""
        self._begin: Head = (0, b"")
        self._position: Position | None = None
        self._note()

    def may_have_more(self, now: int) -> bool:
        """Whether there may be something to read; `now` is in epoch nanoseconds. Hot where there are many files."""
        if self.content.packed:
            return True
        found = os.fstat(self._fd)
        size, changed = found.st_size, found.st_ctime_ns
        if size == self.seen and changed == self._changed:
            return self.at < size
        # A change that comes within the same tick of the clock leaves the same time: look once more.
        self.seen, self._changed = size, changed if now - changed > TICK else 0
        return True

    def start(self, offset: int, skipping: bool = False) -> None:
        """Read from an offset on."""
        before = min(SPAN, offset)
        self._head = self.content.pread(before, 0)
        self._window = self._consumed = self.content.pread(before, offset - before)
        self.at = offset
        self.lines = Lines(skipping)
        self.started = True
        self.drained = False
        self._begin = (0, b"")
        self._position = None

    @property
    def has_stirred(self) -> bool:
        """Whether a file of which nothing was read yet may have held something that is elsewhere now: it was empty and
        was written to, or begins otherwise than at first. One that has only grown begins as it did."""
        if self.at:
            return False
        if not self._first:
            return stamp(self.content) != self._stamp
        return self.content.pread(len(self._first), 0) != self._first

    def forget(self) -> None:
        """What the file holds is something else now, as far as one can know."""
        self.started = False
        self.at = 0
        self.seen = self.content.size() or 0
        self.lines = Lines()
        self._head = self._window = self._consumed = b""
        self._note()

    def read(self) -> bytes:
        """The whole lines in the next CHUNK bytes; TruncatedError where what was before them has changed. Hot path."""
        window = self._window
        raw = self.content.pread(len(window) + CHUNK, self.at - len(window))
        if not raw.startswith(window):
            raise TruncatedError
        self.drained = len(raw) < len(window) + CHUNK
        if len(raw) == len(window):
            return b""
        if raw.startswith(b"\0", len(window)) and not self.lines.rest and not self.lines.skipping:
            self._skip_hole(self.at + SLICE)
            return b""
        if self.at == len(window):
            self._head = raw[:SPAN]
        whole, dropped = self.lines.feed(raw[len(window) :], self._events.longest_line)
        if b"\0" in whole:
            whole = _HOLE.sub(b"", whole)
        if self.lines.rest.startswith(b"\0"):
            self.lines.rest = self.lines.rest.lstrip(b"\0")
        self.at += len(raw) - len(window)
        self.seen = max(self.seen, self.at)
        self._window = raw[-SPAN:]
        consumed = len(raw) - len(self.lines.rest)
        if consumed > len(window):
            self._consumed = raw[max(0, consumed - SPAN) : consumed]
        self.grown_at = time.monotonic()
        if dropped:
            self._events.too_long(self.name)
        return whole

    def close(self) -> None:
        """Read no more of it."""
        self.started = False
        self.content.close()

    def finish(self) -> bytes:
        """The unfinished line at the end, which counts as it is; b"" if there is none."""
        self._consumed = self._window
        return self.lines.finish()

    def intact(self) -> bool:
        """Whether what was read last is still there."""
        return self.content.pread(len(self._window), self.at - len(self._window)) == self._window

    def position(self, ended: bool = False) -> Position:
        """What to store, to go on here."""
        offset = self.at - len(self.lines.rest)
        old = self._position
        now = (offset, self.log, self.lines.skipping, ended)
        if old is None or (old.offset, old.path, old.skipping, old.ended) != now:
            self._position = old = self._position_at(offset, self._consumed, ended)
        return old

    @property
    def begin(self) -> Head:
        """What the file begins with, as far as it was read."""
        if self._begin[0] != len(self._head):
            self._begin = len(self._head), digest(self._head)
        return self._begin

    def reached(self) -> Position:
        """The position behind all that was read, the unfinished line too: what a copy of the file agrees with."""
        return self._position_at(self.at, self._window)

    def _position_at(self, offset: int, before: bytes, ended: bool = False) -> Position:
        size, head = self.begin
        if offset < size:
            size, head = offset, digest(self._head[:offset])
        return Position(
            *(self.log, *self.identity, offset, head, size, digest(before), len(before)),
            skipping=self.lines.skipping,
            ended=ended,
        )

    def unread(self) -> int:
        """Bytes that were there at the last look and are not read."""
        return max(0, self.seen - self.at)

    def _note(self) -> None:
        """Remember what the file is like before it is read."""
        self._stamp = stamp(self.content)
        self._first = self.content.pread(SPAN, 0)

    def _skip_hole(self, until: int) -> None:
        """A writer that does not append goes on at its old offset after a truncation: before it is a hole."""
        at = self.at
        if not self.content.packed:
            with suppress(OSError):
                at = os.lseek(self.content.fileno(), at, os.SEEK_DATA)
        while at < until:
            piece = self.content.pread(CHUNK, at)
            if not piece or piece != bytes(len(piece)):
                at += len(piece) - len(piece.lstrip(b"\0"))
                break
            at += len(piece)
        self.start(at)
