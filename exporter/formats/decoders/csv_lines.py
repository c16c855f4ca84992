"""CSV with one record per line, after a header. After a rotation, the header may come again.

Any character may separate the columns. If the header starts with `#`, as in W3C's extended log format (`#Fields: date
time c-ip`), all other lines that start with it are comments. In any log, so are those before the header. Source: W3C,
WD-logfile-960323.
"""

import csv
import re
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from exporter.formats.decoders.decoder import BYTE_ORDER_MARK, Decoded, NamedLines
from exporter.model.columns import Columns

_ZONED = re.compile(r"(.+) \((UTC|[A-Z]\w+(?:/[\w+-]+)+)\)")
_FIELDS = "#Fields:"


class CsvLines(NamedLines):
    """Decoder of CSV. A column `Time (Asia/Shanghai)` is called `Time`, and its dates get that zone's offset.

    Columns that the header lacks are empty.
    """

    def __init__(self, delimiter: str = ",") -> None:
        super().__init__()
        self._delimiter = delimiter
        # The last header. Its first name starts with `#` if the header's line does.
        self._log = Columns()
        # The position of each column asked for, -1 if the log does not have it; and the zones of positions in rows.
        self._places: list[int] = []
        self._zones: list[tuple[int, ZoneInfo]] = []

    @property
    def columns(self) -> list[str]:
        """The names in the header."""
        return [_bare(cell)[0] for cell in self._header]

    @property
    def _has_comments(self) -> bool:
        return not self._header or self._header[0].startswith("#")

    @property
    def _header(self) -> tuple[str, ...]:
        return self._log.names

    def turn_to(self, columns: Columns) -> None:
        """The next lines are those of a log with these columns; a header among them is put there."""
        if columns is not self._log:
            self._log = columns
            self.restore([*columns.names])

    def header_in(self, text: bytes) -> tuple[str, ...]:
        """The last header in whole lines."""
        reader = CsvLines(self._delimiter)
        reader.asked = self.asked
        reader.decode(text)
        return reader._header

    def _decode(self, chunk: bytes) -> Decoded:
        """All lines at once if each is a record, else line by line."""
        lines = chunk.split(b"\n")
        lines.pop()
        comments = b"\n#" in chunk or chunk.startswith(b"#") or BYTE_ORDER_MARK in chunk
        records = None if comments else self._records(lines)
        done = Decoded([], [])
        if records is not None:
            for line, cells in zip(lines, records, strict=True):
                self._take(line, cells, done)
            return done
        for line in lines:
            self._take_apart(line, done)
        return done

    def _records(self, lines: list[bytes]) -> list[list[str]] | None:
        """The record of each line; None if a quote is not closed in its line, or not allowed."""
        texts = [line.decode("utf-8", "replace").strip("\r\0") for line in lines]
        try:
            records = list(csv.reader(texts, strict=True, delimiter=self._delimiter))
        except csv.Error:
            return None
        return records if len(records) == len(lines) else None

    def _take_apart(self, line: bytes, done: Decoded) -> None:
        """Read one line: a comment, a header or a record."""
        text = line.removeprefix(BYTE_ORDER_MARK).decode("utf-8", "replace").strip("\r\0")
        if text.startswith("#"):
            columns = self._columns(text)
            if text.startswith(_FIELDS) or self._names_enough(columns):
                self.restore(["#" + columns[0], *columns[1:]])
                done.skip()
                return
            if self._has_comments:
                done.skip()
                return
        cells = next(iter(self._records([line]) or []), None)
        if self._delimiter != "," and self._header and (cells is None or len(cells) != len(self._header)):
            cells = text.split(self._delimiter)  # in most logs with another delimiter, quotes are ordinary characters
        self._take(line, cells, done)

    def _columns(self, text: str) -> list[str]:
        """The names in a line that starts with `#`, separated by the delimiter, or by spaces if it has none."""
        names = text.removeprefix(_FIELDS).removeprefix("#").strip()
        if self._delimiter not in names:
            return names.split() or [""]
        try:
            parted = next(csv.reader([names], delimiter=self._delimiter))
        except csv.Error:
            parted = names.split(self._delimiter)
        return [name.strip() for name in parted]

    def _take(self, line: bytes, cells: list[str] | None, done: Decoded) -> None:
        if not line.strip(b" \t\r\0"):
            done.skip()
        elif not cells:
            done.reject("no_match", line)
        elif self._is_header(cells):
            self.restore(cells)
            done.skip()
        elif not self._header:
            done.reject("no_header", line)
        elif len(cells) != len(self._header):
            done.reject("no_match", line)
        else:
            done.rows.append(self._row(cells))

    def _is_header(self, cells: list[str]) -> bool:
        """Whether a line is a header, or the same header again."""
        if self._header and _bare(cells[0])[0] != _bare(self._header[0])[0]:
            return False
        return self._names_enough(cells)

    def _names_enough(self, cells: list[str]) -> bool:
        """Whether a line names at least half of the columns asked for."""
        named = {_bare(cell)[0] for cell in cells}
        return 2 * len(named.intersection(self.asked)) >= len(self.asked)

    def _row(self, cells: list[str]) -> list[str]:
        cells.append("")
        row = [cells[place] for place in self._places]
        for place, zone in self._zones:
            row[place] = _with_offset(row[place], zone)
        return row

    def snapshot(self) -> list[str] | None:
        """The header."""
        return [*self._header] or None

    def restore(self, remembered: list[str] | None) -> None:
        """Use a header from now on."""
        self._log.names = msgspec.convert(remembered or [], tuple[str, ...])
        columns = [_bare(cell) for cell in self._header]
        names = [name for name, _ in columns]
        self._places = [names.index(name) if name in names else -1 for name in self.asked]
        zones = {name: zone for name, zone in columns if zone}
        self._zones = [(n, zones[name]) for n, name in enumerate(self.asked) if name in zones]


def _bare(cell: str) -> tuple[str, ZoneInfo | None]:
    """A column's name, without a byte order mark and the zone of its dates, and this zone."""
    cell = cell.removeprefix("\ufeff").removeprefix("#").strip()
    zoned = _ZONED.fullmatch(cell)
    with suppress(KeyError, ValueError, OSError):
        return (zoned[1], ZoneInfo(zoned[2])) if zoned else (cell, None)
    return cell, None


def _with_offset(date: str, zone: ZoneInfo) -> str:
    try:
        return datetime.fromisoformat(date).replace(tzinfo=zone).isoformat()
    except ValueError:
        return date
