"""Choosing the rotated copies of one log that have to be read, once it is known what each is a copy of."""

from collections.abc import Iterator
from contextlib import suppress

from exporter.inputs.disk.content import Content, open_content
from exporter.inputs.disk.fingerprint import Identity, Position, Stamp, stamp, stamp_at
from exporter.inputs.disk.names import covers
from exporter.inputs.disk.tail import Tail
from exporter.inputs.events import InputEvents
from exporter.inputs.rotations.matches import Found
from exporter.inputs.rotations.names import Copy


class Choice:
    """The copies of one log, fed oldest first: those that have to be read (`to_read`, with open files among them) and
    those that never will be (`settled`). `taken` are the known files whose copies were found, `nothing_read` the
    missing files of which nothing was read.
    """

    def __init__(self, log: str, nothing_read: set[Identity], events: InputEvents) -> None:
        self.to_read: list[Copy | Tail] = []
        self.settled: dict[Stamp, Position | None] = {}
        self.taken: set[Position] = set()
        self._log = log
        self._nothing_read = nothing_read
        self._events = events
        self._unseen: list[Copy] = []

    def add_unseen(self, copy: Copy) -> None:
        """Read a copy that is none of a known file, unless a known copy follows that is newer."""
        self.to_read.append(copy)
        if copy.identity not in self._nothing_read:
            self._unseen.append(copy)

    def add_known(self, copy: Copy, found: Found, longer: bool) -> None:
        """Read a copy of a known file if that file is missing, or if the copy is `longer`, see `holds_more`."""
        only_begins = found.shorter or found.other or found.position in self.taken
        if found.sought or (copy.named and longer):
            self.to_read.append(copy)
            if copy.named and only_begins:
                self._unseen.append(copy)
        elif copy.named and not found.other:
            self.settled[copy.stamp] = found.position
        if self.is_certain(found, copy.identity, longer):
            self.is_known(copy, found.position)

    def is_certain(self, found: Found, identity: Identity, longer: bool) -> bool:
        """Whether a file that fits a known one proves that unseen ones are older. A few equal bytes, or only a
        beginning, don't: logs may have the same header, also others than this one. Nor does what fits after an older
        copy does: that one is it.
        """
        position = found.position
        has_ended = not found.sought or position.ended
        only_begins = found.shorter or (has_ended and longer and (found.other or position.identity != identity))
        is_of_log = covers(self._log, position.path)
        return is_of_log and position.strong and not only_begins and position not in self.taken

    def is_known(self, copy: Copy, position: Position | None = None) -> None:
        """A copy is known: leave out the unseen ones, which are older, if its name says that it is a rotated one."""
        if copy.named:
            self.leave_out_unseen()
            if position:
                self.taken.add(position)

    def leave_out_unseen(self) -> None:
        """What was never seen so far is older than what is known: it was there before the exporter."""
        for copy in self._unseen:
            self.to_read.remove(copy)
            self.settled[copy.stamp] = None
        self._unseen.clear()

    def is_there(self) -> bool:
        """Whether what has to be read is still what it was, at the same paths."""
        return all(isinstance(file, Tail) or stamp_at(file.path) == file.stamp for file in self.to_read)

    def tails(self) -> Iterator[Tail]:
        """Open what has to be read. A file that was just renamed is left out."""
        for file in self.to_read:
            if isinstance(file, Tail):
                yield file
            elif content := open_copy(file):
                yield Tail(self._log, file.path, content, self._events, wanted=file.named)


def open_copy(copy: Copy) -> Content | None:
    """Open a copy; None if its path leads to another file now."""
    with suppress(OSError):
        content = open_content(copy.path)
        if stamp(content)[:2] == copy.identity:
            return content
        content.close()
    return None
