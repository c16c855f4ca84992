"""Lines with several records each, as exporters write that collect records first: `{"records": [{…}, {…}]}`."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from exporter.errors import FieldError
from exporter.formats.decoders.decoder import Decoded, Decoder, Wrapper, bare
from exporter.formats.source import Each, Step, parse_path


class Batched(Wrapper[Decoder]):
    """Decodes lines with a list of records at `path`; each record counts as a line for the inner decoder.

    A line without such a list is one record.
    """

    def __init__(self, decoder: Decoder, path: str) -> None:
        steps = parse_path(path)
        if not all(isinstance(step, str) or step is Each for step in steps) or steps[-1] is not Each:
            raise FieldError("each", f"must be names and lists, and end with a list, as in records[]; not {path!r}")
        super().__init__(decoder)
        self._steps = steps
        self._first = f'"{steps[0]}"'.encode()
        self._lists = msgspec.json.Decoder(_type_of(steps))

    def number(self, path: str, convert: Mapping[Any, float]) -> str | None:
        """The inner decoder's expression for a number."""
        return self._decoder.number(path, convert)

    def decode(self, chunk: bytes) -> Decoded:
        """The rows of all entries."""
        if self._first not in chunk:
            return self._decoder.decode(chunk)
        blank = 0
        entries: list[bytes] = []
        lines = chunk.split(b"\n")
        lines.pop()
        for line in lines:
            found = self.entries(line)
            blank += not found
            entries += found
        decoded = self._decoder.decode(b"\n".join([*entries, b""])) if entries else Decoded([], [])
        decoded.blank += blank
        return decoded

    def entries(self, line: bytes) -> list[bytes]:
        """The records in a line; the line itself if it has no list."""
        if self._first not in line:
            return [line]
        try:
            whole = self._lists.decode(bare(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [line]
        found = [*_walk(whole, self._steps)]
        return [line] if None in found else [bytes(entry) for entry in found]


def _type_of(steps: tuple[Step, ...]) -> Any:
    """A type for msgspec that leaves the entries, and everything outside of the lists, undecoded."""
    inside: Any = msgspec.Raw
    for step in reversed(steps):
        if step is Each:
            inside = list[inside]
        else:
            inside = msgspec.defstruct("Batch", [("inside", inside | None, None)], rename={"inside": str(step)})
    return inside


def _walk(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    """The entries; None in place of a missing list."""
    if not steps or value is None:
        yield value
    elif steps[0] is Each:
        for entry in value:
            yield from _walk(entry, steps[1:])
    else:
        yield from _walk(value.inside, steps[1:])
