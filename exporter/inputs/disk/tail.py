"""One open file that is read on from an offset, and its position.

Each read starts with the last KiB of the read before. If that KiB has changed, the file was truncated, even if it is
longer than before now.
"""

import os
import re
import time
from contextlib import suppress

from exporter.inputs.disk.content import Content
from exporter.inputs.disk.fingerprint import SPAN, TICK, Head, Identity, Position, digest, stamp
from exporter.inputs.events import InputEvents
from exporter.inputs.lines import CHUNK, SLICE, Lines
from exporter.model.columns import Columns

# A hole at the start of a line: see `Tail._skip_hole`.
_HOLE = re.compile(rb"^\0+", re.MULTILINE)


class TruncatedError(Exception):
    """The file no longer holds what was read from it."""


class Tail:
    """`log` is the log's path, `name` the path that the file was found at. `started` once it is known where to read
    from.

    A file that is not `wanted` is read only if it is a known one. `left` are the log paths that it had before it was
    renamed. `at` is the offset to read next, `seen` the size at the last scan (bytes). `drained` if the last read
    reached the end, `is_failing` if it could not be carried out.
    """

    def __init__(self, log: str, name: str, content: Content, events: InputEvents, wanted: bool = True) -> None:
        found = os.fstat(content.fileno())
        self.log = log
        self.name = name
        self.content = content
        self.identity: Identity = (found.st_dev, found.st_ino)
        self.wanted = wanted
        self.left: set[str] = set()
        self.started = False
        self.drained = False
        self.is_failing = False
        self.at = 0
        self.seen = content.size() or 0
        self.grown_at = time.monotonic() - max(0.0, time.time() - found.st_mtime)
        self.lines = Lines()
        self.columns = Columns()
        self._fd = content.fileno()
        self._changed = 0
        self._events = events
        self._head = self._window = self._consumed = b""
        self._begin: Head = (0, b"")
        self._position: Position | None = None
        self._note()

    def may_have_more(self, now: int) -> bool:
        """Whether there may be something to read; `now` is in epoch nanoseconds. Called for every log at every scan."""
        found = os.fstat(self._fd)
        if self.content.packed:
            if self.drained and found.st_ctime_ns == self._changed:
                return False
            self._changed = found.st_ctime_ns if now - found.st_ctime_ns > TICK else 0
            return True
        size, changed = found.st_size, found.st_ctime_ns
        if size == self.seen and changed == self._changed:
            return self.at < size
        # A second change within the same tick of the clock leaves the same time: check again at the next scan.
        self.seen, self._changed = size, changed if now - changed > TICK else 0
        return True

    def start(self, offset: int, skipping: bool = False) -> None:
        """Read on from an offset. If `skipping`, that is within a line that is too long."""
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
        """Whether a file of which nothing was read may hold something else than when it was opened: it was empty and
        has changed, or its last bytes then, or the first ones if it is packed, are others now.
        """
        if self.at:
            return False
        if not self._noted:
            return stamp(self.content) != self._stamp
        return self.content.pread(len(self._noted), self._noted_at) != self._noted

    def forget(self) -> None:
        """Forget the position: the content was replaced."""
        self.started = False
        self.at = 0
        self.seen = self.content.size() or 0
        self.lines = Lines()
        self.columns = Columns()
        self._head = self._window = self._consumed = b""
        self._note()

    def read(self) -> bytes:
        """The whole lines in the next CHUNK bytes. Raises TruncatedError if the bytes before them have changed. Hot
        path.
        """
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
        """Close the file."""
        self.started = False
        self.content.close()

    def finish(self) -> bytes:
        """The unfinished line at the end, with a line feed; b"" if there is none."""
        self._consumed = self._window
        return self.lines.finish()

    @property
    def is_deleted(self) -> bool:
        """Whether the file has no name any more."""
        return not os.fstat(self._fd).st_nlink

    def intact(self) -> bool:
        """Whether the file still holds what was read last; if that is nothing, whether it has not stirred."""
        if self.has_stirred:
            return False
        return self.content.pread(len(self._window), self.at - len(self._window)) == self._window

    def position(self, ended: bool = False) -> Position:
        """The position to store: reading can continue there after a restart."""
        offset = self.at - len(self.lines.rest)
        old = self._position
        size = min(self.begin[0], offset or SPAN)
        now = (offset, size, self.log, self.lines.skipping, ended, self.columns.names)
        if old is None or (old.offset, old.head_size, old.path, old.skipping, old.ended, old.columns) != now:
            self._position = old = self._position_at(offset, self._consumed, ended)
        return old

    @property
    def begin(self) -> Head:
        """The head of the file, of as many bytes as were read, at most SPAN."""
        if self._begin[0] != len(self._head):
            self._begin = len(self._head), digest(self._head)
        return self._begin

    def reached(self) -> Position:
        """The position after all that was read, including the unfinished line. A copy of the file agrees with it."""
        return self._position_at(self.at, self._window)

    def _position_at(self, offset: int, before: bytes, ended: bool = False) -> Position:
        size, head = self.begin
        if 0 < offset < size:  # without a whole line, the first bytes are all that is known
            size, head = offset, digest(self._head[:offset])
        return Position(
            *(self.log, *self.identity, offset, head, size, digest(before), len(before)),
            skipping=self.lines.skipping,
            ended=ended,
            columns=self.columns.names,
        )

    def unread(self) -> int:
        """How many bytes were there at the last scan and are not read yet."""
        return max(0, self.seen - self.at)

    def _note(self) -> None:
        """Remember the stamp and some bytes of the file, see `has_stirred`."""
        self._stamp = stamp(self.content)
        self._noted_at = 0 if self.content.packed else max(0, self._stamp[2] - SPAN)
        self._noted = self.content.pread(SPAN, self._noted_at)

    def _skip_hole(self, until: int) -> None:
        """Skip zero bytes. A writer that does not append continues at its old offset after a truncation, which leaves a
        hole in front of it.
        """
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
