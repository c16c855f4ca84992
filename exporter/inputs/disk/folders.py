"""The names in folders, and whether they have changed."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from exporter.inputs.disk.content import PACKED
from exporter.inputs.disk.fingerprint import TICK
from exporter.inputs.disk.names import is_pattern, matching

# Names that end so are of packed files. Those that can't be unpacked here are never read.
COMPRESSED = (*PACKED, ".bz2", ".xz", ".lz4", ".Z")


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
            found = [(entry.name, entry.inode()) for entry in entries]
        self.inodes = {inode: name for name, inode in found}
        self.names = sorted(name for name, _ in found if not name.endswith(COMPRESSED[len(PACKED) :]))


class Changes:
    """Notices that names were added to folders, or removed."""

    def __init__(self, folders: Iterable[str]) -> None:
        self._seen: dict[str, tuple[int, ...]] = {}
        self._folders = [*folders]

    def happened(self) -> bool:
        """Whether that happened since the last call. True the first time, and if it can't be ruled out."""
        before, self._seen = self._seen, {folder: _state(folder) for folder in self._folders}
        return not self._seen or not all(self._seen.values()) or before != self._seen


def fixed_folder(pattern: str) -> str:
    """The deepest folder of a path or pattern that is named without wildcards."""
    folder = Path(pattern).parent
    while is_pattern(str(folder)):
        folder = folder.parent
    return str(folder)


def closed_folder(pattern: str) -> OSError | None:
    """The error of the first folder that can't be listed, so that it is not known what a pattern matches there."""
    for folder in (fixed_folder(pattern), *folders_of(pattern)):
        try:
            os.scandir(folder or ".").close()
        except OSError as error:
            return error
    return None


def folders_of(pattern: str) -> list[str]:
    """The folders whose names decide what a pattern matches."""
    parts = Path(pattern).parts or ("",)
    found: list[str] = []
    for n in range(1, len(parts)):
        if is_pattern(str(Path(*parts[: n + 1]))):
            found += (path for path in matching(str(Path(*parts[:n]))) if os.path.isdir(path))  # noqa: PTH112
    if is_pattern(parts[0]):
        found.append("")
    return found


def _state(folder: str) -> tuple[int, ...]:
    """What changes in a folder's status when a name does; () if a change could be missed."""
    try:
        found = os.stat(folder or ".")  # noqa: PTH116
    except OSError:
        return ()
    # A second change within the same tick of the clock leaves the same time.
    at = found.st_ctime_ns
    return (found.st_dev, found.st_ino, found.st_mtime_ns, at) if time.time_ns() - at > TICK else ()
