"""Which rotated copies have to be read.

A copy of a file that was read to its end has not, unless it has grown since. One of a file that is looked for
is read on. One that nothing is known of is a rotation that was never seen, if it is newer than all that are
known; older ones were there before the exporter, or somebody put them there.
"""

import glob
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from exporter.inputs.content import PACKED, Content, open_content
from exporter.inputs.fingerprint import Identity, Position, Stamp, stamp, whole
from exporter.inputs.known import Found, Known
from exporter.inputs.ledger import Ledger
from exporter.inputs.rotated import Copy, Names
from exporter.inputs.tail import Tail

# Rotation may go on while the copies are listed and opened; so often it is tried again.
_TRIES = 5


class Copies:
    """The rotated copies of an input's logs."""

    def __init__(
        self,
        pattern: str,
        rotated: str,
        known: Known,
        ledger: Ledger,
        read_elsewhere: Callable[[Content, Identity], bool],
    ) -> None:
        self._pattern = pattern
        self._always = set() if glob.has_magic(pattern) else {pattern}
        self._rotated = rotated
        self._known = known
        self._ledger = ledger
        self._read_elsewhere = read_elsewhere
        self._settled: set[Stamp] = set()
        self._is_first = True

    def settle(self, content: Content) -> None:
        """A file was read to its end; it is dealt with as long as it does not change."""
        self._settled.add(stamp(content))

    def leave_out(self, logs: Iterable[str], live: list[Tail]) -> None:
        """All copies of these logs that are there now were there before the exporter: known, and not read."""
        held = {tail.identity for tail in live}
        logs = {*logs, *self._always, self._pattern}
        for log, family in self._families(tail.log for tail in live):
            for copy in family if log in logs else ():
                if copy.named and copy.identity not in held and (content := _open(copy)):
                    if not self._known.find(content, copy.identity, []):
                        self._known.finish(whole(log, content, copy.identity))
                    content.close()
        self._is_first = False

    def is_known(self, log: str) -> bool:
        """Whether a copy of a log is a file that is known."""
        for one, family in self._families([log]):
            for copy in family:
                if one == log and copy.named and (content := _open(copy)):
                    found = self._known.find(content, copy.identity, [])
                    content.close()
                    if found:
                        return True
        return False

    def to_read(self, logs: Iterable[str], old: list[Tail], live: list[Tail]) -> list[Tail]:
        """What has to be read before the logs, the oldest first. `old` and `live` are all open files; of `old`
        those that are not started come again, in their place."""
        logs = {*logs, *(one.position.path for one in self._known.missing)}
        families = self._families(logs)
        for _ in range(_TRIES):
            found = [self._sorted_out(log, family, old, live) for log, family in families]
            before, families = families, self._families(logs)
            if _names(before) == _names(families):
                break
            for one in found:
                one.close()
        self._is_first = False
        present = {copy.stamp for _, family in families for copy in family}
        self._settled = (self._settled | {stamp for one in found for stamp in one.settled}) & present
        return [tail for one in found for tail in one.to_read]

    def _families(self, logs: Iterable[str]) -> list[tuple[str, list[Copy]]]:
        logs = sorted({*self._always, *logs})
        names = Names(self._rotated, self._pattern if self._is_first else "")
        return list(zip((*logs, self._pattern), names.copies(logs), strict=True))

    def _sorted_out(self, log: str, family: list[Copy], old: list[Tail], live: list[Tail]) -> "_SortedOut":
        result = _SortedOut()
        held = {tail.identity: tail for tail in (*old, *live)}
        opened = [tail.reached() for tail in (*old, *live) if tail.started]
        nothing_read = {one.position.identity for one in self._known.missing if not one.position.offset}
        paths = {copy.path for copy in family}
        for copy in family:
            if copy.path.endswith(PACKED) and str(Path(copy.path).with_suffix("")) in paths:
                continue  # it is being packed: what it is made of is still there
            if copy.identity in held:
                if held[copy.identity].started:
                    result.are_older(copy)
                elif held[copy.identity] in old and held[copy.identity].wanted:
                    result.to_read.append(held[copy.identity])
            elif copy.stamp in self._settled:
                result.are_older(copy)
            elif content := _open(copy):
                tail = Tail(log, copy.path, content, self._ledger, wanted=copy.named)
                found = self._known.find(content, tail.identity, opened)
                begun = copy.identity in nothing_read
                if not found and copy.named and self._read_elsewhere(content, copy.identity):
                    content.close()
                    continue
                result.add(copy, tail, found, found is not None and found.position in opened, begun)
        if any(self._goes_on(tail, opened) for tail in live if tail.log == log):
            result.are_older()
        return result

    def _goes_on(self, tail: Tail, opened: list[Position]) -> bool:
        """Whether a log is for certain one that was read before, so that nothing unseen came before it."""
        if tail.started:
            return True
        found = self._known.find(tail.content, tail.identity, opened)
        return found is not None and found.position.strong


class _SortedOut:
    """The copies of one log: those that have to be read, and the stamps of those that never will."""

    def __init__(self) -> None:
        self.to_read: list[Tail] = []
        self.settled: set[Stamp] = set()
        self._opened: list[Tail] = []
        self._unseen: list[Tail] = []

    def add(self, copy: Copy, tail: Tail, found: Found | None, is_open: bool, begun: bool) -> None:
        """The next copy; found as a file that is known, perhaps as one that `is_open` under another name, or by
        its inode as one that was `begun` and had no whole line."""
        self._opened.append(tail)
        if not found and copy.named:
            self.to_read.append(tail)
            if not begun:
                self._unseen.append(tail)
            return
        if found and (found.sought or (copy.named and not is_open and _is_longer(found, tail))):
            self.to_read.append(tail)
        else:
            tail.content.close()
            self._opened.remove(tail)
            if copy.named and not is_open:
                self.settled.add(copy.stamp)
        # A few equal bytes, or an inode, are reason enough to read a file on, but none to leave out older ones.
        if not (found and found.sought) or found.position.strong:
            self.are_older(copy)

    def are_older(self, copy: Copy | None = None) -> None:
        """What was never seen is older than a known copy, or than the log itself: it is none of ours."""
        if copy is None or copy.named:
            for tail in self._unseen:
                tail.content.close()
                self._opened.remove(tail)
                self.to_read.remove(tail)
            self._unseen.clear()

    def close(self) -> None:
        """Let go of all that was opened."""
        for tail in self._opened:
            tail.content.close()


def _open(copy: Copy) -> Content | None:
    with suppress(OSError):
        return open_content(copy.path)
    return None


def _is_longer(found: Found, tail: Tail) -> bool:
    return not found.shorter and bool(tail.content.pread(1, found.offset))


def _names(families: list[tuple[str, list[Copy]]]) -> list[tuple[str, tuple[int, int]]]:
    return [(copy.path, copy.identity) for _, family in families for copy in family]
