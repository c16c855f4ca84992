"""CSV, a record a line, the first of them the header. A log that was rotated, or is a copy, has it again.

Any character may separate the columns. Where the header starts with `#`, as in W3C's extended log format
(`#Fields: date time c-ip`), all other lines that do are comments; so are those before the header of any log.
Source: W3C, WD-logfile-960323.
"""

import csv
import re
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from exporter.formats.decoder import BYTE_ORDER_MARK, Decoded, NamedLines
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
        # Each log names its columns; the last header holds. Its first name has a `#` where the header's line has.
        self._log = Columns()
        # Of each column asked for its place in a line, -1 where there is none; its zone, if it has one.
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
        """All lines at once where each is a record; else line by line."""
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
        """A record for each line; None where a quote is open at a line's end, or stands where none can."""
        texts = [line.decode("utf-8", "replace").strip("\r\0") for line in lines]
        try:
            records = list(csv.reader(texts, strict=True, delimiter=self._delimiter))
        except csv.Error:
            return None
        return records if len(records) == len(lines) else None

    def _take_apart(self, line: bytes, done: Decoded) -> None:
        """A line by itself: a comment, a header, or a record."""
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
            cells = text.split(self._delimiter)  # quotes mean nothing in most logs that have no commas
        self._take(line, cells, done)

    def _columns(self, text: str) -> list[str]:
        """The names in a line that starts with `#`; blanks part them where the delimiter does not."""
        names = text.removeprefix(_FIELDS).removeprefix("#").strip()
        parted = next(csv.reader([names], delimiter=self._delimiter), []) if self._delimiter in names else names.split()
        return [name.strip() for name in parted] or [""]

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
        """Whether a line is a header, or one again."""
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
        """Read on with a header."""
        self._log.names = msgspec.convert(remembered or [], tuple[str, ...])
        columns = [_bare(cell) for cell in self._header]
        names = [name for name, _ in columns]
        self._places = [names.index(name) if name in names else -1 for name in self.asked]
        zones = {name: zone for name, zone in columns if zone}
        self._zones = [(n, zones[name]) for n, name in enumerate(self.asked) if name in zones]


def _bare(cell: str) -> tuple[str, ZoneInfo | None]:
    """A column's name without the byte order mark and the zone of its dates; and that zone."""
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
