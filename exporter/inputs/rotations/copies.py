"""Which rotated copies have to be read.

- A copy of a file that was read to its end is not read, unless it has grown since.
- A copy of a missing file is read from where that file was read to.
- An unknown copy is a rotation that the exporter never saw, if it is newer than every known copy. Older unknown copies
  were there before the exporter, or somebody put them there: they are not read.

A copy is opened once: what was found out about it holds until its stamp changes.
"""

import glob
import os
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping

from msgspec.structs import replace as changed

from exporter.inputs.disk.content import PACKED, Content
from exporter.inputs.disk.fingerprint import SPAN, Identity, Position, Stamp, stamp, stamp_at, whole
from exporter.inputs.disk.heads import Heads
from exporter.inputs.disk.names import are_objects
from exporter.inputs.disk.open_files import OpenIndex
from exporter.inputs.disk.tail import Tail
from exporter.inputs.events import InputEvents
from exporter.inputs.rotations.choice import Choice, open_copy
from exporter.inputs.rotations.known_files import KnownFiles
from exporter.inputs.rotations.matches import Found, Steps, at_once, holds_more
from exporter.inputs.rotations.names import Copy, Family, Names

# Files may be rotated while copies are listed and opened: list them again, up to this many times.
_TRIES = 5
# How many copies a call of `grown` checks for new lines.
_IN_TURN = 50
# Of how many copies the first bytes are kept.
_FIRSTS = 4096


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
        self._are_objects = are_objects(pattern)
        self._known = known
        self._events = events
        self._read_elsewhere = read_elsewhere
        self._is_own = is_own
        self._names = Names(rotated, pattern)
        # Copies that need not be read, by their stamps, and what they are copies of, if that is known.
        self._settled: dict[Stamp, Position | None] = {}
        # The first bytes of the other copies.
        self._firsts: dict[Stamp, bytes] = {}
        # For each log its copies at the last scan, and the paths of those that somebody may still write to. `_turn` are
        # the logs whose copies `grown` checks next.
        self._stamps: dict[str, set[Stamp]] = {}
        self._plain: dict[str, list[str]] = {}
        self._turn: deque[str] = deque()
        self._is_first = True

    def settle(self, content: Content, position: Position) -> None:
        """A file was read to its end: it need not be read again until it changes."""
        at_end = stamp(content)
        if content.packed:
            position = changed(position, columns=())  # they are many, and not written to again
        if content.packed or at_end[2] == position.offset:
            self._settled[at_end] = self._known.finish(position, at_end)
        else:
            self._known.finish(position)  # it has just grown: the next scan finds it again

    def leave_out(self, logs: Iterable[str], live: Iterable[Tail]) -> None:
        """On the first start, mark every rotated copy of these logs as already read."""
        held = {tail.identity for tail in live}
        self._names.refresh(first=True)
        others = {tail.log for tail in live} - {*logs}
        others |= {log for log in self._names.originals() if not self._is_own(log)}
        families = [*self._names.families(self._all({*logs, *others, *self._names.originals()}), {})]
        for log, copies in families:
            for copy in copies if log not in others else ():
                if copy.named and copy.identity not in held:
                    self._mark_read(log, copy)
        at_once(self._remember(families))
        self._is_first = False

    def _mark_read(self, log: str, copy: Copy) -> None:
        content = open_copy(copy)
        if not content:
            return
        if not at_once(self._known.find(content, copy.identity, Heads())):
            self._settled[copy.stamp] = self._known.finish(whole(log, content, copy.identity), copy.stamp)
        content.close()

    def is_known(self, log: str) -> bool:
        """Whether any copy of a log is a known file."""
        self._names.refresh(self._is_first)
        return any(
            copy.named and at_once(self._find(copy, OpenIndex((), ()), {}))[0] is not None
            for family in self._names.families(self._all([log]), {})
            for copy in family.copies
            if family.log == log
        )

    def grown(self) -> set[str]:
        """Logs of which a copy was written to or replaced. Each call checks a few of the copies, in turn."""
        logs = set()
        left = _IN_TURN
        if not self._turn:
            self._turn.extend(self._plain)
        while self._turn and left > 0:
            log = self._turn.popleft()
            paths = self._plain.get(log, ())
            left -= len(paths)
            if any(stamp_at(path) not in self._settled for path in paths):
                logs.add(log)
        return logs

    def to_read(self, logs: Iterable[str], opened: OpenIndex) -> Steps[list[Tail]]:
        """What to read before the logs, oldest first: copies, and among them open files that were not started."""
        logs = {*logs, *(missing.position.path for missing in self._known.missing)}
        if self._is_first:
            logs |= self._known.logs()
            self._settled |= {position.stamp: position for position in self._known.finished() if position.changed}
        families = yield from self._families(logs, opened)
        for tries_left in reversed(range(_TRIES)):
            choices = yield from self._choose_all(families, opened)
            before, families = families, (yield from self._families(logs, opened))
            if tries_left and _names(before) != _names(families):
                continue
            yield from self._settle_all(choices, families)
            if all(choice.is_there() for choice in choices):
                break
            families = yield from self._families(logs, opened)
        self._is_first = False
        return [tail for choice in choices for tail in choice.tails()]

    def _families(self, logs: Iterable[str], opened: OpenIndex) -> Steps[list[Family]]:
        self._names.refresh(self._is_first)
        before = [(missing.position.path, missing.position.inode) for missing in self._known.missing]
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
        """Forget copies that are gone. What is known of a file that is gone goes to a copy of it, if there is one."""
        by_log: dict[str, list[Copy]] = {}
        for log, copies in families:
            by_log.setdefault(log, []).extend(copies)  # other files have the name of a log that is no pattern
        here = {copy.stamp for copies in by_log.values() for copy in copies}
        self._forget_stamps(by_log, here)
        known = self._known_among(here)
        unsure = {found[:2] for found in here if found not in self._settled}
        for log, copies in by_log.items():
            self._pass_on(log, known, unsure)
            plain = [copy.path for copy in copies if copy.stamp in self._settled and not copy.path.endswith(PACKED)]
            if plain:
                self._plain[log] = plain
            else:
                self._plain.pop(log, None)
            yield

    def _forget_stamps(self, by_log: dict[str, list[Copy]], here: set[Stamp]) -> None:
        """Forget copies that are gone or have changed; not those that are copies of another log now."""
        for log, copies in by_log.items():
            stamps = {copy.stamp for copy in copies}
            for old in self._stamps.get(log, set()) - stamps:
                if old not in here:
                    self._settled.pop(old, None)
                    self._firsts.pop(old, None)
            self._stamps[log] = stamps

    def _known_among(self, here: set[Stamp]) -> dict[Position, Stamp]:
        """The known files that are there: each as the file that it is, else as a copy of it."""
        known: dict[Position, Stamp] = {}
        for found in here:
            position = self._settled.get(found)
            if position and (position not in known or found[:2] == position.identity):
                known[position] = found
        return known

    def _pass_on(self, log: str, known: dict[Position, Stamp], unsure: set[Identity]) -> None:
        """Where a finished file of a log is gone, let a copy of it stand for it. Its inode may be another file's now.
        `known` are the known files that are there; the others (`unsure`) are about to be read. Finished objects are no
        copies but logs, which are forgotten where logs are looked for.
        """
        for position in self._known.finished([log]):
            found = known.get(position)
            if found and found[:2] != position.identity:
                self._known.pop(position)
                self._settled[found] = self._known.finish(position, found)
            elif not found and position.identity not in unsure and not self._are_objects:
                self._known.is_gone(position)

    def _choose_all(self, families: list[Family], opened: OpenIndex) -> Steps[list[Choice]]:
        choices = []
        for family in families:
            choices.append((yield from self._choose(family, opened)))
            yield
        return choices

    def _settle_all(self, choices: list[Choice], families: list[Family]) -> Steps[None]:
        for choice in choices:
            self._settled |= choice.settled
        yield from self._remember(families)

    def _choose(self, family: Family, opened: OpenIndex) -> Steps[Choice]:
        """Choose the copies of a log that have to be read."""
        choice = Choice(family.log, self._known.nothing_read, self._events)
        for copy in _whole(family.copies):
            if held := opened.all.get(copy.identity):
                if held.started:
                    choice.is_known(copy, held.reached())
                elif copy.identity in opened.old and held.wanted:
                    choice.to_read.append(held)
            elif copy.stamp in self._settled:
                choice.is_known(copy, self._settled[copy.stamp])
            elif copy.named or self._known.missing:
                yield from self._inspect(copy, opened, choice, family.paths)
        live = opened.live.get(family.log)
        if live and (yield from self._goes_on(live, opened, choice)):
            choice.leave_out_unseen()
        return choice

    def _inspect(self, copy: Copy, opened: OpenIndex, choice: Choice, here: dict[Identity, str]) -> Steps[None]:
        """Compare a copy with the known files."""
        found, longer = yield from self._find(copy, opened, here, choice.taken)
        if found:
            choice.add_known(copy, found, longer)
        elif copy.named:
            if self._is_elsewhere(copy):
                choice.settled[copy.stamp] = None
                return
            choice.add_unseen(copy)
        yield

    def _find(
        self, copy: Copy, opened: OpenIndex, here: Mapping[Identity, str], taken: Container[Position] = ()
    ) -> Steps[tuple[Found | None, bool]]:
        """The known file that a copy is a copy of, and whether the copy holds more."""
        first = self._firsts.get(copy.stamp)
        if first is not None and not self._known.begins(first, opened.heads):
            return None, False
        content = open_copy(copy)
        if not content:
            return None, False
        try:
            if len(self._firsts) >= _FIRSTS:
                self._firsts.clear()
            self._firsts[copy.stamp] = content.pread(SPAN, 0)
            found = yield from self._known.find(content, copy.identity, opened.heads, here=here, taken=taken)
            return found, found is not None and holds_more(content, found)
        finally:
            content.close()

    def _is_elsewhere(self, copy: Copy) -> bool:
        """Whether another input reads a copy, or has read it."""
        content = open_copy(copy)
        if not content:
            return False
        is_elsewhere = self._read_elsewhere(content, copy.identity)
        content.close()
        return is_elsewhere

    def _goes_on(self, tail: Tail, opened: OpenIndex, choice: Choice) -> Steps[bool]:
        """Whether a log is certainly a file that was read before: then every unseen copy is older."""
        if tail.started and tail.intact():
            return True
        found = yield from self._known.find(tail.content, tail.identity, opened.heads, tail.log, taken=choice.taken)
        if not found or found.position.identity != tail.identity:
            return False
        return choice.is_certain(found, tail.identity, holds_more(tail.content, found))


def _whole(copies: list[Copy]) -> list[Copy]:
    """Copies without packed ones that may be incomplete, as the file that they are made from is still there."""
    paths = {copy.path for copy in copies}
    return [
        copy
        for copy in copies
        if not copy.path.endswith(PACKED) or os.path.splitext(copy.path)[0] not in paths  # noqa: PTH122
    ]


def _names(families: Iterable[Family]) -> list[tuple[str, Identity]]:
    return [(copy.path, copy.identity) for family in families for copy in family.copies]
