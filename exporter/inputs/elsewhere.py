"""What an input has to know of the other inputs, and of removed ones, so that each file is read once.

A position belongs to a log's content, not to the config. So when inputs are renamed, split, merged, removed or added
again, each file is read on from where it was read to:

- Positions go to the input that the log belongs to now, by its path (see `names`).
- Positions of removed inputs whose logs belong to no input are kept as long as the files exist, and are found by
  content.
- A file with several names is read by the input that reads it already. When that input is done with it, or has no name
  for it any more, another one may continue.
"""

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from exporter.inputs.disk.content import Content
from exporter.inputs.disk.fingerprint import Identity, Position, digest
from exporter.inputs.disk.names import covers, is_pattern, matching
from exporter.memo import Memo

log = logging.getLogger(__name__)

# How many paths are remembered.
_MOST_PATHS = 10_000


class StoredInput(Struct):
    """What is committed for an input: its `place` (path or pattern, and the pattern of its rotated logs), where its
    logs were read to, and what its decoder has to know of earlier lines.

    `kept` is the number of lines in cells that could not be folded, `pages` the numbers of the parts of the state that
    hold its positions, `unread` how many bytes were left uncounted when it was removed from the config. `late` is what
    `OldestRecord.late` says.
    """

    place: tuple[str, ...]
    positions: list[Position]
    last_time: float | None
    format: bytes
    decoder: Any = None
    name: str = ""
    unread: int = 0
    pages: list[int] = []
    kept: int = 0
    late: tuple[float, float] | None = None

    @property
    def pattern(self) -> str:
        """Its path or pattern."""
        return self.place[0]

    @property
    def rotated(self) -> str:
        """The pattern of its rotated logs; "" where the config has none."""
        return self.place[1] if len(self.place) > 1 else ""


class Reader(Protocol):
    """An input, as the others see it."""

    @property
    def pattern(self) -> str:
        """The path or pattern of its logs."""

    def is_reading(self, identity: Identity) -> bool:
        """Whether a file is one of its logs, or about to be read before them."""

    def knows(self, content: Content, identity: Identity) -> bool:
        """Whether it reads a file, or has read it."""

    def hand_over(self, content: Content, identity: Identity) -> Position | None:
        """How far it has read a file that is not one of its logs any more; None if it does not know the file."""

    def release(self, is_own: Callable[[str], bool]) -> list[Position]:
        """Stop reading the logs that belong to other inputs now. Returns what is known of them."""

    def inherit(self, positions: list[Position], quiet: bool) -> None:
        """Continue logs that another input has read. If `quiet`, one that is gone is not reported as lost."""


class Elsewhere:
    """Shared by all inputs of an exporter."""

    def __init__(self) -> None:
        self.former: list[StoredInput] = []
        self._readers: list[tuple[str, Reader]] = []
        self._before: list[str] = []
        # The logs of inputs that have a path, not a pattern; there or not.
        self.paths: frozenset[str] = frozenset()
        self._owner: Memo[str, Reader | None] = Memo(self._find_owner, _MOST_PATHS)
        self._reported: set[str] = set()

    # --- when inputs change

    def arrange(
        self, readers: Mapping[str, Reader], gone: Iterable[StoredInput], before: Iterable[str]
    ) -> list[StoredInput]:
        """Set the inputs, by name, and give each what is known of its logs. `gone` are the inputs that were just
        removed, `before` the paths and patterns until now. Returns the removed inputs that are forgotten, as their last
        file is gone.
        """
        self._before = [*before]
        self._readers = sorted(readers.items(), key=lambda item: is_pattern(item[1].pattern))
        self.paths = frozenset(reader.pattern for reader in readers.values() if not is_pattern(reader.pattern))
        self._owner.clear()
        forgotten = self._forget()
        released = [
            position
            for _, reader in self._readers
            for position in reader.release(lambda path, reader=reader: self._owner[path] in (reader, None))  # type: ignore[misc]
        ]
        self._assign(released, quiet=False)
        old = len(self.former)
        self.former += gone
        for n, former in enumerate(self.former):
            left = self._assign(former.positions, quiet=n < old)
            if n >= old and former.name in readers:
                left = _assign_moved(left, former, readers[former.name])
            if len(left) < len(former.positions):
                former.positions, former.unread = left, 0
        return forgotten

    def _assign(self, positions: list[Position], quiet: bool) -> list[Position]:
        """Give each input the positions of its logs. Returns those that belong to no input."""
        for _, reader in self._readers:
            reader.inherit([position for position in positions if self._owner[position.path] is reader], quiet)
        return [position for position in positions if self._owner[position.path] is None]

    def _forget(self) -> list[StoredInput]:
        """Forget removed inputs whose files are all gone. Returns them."""
        for former in self.former:
            there = _Files(former.rotated)
            former.positions = [position for position in former.positions if there.has(position)]
        forgotten = [former for former in self.former if not former.positions]
        self.former = [former for former in self.former if former.positions]
        return forgotten

    def _find_owner(self, path: str) -> Reader | None:
        return next((reader for _, reader in self._readers if covers(reader.pattern, path)), None)

    # --- what inputs ask

    def reads(self, me: Reader, path: str, identity: Identity) -> bool:
        """Whether another input reads a file, by this path or by another one. Warns once per path."""
        if not self._readers:
            return False
        owner = self._owner[path]
        if owner is None or owner is me:
            owner = next((reader for reader in self._others(me) if reader.is_reading(identity)), None)
        if owner is None:
            return False
        if path not in self._reported and len(self._reported) < _MOST_PATHS:
            self._reported.add(path)
            names = {id(reader): name for name, reader in self._readers}
            log.warning("%s: %s", names[id(me)], read_twice(path, names[id(owner)]))
        return True

    def is_own(self, me: Reader, path: str) -> bool:
        """Whether a log with this path belongs to no other input."""
        return self._owner[path] in (me, None)

    def knows(self, me: Reader, content: Content, identity: Identity) -> bool:
        """Whether another input reads a file, or has read it."""
        return any(reader.knows(content, identity) for reader in self._others(me))

    def hand_over(self, me: Reader, content: Content, identity: Identity) -> Position | None:
        """How far a file was read by another input that is done with it."""
        for reader in self._others(me):
            if position := reader.hand_over(content, identity):
                return position
        return None

    def _others(self, me: Reader) -> list[Reader]:
        return [reader for _, reader in self._readers if reader is not me]

    def followed(self, path: str) -> bool:
        """Whether an input of the config before would have read a log with this path from its beginning."""
        return any(covers(pattern, path) for pattern in (*self._before, *(former.pattern for former in self.former)))

    def alike(self, first: bytes) -> list[Position]:
        """The positions, in files of removed inputs, that fit a file with these first bytes."""
        known = (position for former in self.former for position in former.positions if position.head_size)
        return [position for position in known if digest(first[: position.head_size]) == position.head]

    def claim(self, position: Position) -> None:
        """The file of a position was found, and is read on: removed inputs need not keep it."""
        for former in self.former:
            if position in former.positions:
                former.positions.remove(position)
                former.unread = 0


def _assign_moved(positions: list[Position], before: StoredInput, reader: Reader) -> list[Position]:
    """Give an input what a removed one with its name knew of files that are not where they were: their folder was
    moved. Returns the other positions.
    """
    there = _Files(before.rotated)
    moved = [position for position in positions if not there.has(position)]
    reader.inherit(moved, quiet=False)
    return [position for position in positions if position not in moved]


def read_twice(path: str, name: str) -> str:
    """The message about a file that two inputs name; `name` is the input that reads it."""
    return f"{path} is read by the input {name} already; each file is counted once"


class _Files:
    """The files that exist in the folders of logs, and where rotated logs go."""

    def __init__(self, rotated: str) -> None:
        self._rotated = {identity(path) for path in matching(rotated)}
        self._folders: dict[str, dict[str, Identity | None]] = {}

    def has(self, position: Position) -> bool:
        """Whether the file of a position may exist; if it was not finished, a file with the log's name, or a longer one
        that may be a copy's, is enough.
        """
        if position.finished and not position.offset:
            return False
        path = Path(position.path)
        files = [self._files(str(folder)) for folder in {path.parent, path.resolve().parent}]
        if position.identity in self._rotated or any(position.identity in names.values() for names in files):
            return True
        return not position.finished and any(name.startswith(path.name) for names in files for name in names)

    def _files(self, folder: str) -> dict[str, Identity | None]:
        if folder not in self._folders:
            self._folders[folder] = {}
            with suppress(OSError), os.scandir(folder) as entries:
                self._folders[folder] = {entry.name: identity(entry.path) for entry in entries}
        return self._folders[folder]


def identity(path: str) -> Identity | None:
    """A file's device and inode; None if it does not exist."""
    with suppress(OSError):
        found = os.stat(path)  # noqa: PTH116
        return found.st_dev, found.st_ino
    return None
