"""Which rotated copies have to be read.

A copy of a file that was read to its end has not, unless it has grown since. One of a file that is looked for
is read on. One that nothing is known of is a rotation that was never seen, if it is newer than all that are
known; older ones were there before the exporter, or somebody put them there.

What was found out about a copy holds as long as its stamp does: it is not opened again.
"""

import glob
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from exporter.inputs.content import PACKED, Content, open_content
from exporter.inputs.events import InputEvents
from exporter.inputs.fingerprint import SPAN, Head, Identity, Position, Stamp, stamp, whole
from exporter.inputs.heads import Heads
from exporter.inputs.known_files import Found, KnownFiles, Steps, at_once
from exporter.inputs.rotated_names import Copy, Family, Names
from exporter.inputs.tail import Tail

# Rotation may go on while the copies are listed and opened; so often it is tried again.
_TRIES = 5
# So many copies are looked at in turn, whether somebody still writes to them.
_IN_TURN = 50
# So many copies' first bytes are kept.
_FIRSTS = 4096


class OpenIndex:
    """The files that are open, by inode, and those that are read by how they begin."""

    def __init__(self, old: Iterable[Tail], live: Iterable[Tail]) -> None:
        self.old = {tail.identity: tail for tail in old}
        self.live = {tail.log: tail for tail in live}
        self.all = {tail.identity: tail for tail in (*self.old.values(), *self.live.values())}
        self.heads: Heads[Tail] = Heads()
        self._begins: dict[Tail, Head] = {}
        for tail in self.all.values():
            if tail.started:
                self.add(tail)

    def add(self, tail: Tail) -> None:
        """A file is read from now on."""
        self._begins[tail] = tail.begin
        self.heads.add(tail.begin, tail)

    def remove(self, tail: Tail) -> None:
        """A file is read no more."""
        self.heads.remove(self._begins.pop(tail), tail)


class RotatedCopies:
    """The rotated copies of an input's logs."""

    def __init__(
        self,
        pattern: str,
        rotated: str,
        known: KnownFiles,
        events: InputEvents,
        read_elsewhere: Callable[[Content, Identity], bool],
        is_own: Callable[[str], bool],
    ) -> None:
        self._pattern = pattern
        self._always = set() if glob.has_magic(pattern) else {pattern}
        self._known = known
        self._events = events
        self._read_elsewhere = read_elsewhere
        self._is_own = is_own
        self._names = Names(rotated, pattern)
        # Copies that have not to be read, by their stamps, and what they are copies of, if that is known.
        self._settled: dict[Stamp, Position | None] = {}
        # The first bytes of others.
        self._firsts: dict[Stamp, bytes] = {}
        # Of each log the copies at the last look, and paths of those that somebody may still write to; who is next.
        self._stamps: dict[str, set[Stamp]] = {}
        self._plain: dict[str, list[str]] = {}
        self._turn: deque[str] = deque()
        self._is_first = True

    def settle(self, content: Content, position: Position) -> None:
        """A file was read to its end; it is dealt with as long as it does not change."""
        found = stamp(content)
        if content.packed or found[2] == position.offset:
            self._settled[found] = self._known.finish(position, found)
        else:
            self._known.finish(position)  # it has grown just now, and is found again

    def leave_out(self, logs: Iterable[str], live: Iterable[Tail]) -> None:
        """All copies of these logs that are there now were there before the exporter: known, and not read."""
        held = {tail.identity for tail in live}
        self._names.refresh(first=True)
        others = {tail.log for tail in live} - {*logs}
        others |= {log for log in self._names.originals() if not self._is_own(log)}
        families = [*self._names.families(self._all({*logs, *others, *self._names.originals()}), {})]
        for log, copies, _ in families:
            for copy in copies if log not in others else ():
                if copy.named and copy.identity not in held and (content := _open(copy)):
                    if not at_once(self._known.find(content, copy.identity, Heads())):
                        self._settled[copy.stamp] = self._known.finish(whole(log, content, copy.identity), copy.stamp)
                    content.close()
        for _ in self._remember(families):
            pass
        self._is_first = False

    def is_known(self, log: str) -> bool:
        """Whether a copy of a log is a file that is known."""
        self._names.refresh(self._is_first)
        return any(
            copy.named and at_once(self._find(copy, OpenIndex((), ())))[0] is not None
            for one, copies, _ in self._names.families(self._all([log]), {})
            for copy in copies
            if one == log
        )

    def grown(self) -> set[str]:
        """Logs of which a copy was written to, or is another file now. A few are looked at each time, in turn."""
        logs = set()
        left = _IN_TURN
        if not self._turn:
            self._turn.extend(self._plain)
        while self._turn and left > 0:
            log = self._turn.popleft()
            paths = self._plain.get(log, ())
            left -= len(paths)
            if any(_stamp(path) not in self._settled for path in paths):
                logs.add(log)
        return logs

    def to_read(self, logs: Iterable[str], opened: OpenIndex) -> Steps[list[Tail]]:
        """What has to be read before the logs, the oldest first: copies, and in their place files that are open and
        not begun."""
        logs = {*logs, *(one.position.path for one in self._known.missing)}
        if self._is_first:
            logs |= self._known.logs()
            self._settled |= {one.stamp: one for one in self._known.finished() if one.changed}
        families = yield from self._families(logs, opened)
        for _ in range(_TRIES):
            found = []
            for family in families:
                found.append((yield from self._sorted_out(family, opened)))
                yield
            before, families = families, (yield from self._families(logs, opened))
            if _names(before) == _names(families):
                break
        self._is_first = False
        for one in found:
            self._settled |= one.settled
        yield from self._remember(families)
        return [tail for one in found for tail in one.tails()]

    def _families(self, logs: Iterable[str], opened: OpenIndex) -> Steps[list[Family]]:
        self._names.refresh(self._is_first)
        before = [(one.position.path, one.position.inode) for one in self._known.missing]
        sought: dict[str, set[int]] = {}
        for log, inode in (*before, *((tail.log, tail.identity[1]) for tail in opened.old.values())):
            sought.setdefault(log, set()).add(inode)
        families = []
        for family in self._names.families(self._all(logs), sought):
            families.append(family)
            yield
        return families

    def _all(self, logs: Iterable[str]) -> list[str]:
        return sorted({*self._always, *logs})

    def _remember(self, families: list[Family]) -> Steps[None]:
        """Forget what is no longer there; what is known of a file holds for its copy, where only that is left."""
        here = {copy.identity for family in families for copy in family.copies}
        for log, copies, inodes in families:
            stamps = {copy.stamp for copy in copies}
            for old in self._stamps.get(log, set()) - stamps:
                if old[:2] not in here or any(old[:2] == one[:2] for one in stamps):
                    self._settled.pop(old, None)
                    self._firsts.pop(old, None)
            copied = {position: one for one in stamps if (position := self._settled.get(one))}
            for position in self._known.finished([log]):
                if position.identity in here or position.inode in inodes:
                    continue
                if position in copied:
                    self._known.pop(position)
                    self._settled[copied[position]] = self._known.finish(position, copied[position])
                else:
                    self._known.is_gone(position)
            self._stamps[log] = stamps
            plain = [copy.path for copy in copies if copy.stamp in self._settled and not copy.path.endswith(PACKED)]
            if plain:
                self._plain[log] = plain
            else:
                self._plain.pop(log, None)
            yield

    def _sorted_out(self, family: Family, opened: OpenIndex) -> "Steps[_SortedOut]":
        log, copies, _ = family
        result = _SortedOut(log, self._events)
        nothing_read = {one.position.identity for one in self._known.missing if not one.position.offset}
        paths = {copy.path for copy in copies}
        for copy in copies:
            if copy.path.endswith(PACKED) and os.path.splitext(copy.path)[0] in paths:  # noqa: PTH122
                continue  # it is being packed: what it is made of is still there
            if held := opened.all.get(copy.identity):
                if held.started:
                    result.are_older(copy)
                elif copy.identity in opened.old and held.wanted:
                    result.to_read.append(held)
            elif copy.stamp in self._settled:
                result.are_older(copy)
            elif copy.named or self._known.missing:
                found, longer = yield from self._find(copy, opened)
                if not found and copy.named and self._is_elsewhere(copy):
                    result.settled[copy.stamp] = None
                    continue
                result.add(copy, found, longer, begun=copy.identity in nothing_read)
                yield
        live = opened.live.get(log)
        if live and (live.started or (yield from self._goes_on(live, opened))):
            result.are_older()
        return result

    def _find(self, copy: Copy, opened: OpenIndex) -> Steps[tuple[Found | None, bool]]:
        """Which known file a copy is one of, and whether there is more in it."""
        first = self._firsts.get(copy.stamp)
        if first is not None and not self._known.begins(first, opened.heads):
            return None, False
        content = _open(copy)
        if not content:
            return None, False
        try:
            if len(self._firsts) >= _FIRSTS:
                self._firsts.clear()
            self._firsts[copy.stamp] = content.pread(SPAN, 0)
            found = yield from self._known.find(content, copy.identity, opened.heads)
            return found, found is not None and not found.shorter and bool(content.pread(1, found.offset))
        finally:
            content.close()

    def _is_elsewhere(self, copy: Copy) -> bool:
        """Whether another input reads a copy, or has read it."""
        content = _open(copy)
        if not content:
            return False
        found = self._read_elsewhere(content, copy.identity)
        content.close()
        return found

    def _goes_on(self, tail: Tail, opened: OpenIndex) -> Steps[bool]:
        """Whether a log is for certain one that was read before, so that nothing unseen came before it."""
        found = yield from self._known.find(tail.content, tail.identity, opened.heads)
        return found is not None and found.position.strong


class _SortedOut:
    """The copies of one log: those that have to be read, files that are open among them, and those that never will."""

    def __init__(self, log: str, events: InputEvents) -> None:
        self.to_read: list[Copy | Tail] = []
        self.settled: dict[Stamp, Position | None] = {}
        self._log = log
        self._events = events
        self._unseen: list[Copy] = []

    def add(self, copy: Copy, found: Found | None, longer: bool, begun: bool) -> None:
        """The next copy; found as a file that is known, and perhaps `longer` than that, or by its inode as one that
        was `begun` and had no whole line."""
        if not found and copy.named:
            self.to_read.append(copy)
            if not begun:
                self._unseen.append(copy)
            return
        if found and (found.sought or (copy.named and not found.other and longer)):
            self.to_read.append(copy)
        elif found and copy.named and not found.other:
            self.settled[copy.stamp] = found.position
        # A few equal bytes, or an inode, are reason enough to read a file on, but none to leave out older ones.
        if not (found and found.sought) or found.position.strong:
            self.are_older(copy)

    def are_older(self, copy: Copy | None = None) -> None:
        """What was never seen is older than a known copy, or than the log itself: it is none of ours."""
        if copy is None or copy.named:
            for one in self._unseen:
                self.to_read.remove(one)
                self.settled[one.stamp] = None
            self._unseen.clear()

    def tails(self) -> Iterator[Tail]:
        """What has to be read, opened. What was renamed just now is found again when its log is."""
        for one in self.to_read:
            if isinstance(one, Tail):
                yield one
            elif content := _open(one):
                yield Tail(self._log, one.path, content, self._events, wanted=one.named)


def _open(copy: Copy) -> Content | None:
    """The file, if the path still leads to it."""
    with suppress(OSError):
        content = open_content(copy.path)
        if stamp(content)[:2] == copy.identity:
            return content
        content.close()
    return None


def _stamp(path: str) -> Stamp | None:
    with suppress(OSError):
        found = os.stat(path)  # noqa: PTH116 - many are looked at
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
    return None


def _names(families: Iterable[Family]) -> list[tuple[str, Identity]]:
    return [(copy.path, copy.identity) for family in families for copy in family.copies]
