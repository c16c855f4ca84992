"""Wakes the pipeline when logs change, through watchdog (inotify), where the file system supports that.

While a log is busy, an event for each write would cost more than reading it. Then the files are scanned every few
milliseconds instead; events of growth are used again once the files are quiet.
"""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import (
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

log = logging.getLogger(__name__)

# File systems that give no events for changes made by other machines, or by the host.
_SILENT = ("nfs", "cifs", "smb", "9p", "fuse", "vboxsf", "virtiofs", "ceph", "glusterfs", "lustre", "afs")


class _Handler(FileSystemEventHandler):
    def __init__(self, wake: Callable[[str], None]) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._wake(os.fsdecode(event.src_path))


class Watcher:
    """Calls `changed()` when files are added, moved or deleted, and while it listens for growth, `grown(path)` when a
    file grows. Both are called from another thread.
    """

    def __init__(self, changed: Callable[[], None], grown: Callable[[str], None]) -> None:
        self._observer: BaseObserver | None = None
        self._names = _Handler(lambda _: changed())
        self._growth = _Handler(grown)
        self._folders: set[str] = set()
        self._listening: list[ObservedWatch] = []
        self._forgetting: threading.Thread | None = None

    def watch(self, folder: str) -> bool:
        """Watch a folder. False if that does not work there, so that it must be scanned often."""
        if _file_system(folder).startswith(_SILENT):
            return False
        if folder not in self._folders:
            try:
                self._started().schedule(
                    self._names, folder, event_filter=[FileCreatedEvent, FileDeletedEvent, FileMovedEvent]
                )
            except OSError as error:  # also where the system has no inotify instance left
                log.warning("can't watch %s (%s): looking at it often instead", folder, error.strerror)
                return False
            self._folders.add(folder)
        return True

    def listen_for_growth(self) -> bool:
        """Report the growth of files from now on. False if that is not possible yet, so that they must be scanned.
        Raises OSError if a folder is gone, or if the system has no watches left.
        """
        if self._forgetting and self._forgetting.is_alive():
            return False
        if not self._listening:
            for folder in self._folders:
                self._listening.append(
                    self._started().schedule(self._growth, folder, event_filter=[FileModifiedEvent, FileClosedEvent])
                )
        return True

    def ignore_growth(self) -> None:
        """Stop reporting growth. This is done in a thread, as ending a watch waits for its reader."""
        watches, self._listening = self._listening, []

        def forget() -> None:
            for watch in watches:
                self._started().unschedule(watch)

        self._forgetting = threading.Thread(target=forget, name="forget watches", daemon=True)
        self._forgetting.start()

    def stop(self) -> None:
        """End the threads, without waiting for them."""
        if self._observer:
            threading.Thread(target=self._observer.stop, name="stop watching", daemon=True).start()

    def _started(self) -> BaseObserver:
        """The observer, started. Raises OSError if the system has no inotify instance left."""
        if not self._observer:
            self._observer = Observer()
            self._observer.start()
        return self._observer


def _file_system(folder: str) -> str:
    """The type of the file system that a folder is on; "" if it can't be found out."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return ""
    real = os.path.realpath(folder)
    best = max(
        ((point, kind) for point, kind in mounts if real == point or real.startswith(point.rstrip("/") + "/")),
        key=lambda mount: len(mount[0]),
        default=("", ""),
    )
    return best[1]
