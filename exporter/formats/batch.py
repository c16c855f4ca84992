"""Lines that hold many records each, as exporters write that collect before they write: `{"records": [{…}, {…}]}`."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from exporter.errors import FieldError
from exporter.formats.decoder import Decoded, Decoder, bare
from exporter.formats.source import Each, Step, parse_path


class Batched(Decoder):
    """Decoder of another's lines, each of which is an entry of a list at `path` in a line: it counts as a line.

    A line without such a list is read as it is: a record alone.
    """

    def __init__(self, decoder: Decoder, path: str) -> None:
        steps = parse_path(path)
        if not all(isinstance(step, str) or step is Each for step in steps) or steps[-1] is not Each:
            raise FieldError("each", f"must be names and lists, with a list at its end, as in records[], not {path!r}")
        self._decoder = decoder
        self._steps = steps
        self._first = f'"{steps[0]}"'.encode()
        self._lists = msgspec.json.Decoder(_type_of(steps))

    @property
    def names(self) -> dict[str, Any]:
        """The names that the expressions use."""
        return self._decoder.names

    @property
    def patience(self) -> float:  # type: ignore[override]
        """How long lines wait in the other decoder."""
        return self._decoder.patience

    def expression(self, path: str) -> str:
        """What reads a path of the other decoder's row reads it here."""
        return self._decoder.expression(path)

    def number(self, path: str, convert: Mapping[Any, float]) -> str | None:
        """As the other decoder's."""
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
            found = self._entries(line)
            blank += not found
            entries += found
        decoded = self._decoder.decode(b"\n".join([*entries, b""])) if entries else Decoded([], [])
        decoded.blank += blank
        return decoded

    def _entries(self, line: bytes) -> list[bytes]:
        """What a line holds; the line itself, where that is no list."""
        if self._first not in line:
            return [line]
        try:
            whole = self._lists.decode(bare(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [line]
        found = [*_walk(whole, self._steps)]
        return [line] if None in found else [bytes(entry) for entry in found]

    def flush(self) -> Decoded:
        """What waits in the other decoder."""
        return self._decoder.flush()

    def release(self) -> Decoded:
        """What has waited long enough in the other decoder."""
        return self._decoder.release()

    def snapshot(self) -> Any:
        """What the other decoder remembers."""
        return self._decoder.snapshot()

    def restore(self, remembered: Any) -> None:
        """Have the other decoder go on."""
        self._decoder.restore(remembered)


def _type_of(steps: tuple[Step, ...]) -> Any:
    """A type that leaves the entries undecoded, and all that is beside the lists."""
    inside: Any = msgspec.Raw
    for step in reversed(steps):
        if step is Each:
            inside = list[inside]
        else:
            inside = msgspec.defstruct("Batch", [("inside", inside | None, None)], rename={"inside": str(step)})
    return inside


def _walk(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    """The entries; None where a list is missing."""
    if not steps or value is None:
        yield value
    elif steps[0] is Each:
        for entry in value:
            yield from _walk(entry, steps[1:])
    else:
        yield from _walk(value.inside, steps[1:])
