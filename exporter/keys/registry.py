"""The key registry, kept up to date: a file that is looked at, or the gateway's admin API that is asked. Cold path,
in a thread of its own; what it finds is handed to the pipeline's.

What is bad is refused, told once, and the last good registry stays.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from exporter.errors import ExporterError
from exporter.keys.file import load_keys, written
from exporter.keys.identity import KeyEntry

log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0


class Source(Protocol):
    """Where a registry comes from."""

    def patience(self, failures: int) -> float:
        """Seconds to wait for the next reading, after so many that failed."""

    def read(self) -> tuple[KeyEntry, ...]:
        """All entries. ExporterError where they can't be had, or are wrong."""


class KeyFile:
    """A file, read again when it has changed. Where there are `plans`, a key's is one of them."""

    def __init__(self, path: Path, plans: Collection[str] = ()) -> None:
        self.path = path
        self._plans = plans
        self._entries: tuple[KeyEntry, ...] = ()
        self._seen: tuple[int, ...] | None = None

    def patience(self, failures: int) -> float:  # noqa: ARG002 - to look is cheap
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
        return load_keys(self.path, self._plans)  # which tells why it can't be read


class Registry:
    """Reads a source again and again, and gives entries that are new to `update`. `update` also gets the time of
    each good reading, in epoch seconds, with None where nothing has changed.

    `copy` is where the last good entries are kept for the next start; they hold no raw key.
    """

    def __init__(
        self,
        source: Source,
        entries: tuple[KeyEntry, ...],
        update: Callable[[tuple[KeyEntry, ...] | None, float], object],
        copy: Path | None = None,
    ) -> None:
        self._source = source
        self._entries = entries
        self._update = update
        self._copy = copy
        self._last_error = ""
        self._failures = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="key registry", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End it; what it is waiting for is not waited for."""
        self._stop.set()

    def poll_once(self) -> None:
        """Read once."""
        try:
            entries = self._source.read()
        except ExporterError as error:
            self._failures += 1
            if str(error) != self._last_error:
                log.error("the key registry stays as it was: %s", error)
            self._last_error = str(error)
            return
        except Exception as error:  # a mistake of ours must not end the looking; its message may hold a key
            self._failures += 1
            log.error("the key registry stays as it was: %s while it was read", type(error).__name__)
            return
        if self._stop.is_set():
            return  # it took long, and another registry is in its place by now
        if self._last_error:
            log.info("key registry refresh succeeded again")
        self._failures, self._last_error = 0, ""
        changed = entries != self._entries
        self._update(entries if changed else None, time.time())
        self._entries = entries
        if self._copy:
            self._keep(self._copy, entries, changed)

    def _run(self) -> None:
        self.poll_once()
        while not self._stop.wait(self._source.patience(self._failures)):
            self.poll_once()

    def _keep(self, copy: Path, entries: tuple[KeyEntry, ...], changed: bool) -> None:
        """Write the copy whole or not at all. Its time says when the entries were read."""
        try:
            if not changed and copy.exists():
                os.utime(copy)
                return
            new = copy.with_name(f"{copy.name}.new")
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(written(entries))
            new.replace(copy)
        except OSError as error:
            log.warning("the copy of the key registry can't be written to %s: %s", copy, error.strerror)


def kept(copy: Path) -> tuple[tuple[KeyEntry, ...], float]:
    """The entries of a copy, and when they were read; nothing where there is none that is good."""
    try:
        return load_keys(copy), min(copy.stat().st_mtime, time.time())
    except (ExporterError, OSError):
        return (), 0.0
