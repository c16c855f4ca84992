"""Logs that grow and rotate, while the exporter runs and while it does not: each line of them once.

A rotation is a file that is known, found elsewhere; what it is called does not matter (see `fingerprint`).
So there is one way to go on after a restart, a rename or a truncation: list what may be a copy, oldest first;
read a known file on from where it was read to; read a rotation that was never seen from its start; then the log.

What can be lost, and is told: what was truncated, or deleted while the exporter was down, with no copy kept;
what was written between copy and truncation, where it had been seen.

What is not noticed: what was written and truncated, with no copy kept, between two looks at a log of which nothing
had been read. A rotated file without one whole line that is packed while the exporter restarts. A log that begins
as the known one did, up to where that was read, in the known one's place, with no copy kept. A rotation that is
older by its name than one that is known. What is written to a deleted log whose writer was silent for ten seconds.
What can count twice: what a power loss or a copy of a name that no rotation gives leaves, where that is less than
1 KiB. What was edited in place.

- A file that is renamed away is read on while its writer still adds to it (nginx does, until it is told to reopen).
  After ten silent seconds it is closed, and looked at now and then: if it has grown, it is read on.
- A line without its line feed waits for the rest of it. If its file goes away for good, it counts as it is.

Work grows with what has changed: a look costs a call for each open file, a read only files that have grown; copies
are inspected when a log comes or was truncated, each once, and in slices, so that other logs are read in between.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

import msgspec

from exporter.inputs.base import Input
from exporter.inputs.content import Content
from exporter.inputs.elsewhere import Elsewhere
from exporter.inputs.events import InputEvents, printable
from exporter.inputs.fingerprint import SPAN, Identity, Position
from exporter.inputs.following import Follower
from exporter.inputs.known_files import KnownFiles, at_once
from exporter.inputs.lines import CHUNK
from exporter.inputs.open_files import OpenFiles
from exporter.inputs.rotated_copies import RotatedCopies
from exporter.inputs.sorting import InputFiles, Sorter
from exporter.inputs.tail import Tail, TruncatedError

# A file that was renamed away and whose writer has been silent for so long is let go.
_LINGER_SECONDS = 10.0
# What is stored of open files is written down in so many parts, each when it has changed.
_PAGES = 64


class FileInput(Input):
    """The logs that a path or a pattern names. `scan` finds out what there is, `read` gives lines.

    `start_at` is where logs that are there at the first look are read from: "end" or "beginning". Later ones
    are read from their beginning. With `restore` the first look goes on where another one stopped.
    `rotated` is a pattern for where rotated logs go, where their names do not tell. `elsewhere` is what other
    inputs read, and have read: that is not read again.
    """

    def __init__(
        self,
        pattern: str,
        events: InputEvents,
        start_at: str = "beginning",
        rotated: str = "",
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.pattern = pattern
        self.finished = False
        self._events = events
        self._elsewhere = elsewhere or Elsewhere()
        self._known = KnownFiles(self._elsewhere)
        self._files = OpenFiles()
        asked = partial(self._elsewhere.knows, self), partial(self._elsewhere.is_own, self)
        self._copies = RotatedCopies(pattern, rotated, self._known, events, *asked)
        files = InputFiles(self._files, self._known, self._copies, events)
        self._sorter = Sorter(files)
        self._follower = Follower(self, files, self._sorter, self._elsewhere, at_end=start_at == "end")

    # --- what others ask

    @property
    def directory(self) -> str:
        """The folder to watch."""
        return self._follower.finder.directory

    @property
    def readable(self) -> bool:
        """Whether there is a log, of this input or read by another one, and every one of them can be read."""
        return bool(self._files.live or self._follower.is_shared) and not self._follower.finder.unreadable

    @property
    def unopened(self) -> int:
        """Logs that there is no descriptor for."""
        return len(self._follower.finder.unopened)

    @property
    def files(self) -> list[str]:
        """The logs that are read now."""
        return sorted(map(printable, self._files.paths))

    @property
    def pending(self) -> bool:
        """Whether there is more to do, also where `read` gave nothing just now."""
        return bool(self._files.first or self._files.ready or self._sorter.pending)

    def owns(self, path: str) -> bool:
        """Whether a file is one of the logs. May be called from any thread."""
        return path in self._files.paths

    def lag_bytes(self) -> int:
        """Bytes that were there at the last look and are not read."""
        return sum(tail.unread() for tail in self._files.all())

    def positions(self) -> list[Position]:
        """What to store together with what was counted so far. Never empty after a look."""
        here = [self._files.position(tail).stored() for tail in self._files.all() if tail.started]
        known = [position.stored() for position in self._known.positions()]
        return [*known, *here] or [Position(self.pattern, finished=True).stored()]

    def pages(self) -> dict[int, msgspec.Raw]:
        """The same, encoded in parts: a change of one position changes one of them."""
        pages: dict[int, list[Position]] = {}
        here = [self._files.position(tail) for tail in self._files.all() if tail.started]
        for position in (*here, *(missing.position for missing in self._known.missing)):
            pages.setdefault(position.inode % _PAGES, []).append(position.stored())
        finished = self._known.pages()
        if not pages and not finished:
            pages[0] = [Position(self.pattern, finished=True).stored()]
        encoded = {number: msgspec.Raw(msgspec.msgpack.encode(page)) for number, page in pages.items()}
        return encoded | {_PAGES + number: page for number, page in finished.items()}

    # --- what happens

    def restore(self, positions: Iterable[Position]) -> None:
        """Before the first look: go on at positions that were stored. None at all means that there is no state."""
        for position in positions:
            self._known.restore(position.restored())
            self._follower.is_new = False

    def inherit(self, positions: list[Position], quiet: bool) -> None:
        """Go on with logs that another input has read; if `quiet`, it is no loss where one is gone."""
        here = {tail.identity for tail in self._files.all()} | {
            missing.position.identity for missing in self._known.missing
        }
        for position in positions:
            if position.finished or position.identity not in here:
                self._known.restore(position, quiet)
        self._follower.is_first_look = self._follower.is_first_look or bool(positions)  # they are looked for

    def is_reading(self, identity: Identity) -> bool:
        """Whether a file is one of its logs, or about to be read before them."""
        return self._files.is_reading(identity)

    def knows(self, content: Content, identity: Identity) -> bool:
        """Whether it reads a file, or has read it."""
        opened = self._files.index()
        return identity in opened.all or at_once(self._known.find(content, identity, opened.heads)) is not None

    def hand_over(self, content: Content, identity: Identity) -> Position | None:
        """How far it has read a file that is none of its logs any more; None where it knows nothing of it."""
        for tail in self._files.old:
            if tail.identity == identity and tail.started:
                position = tail.position()
                self._sorter.restart()
                self._files.remove(tail)
                return position
        return self._known.hand_over(content, identity)

    def release(self, is_own: Callable[[str], bool]) -> list[Position]:
        """Let go of the logs that are not its own any more, with all that is known of them."""
        self._sorter.restart()
        released = self._known.release(is_own)
        for tail in self._files.all():
            if not is_own(tail.log):
                released += [tail.position()] if tail.started else []
                self._files.remove(tail)
        self._sorter.released()
        return released

    def leave(self) -> tuple[bytes, int]:
        """Before it is taken out: the unfinished lines of deleted files, which nobody can read on; how many bytes
        wait for who can.
        """
        rest = b""
        for tail in self._files.all():
            if tail.started and not tail.unread() and not os.fstat(tail.content.fileno()).st_nlink:
                rest += tail.finish()
                self._known.finish(tail.position())
                self._files.remove(tail)
        return rest, self.lag_bytes() + sum(len(tail.lines.rest) for tail in self._files.all())

    def scan(self) -> None:
        """Open what is new, notice what was renamed, replaced, truncated or written to."""
        self._follower.scan()
        self._sorter.add(self._copies.grown())
        files = self._files
        now = time.time_ns()
        waiting = {*files.first, *files.ready}
        files.first = deque(tail for tail in files.old if tail.started)
        files.ready.clear()
        for tail in [*files.live.values()]:
            seen = tail.seen
            if tail.may_have_more(now):
                if tail.seen < seen:
                    self._shrunk(tail, seen)
                waiting.add(tail)
            if tail.started and tail in waiting:
                files.queue(tail)

    def read(self) -> bytes:
        """The next whole lines, of several files perhaps; about CHUNK bytes at most. Hot path.

        b"" when there are none now, or not yet: then more is `pending`.
        """
        rests = self._sorter.go_on()
        batch = [rests] if rests else []
        files = self._files
        size = 0
        while (files.first or files.ready) and size < CHUNK:
            tail = (files.first or files.ready).popleft()
            before = tail.at
            if lines := self._read(tail):
                batch.append(lines)
            size += max(1, tail.at - before)
        return b"".join(batch)

    def close(self) -> None:
        """Close all files."""
        self._sorter.restart()
        self._files.close()
        self._sorter.released()

    # --- reading

    def _read(self, tail: Tail) -> bytes:
        """The next lines of a file. One that is at its end is left alone until the next look."""
        if not tail.started:
            return b""  # since it was queued it was closed, or is something else now
        if tail.has_stirred:
            self._sorter.start_again(tail)
            return b""
        if tail.at < SPAN:
            self._sorter.forget_index()
        try:
            lines = tail.read()
        except TruncatedError:
            size = tail.content.size() or 0
            self._truncated(tail, tail.seen if size < tail.seen else 0)
            return b""
        if not tail.drained:
            # Old files are read to their ends; others take turns.
            (self._files.first.appendleft if tail in self._files.old else self._files.queue)(tail)
        elif not lines and tail in self._files.old:
            return self._let_go(tail)
        return lines

    def _let_go(self, tail: Tail) -> bytes:
        """Close a file that is no log any more if it is done; its unfinished line, if it has one."""
        if not tail.content.packed and time.monotonic() - tail.grown_at <= _LINGER_SECONDS:
            return b""
        rest = tail.finish()
        self._copies.settle(tail.content, tail.position())
        if tail.content.damaged:
            self._events.loss(tail.name, "damaged")
        del self._files.old[tail]
        tail.close()
        self._sorter.restart([tail.log])  # and see under which name it is kept, in case that it is written to again
        return rest

    # --- truncation

    def _shrunk(self, tail: Tail, seen: int) -> None:
        """A log is smaller than it was `seen` to be."""
        if not tail.at or not tail.intact():
            self._truncated(tail, seen)
        elif (gone := seen - max(tail.seen, tail.at)) > 0:
            self._events.lost(tail.name, "truncated", gone)

    def _truncated(self, tail: Tail, seen: int) -> None:
        self._sorter.truncated(tail, seen)
        self._sorter.restart([tail.log])
        self._follower.forget_doubles()
