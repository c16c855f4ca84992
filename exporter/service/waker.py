"""When the pipeline scans its logs, and how long it may sleep in between.

A busy log is scanned every few milliseconds: an event for each write would cost more than that. Once all logs are
quiet, the pipeline sleeps until the file system reports that one has grown.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.inputs.watch import Watcher

log = logging.getLogger(__name__)

# A log that has grown is scanned this often, until it was quiet for so long.
_BUSY_SECONDS = 0.05
_QUIET_SECONDS = 1.0
# Where no event can be trusted, and as a safety net where they can.
_POLL_SECONDS = 0.25
_SAFETY_SECONDS = 2.0  # not longer: a signal that comes just before the wait is seen after it
# Scans take at most one part in so many of the time, however many logs there are.
_SCAN_SHARE = 10


class Waker:
    """Calls `wake` when files appear, move or go, or when one of the logs grows; `is_log` says whether a path is one.

    Both are called from another thread; everything else belongs to the pipeline's.
    """

    def __init__(self, wake: Callable[[], None], is_log: Callable[[str], bool]) -> None:
        self._wake = wake
        self._is_log = is_log
        self._watcher: Watcher | None = None
        self._trusted = False
        self._listening = False
        self._next_scan = 0.0
        self._busy_until = 0.0

    def watch(self, folders: Iterable[str]) -> None:
        """Watch these folders, besides those that are watched already."""
        folders = [*folders]
        if folders:
            from exporter.inputs.watch import Watcher  # noqa: PLC0415 - long to load, and most commands watch nothing

            self._watcher = self._watcher or Watcher(self._wake, self._grown)
            trusted = [self._watcher.watch(folder) for folder in folders]
            self._trusted = all(trusted)

    def stop(self) -> None:
        """Stop watching."""
        if self._watcher:
            self._watcher.stop()

    def scan_due(self) -> bool:
        """Whether it is time for the next scan."""
        return time.monotonic() >= self._next_scan

    def scanned(self, begun: float) -> None:
        """A scan has ended that began at this monotonic time."""
        now = time.monotonic()
        self._next_scan = now + min(_SCAN_SHARE * (now - begun), _QUIET_SECONDS)

    def busy(self) -> None:
        """Lines were counted just now."""
        self._busy_until = time.monotonic() + _QUIET_SECONDS

    def seconds_to_scan(self) -> float:
        """Seconds until the next scan is due."""
        return max(0.0, self._next_scan - time.monotonic())

    def idle_seconds(self) -> float:
        """Seconds to wait after a scan that found nothing to read. Turns events for growth on and off."""
        if time.monotonic() < self._busy_until:
            if self._watcher and self._listening:
                self._watcher.ignore_growth()
                self._listening = False
            return max(_BUSY_SECONDS, self._next_scan - time.monotonic())
        if not self._watcher:
            return _SAFETY_SECONDS
        if not self._trusted:
            return _POLL_SECONDS
        if not self._listening:
            try:
                self._listening = self._watcher.listen_for_growth()
            except OSError as error:
                log.warning("cannot watch folders any more (%s); scanning them often instead", error.strerror)
                self._watcher.ignore_growth()
                self._trusted = False
            return _BUSY_SECONDS  # what was written just before is seen at the next scan
        return _SAFETY_SECONDS

    def _grown(self, path: str) -> None:
        if self._is_log(path):
            self._wake()
