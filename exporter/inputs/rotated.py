"""Rotated copies of a log: which files may be some, and in which order they were written."""

import glob
import os
import re
import stat
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from exporter.inputs.content import PACKED
from exporter.inputs.fingerprint import Identity, Stamp

# What is told apart by its end is never read as it is.
COMPRESSED = (*PACKED, ".bz2", ".xz", ".lz4", ".Z")

# What rotation adds to a name: a number, a date, or `old`.
_ADDED = re.compile(r"[-._@]\d[\dTZ:+._-]*|[-._](?:old|bak|prev|previous)|")
_COUNTED_BELOW = 1000
_DATE_DIGITS = 6


class Copy(NamedTuple):
    """A file that may be a copy of a log. `stamp` changes with its content; `named` if its name says rotated."""

    path: str
    identity: Identity
    stamp: Stamp
    named: bool


class Names:
    """The files of the folders that logs are in, as they are now.

    Two patterns name rotated files: `rotated` all of them, that of the logs those that are packed.
    """

    def __init__(self, rotated: str, pattern: str = "") -> None:
        self._folders: dict[str, list[str]] = {}
        self._named = {*glob.glob(rotated)}
        if glob.has_magic(pattern):
            self._named |= {path for end in ("", *PACKED) for path in glob.glob(pattern + end) if path.endswith(PACKED)}

    def copies(self, logs: Iterable[str]) -> list[list[Copy]]:
        """What may be a copy of each log, the oldest first, those that are not named so last.

        The last list holds the files that the configuration names and no log's name begins.
        """
        families = []
        taken: set[str] = set()
        for log in logs:
            families.append([copy for copy in self._family(log) if copy.path not in taken])
            taken |= {copy.path for copy in families[-1] if copy.named}
        others = {path: Path(path).name for path in sorted(self._named - taken)}
        return [*families, _copies(others, {})]

    def _family(self, log: str) -> list[Copy]:
        named, other = {}, {}
        for base in {log, os.path.realpath(log)}:
            folder, name = os.path.split(base)
            stem, end = _split(name)
            for found in _beginning(self._files(folder), stem):
                path = str(Path(folder, found))
                bare = _split(found)[0] if found.endswith(PACKED) else found
                added = _added(bare, name, stem, end)
                if path in self._named:
                    named[path] = found[len(stem) :]
                elif added is not None and found != name:
                    named[path] = added
                elif found != name:
                    other[path] = found
        return _copies(named, other)

    def _files(self, folder: str) -> list[str]:
        if folder not in self._folders:
            try:
                names = sorted(path.name for path in Path(folder).iterdir())
            except OSError:
                names = []
            self._folders[folder] = [name for name in names if not name.endswith(COMPRESSED[len(PACKED) :])]
        return self._folders[folder]


class Logs:
    """Tells logs from rotated copies of them, where a pattern matches both."""

    def __init__(self) -> None:
        self._asked: tuple[list[str], set[str]] = ([], set())
        self._logs: list[str] = []

    def among(self, paths: list[str], logs: set[str]) -> list[str]:
        """Those of the paths that are not packed, and no rotation of another one or of a log that was there before."""
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
    end = Path(name).suffix
    return name.removesuffix(end), end


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


def _copies(named: dict[str, str], other: dict[str, str]) -> list[Copy]:
    numbers = {path: tuple(map(int, re.findall(r"\d+", added))) for path, added in named.items()}
    counted = all(len(found) == 1 and found[0] < _COUNTED_BELOW for found in numbers.values())
    dated = all(len(found) > 1 or sum(found) >= _COUNTED_BELOW for found in numbers.values())
    aged = []
    for path in (*named, *other):
        try:
            found = Path(path).stat()
        except OSError:
            continue
        if not stat.S_ISREG(found.st_mode):
            continue
        age: tuple[int, ...] = (found.st_mtime_ns,)
        if path in named and (counted or dated):
            age = tuple(-number for number in numbers[path]) if counted else numbers[path]
        identity = (found.st_dev, found.st_ino)
        copy = Copy(path, identity, (*identity, found.st_size, found.st_mtime_ns), path in named)
        aged.append((path in other, age, path.endswith(PACKED), copy))
    return [copy for *_, copy in sorted(aged)]
