"""What every decoder gives back, and what is asked of one."""

from typing import Any, Protocol

from msgspec import Struct

# Why a line is no record. Also the values of `gateway_exporter_rejected_lines_total{reason}`.
REASONS = {
    "cut": "a JSON object that does not end: the line was cut",
    "not_json": "not valid JSON",
    "wrong_type": "valid JSON, but a field is an object or a list where a value is expected",
    "no_match": "the line does not have the format's shape",
    "no_status": "no status that is a number, so no finished request: does `status` name the right field?",
    "too_long": "longer than the longest line that is read (1 MiB)",
}


class Decoded(Struct):
    """A chunk's outcome. Every line is in exactly one of the three.

    `rows` are what the decoder's expressions read from; `rejected` has a reason and the line itself.
    """

    rows: list[Any]
    rejected: list[tuple[str, bytes]]
    blank: int = 0


class Decoder(Protocol):
    """Makes rows of lines, and says in Python how a path is read from a row."""

    @property
    def names(self) -> dict[str, Any]:
        """Names that the expressions use. Asked for after the last expression."""

    def expression(self, path: str) -> str:
        """A Python expression over the row `r`. ValueError where the path can't be. Before the first decode."""

    def decode(self, chunk: bytes) -> Decoded:
        """Decode whole lines; `chunk` ends with a line feed. Hot path."""
