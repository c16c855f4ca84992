"""Sorting files: which is read before which, where each is read on from, and what was lost.

The work is done in steps of a few milliseconds, so that other logs are read in between.
"""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from exporter.inputs.disk.fingerprint import SPAN, stamp
from exporter.inputs.disk.open_files import Double, OpenFiles, OpenIndex
from exporter.inputs.disk.tail import Tail
from exporter.inputs.events import InputEvents
from exporter.inputs.lines import CHUNK
from exporter.inputs.rotations.copies import RotatedCopies
from exporter.inputs.rotations.known_files import KnownFiles, MissingFile
from exporter.inputs.rotations.matches import Found, Steps, holds_more
from exporter.model.columns import Columns

# How long `go_on` works before it lets other logs be read.
_SLICE_SECONDS = 0.01


@dataclass(frozen=True)
class InputFiles:
    """All files of one input: open ones, known ones that are not open, rotated copies; and where to report events."""

    opened: OpenFiles
    known: KnownFiles
    copies: RotatedCopies
    events: InputEvents


class Sorter:
    """Finds the copies that have to be read before a log, and the place where each file is read on."""

    def __init__(self, files: InputFiles) -> None:
        self._files = files.opened
        self._known = files.known
        self._copies = files.copies
        self._events = files.events
        # Logs whose copies have to be found; files to start reading; the steps of the present work, and its logs.
        self._logs: set[str] = set()
        self._unbegun: deque[Tail] = deque()
        self._steps: Steps[None] | None = None
        self._logs_now: set[str] = set()
        self._index: OpenIndex | None = None

    @property
    def pending(self) -> bool:
        """Whether there is something left to do."""
        return bool(self._logs or self._unbegun or self._steps)

    @property
    def has_logs(self) -> bool:
        """Whether there are logs whose copies have to be found."""
        return bool(self._logs)

    def add(self, logs: Iterable[str]) -> None:
        """Find the copies of these logs too."""
        self._logs.update(logs)

    def restart(self, logs: Iterable[str] = ()) -> None:
        """The open files have changed: repeat the work that was going on, and find the copies of these logs too."""
        self.forget_index()
        self.add(logs)
        if self._steps:
            self._steps.close()
            self._steps = None
            self._logs |= self._logs_now

    def forget_index(self) -> None:
        """The first bytes of an open file have changed."""
        self._index = None

    def find_missing(self) -> None:
        """Find the files that were read before this start."""
        self._steps = self._find_copies(set())

    def start_again(self, tail: Tail) -> None:
        """A file holds something else now, and nothing of it was read: find out where to start it again."""
        tail.forget()
        self._logs.add(tail.log)

    def released(self) -> None:
        """Some files went to other inputs."""
        self._unbegun = deque(tail for tail in self._files.all() if not tail.started)

    def go_on(self) -> bytes:
        """Work for one slice of time. Returns the unfinished last lines of files that were not found again."""
        lines = b""
        until = time.monotonic() + _SLICE_SECONDS
        while self._steps or self._next():
            for _ in self._steps or ():
                if time.monotonic() >= until:
                    return lines
            self._steps = None
            if not (self._logs or self._unbegun):
                lines += self._give_up()
            if time.monotonic() >= until:
                break
        return lines

    def truncated(self, tail: Tail, seen: int = 0) -> None:
        """Look for what a file held before it was truncated; `seen` is its size before that, if known."""
        self._events.rotated("truncate")
        known = [
            missing
            for missing in self._known.missing
            if missing.position.offset and missing.position.identity == tail.identity
        ]
        if known and not tail.started:  # it was about to be read on
            known[0].truncated, known[0].seen = True, seen
        else:
            self._known.miss(MissingFile(tail.position(), True, seen, tail.lines.rest))
        tail.forget()

    # --- the steps

    def _next(self) -> bool:
        """Begin the next piece of work. False if there is none, or if other files have to be read first."""
        if self._logs:
            self._logs_now, self._logs = self._logs, set()
            self._steps = self._find_copies(self._logs_now)
            return True
        if not self._unbegun or any(tail.at < SPAN or tail.log == self._unbegun[0].log for tail in self._files.first):
            return False
        tail = self._unbegun.popleft()
        self._logs_now = {tail.log}
        self._steps = self._start(tail)
        return True

    def _find_copies(self, logs: set[str]) -> Steps[None]:
        """Find and open what has to be read before the logs."""
        for tail in self._files.all():
            if tail.log in logs:
                self._check(tail)
        copies = yield from self._copies.to_read(logs, self._files.index())
        self._add_copies(copies)
        self.forget_index()
        # Logs that were read before come first: others are compared with them, and may be their copies.
        files, before = self._files, {missing.position.identity for missing in self._known.missing}
        live = sorted(files.live.values(), key=lambda tail: tail.identity not in before)
        tails = (*files.old, *live, *files.last)
        self._unbegun = deque(tail for tail in tails if not tail.started and tail.log not in self._logs)

    def _check(self, tail: Tail) -> None:
        """Notice that a file's content was replaced, before its copies are compared with what was read of it."""
        if tail.has_stirred:
            tail.forget()
        elif tail.started and not tail.content.packed and not tail.intact():
            self.truncated(tail)

    def _add_copies(self, copies: list[Tail]) -> None:
        """Read copies before the logs, and before old files that were not started."""
        files = self._files
        others = [tail for tail in files.old if tail not in {*copies}]
        old = [tail for tail in others if tail.started] + [tail for tail in copies if tail.wanted]
        files.old = dict.fromkeys(old + [tail for tail in others if not tail.started])
        files.last |= dict.fromkeys(tail for tail in copies if not tail.wanted)

    def _start(self, tail: Tail) -> Steps[None]:
        """Find out where to read a file from, or that it is not to be read."""
        if tail.has_stirred:
            self.start_again(tail)
            return
        index = self._index = self._index or self._files.index()
        copied = self._files.copied.pop(tail.identity, 0)
        log = tail.log if tail.identity in self._files.live else tail.name if tail.wanted else ""
        found = yield from self._known.find(tail.content, tail.identity, index.heads, log)
        if found and not self._is_next(tail, found):
            self._start_known(tail, found, index)
        else:
            self._start_unknown(tail, index, copied)

    def _is_next(self, tail: Tail, found: Found) -> bool:
        """Whether a log comes after a rotated file: it holds only the beginning of that, such as a header, or the same
        few bytes; or that is still there. Objects are not rotated.
        """
        position, other = found.position, found.other
        if tail.identity not in self._files.live or tail.content.packed:
            return False
        if found.shorter:
            return other in self._files.old
        if found.sought or position.path != tail.log:
            return False
        if not position.strong:
            return not (other and other.is_deleted)
        return other is None and position.inode > 0 and position.identity != tail.identity

    def _start_known(self, tail: Tail, found: Found, index: OpenIndex) -> None:
        """Read on a file that is a known one, or a copy of it, unless there is nothing more in it."""
        # Long, as every way in which a known file can be found is in one place: open, missing, finished, cut short.
        files = self._files
        is_live = tail.identity in files.live
        other, offset = found.other, found.offset
        is_ahead = other is not None and holds_more(tail.content, found)
        if other and ((is_live and other.identity not in files.live) or (is_ahead and tail.wanted)):
            offset = other.position().offset  # its unfinished line is read again
            if other.is_deleted or not is_ahead or (is_live and other.identity in files.live):
                index.remove(other)
                self._drop(other, other.content.size() or 0)  # replaced by a longer copy, as by rsync, or only begun
        elif other or (found.shorter and not is_live) or not (found.sought or tail.wanted):
            self._drop(tail, found.offset if found.shorter else tail.content.size() or 0)
            return
        elif found.sought or not found.shorter:
            self._report_rest(self._known.pop(found.position), tail)
        if not tail.wanted:
            del files.last[tail]
            files.old[tail] = None
        tail.start(offset, found.position.skipping and not found.shorter)
        tail.columns = Columns(found.position.columns)
        self._started(tail, index)
        self._events.resumed(tail.name, offset)

    def _start_unknown(self, tail: Tail, index: OpenIndex, copied: int) -> None:
        """Read a file from its beginning, unless it was opened only in case it was a known one. If it begins as a copy
        of another, so many bytes were read there.
        """
        if not tail.wanted:
            self._files.remove(tail)
            return
        self._known.pop_empty(tail.log, tail.identity if tail.identity in self._files.live else None)
        tail.start(copied)
        self._started(tail, index)
        if copied:
            self._events.resumed(tail.name, copied)
        else:
            self._events.opened(tail.name, 0)

    def _started(self, tail: Tail, index: OpenIndex) -> None:
        index.add(tail)
        if tail.unread() or tail in self._files.old:
            self._files.queue(tail)

    def _drop(self, tail: Tail, size: int) -> None:
        """Close a file that is a copy of an open one, as far as this size."""
        if tail.identity in self._files.live:
            last = tail.content.pread(CHUNK, max(0, size - CHUNK))[: min(size, CHUNK)]
            lines = size - len(last) + last.rfind(b"\n") + 1
            on_disk = stamp(tail.content)[2] if tail.content.packed else size
            self._files.doubles[tail.identity] = Double(tail.log, on_disk, lines)
        self._files.remove(tail)

    # --- losses

    def _report_rest(self, missing: MissingFile | None, tail: Tail) -> None:
        """A missing file was found: report what was seen of it and is not in the copy."""
        if missing and missing.seen:
            gone = missing.seen - max(missing.position.offset, tail.content.size() or missing.seen)
            if gone > 0:
                self._events.lost(tail.name, "truncated", gone)

    def _give_up(self) -> bytes:
        """Report files that were never found again, once all that is there was looked at. Returns their unfinished
        last lines.
        """
        tails = self._files.all()
        if not self._files.live or not self._known.missing or not all(tail.started for tail in tails):
            return b""
        lines = b""
        here = {tail.identity for tail in tails}
        for missing in self._known.give_up():
            position = missing.position
            gone = missing.seen - position.offset - len(missing.rest)
            reason = "truncated" if position.identity in here else "deleted"
            if gone > 0:
                self._events.lost(position.path, reason, gone)
            elif missing.truncated or not position.ended:
                self._events.loss(position.path, reason)
            lines += missing.rest + b"\n" if missing.rest else b""
        return lines
