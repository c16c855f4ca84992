"""Follower: what a request log knows of who sends its rows on."""

from pathlib import Path
from typing import Protocol

from exporter.request_log.outbox.settings import Sending


class Follower(Protocol):
    """Who sends rows on. It learns when they are in the state, and before they are deleted."""

    def committed(self, mark: int) -> None:
        """The state has the rows up to this one."""

    def removing(self, path: Path) -> None:
        """A file is about to be deleted."""

    def count(self) -> None:
        """Add to the metrics what is to be committed."""

    def update_gauges(self) -> None:
        """Set the gauges."""

    @property
    def sending(self) -> Sending:
        """How it goes now."""

    def close(self) -> None:
        """End."""
