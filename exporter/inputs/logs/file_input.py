"""Reads logs that grow and rotate, also while the exporter is down: each line is read once.

A rotated file is a known file at another path; its name does not matter (see `fingerprint`). So reading continues in
the same way after a restart, a rename or a truncation: list the possible copies, oldest first; read known files on from
where they were read to, and rotations that were never seen from their start; then read the log.

Losses that are reported:
- lines of a log that was truncated, or deleted while the exporter was down, if no copy was kept;
- lines written between copy and truncation, if a scan had seen the larger size.

Losses that are not noticed:
- lines that were written and truncated between two scans, if no copy was kept and nothing of the log had been read;
- a log that was deleted, or rotated while the exporter was down, and replaced by one with the same bytes, up to where
  it was read; the first KiB is enough if the log is shorter now but still the same inode, as after a power loss;
- a rotation that was never seen and whose name says that it is older than a known one, or than one with the same bytes
  as a known one, such as a header and nothing else;
- lines written after ten seconds of silence to a deleted log; to a renamed one that was empty; or to one of less than
  1 KiB that is packed before the next scan.

Lines that may count twice: those of a file of less than 1 KiB after a power loss, in a copy whose name is not that of a
rotation, or in a longer copy that replaced it and was rotated between two scans; lines that were edited in place.

- A renamed file is read on while its writer still adds to it (nginx does until it reopens its logs). After ten seconds
  without new lines it is closed, and checked now and then: if it has grown, it is read on.
- A line without a line feed waits for the rest of it. If its file is gone for good, it counts as it is.

The work grows with what has changed: a scan costs one call for each open file, and only files that have grown are read.
Copies are inspected when a log is new or was truncated, each once, and in slices, so that other logs are read in
between.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

import msgspec

from exporter.inputs.base import Input
from exporter.inputs.disk.content import Content
from exporter.inputs.disk.fingerprint import SPAN, Identity, Position, stamp
from exporter.inputs.disk.open_files import OpenFiles
from exporter.inputs.disk.tail import Tail, TruncatedError
from exporter.inputs.elsewhere import Elsewhere
from exporter.inputs.events import InputEvents, printable
from exporter.inputs.lines import CHUNK
from exporter.inputs.logs.following import Follower
from exporter.inputs.logs.headers import HeaderReader, Headers
from exporter.inputs.logs.sorting import InputFiles, Sorter
from exporter.inputs.rotations.copies import RotatedCopies
from exporter.inputs.rotations.known_files import KnownFiles
from exporter.inputs.rotations.matches import at_once

# A renamed file is closed when its writer has been silent for this long.
_LINGER_SECONDS = 10.0
# The positions of open files are stored in this many parts; a commit writes those that have changed.
_PAGES = 64


class FileInput(Input):
    """The logs that a path or a pattern names. `scan` finds files, `read` returns lines.

    `start_at` is where logs that exist at the first scan are read from: "end" or "beginning". Later ones are read from
    their beginning. After `restore` the first scan continues at stored positions. `rotated` is a pattern for rotated
    logs that their names don't show to be copies. What other inputs read (`elsewhere`) is not read again.
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
        self._headers: Headers | None = None
        self._follower = Follower(self, files, self._sorter, self._elsewhere, at_end=start_at == "end")

    # --- what others ask

    @property
    def directory(self) -> str:
        """The folder to watch for changes."""
        return self._follower.finder.directory

    @property
    def readable(self) -> bool:
        """Whether there is a log, of this input or read by another one, and every one of them can be read."""
        objects = self._follower.objects
        are_there = self._files.live or self._follower.is_shared or (objects and objects.are_closed)
        return bool(are_there) and not self._follower.finder.unreadable

    @property
    def unreadable(self) -> dict[str, str]:
        """The logs that can't be read, or the pattern if no file matches it, and why."""
        return {printable(path): why for path, why in self._follower.finder.unreadable.items()}

    @property
    def unopened(self) -> int:
        """Number of logs that no file descriptor is left for."""
        return len(self._follower.finder.unopened)

    @property
    def files(self) -> list[str]:
        """The logs that are read now."""
        return sorted(map(printable, self._files.paths))

    @property
    def pending(self) -> bool:
        """Whether there is more to do, even if `read` just returned nothing."""
        return bool(self._files.first or self._files.ready or self._sorter.pending)

    def owns(self, path: str) -> bool:
        """Whether a file is one of the logs. May be called from any thread."""
        return path in self._files.paths

    def lag_bytes(self) -> int:
        """How many bytes were there at the last scan and are not read yet. Right after a start, until it is known where
        a file is read on, what was read of the same inode before counts as read.
        """
        files = self._files.all()
        unread = sum(tail.unread() for tail in files if tail.started)
        if waiting := [tail for tail in files if not tail.started]:
            missing = [missing for missing in self._known.missing if not missing.truncated]
            read = {each.position.identity: each.position.offset for each in missing}
            for tail in waiting:
                if tail.wanted or tail.identity in read:
                    unread += max(0, tail.unread() - read.get(tail.identity, 0))
        return unread

    def positions(self) -> list[Position]:
        """The positions to store together with what was counted so far. Never empty after a scan."""
        here = [self._files.position(tail).stored() for tail in self._files.all() if tail.started]
        known = [position.stored() for position in self._known.positions()]
        return [*known, *here] or [Position(self.pattern, finished=True).stored()]

    def pages(self) -> dict[int, msgspec.Raw]:
        """The positions, encoded in numbered parts: a change of one position changes one part."""
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
        """Continue at stored positions; called before the first scan. An empty list means that there is no state."""
        for position in positions:
            self._known.restore(position.restored())
            self._follower.is_new = False

    def read_headers(self, reader: HeaderReader | None, is_new: bool) -> None:
        """From the next line on, decode each log's lines with its own columns."""
        self._headers = Headers(reader, self._files, self._known) if reader else None
        if self._headers and is_new:
            self._headers.forget()

    def inherit(self, positions: list[Position], quiet: bool) -> None:
        """Continue logs that another input has read. If `quiet`, one that is gone is not reported as lost."""
        here = {tail.identity for tail in self._files.all()} | {
            missing.position.identity for missing in self._known.missing
        }
        for position in positions:
            if position.finished or position.identity not in here:
                self._known.restore(position, quiet)
        self._follower.is_first_look = self._follower.is_first_look or bool(positions)  # to look for their files

    def is_reading(self, identity: Identity) -> bool:
        """Whether a file is one of its logs, or about to be read before them."""
        return self._files.is_reading(identity)

    def knows(self, content: Content, identity: Identity) -> bool:
        """Whether it reads a file, or has read it."""
        opened = self._files.index()
        return identity in opened.all or at_once(self._known.find(content, identity, opened.heads)) is not None

    def hand_over(self, content: Content, identity: Identity) -> Position | None:
        """How far it has read a file that is not one of its logs any more; None if it does not know the file."""
        for tail in self._files.old:
            if tail.identity == identity and tail.started:
                position = tail.position()
                self._sorter.restart()
                self._files.remove(tail)
                return position
        return self._known.hand_over(content, identity)

    def release(self, is_own: Callable[[str], bool]) -> list[Position]:
        """Stop reading the logs that belong to other inputs now. Returns what is known of them."""
        self._sorter.restart()
        released = self._known.release(is_own)
        for tail in self._files.all():
            if not is_own(tail.log):
                released += [tail.position()] if tail.started else []
                self._files.remove(tail)
        self._sorter.released()
        return released

    def leave(self) -> tuple[bytes, int]:
        """Prepare to be removed from the config. Returns the unfinished lines of deleted files, which no other input
        can read on, and the number of unread bytes that another one could.
        """
        rest = b""
        for tail in self._files.all():
            if tail.started and not tail.unread() and tail.is_deleted:
                rest += tail.finish()
                self._known.finish(tail.position())
                self._files.remove(tail)
        return rest, self.lag_bytes() + sum(len(tail.lines.rest) for tail in self._files.all())

    def scan(self) -> None:
        """Open new logs; notice which were renamed, replaced, truncated or written to."""
        self._follower.scan()
        self._sorter.add(self._copies.grown())
        files = self._files
        now = time.time_ns()
        waiting = {*files.first, *files.ready}
        files.first = deque(tail for tail in files.old if tail.started)
        files.ready.clear()
        for tail in [*files.live.values()]:
            if self._may_have_more(tail, now):
                waiting.add(tail)
            if tail.started and tail in waiting:
                files.queue(tail)

    def read(self) -> bytes:
        """The next whole lines, of one or several files, about CHUNK bytes at most; of one if each names its columns.
        Hot path.

        b"" if there are none now; there may still be more to do (`pending`).
        """
        rests = self._sorter.go_on()
        batch = [rests] if rests else []
        files = self._files
        size = CHUNK if rests and self._headers else 0
        while (files.first or files.ready) and size < CHUNK:
            tail = (files.first or files.ready).popleft()
            before = tail.at
            if lines := self._try_to_read(tail):
                batch.append(lines)
                if self._headers:
                    self._headers.turn_to(tail, before)
                    break
            size += max(1, tail.at - before)
        return b"".join(batch)

    def close(self) -> None:
        """Close all files."""
        self._sorter.restart()
        self._files.close()
        self._sorter.released()

    # --- reading

    def _may_have_more(self, tail: Tail, now: int) -> bool:
        """Whether there may be something to read in a log; notices that it was truncated."""
        seen = tail.seen
        try:
            if tail.may_have_more(now) or (self._follower.objects and tail.drained):
                if tail.seen < seen:
                    self._shrunk(tail, seen)
                return True
        except OSError as error:
            self._fails(tail, error)
        return tail.is_failing

    def _try_to_read(self, tail: Tail) -> bytes:
        """The next lines of a file. b"" if the disk or the server of its file system fails: the next scan tries again,
        and meanwhile the others are read.
        """
        try:
            lines = self._read(tail)
        except OSError as error:
            self._fails(tail, error)
            return b""
        if tail.is_failing:
            tail.is_failing = False
            self._follower.finder.opened(tail.log)
        return lines

    def _fails(self, tail: Tail, error: OSError) -> None:
        tail.is_failing = True
        self._follower.finder.trouble(tail.log, error)

    def _read(self, tail: Tail) -> bytes:
        """The next lines of a file. A log that is at its end is not read again before the next scan."""
        # Long, as it has a branch for each way in which a file's turn can end.
        if not tail.started:
            return b""  # since it was queued it was closed, or is something else now
        if tail.has_stirred:
            self._sorter.start_again(tail)
            return b""
        if tail.at < SPAN:
            self._sorter.forget_index()
        objects = self._follower.objects
        before = stamp(tail.content) if objects else None
        try:
            lines = tail.read()
        except TruncatedError:
            size = tail.content.size() or 0
            self._truncated(tail, tail.seen if size < tail.seen else 0)
            return b""
        is_old = tail in self._files.old
        if not tail.drained:
            # Old files are read to their ends; others take turns.
            (self._files.first.appendleft if is_old else self._files.queue)(tail)
        elif not lines and is_old:
            return self._let_go(tail)
        elif not lines and objects and before:
            return objects.let_go(tail, before)
        elif objects:
            self._files.queue(tail)
        return lines

    def _let_go(self, tail: Tail) -> bytes:
        """Close a rotated file if its writer is silent. Returns its unfinished line, b"" if it has none."""
        if not tail.content.packed and time.monotonic() - tail.grown_at <= _LINGER_SECONDS:
            return b""
        rest = tail.finish()
        self._copies.settle(tail.content, tail.position())
        if tail.content.damaged:
            self._events.loss(tail.name, "damaged")
        del self._files.old[tail]
        tail.close()
        self._sorter.restart([tail.log])  # to find its new name, in case it is written to again
        return rest

    # --- truncation

    def _shrunk(self, tail: Tail, seen: int) -> None:
        """A log is smaller than its last `seen` size: it was truncated, unless what was read is still there."""
        if not tail.at or not tail.intact():
            self._truncated(tail, seen)
        elif (gone := seen - max(tail.seen, tail.at)) > 0:
            self._events.lost(tail.name, "truncated", gone)

    def _truncated(self, tail: Tail, seen: int) -> None:
        self._sorter.truncated(tail, seen)
        self._sorter.restart([tail.log])
        self._follower.forget_doubles()
