"""Finds usage that a format does not read: numbers of tokens in lines that it ignores, or reads without tokens."""

import re
from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from exporter.formats.format import build
from exporter.formats.row_function import RowValues, row_function
from exporter.formats.row_reader import CANONICAL, ORIGIN_FIELDS, RowReader
from exporter.formats.spec import FormatSpec
from exporter.formats.words import Canonical
from exporter.model.key_shapes import could_be_a_key

# A name with `token` in it, and a number that is not 0: in JSON (also in a text), `name=value`, and OTLP's attributes.
_COUNT = re.compile(
    rb'(?<![\w.-])([\w.-]{0,80}[Tt]oken(?:s(?:_?[Cc]ount)?|_?[Cc]ount))(?:\\*"?\s?[:=]\s?\\*"?|","value":\{"intValue":\s?"?)[1-9]'
)
# Names of limits and rates, which are not usage.
_NO_USAGE = re.compile(rb"max|limit|budget|_per_|remaining", re.IGNORECASE)
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


class UnreadUsage(Struct, frozen=True):
    """A name for tokens, found in a number of lines that are `ignored`, `rejected`, or `read` without any tokens."""

    name: str
    outcome: str
    lines: int


def unread_usage(spec: FormatSpec, lines: Iterable[bytes]) -> list[UnreadUsage]:
    """Names for tokens in lines whose tokens a format does not read, the most frequent first; [] if it reads all."""
    format_ = build(spec)
    reader = RowReader(format_, dict.fromkeys((*CANONICAL, *ORIGIN_FIELDS), Canonical(str)))
    read = row_function(reader)
    found: Counter[tuple[str, str]] = Counter()
    for line in lines:
        decoded = reader.decoder.decode(line.rstrip(b"\n") + b"\n")
        rows = decoded.rows + reader.decoder.flush().rows
        names = {name for name in _COUNT.findall(line) if not _NO_USAGE.search(name)}
        if names and (outcome := _outcome(reader, [read(row) for row in rows])):
            words = (name.decode("utf-8", "replace") for name in names)
            found.update((word, outcome) for word in words if not could_be_a_key(word))
    return [UnreadUsage(name, outcome, count) for (name, outcome), count in found.most_common()]


def _outcome(reader: RowReader, rows: list[RowValues]) -> str:
    """The outcome of the line with these rows; "" if its tokens count."""
    counted = [row for row in rows if reader.fields(row.dims) is not None]
    if any(row.numbers.get(field, -1) > 0 for row in counted for field in _TOKENS):
        return ""
    return "read" if counted else "ignored" if rows else "rejected"
