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
from msgspec.structs import replace as changed

from exporter.inputs.base import Input
from exporter.inputs.content import Content, open_log
from exporter.inputs.discovery import LogFinder
from exporter.inputs.elsewhere import Elsewhere
from exporter.inputs.events import InputEvents, printable
from exporter.inputs.fingerprint import SPAN, Identity, Position
from exporter.inputs.heads import Heads
from exporter.inputs.known_files import KnownFiles, MissingFile, Steps, at_once
from exporter.inputs.lines import CHUNK
from exporter.inputs.rotated_copies import Open, RotatedCopies
from exporter.inputs.tail import Tail, TruncatedError

# A file that was renamed away and whose writer has been silent for so long is let go.
_LINGER_SECONDS = 10.0
# So long files are sorted out at a time; then others get their turn.
_SLICE_SECONDS = 0.01
# What is stored of open files is written down in so many parts, each when it has changed.
_PAGES = 64


class FileInput(Input):
    """The logs that a path or a pattern names. `look` finds out what there is, `read` gives lines.

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
        self._at_end = start_at == "end"
        self._is_new = self._is_first_look = True
        self._elsewhere = elsewhere or Elsewhere()
        self._known = KnownFiles(self._elsewhere)
        self._finder = LogFinder(pattern, events)
        self._paths: frozenset[str] = frozenset()
        # What is read: files that are no logs any more, oldest first; then the logs; last what may be a copy, if
        # its original is not found. And what has a log's name, and is only a copy of an open file.
        self._old: dict[Tail, None] = {}
        self._live: dict[Identity, Tail] = {}
        self._last: dict[Tail, None] = {}
        self._doubles: set[Identity] = set()
        self._is_shared = False
        asked = partial(self._elsewhere.knows, self), partial(self._elsewhere.is_own, self)
        self._copies = RotatedCopies(pattern, rotated, self._known, events, *asked)
        # What there is to do: logs whose copies have to be found; files to begin; what of it goes on, in steps.
        self._asked: set[str] = set()
        self._unbegun: deque[Tail] = deque()
        self._sorting: Steps[None] | None = None
        self._sorted_now: set[str] = set()
        self._opened: Open | None = None
        # Files to read: those that others wait for, then all others; and lines of files that are gone.
        self._first: deque[Tail] = deque()
        self._ready: deque[Tail] = deque()
        self._rests = b""

    # --- what others ask

    @property
    def directory(self) -> str:
        """The folder to watch."""
        return self._finder.directory

    @property
    def readable(self) -> bool:
        """Whether there is a log, of this input or read by another one, and every one of them can be read."""
        return bool(self._live or self._is_shared) and not self._finder.unreadable

    @property
    def unopened(self) -> int:
        """Logs that there is no descriptor for."""
        return len(self._finder.unopened)

    @property
    def files(self) -> list[str]:
        """The logs that are read now."""
        return sorted(map(printable, self._paths))

    @property
    def pending(self) -> bool:
        """Whether there is more to do, also where `read` gave nothing just now."""
        return bool(self._first or self._ready or self._asked or self._unbegun or self._sorting or self._rests)

    def owns(self, path: str) -> bool:
        """Whether a file is one of the logs. May be called from any thread."""
        return path in self._paths

    def lag_bytes(self) -> int:
        """Bytes that were there at the last look and are not read."""
        return sum(tail.unread() for tail in self._tails())

    def positions(self) -> list[Position]:
        """What to store together with what was counted so far. Never empty after a look."""
        here = [self._position(tail).stored() for tail in self._tails() if tail.started]
        known = [position.stored() for position in self._known.positions()]
        return [*known, *here] or [Position(self.pattern, finished=True).stored()]

    def pages(self) -> dict[int, msgspec.Raw]:
        """The same, encoded in parts: a change of one position changes one of them."""
        pages: dict[int, list[Position]] = {}
        here = [self._position(tail) for tail in self._tails() if tail.started]
        for position in (*here, *(one.position for one in self._known.missing)):
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
            self._is_new = False

    def inherit(self, positions: list[Position], quiet: bool) -> None:
        """Go on with logs that another input has read; if `quiet`, it is no loss where one is gone."""
        here = {tail.identity for tail in self._tails()} | {one.position.identity for one in self._known.missing}
        for position in positions:
            if position.finished or position.identity not in here:
                self._known.restore(position, quiet)
        self._is_first_look = self._is_first_look or bool(positions)  # they are looked for

    def is_reading(self, identity: Identity) -> bool:
        """Whether a file is one of its logs, or about to be read before them."""
        waiting = (tail.identity for tail in (*self._old, *self._last) if not tail.started)
        return identity in self._live or identity in waiting

    def knows(self, content: Content, identity: Identity) -> bool:
        """Whether it reads a file, or has read it."""
        opened = Open([*self._old, *self._last], self._live.values())
        return identity in opened.all or at_once(self._known.find(content, identity, opened.heads)) is not None

    def hand_over(self, content: Content, identity: Identity) -> Position | None:
        """How far it has read a file that is none of its logs any more; None where it knows nothing of it."""
        for tail in self._old:
            if tail.identity == identity and tail.started:
                position = tail.position()
                self._restart_sorting()
                self._remove(tail)
                return position
        return self._known.hand_over(content, identity)

    def release(self, is_own: Callable[[str], bool]) -> list[Position]:
        """Let go of the logs that are not its own any more, with all that is known of them."""
        self._restart_sorting()
        released = self._known.release(is_own)
        for tail in self._tails():
            if not is_own(tail.log):
                released += [tail.position()] if tail.started else []
                self._remove(tail)
        self._unbegun = deque(tail for tail in self._tails() if not tail.started)
        return released

    def leave(self) -> tuple[bytes, int]:
        """Before it is taken out: the unfinished lines of deleted files, which nobody can read on; how many bytes
        wait for who can.
        """
        rest = b""
        for tail in self._tails():
            if tail.started and not tail.unread() and not os.fstat(tail.content.fileno()).st_nlink:
                rest += tail.finish()
                self._known.finish(tail.position())
                self._remove(tail)
        return rest, self.lag_bytes() + sum(len(tail.lines.rest) for tail in self._tails())

    def scan(self) -> None:
        """Open what is new, notice what was renamed, replaced, truncated or written to."""
        if self._is_first_look or self._is_shared or self._finder.changed():
            there = self._there()
            if self._is_first_look or there != {identity: tail.log for identity, tail in self._live.items()}:
                self._follow(there)
        self._asked |= self._copies.grown()
        now = time.time_ns()
        waiting = {*self._first, *self._ready}
        self._first = deque(tail for tail in self._old if tail.started)
        self._ready.clear()
        for tail in [*self._live.values()]:
            seen = tail.seen
            if tail.may_have_more(now):
                if tail.seen < seen:
                    self._shrunk(tail, seen)
                waiting.add(tail)
            if tail.started and tail in waiting:
                self._queue(tail)

    def read(self) -> bytes:
        """The next whole lines, of several files perhaps; about CHUNK bytes at most. Hot path.

        b"" when there are none now, or not yet: then more is `pending`.
        """
        self._sort_out()
        batch = [self._rests] if self._rests else []
        self._rests = b""
        size = 0
        while (self._first or self._ready) and size < CHUNK:
            tail = (self._first or self._ready).popleft()
            before = tail.at
            if lines := self._read(tail):
                batch.append(lines)
            size += max(1, tail.at - before)
        return b"".join(batch)

    def close(self) -> None:
        """Close all files."""
        self._restart_sorting()
        for tail in self._tails():
            tail.close()
        self._live.clear()
        self._old.clear()
        self._last.clear()
        self._first.clear()
        self._ready.clear()
        self._unbegun.clear()
        self._paths = frozenset()

    # --- reading

    def _tails(self) -> list[Tail]:
        return [*self._old, *self._live.values(), *self._last]

    def _position(self, tail: Tail) -> Position:
        """Nothing is lost with a file that was renamed away, if there is nothing left to read in it."""
        return tail.position(ended=tail in self._old and tail.drained and not tail.lines.rest)

    def _queue(self, tail: Tail) -> None:
        """There is something to read in a file. Files that are no logs any more come first, and those of which so
        little was read that copies of them can't be told yet."""
        tail.drained = False
        if tail in self._old or tail.at < SPAN:
            self._first.append(tail)
        else:
            self._ready.append(tail)

    def _read(self, tail: Tail) -> bytes:
        """The next lines of a file. One that is at its end is left alone until the next look."""
        if not tail.started:
            return b""  # since it was queued it was closed, or is something else now
        if tail.has_stirred:
            tail.forget()
            self._asked.add(tail.log)
            return b""
        if tail.at < SPAN:
            self._opened = None
        try:
            lines = tail.read()
        except TruncatedError:
            size = tail.content.size() or 0
            self._truncated(tail, tail.seen if size < tail.seen else 0)
            return b""
        if not tail.drained:
            # Old files are read to their ends; others take turns.
            (self._first.appendleft if tail in self._old else self._queue)(tail)
        elif not lines and tail in self._old:
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
        del self._old[tail]
        tail.close()
        self._restart_sorting([tail.log])  # and see under which name it is kept, in case that it is written to again
        return rest

    # --- sorting out: what comes before what, and where it goes on

    def _restart_sorting(self, logs: Iterable[str] = ()) -> None:
        """What is open has changed: begin again with what was being found out, and with the copies of these logs."""
        self._opened = None
        self._asked |= {*logs}
        if self._sorting:
            self._sorting.close()
            self._sorting = None
            self._asked |= self._sorted_now

    def _sort_out(self) -> None:
        """Go on with it for a moment."""
        until = time.monotonic() + _SLICE_SECONDS
        while self._sorting or self._next():
            for _ in self._sorting or ():
                if time.monotonic() >= until:
                    return
            self._sorting = None
            if not (self._asked or self._unbegun):
                self._rests += self._give_up()
            if time.monotonic() >= until:
                return

    def _next(self) -> bool:
        """Take up what is next; False if there is nothing, or something has to be read before."""
        if self._asked:
            self._sorted_now, self._asked = self._asked, set()
            self._sorting = self._find_copies(self._sorted_now)
            return True
        if not self._unbegun or any(tail.at < SPAN or tail.log == self._unbegun[0].log for tail in self._first):
            return False
        tail = self._unbegun.popleft()
        self._sorted_now = {tail.log}
        self._sorting = self._start(tail)
        return True

    def _find_copies(self, logs: set[str]) -> Steps[None]:
        """Find what has to be read before the logs."""
        for tail in self._tails():
            if tail.log in logs:
                self._check(tail)
        copies = yield from self._copies.to_read(logs, Open([*self._old, *self._last], self._live.values()))
        self._take_in(copies)
        self._opened = None
        self._unbegun = deque(tail for tail in self._tails() if not tail.started and tail.log not in self._asked)

    def _check(self, tail: Tail) -> None:
        """Nothing is older than a file that is not what it was."""
        if tail.has_stirred:
            tail.forget()
        elif tail.started and not tail.content.packed and not tail.intact():
            self._miss(tail)

    def _take_in(self, copies: list[Tail]) -> None:
        """Read copies before the logs, and before old files that are not begun."""
        others = [tail for tail in self._old if tail not in {*copies}]
        old = [tail for tail in others if tail.started] + [tail for tail in copies if tail.wanted]
        self._old = dict.fromkeys(old + [tail for tail in others if not tail.started])
        self._last |= dict.fromkeys(tail for tail in copies if not tail.wanted)

    def _start(self, tail: Tail) -> Steps[None]:
        """Find out where to read a file from, or that it is not to be read."""
        if tail.has_stirred:
            tail.forget()
            self._asked.add(tail.log)
            return
        opened = self._opened = self._opened or Open([*self._old, *self._last], self._live.values())
        found = yield from self._known.find(tail.content, tail.identity, opened.heads)
        is_live = tail.identity in self._live
        if not found:
            self._start_unknown(tail, opened)
            return
        other = found.other
        if other and is_live and other.identity not in self._live:
            opened.remove(other)
            del self._old[other]  # a log that is replaced by a copy with more in it: rsync does so
            other.close()
        elif other or (found.shorter and not is_live) or not (found.sought or tail.wanted):
            self._drop(tail)
            return
        elif found.sought or not found.shorter:
            self._found(self._known.pop(found.position), tail)
        if not tail.wanted:
            del self._last[tail]
            self._old[tail] = None
        tail.start(found.offset, found.position.skipping and not found.shorter)
        self._begun(tail, opened)
        self._events.resumed(tail.name, found.offset)

    def _begun(self, tail: Tail, opened: Open) -> None:
        opened.add(tail)
        if tail.unread() or tail in self._old:
            self._queue(tail)

    def _start_unknown(self, tail: Tail, opened: Open) -> None:
        if not tail.wanted:
            self._drop(tail)
            return
        self._known.pop_empty(tail.log, tail.identity if tail.identity in self._live else None)
        tail.start(0)
        self._begun(tail, opened)
        self._events.opened(tail.name, 0)

    def _found(self, missing: MissingFile | None, tail: Tail) -> None:
        """What was looked for; what was seen of it and is not in the copy is lost."""
        if missing and missing.seen:
            gone = missing.seen - max(missing.position.offset, tail.content.size() or missing.seen)
            if gone > 0:
                self._events.lost(tail.name, "truncated", gone)

    def _drop(self, tail: Tail) -> None:
        """A copy of what is open."""
        if tail.identity in self._live:
            self._doubles.add(tail.identity)
        self._remove(tail)

    def _remove(self, tail: Tail) -> None:
        """Read a file no more."""
        if self._live.pop(tail.identity, None):
            self._paths -= {tail.log}
        else:
            del (self._old if tail in self._old else self._last)[tail]
        tail.close()

    def _give_up(self) -> bytes:
        """Tell what was not found, once all that is there was looked at; its unfinished lines."""
        tails = self._tails()
        if not self._live or not self._known.missing or not all(tail.started for tail in tails):
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

    # --- truncation

    def _shrunk(self, tail: Tail, seen: int) -> None:
        """A log is smaller than it was `seen` to be."""
        if not tail.at or not tail.intact():
            self._truncated(tail, seen)
        elif (gone := seen - max(tail.seen, tail.at)) > 0:
            self._events.lost(tail.name, "truncated", gone)

    def _truncated(self, tail: Tail, seen: int) -> None:
        self._miss(tail, seen)
        self._restart_sorting([tail.log])
        if self._doubles:
            self._doubles.clear()
            self._follow(self._there())

    def _miss(self, tail: Tail, seen: int = 0) -> None:
        """What was in a file is looked for; what is in it now is another one."""
        self._events.rotated("truncate")
        known = [one for one in self._known.missing if one.position.offset and one.position.identity == tail.identity]
        if known and not tail.started:  # it was about to be read on
            known[0].truncated, known[0].seen = True, seen
        else:
            self._known.miss(MissingFile(tail.position(), True, seen, tail.lines.rest))
        tail.forget()

    # --- names

    def _there(self) -> dict[Identity, str]:
        """The logs that are there, without copies of open ones."""
        opened = {identity: tail.log for identity, tail in self._live.items()}
        before = {tail.log for tail in self._tails()} | {one.position.path for one in self._known.missing}
        there = self._finder.find(opened, before | self._elsewhere.paths)
        self._doubles &= there.keys()
        single = {identity: path for identity, path in there.items() if identity not in self._doubles}
        own = {
            identity: path
            for identity, path in single.items()
            if identity in self._live or not self._elsewhere.reads(self, path, identity)
        }
        self._is_shared = len(own) < len(single)
        return own

    def _follow(self, there: dict[Identity, str]) -> None:
        """Let the logs be what is there now."""
        for identity, tail in [*self._live.items()]:
            if identity not in there:
                self._old[self._live.pop(identity)] = None
                tail.grown_at = time.monotonic()
                if os.fstat(tail.content.fileno()).st_nlink:
                    self._events.rotated("rename")
            elif tail.log != there[identity]:
                tail.log = tail.name = there[identity]
                self._events.rotated("rename")
        arrived = self._arrivals(there)
        self._live |= {tail.identity: tail for tail in arrived}
        # A name comes before longer ones that begin with it, which may be copies.
        self._live = dict(sorted(self._live.items(), key=lambda item: item[1].log))
        self._paths = frozenset(tail.log for tail in self._live.values())
        begun = [tail for tail in arrived if self._is_new and not self._goes_on(tail)]
        for tail in begun:
            tail.start(tail.seen if self._at_end else 0)
            self._events.opened(tail.name, tail.at)
        if self._is_new and (begun or not (arrived or self._known.missing)):
            self._copies.leave_out([tail.log for tail in begun], arrived)
        self._restart_sorting(tail.log for tail in arrived if tail not in begun)
        if self._is_first_look and not self._asked and (self._known.missing or not self._is_new):
            self._sorting = self._find_copies(set())
        self._is_new = self._is_first_look = False

    def _goes_on(self, tail: Tail) -> bool:
        """Whether a log that is there at the first look was read before, or would have been, by another input."""
        if self._elsewhere.followed(tail.log) or self._known.follows(tail.log):
            return True
        if self._known.is_empty:
            return False
        return bool(at_once(self._known.find(tail.content, tail.identity, Heads()))) or self._copies.is_known(tail.log)

    def _arrivals(self, there: dict[Identity, str]) -> list[Tail]:
        """The logs that are not open yet."""
        old = {tail.identity: tail for tail in self._old}
        arrived = []
        for identity, path in there.items():
            if identity in self._live:
                continue
            if identity in old:
                self._live[identity] = tail = old[identity]
                del self._old[tail]
                tail.log = path
                continue
            try:
                tail = Tail(path, path, open_log(path), self._events)
            except OSError as error:
                self._finder.trouble(path, error)
                continue
            self._finder.opened(path)
            if position := self._elsewhere.hand_over(self, tail.content, identity):
                self._known.restore(changed(position, finished=False))
            arrived.append(tail)
        return arrived
