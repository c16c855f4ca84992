"""The names of rotated copies: which files may be copies of a log, and in which order they were written."""

import fnmatch
import os
import re
import stat
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from exporter.inputs.disk.content import PACKED
from exporter.inputs.disk.fingerprint import Identity, Stamp
from exporter.inputs.disk.folders import COMPRESSED, Changes, Folder, folders_of
from exporter.inputs.disk.names import are_objects, is_pattern, matching

# What rotation adds to a name: a number, a date, or `old`.
_ADDED = re.compile(r"[-._@]\d[\dTZ:+._-]*|[-._](?:old|bak|prev|previous)|")
_SEPARATOR = re.compile(r"[-._@]")
_COUNTED_BELOW = 1000
_DATE_DIGITS = 6
# Copies whose last changes are not further apart than this (ns) may have been copied there together.
_IN_ONE_GO = 1_000_000_000


class Copy(NamedTuple):
    """A file that may be a copy of a log. `stamp` changes with its content; `named` if its name is that of a copy."""

    path: str
    identity: Identity
    stamp: Stamp
    named: bool


class Family(NamedTuple):
    """The possible copies of a log, oldest first."""

    log: str
    copies: list[Copy]

    @property
    def paths(self) -> dict[Identity, str]:
        """The paths of the copies."""
        return {copy.identity: copy.path for copy in self.copies}


class Names:
    """The names in the folders that logs are in. A folder is listed again when its names have changed.

    All files that the pattern `rotated` matches count as rotated; of those that `pattern` matches, which names the
    logs, only packed ones.
    """

    def __init__(self, rotated: str, pattern: str) -> None:
        self._folders: dict[str, Folder] = {}
        self._rotated = rotated
        self._pattern = pattern
        self._named: set[str] = set()
        self._moved: set[str] = set()
        self._changes = Changes([])

    def refresh(self, first: bool) -> None:
        """See what the folders hold now. At the `first` scan packed files that the pattern matches count as rotated."""
        if self._rotated and self._changes.happened():
            self._changes = Changes(folders_of(self._rotated))
            self._changes.happened()
            self._moved = {*matching(self._rotated)}
        packed: set[str] = set()
        if first and is_pattern(self._pattern) and not are_objects(self._pattern):
            found = (path for end in ("", *PACKED) for path in matching(self._pattern + end))
            packed = {path for path in found if path.endswith(PACKED)}
        self._named = self._moved | packed
        for folder in self._folders.values():
            folder.refresh()

    def originals(self) -> set[str]:
        """Logs that the pattern could name and that have rotated copies, whether the logs themselves exist or not."""
        folder, name = os.path.split(self._pattern)
        wanted = re.compile(fnmatch.translate(name))
        return {
            os.path.join(place, original)  # noqa: PTH118
            for place in (matching(folder) if is_pattern(folder) else [folder])
            for found in self._folder(place).names
            for original in _originals(_bare(found))
            if wanted.match(original)
        }

    def families(self, logs: Iterable[str], sought: dict[str, set[int]]) -> Iterator[Family]:
        """The possible copies of each log: files with the names of copies, files with inodes that the log had before
        (`sought`), and if the log is a link, the files that it pointed to since then.

        The last family holds the files that `rotated` matches and that begin with no log's name.
        """
        taken: set[str] = set()
        for log in logs:
            family = self._family(log, sought.get(log, set()))
            copies = [copy for copy in family.copies if copy.path not in taken]
            taken |= {copy.path for copy in copies if copy.named}
            yield Family(log, copies)
        others = {path: os.path.basename(path) for path in sorted(self._named - taken)}  # noqa: PTH119
        yield Family(self._pattern, _copies(others, {}))

    def _family(self, log: str, sought: set[int]) -> Family:
        named: dict[str, str] = {}
        other: dict[str, str] = {}
        moved: list[str] = []
        for base in {log, os.path.realpath(log)}:
            place, name = os.path.split(base)
            folder = self._folder(place)
            self._sort_names(place, name, folder.names, named, other)
            here = [folder.inodes[inode] for inode in sought & folder.inodes.keys()]
            if base != log:
                moved += [os.path.join(place, found) for found in _since(here, name, folder.names)]  # noqa: PTH118
            other |= {os.path.join(place, found): found for found in here if found != name}  # noqa: PTH118
        moved = [path for path in moved if path not in named]
        other = {path: found for path, found in other.items() if path not in named and path not in moved}
        return Family(log, [*_in_order(moved), *_copies(named, other)])

    def _sort_names(
        self, place: str, name: str, names: list[str], named: dict[str, str], other: dict[str, str]
    ) -> None:
        """Sort the paths that begin as a log's does: those named as copies, with what rotation added, and others."""
        stem, end = _split(name)
        for found in _beginning(names, stem):
            if found == name:
                continue
            path = os.path.join(place, found)  # noqa: PTH118
            added = _added(_bare(found), name, stem, end)
            if path in self._named:
                named[path] = found[len(stem) :]
            elif added is not None:
                named[path] = added
            else:
                other[path] = found

    def _folder(self, place: str) -> Folder:
        if place not in self._folders:
            self._folders[place] = Folder(place)
        return self._folders[place]


class Logs:
    """Tells logs from rotated copies of them, where a pattern matches both.

    Finished objects, as clouds write them, are logs.
    """

    def __init__(self, pattern: str) -> None:
        self._are_objects = are_objects(pattern)
        self._asked: tuple[list[str], set[str]] = ([], set())
        self._logs: list[str] = []

    def among(self, paths: list[str], logs: set[str]) -> list[str]:
        """The paths that are not packed, and are not rotated copies of another path or of a log that existed before."""
        if self._are_objects:
            return sorted(paths)
        if self._asked != (paths, logs):
            self._asked = (paths, logs)
            plain = sorted(path for path in paths if not path.endswith(COMPRESSED))
            copies = set()
            for log in {*plain, *logs}:
                stem, end = _split(log)
                for path in _beginning(plain, stem):
                    if path != log and _added(path, log, stem, end) is not None:
                        copies.add(path)
            self._logs = [path for path in plain if path not in copies]
        return self._logs


def _split(name: str) -> tuple[str, str]:
    stem, end = os.path.splitext(name)  # noqa: PTH122 - many are looked at
    return stem, end if end != "." else ""


def _beginning(names: list[str], start: str) -> list[str]:
    first = last = bisect_left(names, start)
    while last < len(names) and names[last].startswith(start):
        last += 1
    return names[first:last]


def _added(bare: str, name: str, stem: str, end: str) -> str | None:
    """What rotation added to a log's name; None if the name is not that of a copy. What is inserted before the log's
    extension must be a date.
    """
    if bare.startswith(name):
        added = bare[len(name) :]
        return added if _ADDED.fullmatch(added) else None
    added = bare[len(stem) : len(bare) - len(end)]
    dated = bare.endswith(end) and sum(map(str.isdigit, added)) >= _DATE_DIGITS
    return added if dated and _ADDED.fullmatch(added) else None


def _bare(name: str) -> str:
    return _split(name)[0] if name.endswith(PACKED) else name


def _originals(bare: str) -> Iterator[str]:
    """The names of logs that a file with this name may be a copy of."""
    for found in _SEPARATOR.finditer(bare):
        if _ADDED.fullmatch(bare, found.start()):
            yield bare[: found.start()]
    stem, end = _split(bare)
    for found in _SEPARATOR.finditer(stem):
        if _added(bare, stem[: found.start()] + end, stem[: found.start()], end) is not None:
            yield stem[: found.start()] + end


def _since(known: list[str], log: str, names: list[str]) -> list[str]:
    """Names with numbers or dates like the log's, from the first known one up to the log: what a link may have pointed
    to in between.
    """
    begun = [_numbers(name) for name in known if _shape(name) == _shape(log)]
    if not begun:
        return []
    return [name for name in names if _shape(name) == _shape(log) and min(begun) <= _numbers(name) < _numbers(log)]


def _shape(name: str) -> str:
    return re.sub(r"\d+", "0", name)


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", name)))


def _in_order(paths: list[str]) -> list[Copy]:
    """Copies whose numbers rise with time, oldest first."""
    return [copy for path in sorted(paths, key=_numbers) if (copy := _copy(path, named=True))]


def _copies(named: dict[str, str], other: dict[str, str]) -> list[Copy]:
    """The copies in the order in which they were written: by the numbers or dates in their names, if all have the same
    kind, else by the time of their last change. Files that are not named as copies come last.
    """
    copies = [copy for path in (*named, *other) if (copy := _copy(path, path in named))]
    ages = _ages({copy: _numbers(named[copy.path]) for copy in copies if copy.named})

    def age(copy: Copy) -> tuple[bool, tuple[int, ...], bool, Copy]:
        return not copy.named, ages.get(copy, (copy.stamp[-1],)), copy.path.endswith(PACKED), copy

    return sorted(copies, key=age)


def _ages(numbers: dict[Copy, tuple[int, ...]]) -> dict[Copy, tuple[int, ...]]:
    """A sort key for each copy by the numbers that rotation added to its name: dated copies are newer with a higher
    one, counted ones older unless the times of their last changes say otherwise. Empty if the names are of neither
    kind, or mixed.
    """
    if all(len(found) == 1 and found[0] < _COUNTED_BELOW for found in numbers.values()):
        if _rise(sorted(numbers, key=numbers.__getitem__)):
            return numbers
        return {copy: tuple(-number for number in found) for copy, found in numbers.items()}
    if all(len(found) > 1 or sum(found) >= _COUNTED_BELOW for found in numbers.values()):
        return numbers
    return {}


def _rise(counted: list[Copy]) -> bool:
    """Whether copies with higher numbers are newer, as those of Log4j are: most of them were written later, and more
    than one, which may have been written to after it was renamed.
    """
    return sum(_is_older(low, high) - _is_older(high, low) for low, high in pairwise(counted)) > 1


def _is_older(copy: Copy, other: Copy) -> bool:
    """Whether a copy was certainly written before another one. Some programs that pack a file don't keep its time, and
    files that were copied in one go have the time of that.
    """
    packed_later = other.path.endswith(PACKED) and not copy.path.endswith(PACKED)
    return not packed_later and other.stamp[-1] - copy.stamp[-1] > _IN_ONE_GO


def _copy(path: str, named: bool) -> Copy | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - many are looked at
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    identity = (found.st_dev, found.st_ino)
    return Copy(path, identity, (*identity, found.st_size, found.st_mtime_ns), named)
