"""What an input reports besides its lines."""

import os
from typing import Protocol

# The reasons for which lines are lost, or may be, before they are read.
LOSSES = {
    "truncated": "the log was truncated, and no copy of what it held was found",
    "deleted": "the log went away while the exporter was down, and no copy of it was found; if it was moved or renamed,"
    " `rotated:` of the input says where copies are",
    "removed": "the input was taken out of the config before it was read to its end, and its logs are gone now",
    "state_damaged": "the state file was damaged: what was logged since it was last good is not counted",
    "dropped": "messages came faster than they were read, or their connection ended within one",
    "damaged": "a packed copy of the log can't be unpacked to its end",
}


def printable(path: str) -> str:
    """A path for people, in one line: bytes that are not UTF-8 are shown as `\\xff`, control characters as `\\n`."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


class InputEvents(Protocol):
    """Receives what an input reports. Lines of more bytes than `longest_line` are left out."""

    longest_line: int

    def rotated(self, kind: str) -> None:
        """A log was rotated; `kind` is `rename` or `truncate`."""

    def lost(self, path: str, reason: str, size: int) -> None:
        """`size` bytes of a log were lost before they were read. `reason` is a key of LOSSES."""

    def loss(self, path: str, reason: str) -> None:
        """An unknown number of lines of a log may have been lost. `reason` is a key of LOSSES."""

    def dropped(self, path: str, messages: int) -> None:
        """Messages of an input, such as syslog, that were dropped before they were read."""

    def too_long(self, path: str) -> None:
        """A line was longer than `longest_line` and was left out."""

    def unreadable(self, path: str, why: str) -> None:
        """A log is missing or can't be read. Reported once, until it can be read again."""

    def opened(self, path: str, offset: int) -> None:
        """An unknown log is read, from an offset on."""

    def resumed(self, path: str, offset: int) -> None:
        """A known log, or a copy of it, is read on from where it was read to before."""
