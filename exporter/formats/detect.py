"""Telling a log's format by its first lines: every preset reads them, and what it finds is counted."""

import re

from msgspec import Struct

from exporter.formats.container import CONTAINERS, Contained
from exporter.formats.decoder import Decoded
from exporter.formats.json_lines import JsonLines
from exporter.formats.row_function import row_function
from exporter.formats.row_reader import CANONICAL, ORIGIN_FIELDS, RowReader
from exporter.formats.spec import FormatSpec, build, presets

_LINES = 500
# A preset that reads fewer lines than this, or finds less in them, is a coincidence.
_LEAST_SHARE = 0.2
_LEAST_FIELDS = 4
_STATUS = re.compile(r"-1|0|[1-5]\d\d")


class Candidate(Struct, frozen=True):
    """A preset that reads a log.

    `share` is that of its lines that are a request with a status, of those that the preset does not
    leave out on purpose; `fields` how many fields of such a line it finds on average, among them what `only`
    looks at. `container` is how a container runtime has wrapped the lines, if one has; `stream` the one with the
    requests, where that is not the usual one.
    """

    preset: str
    share: float
    fields: float
    container: str = ""
    stream: str = ""

    @property
    def spec(self) -> FormatSpec:
        """The format, for a config."""
        return FormatSpec(preset=self.preset, container=self.container, stream=self.stream)


def detect(sample: bytes) -> list[Candidate]:
    """The presets that read a log's start, the best first: the one that finds most. [] where none does."""
    lines = sample.split(b"\n")
    if len(lines) > 1:
        lines.pop()  # what follows the last line feed was cut
    lines = [line for line in lines[:_LINES] if line.strip(b" \t\r\0")]
    tried = [
        _try(preset, inside, container, stream)
        for container, stream, inside in _unwrapped(lines)
        for preset in presets()
        if inside
    ]
    found = [candidate for candidate in tried if candidate.share >= _LEAST_SHARE and candidate.fields >= _LEAST_FIELDS]
    return sorted(found, key=_goodness)


def _goodness(candidate: Candidate) -> tuple[float, int]:
    """What sorts candidates, the best first: those that find more, and of equal ones those with fewer conditions."""
    conditions = build(FormatSpec(preset=candidate.preset)).only
    return -candidate.share * candidate.fields, len(conditions)


def _unwrapped(lines: list[bytes]) -> list[tuple[str, str, list[bytes]]]:
    """How a container runtime has wrapped the lines of each stream, "" where none has, and what is inside."""
    log = b"\n".join(lines) + b"\n"
    for kind in CONTAINERS:
        outer = Decoded([], [])
        inside = Contained(JsonLines(), kind, "stdout").unwrap(log, outer)
        if 2 * len(outer.rejected) < len(lines):
            other = Contained(JsonLines(), kind, "stderr").unwrap(log, Decoded([], []))
            return [(kind, "", inside.splitlines()), (kind, "stderr", other.splitlines())]
    return [("", "", lines)]


def _try(preset: str, lines: list[bytes], container: str, stream: str) -> Candidate:
    format_ = build(FormatSpec(preset=preset))
    reader = RowReader(format_, dict.fromkeys((*CANONICAL, *ORIGIN_FIELDS), str))
    read = row_function(reader, others=map(reader.decoder.expression, format_.only))
    decoded = reader.decoder.decode(b"\n".join(lines) + b"\n")
    ignored, requests, fields = decoded.blank + decoded.joined, 0, 0
    for row in decoded.rows + reader.decoder.flush().rows:
        values = read(row)
        texts = reader.fields(values.dims)
        if texts is None:
            ignored += 1
        elif _STATUS.fullmatch(texts.get("status", "")):
            requests += 1
            fields += sum(map(bool, (*texts.values(), values.time, values.origin)))
            fields += sum(number >= 0 for number in values.numbers.values())
            fields += sum(mark not in (None, "", b"") for mark in values.others)
    looked_at = max(requests, len(lines) - ignored)  # a line may hold several
    if not requests:
        return Candidate(preset, 0.0, 0.0)
    return Candidate(preset, requests / looked_at, fields / requests, container, stream)
