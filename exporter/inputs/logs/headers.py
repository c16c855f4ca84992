"""Logs that name their columns: each line is decoded with the columns of its own log.

A position keeps the names. Where a log is first read in its middle, they are read from its beginning.
"""

import re
from typing import Protocol

from exporter.inputs.disk.open_files import OpenFiles
from exporter.inputs.disk.tail import Tail
from exporter.inputs.lines import CHUNK
from exporter.inputs.rotations.known_files import KnownFiles
from exporter.model.columns import Columns

# How many bytes before the place where reading begins are searched for a later header than the first one.
_RECENT = 4 * CHUNK
# The comments at the top of a file, and the line after them.
_TOP = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:#.*\n)*(?:.*\n)?")


class HeaderReader(Protocol):
    """The decoder of lines whose columns are named by a header."""

    def turn_to(self, columns: Columns) -> None:
        """The next lines have these columns, until a header among them names others, which are put there."""

    def header_in(self, text: bytes) -> tuple[str, ...]:
        """The last header in whole lines, cell by cell; () where there is none."""


class Headers:
    """The headers of one input's logs."""

    def __init__(self, reader: HeaderReader, files: OpenFiles, known: KnownFiles) -> None:
        self._reader = reader
        self._files = files
        self._known = known

    def forget(self) -> None:
        """The format has changed: read all headers again."""
        for tail in self._files.all():
            tail.columns = Columns()

    def turn_to(self, tail: Tail, start: int) -> None:
        """The next lines are those of a file from about an offset on."""
        if not tail.columns.names and not tail.columns.sought and tail.started:
            tail.columns.sought = True
            top = _TOP.findall(tail.content.pread(CHUNK, 0))[0]
            if start or not self._reader.header_in(top):
                tail.columns.names = self._read(tail, start) or self._before(tail)
        self._reader.turn_to(tail.columns)

    def _read(self, tail: Tail, start: int) -> tuple[str, ...]:
        """The last header before an offset, as far as can be seen in the file's beginning and shortly before."""
        if start <= CHUNK + _RECENT:
            text = tail.content.pread(start, 0)
        else:
            text = tail.content.pread(CHUNK, 0) + b"\n" + tail.content.pread(_RECENT, start - _RECENT)
        return self._reader.header_in(text[: text.rfind(b"\n") + 1])

    def _before(self, tail: Tail) -> tuple[str, ...]:
        """The header of the file that the log was before it was rotated; a writer may not know of that."""
        files = (other.columns.names for other in self._files.all() if other.log == tail.log)
        missing = (missing.position for missing in self._known.missing)
        known = (*missing, *self._known.finished([tail.log]))
        positions = (position.columns for position in known if position.path == tail.log)
        return next(filter(None, (*files, *positions)), ())
