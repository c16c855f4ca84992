"""Outbox: what the pipeline's thread sees of the sender. It adds what was sent to the metrics, and counts what is
deleted before it was.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from exporter.keys.identity import KeyEntry
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.request_log.outbox.sender import Sender
from exporter.request_log.outbox.settings import OtlpSettings, Sending
from exporter.request_log.outbox.unsent import count_after


class Counted(Struct):
    """How many of the rows that the place has as sent and refused are in the metrics. It is committed with them."""

    sent: int
    refused: int


class Outbox:
    """Sends the rows of a folder. `counted` is what the state has; `mark`, if it is known, its last row."""

    def __init__(
        self,
        folder: Path,
        settings: OtlpSettings,
        entries: Callable[[], Mapping[str, KeyEntry]],
        store: Store,
        counted: Counted | None,
        mark: int | None,
    ) -> None:
        self._sender = Sender(folder, settings, entries, mark)
        self._store = store
        self.counted = counted
        self._counts = False
        self._failures: dict[str, int] = {}
        for result in ("sent", "refused", "lost"):  # 0 from the start
            store.series(catalog.OTLP_ROWS, result)
        self._sender.start()

    def configure(self, settings: OtlpSettings) -> None:
        """Go on with other settings."""
        if settings != self._sender.settings:
            self._sender.configure(settings)

    def committed(self, mark: int) -> None:
        """Rows up to this one are in the state: they may be sent."""
        self._sender.allow(mark)

    def removing(self, path: Path) -> None:
        """A file is about to be deleted: its unsent rows are lost."""
        if self._sender.taken is not None and (lost := count_after(path, self._sender.taken)):
            self._store.add(catalog.OTLP_ROWS, "lost", amount=lost)

    def count(self) -> None:
        """Add to the metrics what was sent since the last time: call it before each commit."""
        place, begun = self._sender.place, self._sender.begun
        if not place or not begun:
            return
        before = self.counted or Counted(begun.sent, begun.refused)
        if not self._counts and (before.sent > begun.sent or before.refused > begun.refused):
            before = Counted(0, 0)  # the file is a new one
        self._counts = True
        now = Counted(place.sent, place.refused)
        for result in ("sent", "refused"):
            if more := getattr(now, result) - getattr(before, result):
                self._store.add(catalog.OTLP_ROWS, result, amount=more)
        self.counted = now
        for reason, failures in [*self._sender.failures.items()]:
            if more := failures - self._failures.get(reason, 0):
                self._store.add(catalog.OTLP_FAILURES, reason, amount=more)
                self._failures[reason] = failures

    def update_gauges(self) -> None:
        """Set the gauges."""
        now = self.sending
        self._store.set(catalog.OTLP_LAG_ROWS, to=now.rows)
        self._store.set(catalog.OTLP_LAG_SECONDS, to=now.lag)
        if now.succeeded_at:
            self._store.set(catalog.OTLP_LAST_SUCCESS_TIMESTAMP_SECONDS, to=round(now.succeeded_at, 3))

    @property
    def sending(self) -> Sending:
        """How it goes now."""
        sender = self._sender
        rows = max(0, sender.upto - sender.place.cursor) if sender.place else 0
        oldest = sender.oldest
        lag = max(0.0, time.time() - oldest / 1000) if rows and oldest is not None else 0.0
        return Sending(sender.settings.server.name, rows, lag, sender.succeeded_at, sender.problem)

    def close(self) -> None:
        """End, whatever is left."""
        self._sender.close()

    def finish(self) -> None:
        """End; what is left is sent if that takes no time."""
        self._sender.finish()
