"""What the pipeline asks of every kind of input, whatever its lines come from."""

from typing import Protocol

import msgspec

from exporter.inputs.disk.fingerprint import Position
from exporter.inputs.logs.headers import HeaderReader


class Input(Protocol):
    """Where lines come from. Methods with a body answer for an input that has no files, and nothing to go back to.

    `finished` once no more lines can come.
    """

    finished: bool

    # --- reading

    def scan(self) -> None:
        """Find out what there is to read."""

    def read(self) -> bytes:
        """The next whole lines; b"" if there are none now. Takes some milliseconds at most."""

    def lag_bytes(self) -> int:
        """Bytes that are there and not read yet."""

    def close(self) -> None:
        """Release files and other resources."""

    def leave(self) -> tuple[bytes, int]:
        """Prepare to be removed from the config. Returns the unfinished lines that no other input can read on, and
        the number of unread bytes that another one could.
        """
        return b"", 0

    @property
    def pending(self) -> bool:
        """Whether there is more to do although `read` returned nothing."""

    # --- what is shown

    @property
    def files(self) -> list[str]:
        """The names of what is read, for people."""

    @property
    def readable(self) -> bool:
        """Whether all of it can be read."""
        return True

    @property
    def unreadable(self) -> dict[str, str]:
        """What can't be read now, and why."""
        return {}

    @property
    def unopened(self) -> int:
        """Number of logs that no file descriptor is left for."""
        return 0

    def read_headers(self, reader: HeaderReader | None, is_new: bool) -> None:  # noqa: ARG002
        """Decode the lines of each log with the columns that it names; None where logs name none. `is_new` where the
        format is another one than before.
        """
        return

    # --- changes to be woken by

    @property
    def directory(self) -> str | None:
        """The folder to watch; None if there is none."""
        return None

    def owns(self, path: str) -> bool:  # noqa: ARG002
        """Whether a file is one of those that are read. May be called from any thread."""
        return False

    # --- what is committed with the counters

    def positions(self) -> list[Position]:
        """Where each file was read to."""
        return []

    def pages(self) -> dict[int, msgspec.Raw]:
        """The positions, encoded in numbered parts, few of which change from one commit to the next."""
        return {}

    def restore(self, positions: list[Position]) -> None:  # noqa: ARG002
        """Continue at stored positions; called before the first `scan`. An empty list means that there is no state."""
        return
