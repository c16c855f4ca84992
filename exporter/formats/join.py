"""Joins the lines of one request, such as its access line and its cost, into one row."""

import re
from typing import Any

import msgspec
from msgspec import Struct

from exporter.errors import FieldError, within
from exporter.formats.codegen import compile_function
from exporter.formats.decoders.decoder import Decoded, NamedLines, Wrapper
from exporter.formats.decoders.json_lines import JsonLines
from exporter.formats.decoders.text_lines import TextLines
from exporter.formats.source import Source, sources_of
from exporter.formats.values import Raw, text

# What waits is sealed at each commit, about 10 ms of CPU time for a megabyte: at most so many bytes wait.
_MOST_BYTES = 8 << 20
_PLACE = re.compile(r"r(?:\[(\d+)\]|\.(\w+))")


class JoinSpec(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Lines that are one request. Of a text log's captures the last that is not empty counts; of JSON lines the last.
    What waits is kept over a restart, sealed: 8 MiB at most; beyond that the oldest waits no longer.
    """

    by: Any
    """The source of what the lines of one request have in common."""
    until: Any
    """The source, or a list of sources, that the last line has: then the request is whole."""
    collect: list[str] = []
    """Fields that become lists of the values of all lines."""
    within: int = 1000
    """For how many lines of the log a line waits for the others."""
    seconds: float = 10.0
    """For how long a line waits in a log that is read to its end, at most twice as long."""

    def __post_init__(self) -> None:
        for name in ("within", "seconds"):
            if getattr(self, name) < 0:
                raise FieldError(name, f"must be 0 or more, not {getattr(self, name)}")


class Joined(Wrapper[JsonLines | NamedLines | TextLines]):
    """Joins the rows of the inner decoder. Lines without `by`, and those that `only` ignores, are not joined."""

    def __init__(
        self,
        decoder: JsonLines | NamedLines | TextLines,
        spec: JoinSpec,
        only: dict[str, tuple[re.Pattern[str], ...]],
    ) -> None:
        super().__init__(decoder)
        self._only = only
        with within("by"):
            self._by = sources_of("text", spec.by)
        with within("until"):
            until = spec.until if isinstance(spec.until, list) else [spec.until]
            self._until = [sources_of("text", rule) for rule in until]
        self._within = spec.within
        self.patience = spec.seconds
        words = [*self._by, *(source for sources in self._until for source in sources)]
        paths = [*only, *(source.path for source in words)]
        self._raw = {path: decoder.expression(path) for path in paths}
        with within("collect"):
            self._collect: list[Any] = [self._place(path) for path in spec.collect]
        self._read: Any = None
        self._lines = 0
        # By id, the oldest first: at which line it came, the row so far, and its bytes in a commit.
        self._waiting: dict[str, tuple[int, Any, int]] = {}
        self._bytes = 0
        # The number of lines read at the last `release`.
        self._mark: int | None = None

    def _place(self, path: str) -> int | str:
        """The position of a value in a row: its index or its attribute."""
        found = _PLACE.fullmatch(self._decoder.expression(path))
        if not found:
            raise ValueError(f"{path!r} is not a top-level name")
        return found[2] or int(found[1])

    def decode(self, chunk: bytes) -> Decoded:
        """The rows of requests that are complete or have waited too long."""
        decoded = self._decoder.decode(chunk)
        rows, decoded.rows, decoded.among = decoded.rows, [], []
        for place, row in enumerate(rows):
            self._lines += 1
            try:
                whole = self._take(row, decoded)
            except OverflowError:  # a number of more than 64 bits, which no commit can hold
                decoded.rejected.append(("wrong_type", decoded.line(place)))
                continue
            except Exception as error:
                decoded.rejected.append(("failed", decoded.line(place)))
                decoded.blame(error)
                continue
            if whole is not None:
                decoded.rows.append(whole)
                decoded.among.append(place)
        while self._waiting:
            oldest = next(iter(self._waiting))
            if self._waiting[oldest][0] + self._within > self._lines and self._bytes <= _MOST_BYTES:
                break
            decoded.alone += 1
            decoded.rows.append(self._end_wait(oldest))
            decoded.among.append(-1)
        return decoded

    def _take(self, row: Any, decoded: Decoded) -> Any:
        """The row of a complete request; None if it waits for more lines. Everything that may raise comes first."""
        id_, until = self._words(row)
        if not id_:
            return row
        since = self._lines
        if id_ in self._waiting:
            since, earlier, _ = self._waiting[id_]
            row = self._merged(earlier, row)
            until = self._words(row)[1]
        size = 0 if all(until) else len(msgspec.msgpack.encode(row))
        if id_ in self._waiting:
            decoded.joined += 1
            self._bytes -= self._waiting[id_][2]
        if not size:
            self._waiting.pop(id_, None)
            return row
        self._waiting[id_] = (since, row, size)
        self._bytes += size
        return None

    def _end_wait(self, id_: str) -> Any:
        _, row, size = self._waiting.pop(id_)
        self._bytes -= size
        return row

    def _words(self, row: Any) -> tuple[str, list[str]]:
        if self._read is None:
            code = ", ".join(f"{path!r}: {expression}" for path, expression in self._raw.items())
            self._read = compile_function("read", "r", [f"return {{{code}}}"], self.names)
        raws = self._read(row)
        if not all(any(glob.match(text(raws[path])) for glob in globs) for path, globs in self._only.items()):
            return "", []
        return _first(self._by, raws), [_first(sources, raws) for sources in self._until]

    def _merged(self, earlier: Any, row: Any) -> Any:
        if isinstance(row, tuple):
            lists = {place: _list(earlier[place], row[place]) for place in self._collect}
            return tuple(lists.get(n, value or earlier[n]) for n, value in enumerate(row))
        if isinstance(row, list):
            for place in self._collect:
                row[place] = _list(earlier[place], row[place])
            return row
        for place in self._collect:
            setattr(row, place, _list(getattr(earlier, place), getattr(row, place)))
        return row

    def release(self) -> Decoded:
        """The rows that have waited since the last call; none at the first call after a start."""
        mark, self._mark = self._mark, self._lines
        ids = [] if mark is None else [id_ for id_, (since, *_) in self._waiting.items() if since <= mark]
        return Decoded([self._end_wait(id_) for id_ in ids], [], alone=len(ids))

    def flush(self) -> Decoded:
        """All waiting rows."""
        rows = [self._end_wait(id_) for id_ in list(self._waiting)]
        return Decoded(rows, [], alone=len(rows))

    def snapshot(self) -> list[tuple[str, int, Any]] | None:
        """The waiting rows: id, number of lines waited, and values."""
        return [
            (id_, self._lines - since, msgspec.to_builtins(row, builtin_types=(bytes,)))
            for id_, (since, row, _) in self._waiting.items()
        ] or None

    def restore(self, remembered: Any) -> None:
        """Restore the waiting rows."""
        waiting = msgspec.convert(remembered or [], list[tuple[str, int, Any]])
        rows = {id_: (self._lines - waited, self._decoder.row(row)) for id_, waited, row in waiting}
        sizes = {id_: len(msgspec.msgpack.encode(row)) for id_, (_, row) in rows.items()}
        self._waiting = {id_: (since, row, sizes[id_]) for id_, (since, row) in rows.items()}
        self._bytes = sum(sizes.values())


def _first(sources: tuple[Source, ...], raws: dict[str, Raw]) -> str:
    """The first word that is not empty."""
    return next(filter(None, (source.read(raws[source.path]) for source in sources)), "")


def _list(*values: Raw) -> str:
    return ", ".join(text(value) or "-" for value in values)
