"""What an input has to know of the others, and of those that were taken out, so that each file is read once.

A position belongs to what a log contains, not to the words of the config. So where inputs are renamed, split,
merged, taken out or added again, each file goes on where it was read to:

- What was known of a log goes to the input that the log belongs to now, by its path (see `names`).
- What is left of inputs that were taken out is kept as long as its files are there, and found by content.
- A file with several names is read by the input that reads it already. When that one is done with it, or has
  no name for it any more, another one may go on.
"""

import glob
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from exporter.inputs.content import Content
from exporter.inputs.fingerprint import Identity, Position, digest
from exporter.inputs.names import covers, is_pattern
from exporter.memo import Memo

log = logging.getLogger(__name__)

# So many answers about paths are kept.
_MOST_PATHS = 10_000


class StoredInput(Struct):
    """What is committed of an input: where it comes from (its path or pattern, and that of its rotated logs), where
    its logs were read to, and what its decoder has to know of earlier lines.

    `kept` is the number of lines in cells that could not be folded. `pages` are the numbers of parts of the state that
    hold its positions. `unread` are the bytes that were there and not counted when it was taken out.
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
        """How far it has read a file that is none of its logs any more; None where it knows nothing of it."""

    def release(self, is_own: Callable[[str], bool]) -> list[Position]:
        """Let go of the logs that are not its own any more, with all that is known of them."""

    def inherit(self, positions: list[Position], quiet: bool) -> None:
        """Go on with logs that another input has read; if `quiet`, it is no loss where one is gone."""


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
        """From now on these are the inputs, by name; `gone` are those that have just been taken out, `before` the
        paths and patterns until now. What was known of a log goes to the input that it belongs to. Former inputs
        whose last file has gone are the result.
        """
        self._before = [*before]
        self._readers = sorted(readers.items(), key=lambda one: is_pattern(one[1].pattern))
        self.paths = frozenset(one.pattern for one in readers.values() if not is_pattern(one.pattern))
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
        for n, one in enumerate(self.former):
            left = self._assign(one.positions, quiet=n < old)
            if n >= old and one.name in readers:
                left = _assign_moved(left, one, readers[one.name])
            if len(left) < len(one.positions):
                one.positions, one.unread = left, 0
        return forgotten

    def _assign(self, positions: list[Position], quiet: bool) -> list[Position]:
        """Give each input what is known of its logs; what belongs to none."""
        for _, reader in self._readers:
            reader.inherit([one for one in positions if self._owner[one.path] is reader], quiet)
        return [one for one in positions if self._owner[one.path] is None]

    def _forget(self) -> list[StoredInput]:
        """Forget former inputs of whose files none is there any more."""
        for one in self.former:
            there = _Files(one.rotated)
            one.positions = [position for position in one.positions if there.has(position)]
        forgotten = [one for one in self.former if not one.positions]
        self.former = [one for one in self.former if one.positions]
        return forgotten

    def _find_owner(self, path: str) -> Reader | None:
        return next((reader for _, reader in self._readers if covers(reader.pattern, path)), None)

    # --- what inputs ask

    def reads(self, me: Reader, path: str, identity: Identity) -> bool:
        """Whether another input reads a file, by this path or by another one. Told once."""
        if not self._readers:
            return False
        owner = self._owner[path]
        if owner is None or owner is me:
            owner = next((one for _, one in self._readers if one is not me and one.is_reading(identity)), None)
        if owner is None:
            return False
        if path not in self._reported and len(self._reported) < _MOST_PATHS:
            self._reported.add(path)
            names = {id(one): name for name, one in self._readers}
            log.warning("%s: %s", names[id(me)], read_twice(path, names[id(owner)]))
        return True

    def is_own(self, me: Reader, path: str) -> bool:
        """Whether a log with this path belongs to no other input."""
        return self._owner[path] in (me, None)

    def knows(self, me: Reader, content: Content, identity: Identity) -> bool:
        """Whether another input reads a file, or has read it."""
        return any(one.knows(content, identity) for _, one in self._readers if one is not me)

    def hand_over(self, me: Reader, content: Content, identity: Identity) -> Position | None:
        """How far a file was read by another input that is done with it."""
        for _, one in self._readers:
            if one is not me and (position := one.hand_over(content, identity)):
                return position
        return None

    def followed(self, path: str) -> bool:
        """Whether the inputs that were there before would have read a log with this path, from its beginning on."""
        return any(covers(pattern, path) for pattern in (*self._before, *(one.pattern for one in self.former)))

    def alike(self, first: bytes) -> list[Position]:
        """What is known of files that begin so and belonged to inputs that are gone."""
        known = (position for one in self.former for position in one.positions if position.head_size)
        return [one for one in known if digest(first[: one.head_size]) == one.head]

    def claim(self, position: Position) -> None:
        """A file was found, and is read on."""
        for one in self.former:
            if position in one.positions:
                one.positions.remove(position)
                one.unread = 0


def _assign_moved(positions: list[Position], before: StoredInput, reader: Reader) -> list[Position]:
    """Give the input with the name of a former one what is known of files that are not where they were: their folder
    was moved. What is left.
    """
    there = _Files(before.rotated)
    moved = [position for position in positions if not there.has(position)]
    reader.inherit(moved, quiet=False)
    return [position for position in positions if position not in moved]


def read_twice(path: str, name: str) -> str:
    """What is said of a file that two inputs name; `name` is the one that reads it."""
    return f"{path} is read by the input {name} already; each file is counted once"


class _Files:
    """The files that are there, in the folders of logs and where rotated ones go."""

    def __init__(self, rotated: str) -> None:
        self._rotated = {identity(path) for path in glob.glob(rotated)}
        self._folders: dict[str, dict[str, Identity | None]] = {}

    def has(self, position: Position) -> bool:
        """Whether the file of a position may be there; the log itself, or a copy of it, where it was not finished."""
        if position.finished and not position.offset:
            return False
        path = Path(position.path)
        files = [self._files(str(folder)) for folder in {path.parent, path.resolve().parent}]
        if position.identity in self._rotated or any(position.identity in one.values() for one in files):
            return True
        return not position.finished and any(name.startswith(path.name) for one in files for name in one)

    def _files(self, folder: str) -> dict[str, Identity | None]:
        if folder not in self._folders:
            self._folders[folder] = {}
            with suppress(OSError), os.scandir(folder) as entries:
                self._folders[folder] = {entry.name: identity(entry.path) for entry in entries}
        return self._folders[folder]


def identity(path: str) -> Identity | None:
    """A file's device and inode; None where it is not there."""
    with suppress(OSError):
        found = os.stat(path)  # noqa: PTH116
        return found.st_dev, found.st_ino
    return None
