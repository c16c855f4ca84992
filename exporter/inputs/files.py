"""Logs that grow and rotate, while the exporter runs and while it does not: each line of them once.

A rotation is a file that is known, found elsewhere; what it is called does not matter (see `fingerprint`).
So there is one way to go on after a restart, a rename or a truncation: list what may be a copy, oldest first;
read a known file on from where it was read to; read a rotation that was never seen from its start; then the log.

What can be lost, and is told: what was truncated, or deleted while the exporter was down, with no copy kept;
what was written between copy and truncation, where it had been seen.

What is not noticed: what was written and truncated, with no copy kept, between two looks at a log of which nothing
had been read. A rotated file without one whole line that is packed while the exporter restarts. A log that begins
as the known one did, up to where that was read, in the known one's place, with no copy kept. A rotation that is
older by its name than one that is known.
What can count twice: what a power loss or a copy of a name that no rotation gives leaves, where that is less than
1 KiB. What was edited in place.

- A file that is renamed away or deleted is read on while its writer still adds to it (nginx does, until it is
  told to reopen).
- A line without its line feed waits for the rest of it. If its file goes away for good, it counts as it is.
"""

import os
import time
from collections.abc import Callable, Iterable
from functools import partial

from msgspec.structs import replace as changed

from exporter.inputs.content import Content, open_content
from exporter.inputs.copies import Copies
from exporter.inputs.elsewhere import Elsewhere
from exporter.inputs.fingerprint import Identity, Position
from exporter.inputs.known import Known, Missing
from exporter.inputs.ledger import Ledger
from exporter.inputs.tail import Tail, TruncatedError
from exporter.inputs.where import Where

# A file that was renamed away and whose writer has been silent for so long is let go.
_LINGER_SECONDS = 10.0


class FileInput:
    """The logs that a path or a pattern names. `look` finds out what there is, `read` gives lines.

    `start_at` is where logs that are there at the first look are read from: "end" or "beginning". Later ones
    are read from their beginning. With `restore` the first look goes on where another one stopped.
    `rotated` is a pattern for where rotated logs go, where their names do not tell. `elsewhere` is what other
    inputs read, and have read: that is not read again.
    """

    def __init__(
        self,
        pattern: str,
        ledger: Ledger,
        start_at: str = "beginning",
        rotated: str = "",
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.pattern = pattern
        self.finished = False
        self._ledger = ledger
        self._at_end = start_at == "end"
        self._is_new = self._is_first_look = True
        self._elsewhere = elsewhere or Elsewhere()
        self._known = Known(self._elsewhere)
        self._where = Where(pattern, ledger)
        # What is read: files that are no logs any more, oldest first; then the logs; last what may be a copy, if
        # its original is not found. And what has a log's name, and is only a copy of an open file.
        self._old: list[Tail] = []
        self._live: dict[Identity, Tail] = {}
        self._last: list[Tail] = []
        self._doubles: set[Identity] = set()
        self._is_shared = False
        self._copies = Copies(pattern, rotated, self._known, ledger, partial(self._elsewhere.knows, self))

    # --- what others ask

    @property
    def directory(self) -> str:
        """The folder to watch."""
        return self._where.directory

    @property
    def readable(self) -> bool:
        """Whether there is a log, of this input or read by another one, and every one of them can be read."""
        return bool(self._live or self._is_shared) and not self._where.unreadable

    @property
    def files(self) -> list[str]:
        """The logs that are read now."""
        return sorted(tail.log for tail in self._live.values())

    def owns(self, path: str) -> bool:
        """Whether a file is one of the logs."""
        return any(tail.log == path for tail in [*self._live.values()])

    def lag_bytes(self) -> int:
        """Bytes that are there and not read."""
        return sum(tail.unread() for tail in self._tails())

    def positions(self) -> list[Position]:
        """What to store together with what was counted so far. Never empty after a look."""
        here = [tail.position() for tail in self._tails() if tail.started]
        return [*self._known.positions(), *here] or [Position(self.pattern, finished=True)]

    # --- what happens

    def restore(self, positions: Iterable[Position]) -> None:
        """Before the first look: go on at positions that were stored. None at all means that there is no state."""
        for position in positions:
            self._known.restore(position)
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
        opened = [tail.reached() for tail in self._tails() if tail.started]
        here = any(tail.identity == identity for tail in self._tails())
        return here or self._known.find(content, identity, opened) is not None

    def hand_over(self, content: Content, identity: Identity) -> Position | None:
        """How far it has read a file that is none of its logs any more; None where it knows nothing of it."""
        for tail in self._old:
            if tail.identity == identity and tail.started:
                self._old.remove(tail)
                tail.content.close()
                return tail.position()
        return self._known.hand_over(content, identity)

    def release(self, is_own: Callable[[str], bool]) -> list[Position]:
        """Let go of the logs that are not its own any more, with all that is known of them."""
        others = [tail for tail in self._tails() if not is_own(tail.log)]
        for tail in others:
            self._remove(tail)
        return [*self._known.release(is_own), *(tail.position() for tail in others if tail.started)]

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

    def look(self) -> None:
        """Open what is new, notice what was renamed, replaced or truncated."""
        there = self._there()
        if self._is_first_look or there != {identity: tail.log for identity, tail in self._live.items()}:
            self._follow(there)
        for tail in [*self._live.values()]:
            size = tail.content.size() or 0
            if size < tail.seen:
                self._shrunk(tail, size)
            tail.seen = size

    def read(self) -> bytes:
        """The next whole lines; b"" when there are none now. At most about CHUNK bytes at once."""
        for tail in self._tails():
            if tail.has_stirred:
                self._find_copies([tail.log])
                return self.read()
            if not tail.started:
                is_wanted = self._start(tail)
                if lines := self._give_up():
                    return lines
                if not is_wanted:
                    continue
            try:
                lines = tail.read()
            except TruncatedError:
                self._truncated(tail, tail.seen if tail.unread() < tail.seen - tail.at else 0)
                return self.read()
            if not lines and tail.identity not in self._live:
                lines = self._let_go(tail)
            if lines:
                return lines
        return self._give_up()

    def close(self) -> None:
        """Close all files."""
        for tail in self._tails():
            tail.content.close()
        self._live.clear()
        self._old.clear()
        self._last.clear()

    # --- reading

    def _tails(self) -> list[Tail]:
        return [*self._old, *self._live.values(), *self._last]

    def _start(self, tail: Tail) -> bool:
        """Find out where to read a file from; False if it is not to be read."""
        others = [(one.reached(), one) for one in self._tails() if one.started]
        found = self._known.find(tail.content, tail.identity, [position for position, _ in others])
        other = next((one for position, one in others if found and position is found.position), None)
        is_live = tail.identity in self._live
        if not found:
            return self._start_unknown(tail)
        if other and is_live and other.identity not in self._live:
            self._old.remove(other)  # a log that is replaced by a copy with more in it: rsync does so
            other.content.close()
        elif other or (found.shorter and not is_live) or not (found.sought or tail.wanted):
            self._drop(tail)
            return False
        elif found.sought or not found.shorter:
            self._found(self._known.take(found.position), tail)
        if not tail.wanted:
            self._last.remove(tail)
            self._old.append(tail)
        tail.start(found.offset, found.position.skipping and not found.shorter)
        self._ledger.resumed(tail.name, found.offset)
        return True

    def _start_unknown(self, tail: Tail) -> bool:
        if not tail.wanted:
            self._drop(tail)
            return False
        self._known.take_empty(tail.log, tail.identity if tail.identity in self._live else None)
        tail.start(0)
        self._ledger.opened(tail.name, 0)
        return True

    def _found(self, missing: Missing | None, tail: Tail) -> None:
        """What was looked for; what was seen of it and is not in the copy is lost."""
        if missing and missing.seen:
            gone = missing.seen - max(missing.position.offset, tail.content.size() or missing.seen)
            if gone > 0:
                self._ledger.lost(tail.name, "truncated", gone)

    def _drop(self, tail: Tail) -> None:
        """A copy of what is open."""
        if tail.identity in self._live:
            self._doubles.add(tail.identity)
        self._remove(tail)

    def _remove(self, tail: Tail) -> None:
        """Read a file no more."""
        if not self._live.pop(tail.identity, None):
            (self._old if tail in self._old else self._last).remove(tail)
        tail.content.close()

    def _let_go(self, tail: Tail) -> bytes:
        """Close a file that is no log any more if it is done; its unfinished line, if it has one."""
        if not tail.content.packed and time.monotonic() - tail.grown_at <= _LINGER_SECONDS:
            return b""
        rest = tail.finish()
        self._known.finish(tail.position())
        self._copies.settle(tail.content)
        if tail.content.damaged:
            self._ledger.loss(tail.name, "damaged")
        self._old.remove(tail)
        tail.content.close()
        return rest

    # --- truncation

    def _shrunk(self, tail: Tail, size: int) -> None:
        if not tail.at or not tail.intact():
            self._truncated(tail, tail.seen)
        elif (gone := tail.seen - max(size, tail.at)) > 0:
            self._ledger.lost(tail.name, "truncated", gone)

    def _truncated(self, tail: Tail, seen: int) -> None:
        self._miss(tail, seen)
        if self._doubles:
            self._doubles.clear()
            self._follow(self._there())
        self._find_copies([tail.log])

    def _miss(self, tail: Tail, seen: int = 0) -> None:
        """What was in a file is looked for; what is in it now is another one."""
        self._ledger.rotated("truncate")
        known = [one for one in self._known.missing if one.position.offset and one.position.identity == tail.identity]
        if known and not tail.started:  # it was about to be read on
            known[0].truncated, known[0].seen = True, seen
        else:
            self._known.missing.append(Missing(tail.position(), True, seen, tail.lines.rest))
        tail.forget()

    def _find_copies(self, logs: Iterable[str]) -> None:
        """Find what has to be read before the logs. Nothing is older than a file that is not what it was."""
        logs = {*logs}
        for tail in self._tails():
            if tail.has_stirred:
                tail.forget()
                logs.add(tail.log)
            elif tail.started and not tail.content.packed and not tail.intact():
                self._miss(tail)
        copies = self._copies.to_read(logs, [*self._old, *self._last], [*self._live.values()])
        others = [tail for tail in self._old if tail not in copies]
        self._old = [tail for tail in others if tail.started] + [tail for tail in copies if tail.wanted]
        self._old += [tail for tail in others if not tail.started]
        self._last += [tail for tail in copies if not tail.wanted]

    def _give_up(self) -> bytes:
        """Tell what was not found, once all that is there was looked at; its unfinished lines."""
        tails = self._tails()
        if not self._live or not self._known.missing or not all(tail.started for tail in tails):
            return b""
        lines = b""
        for missing in self._known.give_up():
            position = missing.position
            gone = missing.seen - position.offset - len(missing.rest)
            here = any(tail.identity == position.identity for tail in tails)
            reason = "truncated" if here else "deleted"
            if gone > 0:
                self._ledger.lost(position.path, reason, gone)
            else:
                self._ledger.loss(position.path, reason)
            lines += missing.rest + b"\n" if missing.rest else b""
        return lines

    # --- names

    def _there(self) -> dict[Identity, str]:
        """The logs that are there, without copies of open ones."""
        opened = {identity: tail.log for identity, tail in self._live.items()}
        before = {tail.log for tail in self._tails()} | {one.position.path for one in self._known.missing}
        there = self._where.look(opened, before | self._elsewhere.paths)
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
                self._old.append(self._live.pop(identity))
                tail.grown_at = time.monotonic()
                if os.fstat(tail.content.fileno()).st_nlink:
                    self._ledger.rotated("rename")
            elif tail.log != there[identity]:
                tail.log = tail.name = there[identity]
                self._ledger.rotated("rename")
        arrived = self._arrivals(there)
        self._live |= {tail.identity: tail for tail in arrived}
        # A name comes before longer ones that begin with it, which may be copies.
        self._live = dict(sorted(self._live.items(), key=lambda item: item[1].log))
        begun = [tail for tail in arrived if self._is_new and not self._goes_on(tail)]
        for tail in begun:
            tail.start((tail.content.size() or 0) if self._at_end else 0)
            self._ledger.opened(tail.name, tail.at)
        if self._is_new and (begun or not (arrived or self._known.missing)):
            self._copies.leave_out([tail.log for tail in begun], arrived)
        if len(begun) < len(arrived) or (self._is_first_look and (self._known.missing or not self._is_new)):
            self._find_copies(tail.log for tail in arrived if tail not in begun)
        self._is_new = self._is_first_look = False

    def _goes_on(self, tail: Tail) -> bool:
        """Whether a log that is there at the first look was read before, or would have been, by another input."""
        if self._elsewhere.followed(tail.log) or self._known.follows(tail.log):
            return True
        if self._known.is_empty:
            return False
        return bool(self._known.find(tail.content, tail.identity, [])) or self._copies.is_known(tail.log)

    def _arrivals(self, there: dict[Identity, str]) -> list[Tail]:
        """The logs that are not open yet."""
        old = {tail.identity: tail for tail in self._old}
        arrived = []
        for identity, path in there.items():
            if identity in self._live:
                continue
            if identity in old:
                self._old.remove(old[identity])
                self._live[identity] = old[identity]
                old[identity].log = path
                continue
            try:
                tail = Tail(path, path, open_content(path), self._ledger)
            except OSError as error:
                self._where.trouble(path, error)
                continue
            self._where.opened(path)
            if position := self._elsewhere.hand_over(self, tail.content, identity):
                self._known.restore(changed(position, finished=False))
            arrived.append(tail)
        return arrived
