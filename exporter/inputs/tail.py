"""One open file, read on from a place, and its position.

Each read begins with the last KiB that was read before. If that is not there any more, the file was truncated,
however much it has grown since.
"""

import os
import time
from contextlib import suppress

from exporter.inputs.content import Content
from exporter.inputs.fingerprint import SPAN, Identity, Position, digest, stamp
from exporter.inputs.ledger import Ledger
from exporter.inputs.lines import CHUNK, SLICE, Lines


class TruncatedError(Exception):
    """What was read before is not in the file any more."""


class Tail:
    """`log` is the log's name, `name` where the file was found. `started` once it is clear where to read from.

    One that is not `wanted` is read only if it is a known one. `seen` is the largest size that was seen. It
    `has_more` if the last read found no whole line in a slice of the file, and ended there.
    """

    def __init__(self, log: str, name: str, content: Content, ledger: Ledger, wanted: bool = True) -> None:
        found = os.fstat(content.fileno())
        self.log = log
        self.name = name
        self.content = content
        self.identity: Identity = (found.st_dev, found.st_ino)
        self.wanted = wanted
        self.started = self.has_more = False
        self.at = self.seen = 0
        self.grown_at = time.monotonic() - max(0.0, time.time() - found.st_mtime)
        self.lines = Lines()
        self._ledger = ledger
        self._head = self._window = self._consumed = b""
        self._position: Position | None = None
        self._stamp = stamp(content)

    def start(self, offset: int, skipping: bool = False) -> None:
        """Read from an offset on."""
        before = min(SPAN, offset)
        self._head = self.content.pread(before, 0)
        self._window = self._consumed = self.content.pread(before, offset - before)
        self.at = offset
        self.lines = Lines(skipping)
        self.started = True
        self._position = None

    @property
    def has_stirred(self) -> bool:
        """Whether a file of which nothing was read yet was written to. What was in it first may be elsewhere now."""
        return not self.at and stamp(self.content) != self._stamp

    def forget(self) -> None:
        """What the file holds is something else now, as far as one can know."""
        self.started = False
        self.at = self.seen = 0
        self.lines = Lines()
        self._stamp = stamp(self.content)

    def read(self) -> bytes:
        """The next whole lines; b"" when there are none now. Hot path."""
        self.has_more = False
        until = self.at + SLICE
        while self.at < until:
            window = self._window
            raw = self.content.pread(len(window) + CHUNK, self.at - len(window))
            if not raw.startswith(window):
                raise TruncatedError
            if len(raw) == len(window):
                return b""
            if raw.startswith(b"\0", len(window)) and not self.lines.rest and not self.lines.skipping:
                self._skip_hole(until)
                continue
            if self.at == len(window):
                self._head = raw[:SPAN]
            whole, dropped = self.lines.feed(raw[len(window) :])
            self.at += len(raw) - len(window)
            self._window = raw[-SPAN:]
            consumed = len(raw) - len(self.lines.rest)
            if consumed > len(window):
                self._consumed = raw[max(0, consumed - SPAN) : consumed]
            self.grown_at = time.monotonic()
            if dropped:
                self._ledger.too_long(self.name)
            if whole:
                return whole
        self.has_more = True
        return b""

    def finish(self) -> bytes:
        """The unfinished line at the end, which counts as it is; b"" if there is none."""
        self._consumed = self._window
        return self.lines.finish()

    def intact(self) -> bool:
        """Whether what was read last is still there."""
        return self.content.pread(len(self._window), self.at - len(self._window)) == self._window

    def position(self) -> Position:
        """What to store, to go on here."""
        offset = self.at - len(self.lines.rest)
        old = self._position
        if old is None or (old.offset, old.path, old.skipping) != (offset, self.log, self.lines.skipping):
            self._position = old = self._position_at(offset, self._consumed)
        return old

    def reached(self) -> Position:
        """The position behind all that was read, the unfinished line too: what a copy of the file agrees with."""
        return self._position_at(self.at, self._window)

    def _position_at(self, offset: int, before: bytes) -> Position:
        head = self._head[:offset]
        return Position(
            *(self.log, *self.identity, offset, digest(head), len(head), digest(before), len(before)),
            skipping=self.lines.skipping,
        )

    def unread(self) -> int:
        """Bytes that are there and not read."""
        return max(0, (self.content.size() or 0) - self.at)

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
