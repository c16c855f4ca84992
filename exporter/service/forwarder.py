"""Forwarder: sends the kept requests on where the config says so, across reloads."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from exporter.keys.identity import KeyEntry
from exporter.metrics.store import Store
from exporter.request_log.log import RequestLog
from exporter.request_log.outbox.settings import OtlpSettings

if TYPE_CHECKING:
    from exporter.request_log.outbox.outbox import Outbox


class Forwarder:
    """`outbox` is None while nothing is sent. `restored` is what a state has of it."""

    def __init__(self, store: Store, entries: Callable[[], Mapping[str, KeyEntry]]) -> None:
        self.outbox: Outbox | None = None
        self.restored: Any = None
        self._store = store
        self._entries = entries

    def follow(self, log_: RequestLog | None, settings: OtlpSettings | None) -> None:
        """Send the rows of a request log from now on, as the settings say; None, and nothing is sent."""
        if self.outbox and log_ and settings and log_.follower is self.outbox:
            self.outbox.configure(settings)
            return
        if self.outbox:
            self.outbox.close()
            self.outbox = None
        if log_:
            log_.follower = self.outbox = self._begun(log_, settings) if settings else None
        self.restored = None

    def _begun(self, log_: RequestLog, settings: OtlpSettings) -> "Outbox":
        from exporter.request_log.outbox.outbox import Counted, Outbox  # noqa: PLC0415 - loads protobuf

        counted = msgspec.convert(self.restored, Counted) if self.restored else None
        return Outbox(log_.settings.path, settings, self._entries, self._store, counted, log_.known_mark)

    @property
    def part(self) -> Any:
        """What is committed with the metrics; None if there is nothing."""
        return self.outbox.counted if self.outbox else None

    def finish(self) -> None:
        """Send what is left, if that takes no time."""
        if self.outbox:
            self.outbox.finish()
