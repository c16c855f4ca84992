"""Detects a log's format: every preset reads the first lines, and what it finds is counted."""

import re
from statistics import median
from typing import Any

from msgspec import Struct
from msgspec.structs import replace as changed

from exporter.formats.decoders.container import CONTAINERS, Contained
from exporter.formats.decoders.decoder import Decoded
from exporter.formats.decoders.json_lines import JsonLines
from exporter.formats.detection.draft import paths_of
from exporter.formats.expressions import ABSENT
from exporter.formats.format import build
from exporter.formats.row_function import RowValues, row_function
from exporter.formats.row_reader import CANONICAL, ORIGIN_FIELDS, RowReader
from exporter.formats.spec import FormatSpec, presets, resolved
from exporter.formats.words import Canonical

_LINES = 500
# A preset that reads a smaller share of the lines, or fewer fields, matches by coincidence.
_LEAST_SHARE = 0.2
_LEAST_FIELDS = 4
_TIMESTAMP = b'"@timestamp"'
# Half of a log's requests taking longer is unlikely.
_MOST_MS = 10_000
_STATUS = re.compile(r"-1|0|[1-5]\d\d")


class Candidate(Struct, frozen=True):
    """A preset that may be the format of a log.

    `share` is the share of lines that are requests with a status, not counting lines that the preset ignores; `fields`
    the average number of fields it finds in a request, including those of `only`. `container` is the container format
    of the lines, if any; `stream` the stream with the requests, if it is not stdout. `only` are conditions to use
    instead of the preset's, `named` sources of fields to use instead of the preset's.
    """

    preset: str
    share: float
    fields: float
    container: str = ""
    stream: str = ""
    only: dict[str, str | list[str]] = {}
    named: dict[str, Any] = {}

    @property
    def spec(self) -> FormatSpec:
        """The format, for a config."""
        return FormatSpec(
            preset=self.preset, container=self.container, stream=self.stream, only=self.only, fields={**self.named}
        )


def detect(sample: bytes) -> list[Candidate]:
    """The presets that can read the start of a log, the best first; [] if none can."""
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
    """The sort key of candidates, the best first: those that find most, and of equals those with fewer conditions."""
    conditions = build(FormatSpec(preset=candidate.preset)).only
    return -candidate.share * candidate.fields, len(candidate.named), len(conditions)


def _unwrapped(lines: list[bytes]) -> list[tuple[str, str, list[bytes]]]:
    """The container format ("" if none) and stream of the lines, with the lines inside."""
    log = b"\n".join(lines) + b"\n"
    for kind in CONTAINERS:
        outer = Decoded([], [])
        inside = Contained(JsonLines(), kind, "stdout").unwrap(log, outer)
        if 2 * len(outer.rejected) < len(lines):
            other = Contained(JsonLines(), kind, "stderr").unwrap(log, Decoded([], []))
            return [(kind, "", inside.splitlines()), (kind, "stderr", other.splitlines())]
    return [("", "", lines)]


def _try(preset: str, lines: list[bytes], container: str, stream: str) -> Candidate:
    """How a preset reads the lines. Some presets ignore one of two lines that each request has. If the log has only
    that line, as when only the servers' sidecars of a mesh log, the condition is dropped.
    """
    found, missed = _read(Candidate(preset, 0.0, 0.0, container, stream), lines)
    if missed:
        found, _ = _read(changed(found, only=missed), lines)
    if found.share and any(_TIMESTAMP in line for line in lines) and resolved(found.spec).json is not None:
        # Shippers to Elasticsearch call the time so, whatever the gateway called it.
        renamed, _ = _read(changed(found, named={"time": "@timestamp"}), lines)
        if renamed.fields > found.fields:
            found = renamed
    if found.share and (duration := _in_whole_units(found.spec, lines)):
        found = changed(found, named={**found.named, "duration": duration})
    return found


def _in_whole_units(spec: FormatSpec, lines: list[bytes]) -> dict[str, str]:
    """The source of durations if a preset reads them as seconds and the log's are whole numbers: they are milliseconds
    or, where those would be too many, nanoseconds. {} if not.
    """
    for source in build(spec).fields.get("duration", ()):
        if source.is_plain and source.unit == "s":
            written = [value for line in lines if (value := paths_of(line).get(source.path))]
            if any(value.strip("0") for value in written) and all(map(str.isdigit, written)):
                return {"path": source.path, "unit": "ms" if median(map(int, written)) < _MOST_MS else "ns"}
    return {}


def _read(candidate: Candidate, lines: list[bytes]) -> tuple[Candidate, dict[str, str | list[str]]]:
    """The candidate with what it finds; and the conditions of `only` to drop: they ignore lines, and no line has the
    value that they exclude lines by.
    """
    spec = FormatSpec(preset=candidate.preset, only=candidate.only, fields={**candidate.named})
    format_ = build(spec, asked=())  # what labels are made of, many logs have alike
    reader = RowReader(format_, dict.fromkeys((*CANONICAL, *ORIGIN_FIELDS), Canonical(str)))
    decoded = reader.decoder.decode(b"\n".join(lines) + b"\n")
    rows = decoded.rows + reader.decoder.flush().rows
    if not rows:  # as with most presets
        return candidate, {}
    read = row_function(reader, others=map(reader.decoder.expression, format_.only))
    left_out, requests, fields = 0, 0, 0
    unseen = {
        path
        for path, patterns in format_.only.items()
        if all(pattern.pattern.startswith("(?!") for pattern in patterns)
    }
    for row in rows:
        values = read(row)
        texts = reader.fields(values.dims)
        if texts is None:
            left_out += 1
            continue
        unseen -= {path for path, mark in zip(format_.only, values.others, strict=True) if mark not in ABSENT}
        if _STATUS.fullmatch(texts.get("status", "")):
            requests += 1
            fields += _fields_found(texts, values)
    if requests:
        ignored = decoded.blank + decoded.joined + left_out
        looked_at = max(requests, len(lines) - ignored)  # a line may hold several
        candidate = changed(candidate, share=requests / looked_at, fields=fields / requests)
    return candidate, dict.fromkeys(unseen, "*") if left_out else {}


def _fields_found(texts: dict[str, Any], values: RowValues) -> int:
    found = sum(map(bool, (*texts.values(), values.time, values.origin)))
    found += sum(number >= 0 for number in values.numbers.values())
    return found + sum(mark not in (None, "", b"") for mark in values.others)
