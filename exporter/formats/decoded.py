"""What every decoder gives back, and what is asked of one."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

# Why a line is no record. Also the values of `gateway_exporter_rejected_lines_total{reason}`.
REASONS = {
    "cut": "a JSON object that does not end: the line was cut",
    "not_json": "not valid JSON",
    "wrong_type": "valid JSON, but a field is an object or a list where a value is expected",
    "no_match": "the line does not have the format's shape",
    "no_status": "no status that is a number, so no finished request: does `status` name the right field?",
    "no_header": "a CSV line before the header: the log was not read from its start",
    "no_start": "the end of a line whose beginning is lost: a container log that was restarted in it, or is too long",
    "too_long": "longer than the longest line that is read (1 MiB)",
}


class Decoded(Struct):
    """A chunk's outcome. Every line is in exactly one of the three, or waits for another of its request.

    `rows` are what the decoder's expressions read from; `rejected` has a reason and the line itself. `blank`
    lines say nothing, a CSV header among them. Of lines that are one request, one is the row, the others are
    `joined`; `alone` rows never found the other line they waited for.
    """

    rows: list[Any]
    rejected: list[tuple[str, bytes]]
    blank: int = 0
    joined: int = 0
    alone: int = 0

    @property
    def clean(self) -> bool:
        """Whether every line is a row, and there is nothing else to tell."""
        return not (self.rejected or self.blank or self.joined or self.alone)


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

    @abstractmethod
    def decode(self, chunk: bytes) -> Decoded:
        """Decode whole lines; `chunk` ends with a line feed. Hot path."""

    def flush(self) -> Decoded:
        """What still waits for another line, now that none comes."""
        return Decoded([], [])

    def remembered(self) -> Any:
        """What it has to know of earlier lines to read on: bounded, fit for msgpack, no raw key; None: nothing."""
        return None

    def restore(self, remembered: Any) -> None:
        """Go on with what was remembered. ValueError where another format remembered it."""
        if remembered is not None:
            raise ValueError("this format remembers nothing")

    def follow(self, other: "Decoder") -> None:
        """Go on where another decoder of the same format stopped, in the same process."""
        self.restore(other.remembered())
