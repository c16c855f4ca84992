"""Keeps the key registry up to date, from a file or the gateway's admin API. Cold path, in its own thread, which passes
new entries to the pipeline's thread.

If a refresh fails, the error is logged once and the previous entries stay.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from exporter import durable_file
from exporter.errors import ExporterError
from exporter.keys.file import load_keys, written
from exporter.keys.identity import KeyEntry

log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0


class Source(Protocol):
    """Where a registry comes from."""

    def patience(self, failures: int) -> float:
        """Seconds to wait before the next refresh, after this number of failures."""

    def read(self) -> tuple[KeyEntry, ...]:
        """All entries. ExporterError if they can't be read or are not valid."""


class KeyFile:
    """A file, read again when it has changed. If `plans` are given, each key's plan must be one of them."""

    def __init__(self, path: Path, plans: Collection[str] = ()) -> None:
        self.path = path
        self._plans = plans
        self._entries: tuple[KeyEntry, ...] = ()
        self._seen: tuple[int, ...] | None = None

    def patience(self, failures: int) -> float:  # noqa: ARG002 - a look is cheap
        """Seconds between two looks."""
        return _LOOK_SECONDS

    def read(self) -> tuple[KeyEntry, ...]:
        """The entries of the file as it is now."""
        with suppress(OSError):
            found = self.path.stat()
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
            if seen == self._seen:
                return self._entries
            self._entries = load_keys(self.path, self._plans)
            self._seen = seen
            return self._entries
        return load_keys(self.path, self._plans)  # raises the reason


class Registry:
    """Reads a source repeatedly. After each success it calls `update` with the entries, or None if they have not
    changed, and the time in epoch seconds. `report` gets each problem, and "" once the source is read again.

    `copy` is the file that keeps the last valid entries for the next start; it holds no raw keys.
    """

    def __init__(
        self,
        source: Source,
        entries: tuple[KeyEntry, ...],
        update: Callable[[tuple[KeyEntry, ...] | None, float], object],
        copy: Path | None = None,
        report: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._source = source
        self._entries = entries
        self._update = update
        self._copy = copy
        self._report = report
        self._last_error = ""
        self._failures = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="key registry", daemon=True)

    def start(self) -> None:
        """Start polling."""
        self._thread.start()

    def stop(self) -> None:
        """Stop polling. Does not wait for a request in flight."""
        self._stop.set()

    def poll_once(self) -> None:
        """Read the source once."""
        try:
            entries = self._source.read()
        except ExporterError as error:
            self._failed(str(error))
            return
        except Exception as error:  # a bug must not stop the polling; its message may hold a key
            self._failed(f"{type(error).__name__} while it was read")
            return
        if self._stop.is_set():
            return  # another registry may have replaced this one during the request
        if self._last_error:
            log.info("key registry refresh succeeded again")
            self._report("")
        self._failures, self._last_error = 0, ""
        changed = entries != self._entries
        self._update(entries if changed else None, time.time())
        self._entries = entries
        if self._copy:
            self._keep(self._copy, entries, changed)

    def _failed(self, error: str) -> None:
        """Log an error, unless it is the same as the last."""
        self._failures += 1
        if error != self._last_error:
            wait = self._source.patience(self._failures)
            log.error("key registry refresh failed (%s); keeping the previous entries, retrying in %.0f s", error, wait)
            self._report(error)
        self._last_error = error

    def _run(self) -> None:
        self.poll_once()
        while not self._stop.wait(self._source.patience(self._failures)):
            self.poll_once()

    def _keep(self, copy: Path, entries: tuple[KeyEntry, ...], changed: bool) -> None:
        """Replace the copy. Its modification time is when the entries were read."""
        try:
            if not changed and copy.exists():
                os.utime(copy)
                return
            durable_file.replace(copy, written(entries))
        except OSError as error:
            log.warning("the copy of the key registry can't be written to %s: %s", copy, error.strerror)


def kept(copy: Path) -> tuple[tuple[KeyEntry, ...], float]:
    """The entries of a copy and when they were read; no entries and 0 if it is missing or not valid."""
    try:
        return load_keys(copy), min(copy.stat().st_mtime, time.time())
    except (ExporterError, OSError):
        return (), 0.0
