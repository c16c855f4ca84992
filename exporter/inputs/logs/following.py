"""Following the names of logs: which files are the logs now, and which were added, removed or renamed."""

import time

from msgspec.structs import replace as changed

from exporter.inputs.disk.content import open_log
from exporter.inputs.disk.fingerprint import SPAN, Identity
from exporter.inputs.disk.heads import Heads
from exporter.inputs.disk.names import are_objects
from exporter.inputs.disk.tail import Tail
from exporter.inputs.elsewhere import Elsewhere, Reader
from exporter.inputs.logs.discovery import LogFinder
from exporter.inputs.logs.objects import MOST, Objects
from exporter.inputs.logs.sorting import InputFiles, Sorter
from exporter.inputs.rotations.matches import at_once


class Follower:
    """Keeps the logs of an input (`me`) open.

    `is_new` until the first scan, unless the input continues from stored positions: a new input reads the logs it finds
    from their end if `at_end` is set, else from their beginning. `is_shared` if another input reads one of its logs.
    """

    def __init__(self, me: Reader, files: InputFiles, sorter: Sorter, elsewhere: Elsewhere, at_end: bool) -> None:
        self.finder = LogFinder(me.pattern, files.events)
        self.is_new = self.is_first_look = True
        self.is_shared = False
        self._me = me
        self._files = files.opened
        self._known = files.known
        self._copies = files.copies
        self._events = files.events
        self._sorter = sorter
        self._elsewhere = elsewhere
        self._at_end = at_end
        # None where the logs grow. `_are_left` if more are there than are open at a time.
        self.objects = Objects(files, self.finder) if are_objects(me.pattern) else None
        self._are_left = False

    def scan(self) -> None:
        """Notice logs that were added, removed or renamed."""
        is_changed = self._look_at_doubles()
        has_room = self._are_left and len(self._files.live) < MOST // 2
        if self.is_first_look or self.is_shared or has_room or is_changed or self.finder.changed():
            there = self._there()
            if self.is_first_look or there != {identity: tail.log for identity, tail in self._files.live.items()}:
                self._follow(there)

    def _look_at_doubles(self) -> bool:
        """Whether logs that were copies of others have changed since: they may be logs of their own now."""
        files = self._files
        changed_ones = {identity: grown for identity, double in files.doubles.items() if (grown := double.grown)}
        for identity, grown in changed_ones.items():
            double = files.doubles.pop(identity)
            files.copied[identity] = double.lines if grown > 0 else 0
        return bool(changed_ones)

    def forget_doubles(self) -> None:
        """A file was truncated: a log that was a copy of it is a log of its own now."""
        if self._files.doubles:
            self._files.doubles.clear()
            self._follow(self._there())

    def _there(self) -> dict[Identity, str]:
        """The logs that are there now, by inode, without copies of open ones and without those of other inputs."""
        files = self._files
        opened = {identity: tail.log for identity, tail in files.live.items()}
        before = {tail.log for tail in files.all()} | {missing.position.path for missing in self._known.missing}
        there = self.finder.find(opened, before | self._elsewhere.paths)
        if self.objects:
            there = self.objects.unread(there)
        files.forget_copies(there)
        single = {identity: path for identity, path in there.items() if identity not in files.doubles}
        own = {
            identity: path
            for identity, path in single.items()
            if identity in files.live or not self._elsewhere.reads(self._me, path, identity)
        }
        self.is_shared = len(own) < len(single)
        well = {tail.identity for tail in (*files.live.values(), *files.old) if not tail.is_failing}
        self.finder.need_no_opening(own.keys() - well)
        return own

    def _follow(self, there: dict[Identity, str]) -> None:
        """Make the open logs those that are there now, and have their copies found."""
        # Long, as the steps of a look need each other's results, in this order.
        files = self._files
        if self.objects and self.is_new and self._at_end:
            is_new = self._known.is_empty
            there = self.objects.leave_out(there, lambda path: not is_new or self._elsewhere.followed(path))
        self._rename(there)
        arrived = self._arrivals(there)
        files.live |= {tail.identity: tail for tail in arrived}
        # A name comes before longer ones that begin with it, which may be copies.
        files.live = dict(sorted(files.live.items(), key=lambda item: item[1].log))
        files.paths = frozenset(tail.log for tail in files.live.values())
        begun = self._begin(arrived) if self.is_new else []
        self._sorter.restart(tail.log for tail in arrived if tail not in begun)
        if self.is_first_look and not self._sorter.has_logs and (self._known.missing or not self.is_new):
            self._sorter.find_missing()
        self.is_new = self.is_first_look = False

    def _begin(self, arrived: list[Tail]) -> list[Tail]:
        """Start the logs of a new input that nobody has read before. Returns them, without those that may be copies."""
        new = [tail for tail in arrived if not self._goes_on(tail)]
        begun = new if self._at_end else _without_alike(new)
        for tail in begun:
            tail.start(tail.seen if self._at_end else 0)
            self._events.opened(tail.name, tail.at)
        if new or not (arrived or self._known.missing):
            self._copies.leave_out([tail.log for tail in new], arrived)
        return begun

    def _rename(self, there: dict[Identity, str]) -> None:
        """Give open logs their present names. One that has no log's name any more is an old file, read to its end."""
        files = self._files
        for identity, tail in [*files.live.items()]:
            if identity not in there:
                files.old[files.live.pop(identity)] = None
                tail.grown_at = time.monotonic()
                if not tail.is_deleted:
                    tail.left.add(tail.log)
                    self._events.rotated("rename")
            elif tail.log != there[identity]:
                tail.left.add(tail.log)
                tail.log = tail.name = there[identity]
                self._events.rotated("rename")

    def _goes_on(self, tail: Tail) -> bool:
        """Whether a log that is there at the first scan was read before, or belonged to an input that is gone."""
        if self._elsewhere.followed(tail.log) or self._known.follows(tail.log):
            return True
        if self._known.is_empty:
            return False
        found = at_once(self._known.find(tail.content, tail.identity, Heads(), tail.log))
        return bool(found) or self._copies.is_known(tail.log)

    def _arrivals(self, there: dict[Identity, str]) -> list[Tail]:
        """Open the logs that are not open yet. Returns them."""
        files = self._files
        old = {tail.identity: tail for tail in files.old}
        arrived: list[Tail] = []
        self._are_left = False
        for identity, path in there.items():
            if identity in files.live:
                continue
            if self.objects and len(files.live) + len(arrived) >= MOST:
                self._are_left = True
                break
            if identity in old:
                files.live[identity] = tail = old[identity]
                del files.old[tail]
                tail.log = path
                continue
            try:
                tail = Tail(path, path, open_log(path), self._events)
            except OSError as error:
                self.finder.trouble(path, error)
                continue
            self.finder.opened(path)
            if position := self._elsewhere.hand_over(self._me, tail.content, identity):
                self._known.restore(changed(position, finished=False))
            arrived.append(tail)
        return arrived


def _without_alike(tails: list[Tail]) -> list[Tail]:
    """Files without those that are as long as an earlier one and begin as it does."""
    different: dict[object, Tail] = {}
    for tail in tails:
        first = tail.content.pread(SPAN, 0)
        different.setdefault((tail.content.size(), first) if first else tail, tail)
    return [*different.values()]
