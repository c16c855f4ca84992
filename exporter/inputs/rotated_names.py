"""Rotated copies of a log: which files may be some, and in which order they were written."""

import fnmatch
import glob
import os
import re
import stat
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from exporter.inputs.content import PACKED
from exporter.inputs.fingerprint import TICK, Identity, Stamp

# What is told apart by its end is never read as it is.
COMPRESSED = (*PACKED, ".bz2", ".xz", ".lz4", ".Z")

# What rotation adds to a name: a number, a date, or `old`.
_ADDED = re.compile(r"[-._@]\d[\dTZ:+._-]*|[-._](?:old|bak|prev|previous)|")
_SEPARATOR = re.compile(r"[-._@]")
_COUNTED_BELOW = 1000
_DATE_DIGITS = 6


class Copy(NamedTuple):
    """A file that may be a copy of a log. `stamp` changes with its content; `named` if its name says rotated."""

    path: str
    identity: Identity
    stamp: Stamp
    named: bool


class Family(NamedTuple):
    """What may be a copy of a log, the oldest first. `inodes` are those of all files beside the log."""

    log: str
    copies: list[Copy]
    inodes: set[int]


class Names:
    """The names in the folders that logs are in. A folder is listed again when they have changed.

    Two patterns name rotated files: `rotated` all of them, that of the logs (`pattern`) those that are packed.
    """

    def __init__(self, rotated: str, pattern: str) -> None:
        self._folders: dict[str, Folder] = {}
        self._rotated = rotated
        self._pattern = pattern
        self._named: set[str] = set()
        self._moved: set[str] = set()
        self._changes = Changes([])

    def refresh(self, first: bool) -> None:
        """See what the folders hold now. At the `first` look packed files that the pattern matches count as rotated."""
        if self._rotated and self._changes.happened():
            self._changes = Changes(folders_of(self._rotated))
            self._changes.happened()
            self._moved = {*glob.glob(self._rotated)}
        packed: set[str] = set()
        if first and glob.has_magic(self._pattern):
            found = (path for end in ("", *PACKED) for path in glob.glob(self._pattern + end))
            packed = {path for path in found if path.endswith(PACKED)}
        self._named = self._moved | packed
        for folder in self._folders.values():
            folder.refresh()

    def originals(self) -> set[str]:
        """Logs that the pattern could name, whether they are there or not, and rotated copies of which lie there."""
        folder, name = os.path.split(self._pattern)
        wanted = re.compile(fnmatch.translate(name))
        return {
            os.path.join(place, one)  # noqa: PTH118
            for place in (glob.glob(folder) if glob.has_magic(folder) else [folder])
            for found in self._folder(place).names
            for one in _originals(_bare(found))
            if wanted.match(one)
        }

    def families(self, logs: Iterable[str], sought: dict[str, set[int]]) -> Iterator[Family]:
        """What may be a copy of each log; beside it those with the inodes that it had before (`sought`), and where the
        log is a link that was moved on, what it led to in between.

        The last one holds the files that the configuration names and no log's name begins.
        """
        taken: set[str] = set()
        for log in logs:
            family = self._family(log, sought.get(log, set()))
            copies = [copy for copy in family.copies if copy.path not in taken]
            taken |= {copy.path for copy in copies if copy.named}
            yield Family(log, copies, family.inodes)
        others = {path: os.path.basename(path) for path in sorted(self._named - taken)}  # noqa: PTH119
        yield Family(self._pattern, _copies(others, {}), set())

    def _family(self, log: str, sought: set[int]) -> Family:
        named: dict[str, str] = {}
        other: dict[str, str] = {}
        moved: list[str] = []
        inodes: set[int] = set()
        for base in {log, os.path.realpath(log)}:
            place, name = os.path.split(base)
            folder = self._folder(place)
            inodes |= folder.inodes.keys()
            stem, end = _split(name)
            for found in _beginning(folder.names, stem):
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
            here = [folder.inodes[inode] for inode in sought & folder.inodes.keys()]
            if base != log:
                moved += [os.path.join(place, found) for found in _since(here, name, folder.names)]  # noqa: PTH118
            other |= {os.path.join(place, found): found for found in here if found != name}  # noqa: PTH118
        moved = [path for path in moved if path not in named]
        other = {path: found for path, found in other.items() if path not in named and path not in moved}
        return Family(log, [*_in_order(moved), *_copies(named, other)], inodes)

    def _folder(self, place: str) -> "Folder":
        if place not in self._folders:
            self._folders[place] = Folder(place)
        return self._folders[place]


class Folder:
    """The files of a folder, `names` in order, and by inode."""

    def __init__(self, path: str) -> None:
        self.names: list[str] = []
        self.inodes: dict[int, str] = {}
        self._path = path
        self._changes = Changes([path])
        self.refresh()

    def refresh(self) -> None:
        """List it again if it has changed."""
        if not self._changes.happened():
            return
        found = []
        with suppress(OSError), os.scandir(self._path or ".") as entries:
            found = [(one.name, one.inode()) for one in entries]
        self.inodes = {inode: name for name, inode in found}
        self.names = sorted(name for name, _ in found if not name.endswith(COMPRESSED[len(PACKED) :]))


class Changes:
    """Notices that names were added to folders, or taken away."""

    def __init__(self, folders: Iterable[str]) -> None:
        self._seen: dict[str, tuple[int, ...]] = {}
        self._folders = [*folders]

    def happened(self) -> bool:
        """Whether any did since the last time; yes the first time, and where that can't be excluded."""
        before, self._seen = self._seen, {folder: _state(folder) for folder in self._folders}
        return not self._seen or not all(self._seen.values()) or before != self._seen


def folders_of(pattern: str) -> list[str]:
    """The folders whose names decide what a pattern matches."""
    parts = Path(pattern).parts or ("",)
    found: list[str] = []
    for n in range(1, len(parts)):
        if glob.has_magic(str(Path(*parts[: n + 1]))):
            found += (path for path in glob.glob(str(Path(*parts[:n]))) if os.path.isdir(path))  # noqa: PTH112
    if glob.has_magic(parts[0]):
        found.append("")
    return found


def _state(folder: str) -> tuple[int, ...]:
    """What is different once a name has changed; () if that can't be told."""
    try:
        found = os.stat(folder or ".")  # noqa: PTH116
    except OSError:
        return ()
    # What comes within the same tick of the clock leaves the same time.
    at = found.st_ctime_ns
    return (found.st_dev, found.st_ino, found.st_mtime_ns, at) if time.time_ns() - at > TICK else ()


class Logs:
    """Tells logs from rotated copies of them, where a pattern matches both.

    A pattern that ends in `.gz` or `.zst` names finished objects, as clouds write them: each is a log.
    """

    def __init__(self, pattern: str) -> None:
        self._are_objects = pattern.endswith(PACKED)
        self._asked: tuple[list[str], set[str]] = ([], set())
        self._logs: list[str] = []

    def among(self, paths: list[str], logs: set[str]) -> list[str]:
        """Those of the paths that are not packed, and no rotation of another one or of a log that was there before."""
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
    """What rotation added to a log's name; None where that is no rotation. Within it, only dates are taken for one."""
    if bare.startswith(name):
        added = bare[len(name) :]
        return added if _ADDED.fullmatch(added) else None
    added = bare[len(stem) : len(bare) - len(end)]
    dated = bare.endswith(end) and sum(map(str.isdigit, added)) >= _DATE_DIGITS
    return added if dated and _ADDED.fullmatch(added) else None


def _bare(name: str) -> str:
    return _split(name)[0] if name.endswith(PACKED) else name


def _originals(bare: str) -> Iterator[str]:
    """The names of logs that rotation may have made a name of."""
    for found in _SEPARATOR.finditer(bare):
        if _ADDED.fullmatch(bare, found.start()):
            yield bare[: found.start()]
    stem, end = _split(bare)
    for found in _SEPARATOR.finditer(stem):
        if _added(bare, stem[: found.start()] + end, stem[: found.start()], end) is not None:
            yield stem[: found.start()] + end


def _since(known: list[str], log: str, names: list[str]) -> list[str]:
    """Names that are numbered or dated as a log's is, from a known one on: what a link may have named meanwhile."""
    begun = [_numbers(name) for name in known if _shape(name) == _shape(log)]
    if not begun:
        return []
    return [name for name in names if _shape(name) == _shape(log) and min(begun) <= _numbers(name) < _numbers(log)]


def _shape(name: str) -> str:
    return re.sub(r"\d+", "0", name)


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", name)))


def _in_order(paths: list[str]) -> list[Copy]:
    """Numbered upwards, the oldest first."""
    return [copy for path in sorted(paths, key=_numbers) if (copy := _copy(path, named=True))]


def _copies(named: dict[str, str], other: dict[str, str]) -> list[Copy]:
    numbers = {path: _numbers(added) for path, added in named.items()}
    counted = all(len(found) == 1 and found[0] < _COUNTED_BELOW for found in numbers.values())
    dated = all(len(found) > 1 or sum(found) >= _COUNTED_BELOW for found in numbers.values())
    aged = []
    for path in (*named, *other):
        copy = _copy(path, path in named)
        if not copy:
            continue
        age: tuple[int, ...] = (copy.stamp[-1],)
        if path in named and (counted or dated):
            age = tuple(-number for number in numbers[path]) if counted else numbers[path]
        aged.append((path in other, age, path.endswith(PACKED), copy))
    return [copy for *_, copy in sorted(aged)]


def _copy(path: str, named: bool) -> Copy | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - many are looked at
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    identity = (found.st_dev, found.st_ino)
    return Copy(path, identity, (*identity, found.st_size, found.st_mtime_ns), named)
