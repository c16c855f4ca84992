"""The open files of one input, and which of them is read next."""

import os
from collections import deque
from collections.abc import Container, Iterable
from contextlib import suppress
from typing import NamedTuple

from exporter.inputs.disk.fingerprint import SPAN, Head, Identity, Position
from exporter.inputs.disk.heads import Heads
from exporter.inputs.disk.tail import Tail


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


class Double(NamedTuple):
    """The path of a file that was a copy of an open one when it had this size on disk, and how many bytes of what it
    holds were whole lines of that one.
    """

    path: str
    size: int
    lines: int

    @property
    def grown(self) -> int:
        """By how much it is larger now; negative if it is smaller."""
        with suppress(OSError):
            return os.stat(self.path).st_size - self.size  # noqa: PTH116 - at each scan
        return 0


class OpenFiles:
    """Read in this order: `old` files, which are no logs any more, oldest first; the logs (`live`); and `last` files
    that may be copies of a log and are read if its original is not found.

    `doubles` are files that have a log's name and are only copies of open ones so far. Of those that have grown since,
    `copied` says how much is a copy, until they are started. `paths` are those of the logs.
    """

    def __init__(self) -> None:
        self.old: dict[Tail, None] = {}
        self.live: dict[Identity, Tail] = {}
        self.last: dict[Tail, None] = {}
        self.doubles: dict[Identity, Double] = {}
        self.copied: dict[Identity, int] = {}
        self.paths: frozenset[str] = frozenset()
        # Files with something to read: those that others wait for, then all others.
        self.first: deque[Tail] = deque()
        self.ready: deque[Tail] = deque()

    def all(self) -> list[Tail]:
        """Every open file, in the order in which they are read."""
        return [*self.old, *self.live.values(), *self.last]

    def index(self) -> OpenIndex:
        """The open files by inode and by how they begin, as of now."""
        return OpenIndex([*self.old, *self.last], self.live.values())

    def is_reading(self, identity: Identity) -> bool:
        """Whether a file is one of the logs, or about to be read before them."""
        waiting = (tail.identity for tail in (*self.old, *self.last) if not tail.started)
        return identity in self.live or identity in waiting

    def position(self, tail: Tail) -> Position:
        """The position to store. No loss is a renamed file or a finished object that goes away when nothing is left
        in it to read.
        """
        is_finished = tail in self.old or tail.content.packed  # an object of a cloud's log
        return tail.position(ended=is_finished and tail.drained and not tail.lines.rest)

    def queue(self, tail: Tail) -> None:
        """Read a file soon. Old files come first, and files of which so little was read that a copy can't be told from
        its original yet.
        """
        tail.drained = False
        if tail in self.old or tail.at < SPAN:
            self.first.append(tail)
        else:
            self.ready.append(tail)

    def forget_copies(self, there: Container[Identity]) -> None:
        """Forget what is known of copies that are not there any more."""
        self.doubles = {identity: double for identity, double in self.doubles.items() if identity in there}
        self.copied = {identity: lines for identity, lines in self.copied.items() if identity in there}

    def remove(self, tail: Tail) -> None:
        """Close a file."""
        if self.live.pop(tail.identity, None):
            self.paths -= {tail.log}
        else:
            del (self.old if tail in self.old else self.last)[tail]
        tail.close()

    def close(self) -> None:
        """Close all files."""
        for tail in self.all():
            tail.close()
        for files in (self.live, self.old, self.last, self.first, self.ready):
            files.clear()
        self.paths = frozenset()
