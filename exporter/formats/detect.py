"""Telling a log's format by its first lines: every preset reads them, and what it finds is counted."""

import re
from typing import Any

from msgspec import Struct
from msgspec.structs import replace as changed

from exporter.formats.container import CONTAINERS, Contained
from exporter.formats.decoder import Decoded
from exporter.formats.json_lines import JsonLines
from exporter.formats.row_function import row_function
from exporter.formats.row_reader import ABSENT, CANONICAL, ORIGIN_FIELDS, RowReader
from exporter.formats.spec import FormatSpec, build, presets, resolved

_LINES = 500
# A preset that reads fewer lines than this, or finds less in them, is a coincidence.
_LEAST_SHARE = 0.2
_LEAST_FIELDS = 4
_TIMESTAMP = b'"@timestamp"'
_STATUS = re.compile(r"-1|0|[1-5]\d\d")


class Candidate(Struct, frozen=True):
    """A preset that reads a log.

    `share` is that of its lines that are a request with a status, of those that the preset does not
    leave out on purpose; `fields` how many fields of such a line it finds on average, among them what `only`
    looks at. `container` is how a container runtime has wrapped the lines, if one has; `stream` the one with the
    requests, where that is not the usual one. `only` is what the preset's conditions have to be for this log,
    `named` where a field is that the preset looks for elsewhere.
    """

    preset: str
    share: float
    fields: float
    container: str = ""
    stream: str = ""
    only: dict[str, str | list[str]] = {}
    named: dict[str, str] = {}

    @property
    def spec(self) -> FormatSpec:
        """The format, for a config."""
        fields: dict[str, Any] = {**self.named}
        return FormatSpec(
            preset=self.preset, container=self.container, stream=self.stream, only=self.only, fields=fields
        )


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


def _goodness(candidate: Candidate) -> tuple[float, int, int]:
    """What sorts candidates, the best first: those that find more, and of equal ones those with fewer conditions."""
    conditions = build(FormatSpec(preset=candidate.preset)).only
    return -candidate.share * candidate.fields, len(candidate.named), len(conditions)


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
    """How a preset reads the lines. Where it leaves out one of two lines that each request has, and the log has
    that one only, as where only the servers' sidecars of a mesh log, it counts.
    """
    found, missed = _read(Candidate(preset, 0.0, 0.0, container, stream), lines)
    if missed:
        found, _ = _read(changed(found, only=missed), lines)
    if found.share and any(_TIMESTAMP in line for line in lines) and resolved(found.spec).json is not None:
        # Shippers to Elasticsearch call the time so, whatever the gateway called it.
        renamed, _ = _read(changed(found, named={"time": "@timestamp"}), lines)
        if renamed.fields > found.fields:
            return renamed
    return found


def _read(candidate: Candidate, lines: list[bytes]) -> tuple[Candidate, dict[str, str | list[str]]]:
    """The candidate with what it finds; and the conditions that leave out lines, though no other line has what they
    look at.
    """
    # Long, as all is counted in one pass over the rows.
    format_ = build(FormatSpec(preset=candidate.preset, only=candidate.only, fields={**candidate.named}))
    reader = RowReader(format_, dict.fromkeys((*CANONICAL, *ORIGIN_FIELDS), str))
    read = row_function(reader, others=map(reader.decoder.expression, format_.only))
    decoded = reader.decoder.decode(b"\n".join(lines) + b"\n")
    left_out, requests, fields = 0, 0, 0
    unseen = {
        path
        for path, patterns in format_.only.items()
        if all(pattern.pattern.startswith("(?!") for pattern in patterns)
    }
    for row in decoded.rows + reader.decoder.flush().rows:
        values = read(row)
        texts = reader.fields(values.dims)
        if texts is None:
            left_out += 1
            continue
        unseen -= {path for path, mark in zip(format_.only, values.others, strict=True) if mark not in ABSENT}
        if _STATUS.fullmatch(texts.get("status", "")):
            requests += 1
            fields += sum(map(bool, (*texts.values(), values.time, values.origin)))
            fields += sum(number >= 0 for number in values.numbers.values())
            fields += sum(mark not in (None, "", b"") for mark in values.others)
    if requests:
        ignored = decoded.blank + decoded.joined + left_out
        looked_at = max(requests, len(lines) - ignored)  # a line may hold several
        candidate = changed(candidate, share=requests / looked_at, fields=fields / requests)
    return candidate, dict.fromkeys(unseen, "*") if left_out else {}
