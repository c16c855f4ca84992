"""What an input tells of beside its lines."""

import os
from typing import Protocol

# Why lines were lost, or may have been, before they were read.
LOSSES = {
    "truncated": "the log was truncated, and no copy of what it held was found",
    "deleted": "the log went away while the exporter was down, and no copy of it was found; if it was moved or renamed,"
    " `rotated:` of the input says where copies are",
    "removed": "the input was taken out of the config before it was read to its end, and its logs are gone now",
    "state_damaged": "the state file was damaged: what was logged since it was last good is not counted",
    "damaged": "a packed copy of the log can't be unpacked to its end",
}


def printable(path: str) -> str:
    """A path for people: bytes that are no UTF-8 as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


class InputEvents(Protocol):
    """Whoever wants to be told. Lines of more bytes than `longest_line` are left out."""

    longest_line: int

    def rotated(self, kind: str) -> None:
        """`rename` or `truncate`."""

    def lost(self, path: str, reason: str, size: int) -> None:
        """So many bytes of a log can't be read any more; a reason of LOSSES."""

    def loss(self, path: str, reason: str) -> None:
        """Lines of a log may have been lost, nobody knows how many; a reason of LOSSES."""

    def too_long(self, path: str) -> None:
        """A line that was too long, and left out."""

    def unreadable(self, path: str, why: str) -> None:
        """A log that is missing or not permitted; told once until it can be read again."""

    def opened(self, path: str, offset: int) -> None:
        """A log that was not known is read from an offset on."""

    def resumed(self, path: str, offset: int) -> None:
        """A log, or a copy of it, is read on from where it was read to before."""
