"""The interface of decoders: lines in, rows out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Generic, TypeVar

from msgspec import Struct

# Why a line is rejected. Also the values of `gateway_exporter_rejected_lines_total{reason}`.
REASONS = {
    "cut": "a JSON object that does not end: the line was cut",
    "not_json": "not valid JSON",
    "wrong_type": "valid JSON, but a field is an object or a list where a value is expected",
    "no_match": "the line does not have the format's shape",
    "no_status": "no numeric status, so no finished request; check which field of the log `status` names",
    "no_header": "a CSV line of a log that has no header, neither before the line nor in its first 64 KiB",
    "no_start": "the end of a container log's line whose beginning is missing (after a restart), or that is too long",
    "utf16": "the log is UTF-16, which is not supported: have it written in UTF-8",
    "too_long": "longer than max_line_bytes of the input",
    "failed": "the exporter failed at this line, which is a bug; its log says where. Please report it",
}

# Programs on Windows write it at the start of UTF-8 files; concatenated files have it within.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# The maximum number of errors kept per chunk: each keeps its stack's variables alive, and a few show the mistake.
_MOST_FAULTS = 20


class Decoded(Struct):
    """The result of decoding a chunk. Each line is in `rows`, `rejected` or `blank`, is `joined` to another, or waits
    for another line of its request.

    The decoder's expressions read `rows`; `rejected` has reasons and lines; `blank` counts lines without content,
    including CSV headers. Of the lines of one request, one is the row and the others are `joined`; `alone` counts rows
    that waited for another line in vain. `faults` are the errors behind lines rejected as `failed`.

    The other fields find the line of a row that fails later: the `chunk`; the numbers of its lines that are not rows
    (`skipped`); and for rows joined of several lines the index of the last one (`among`). `lines` and `places` (by a
    row's `id`) are computed once per chunk.
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
        """Whether every line is a row."""
        return not (self.rejected or self.blank or self.joined or self.alone)

    def skip(self) -> None:
        """Count the next line as blank."""
        self.skipped.append(len(self.skipped) + len(self.rows))
        self.blank += 1

    def reject(self, reason: str, line: bytes) -> None:
        """Reject the next line with one of REASONS."""
        if reason != "failed" and is_utf16(line):
            reason = "utf16"
        self.skipped.append(len(self.skipped) + len(self.rows))
        self.rejected.append((reason, line))

    def fail(self, row: Any, error: Exception) -> None:
        """Reject the line of a row that can't be counted. Cold path."""
        if not self.places:
            self.places = dict(zip(map(id, self.rows), self._among, strict=True))
        place = self.places[id(row)]
        line = self.line(place) if self.chunk and place >= 0 else repr(row).encode("utf-8", "replace")
        self.rejected.append(("failed", line))
        self.blame(error)

    def blame(self, error: Exception) -> None:
        """Keep the error behind a line rejected as `failed`, for the first few."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(error)

    def keep(self, places: list[int]) -> None:
        """Keep only the rows at these indexes."""
        among = self._among
        self.among = [among[place] for place in places]
        self.rows = [self.rows[place] for place in places]

    @property
    def _among(self) -> Sequence[int]:
        return range(len(self.rows)) if self.among is None else self.among

    def line(self, place: int) -> bytes:
        """The line of a row, by the row's index among those decoded from the chunk."""
        if not self.lines:
            skipped = {*self.skipped}
            self.lines = [line for number, line in enumerate(self.chunk.split(b"\n")) if number not in skipped]
        return self.lines[place]


def bare(line: bytes) -> bytes:
    """A line without a byte order mark and surrounding blanks."""
    return line.strip(b" \t\r\0").removeprefix(BYTE_ORDER_MARK).lstrip(b" \t")


def is_utf16(text: bytes) -> bool:
    """Whether bytes look like UTF-16: in mostly ASCII text, every second byte is 0."""
    return text.startswith((b"\xff\xfe", b"\xfe\xff")) or 3 * text.strip(b"\0").count(b"\0") > len(text)


class Decoder(ABC):
    """Turns lines into rows, and paths into Python expressions that read a row."""

    @property
    @abstractmethod
    def names(self) -> dict[str, Any]:
        """Names that the expressions use. Read it after the last call of `expression`."""

    @abstractmethod
    def expression(self, path: str) -> str:
        """A Python expression over the row `r`. ValueError if the path is not valid. Call before the first decode."""

    def number(self, path: str, convert: Mapping[Any, float]) -> str | None:
        """An expression that always gives a float, -1.0 if absent; None if the decoder can't guarantee that.

        `convert` converts values that are not numbers. Nothing else may read the path.
        """
        del path, convert
        return None

    @property
    def inside(self) -> "Decoder":
        """The decoder of single lines; another one if this decoder wraps it."""
        return self

    @abstractmethod
    def decode(self, chunk: bytes) -> Decoded:
        """Decode whole lines; `chunk` ends with a line feed. Lines that can't be decoded are rejected. Hot path."""

    def flush(self) -> Decoded:
        """The rows that still wait for another line, as no more lines come."""
        return Decoded([], [])

    # The seconds that a line waits for another of its request, once the log is read to its end.
    patience: float = inf

    def release(self) -> Decoded:
        """The rows that have waited for another line since the last call."""
        return Decoded([], [])

    def snapshot(self) -> Any:
        """State that must survive a restart, bounded in size and encodable by msgpack; None if there is none."""
        return None

    def restore(self, remembered: Any) -> None:
        """Continue from a snapshot. ValueError if it is of another format."""
        if remembered is not None:
            raise ValueError("this format has no state")

    def follow(self, other: "Decoder") -> None:
        """Continue where another decoder of the same format stopped, in the same process."""
        self.restore(other.snapshot())


Inner = TypeVar("Inner", bound=Decoder)


class Wrapper(Decoder, Generic[Inner]):
    """A decoder around another one, whose rows, expressions and state it passes on."""

    def __init__(self, decoder: Inner) -> None:
        self._decoder = decoder
        self.patience = decoder.patience

    @property
    def inside(self) -> Decoder:
        """The decoder of single lines."""
        return self._decoder.inside

    @property
    def names(self) -> dict[str, Any]:
        """The names that the expressions use."""
        return self._decoder.names

    def expression(self, path: str) -> str:
        """The inner decoder's expression for a path."""
        return self._decoder.expression(path)

    def flush(self) -> Decoded:
        """The rows that wait in the inner decoder."""
        return self._decoder.flush()

    def release(self) -> Decoded:
        """The rows that have waited long enough in the inner decoder."""
        return self._decoder.release()

    def snapshot(self) -> Any:
        """The inner decoder's state."""
        return self._decoder.snapshot()

    def restore(self, remembered: Any) -> None:
        """Restore the inner decoder's state."""
        self._decoder.restore(remembered)


class LineDecoder(Decoder):
    """Decodes each line by itself."""

    @abstractmethod
    def _decode(self, chunk: bytes) -> Decoded:
        """Decode whole lines. Hot path."""

    def decode(self, chunk: bytes) -> Decoded:
        """Decode all lines at once. If that fails, decode them one by one to find the line at fault."""
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
    """A decoder whose rows are lists of values as text, in the order of the names `asked` for by expressions."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @property
    def names(self) -> dict[str, Any]:
        """The expressions use no names."""
        return {}

    def expression(self, path: str) -> str:
        """An expression for a name's value in the row."""
        if path not in self.asked:
            self.asked.append(path)
        return f"r[{self.asked.index(path)}]"

    def row(self, value: list[str]) -> list[str]:
        """The row that `to_builtins` turned into a value."""
        return value
