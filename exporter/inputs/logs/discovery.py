"""Finds the logs that a path or a pattern names, and notes which of them can't be read."""

import errno
import os
import time
from collections.abc import Container, Iterable
from stat import S_ISLNK, S_ISREG

from exporter.inputs.disk.content import no_file
from exporter.inputs.disk.fingerprint import Identity, Stamp, stamp_of
from exporter.inputs.disk.folders import Changes, closed_folder, fixed_folder, folders_of
from exporter.inputs.disk.names import is_pattern, matching
from exporter.inputs.events import InputEvents
from exporter.inputs.rotations.names import Logs

# A pattern is looked up after this time even if no folder has changed, as not every file system updates a folder's
# time. While a log can't be read it is looked up more often, as a change of permissions does not change the folder.
_LOOK_UP_SECONDS = 10.0
_TRY_AGAIN_SECONDS = 1.0


class LogFinder:
    """Looks for the logs. `unreadable` are the paths that can't be read, or the pattern if no file matches it, and why;
    `unopened` are those among them that no file descriptor was left for. `stamps` are those of the logs at the last
    look.
    """

    def __init__(self, pattern: str, events: InputEvents) -> None:
        self.unreadable: dict[str, str] = {}
        self.unopened: set[str] = set()
        self.stamps: dict[Identity, Stamp] = {}
        self._back: dict[str, Identity] = {}  # logs that are there again since the last look
        self._pattern = pattern
        self._events = events
        self._logs = Logs(pattern) if is_pattern(pattern) else None
        self._changes: Changes | None = None
        self._links: dict[str, tuple[int, int]] = {}
        self._looked_at = 0.0

    @property
    def directory(self) -> str:
        """The folder to watch: the deepest one that is not named by a pattern."""
        return fixed_folder(self._pattern)

    def changed(self) -> bool:
        """Whether `find` may find something new: a name in the pattern's folders or the target of a link has
        changed.
        """
        if self._changes is None or not self._logs:
            return True
        pause = _TRY_AGAIN_SECONDS if self.unreadable else _LOOK_UP_SECONDS
        return (
            time.monotonic() - self._looked_at > pause
            or any(_target(path) != target for path, target in self._links.items())
            or self._changes.happened()
        )

    def find(self, opened: dict[Identity, str], before: set[str]) -> dict[Identity, str]:
        """The logs that exist, by inode. An open log whose status can't be read any more counts as existing.

        `before` are logs that existed before: their rotated copies are not logs.
        """
        self._looked_at = time.monotonic()
        self._links.clear()
        self.stamps.clear()
        self._back.clear()
        there: dict[Identity, str] = {}
        for path in self._paths(before):
            try:
                found = os.lstat(path)
                if S_ISLNK(found.st_mode):
                    found = os.stat(path)  # noqa: PTH116 - many are looked at
                    self._links[path] = (found.st_dev, found.st_ino)
            except OSError as error:
                if not isinstance(error, FileNotFoundError):
                    there |= {identity: path for identity, log in opened.items() if log == path}
                elif self._logs:
                    continue  # it went away since the pattern was looked up
                self.trouble(path, error)
            else:
                if S_ISREG(found.st_mode):
                    there.setdefault((found.st_dev, found.st_ino), path)
                    self.stamps[found.st_dev, found.st_ino] = stamp_of(found)
                    if path in self.unreadable:
                        self._back[path] = (found.st_dev, found.st_ino)
                elif not self._logs:
                    self.trouble(path, no_file(path))
        return there

    def trouble(self, path: str, error: OSError) -> None:
        """A log can't be read. Warns once per log and reason; if no file descriptor is left, only for the first log."""
        if error.errno == errno.EMFILE:
            if self.unopened:
                self.unreadable[path] = error.strerror or str(error)
            self.unopened.add(path)
        self._warn_once(path, error.strerror or str(error))

    def opened(self, path: str) -> None:
        """A log can be read now."""
        self._readable([path])
        self.unopened.discard(path)

    def need_no_opening(self, unsure: Container[Identity]) -> None:
        """Logs that are there can be read, except those still to be opened and those whose disk fails: they are open
        already, or another input reads them.
        """
        for path, identity in self._back.items():
            if identity not in unsure:
                self.opened(path)

    def _paths(self, before: set[str]) -> list[str]:
        if not self._logs:
            return [self._pattern]
        self._changes = Changes(folders_of(self._pattern))
        self._changes.happened()
        paths = self._logs.among(matching(self._pattern), before)
        self._readable(self.unreadable.keys() - {*paths, self._pattern})
        self.unopened &= self.unreadable.keys()
        if paths:
            self._readable([self._pattern])
        else:
            closed = closed_folder(self._pattern)
            where = f" ({closed.filename}: {closed.strerror})" if closed else ""
            self._warn_once(self._pattern, f"no file matches{where}")
        return paths

    def _readable(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.unreadable.pop(path, None)

    def _warn_once(self, path: str, why: str) -> None:
        if self.unreadable.get(path) != why:
            self.unreadable[path] = why
            self._events.unreadable(path, why)


def _target(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino
