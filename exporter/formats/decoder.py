"""What every decoder gives back, and what is asked of one."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from msgspec import Struct

# Why a line is rejected. Also the values of `gateway_exporter_rejected_lines_total{reason}`.
REASONS = {
    "cut": "a JSON object that does not end: the line was cut",
    "not_json": "not valid JSON",
    "wrong_type": "valid JSON, but a field is an object or a list where a value is expected",
    "no_match": "the line does not have the format's shape",
    "no_status": "no numeric status, so no finished request; check which field of the log `status` names",
    "no_header": "a CSV line of a log that has no header, neither before the line nor in its first 64 KiB",
    "no_start": "the end of a line whose beginning is lost: a container log that was restarted in it, or is too long",
    "utf16": "the log is UTF-16, which is not read: have it written in UTF-8",
    "too_long": "longer than the longest line that is read: see max_line_bytes of the input",
    "failed": "the exporter failed at it, which is a mistake of its own: its log says where; please report it",
}

# Windows writers start a UTF-8 file with it, and so does each file of several that were put together.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# An error holds on to all that was at hand where it was raised; a few of a chunk's tell where the mistakes are.
_MOST_FAULTS = 20


class Decoded(Struct):
    """A chunk's outcome. Every line is in exactly one of the three, or waits for another of its request.

    `rows` are what the decoder's expressions read from; `rejected` has a reason and the line itself. `blank`
    lines say nothing, a CSV header among them. Of lines that are one request, one is the row, the others are
    `joined`; `alone` rows never found the other line they waited for. `faults` are why lines are rejected as `failed`.

    What follows finds a row's line, should the row fail: the `chunk`; the numbers of its lines that are `skipped`, as
    they are no rows; and where rows were put together of others, the place `among` those of each one's last. `lines`
    and `places` (by a row's `id`) are found out once, so that many rows that fail take no longer than as many lines.
    """

    rows: list[Any]
    rejected: list[tuple[str, bytes]]
    blank: int = 0
    joined: int = 0
    alone: int = 0
    faults: list[Exception] = []
    chunk: bytes = b""
    skipped: list[int] = []
    among: list[int] | None = None
    lines: list[bytes] = []
    places: dict[int, int] = {}

    @property
    def clean(self) -> bool:
        """Whether every line is a row, and there is nothing else to tell."""
        return not (self.rejected or self.blank or self.joined or self.alone)

    def skip(self) -> None:
        """The next line says nothing."""
        self.skipped.append(len(self.skipped) + len(self.rows))
        self.blank += 1

    def reject(self, reason: str, line: bytes) -> None:
        """Reject the next line, with a reason of REASONS."""
        if reason != "failed" and is_utf16(line):
            reason = "utf16"
        self.skipped.append(len(self.skipped) + len(self.rows))
        self.rejected.append((reason, line))

    def fail(self, row: Any, error: Exception) -> None:
        """A row can't be counted: its line is rejected after all. Cold path."""
        if not self.places:
            self.places = dict(zip(map(id, self.rows), self._among, strict=True))
        place = self.places[id(row)]
        line = self.line(place) if self.chunk and place >= 0 else repr(row).encode("utf-8", "replace")
        self.rejected.append(("failed", line))
        self.blame(error)

    def blame(self, error: Exception) -> None:
        """Keep why a line is rejected as `failed`, of the first few."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(error)

    def keep(self, places: list[int]) -> None:
        """Go on with some of the rows."""
        among = self._among
        self.among = [among[place] for place in places]
        self.rows = [self.rows[place] for place in places]

    @property
    def _among(self) -> Sequence[int]:
        return range(len(self.rows)) if self.among is None else self.among

    def line(self, place: int) -> bytes:
        """The line of a row, by its place among those that were decoded of the chunk."""
        if not self.lines:
            skipped = {*self.skipped}
            self.lines = [line for number, line in enumerate(self.chunk.split(b"\n")) if number not in skipped]
        return self.lines[place]


def bare(line: bytes) -> bytes:
    """A line without a byte order mark, and without the blanks around it."""
    return line.strip(b" \t\r\0").removeprefix(BYTE_ORDER_MARK).lstrip(b" \t")


def is_utf16(text: bytes) -> bool:
    """Whether bytes are text in UTF-16: every second byte of what is mostly ASCII is 0."""
    return text.startswith((b"\xff\xfe", b"\xfe\xff")) or 3 * text.strip(b"\0").count(b"\0") > len(text)


class Decoder(ABC):
    """Makes rows of lines, and says in Python how a path is read from a row."""

    @property
    @abstractmethod
    def names(self) -> dict[str, Any]:
        """Names that the expressions use. Asked for after the last expression."""

    @abstractmethod
    def expression(self, path: str) -> str:
        """A Python expression over the row `r`. ValueError where the path can't be. Before the first decode."""

    def number(self, path: str, convert: Mapping[Any, float]) -> str | None:
        """An expression that gives a float at once, -1.0 where there is none; None where that can't be promised.

        `convert` is asked for what is not written as a number. Nothing else may read the path.
        """
        del path, convert
        return None

    @property
    def inside(self) -> "Decoder":
        """The decoder of the lines themselves, where this one puts them together."""
        return self

    @abstractmethod
    def decode(self, chunk: bytes) -> Decoded:
        """Decode whole lines; `chunk` ends with a line feed. A line at which that fails is rejected. Hot path."""

    def flush(self) -> Decoded:
        """What still waits for another line, now that none comes."""
        return Decoded([], [])

    # How many seconds a line waits for another of its request in a log that is read to its end.
    patience: float = inf

    def release(self) -> Decoded:
        """What waits for another line, and did so at the last call already."""
        return Decoded([], [])

    def snapshot(self) -> Any:
        """What it has to know of earlier lines to read on: bounded, fit for msgpack, no raw key; None: nothing."""
        return None

    def restore(self, remembered: Any) -> None:
        """Go on with what was remembered. ValueError where another format remembered it."""
        if remembered is not None:
            raise ValueError("this format remembers nothing")

    def follow(self, other: "Decoder") -> None:
        """Go on where another decoder of the same format stopped, in the same process."""
        self.restore(other.snapshot())


class LineDecoder(Decoder):
    """Decodes each line by itself."""

    @abstractmethod
    def _decode(self, chunk: bytes) -> Decoded:
        """Decode whole lines. Hot path."""

    def decode(self, chunk: bytes) -> Decoded:
        """All lines at once; one by one where that fails, as then one of them is to blame."""
        before = self.snapshot()
        chunk = chunk.removeprefix(BYTE_ORDER_MARK)
        try:
            decoded = self._decode(chunk)
        except Exception:
            self.restore(before)
            decoded = self._one_by_one(chunk)
        decoded.chunk = chunk
        return decoded

    def _one_by_one(self, chunk: bytes) -> Decoded:
        result = Decoded([], [])
        lines = chunk.split(b"\n")
        lines.pop()
        for line in lines:
            try:
                decoded = self._decode(line + b"\n")
            except Exception as error:
                result.reject("failed", line)
                result.blame(error)
                continue
            for reason, _ in decoded.rejected:
                result.reject(reason, line)
            if decoded.blank:
                result.skip()
            result.rows += decoded.rows
        return result


class NamedLines(LineDecoder):
    """A decoder whose rows are lists of the values `asked` for, as text, in the order of the expressions."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @property
    def names(self) -> dict[str, Any]:
        """The expressions use none."""
        return {}

    def expression(self, path: str) -> str:
        """A name's place in the row."""
        if path not in self.asked:
            self.asked.append(path)
        return f"r[{self.asked.index(path)}]"

    def row(self, value: list[str]) -> list[str]:
        """A row again of what `to_builtins` made of one."""
        return value
