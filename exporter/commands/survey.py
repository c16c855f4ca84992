"""What a format finds in a log, and what of the log it leaves unread: for `init`, `run LOG…` and `check`."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from exporter.config.inputs import InputConfig
from exporter.counting.meter import Meter
from exporter.formats.codegen import compile_function
from exporter.formats.decoders.container import Contained
from exporter.formats.decoders.csv_lines import CsvLines
from exporter.formats.decoders.decoder import Decoded, Decoder, bare
from exporter.formats.decoders.json_lines import JsonLines
from exporter.formats.decoders.logfmt_lines import pairs
from exporter.formats.decoders.text_lines import TextLines
from exporter.formats.detection.draft import columns, paths_of
from exporter.formats.format import Format, build
from exporter.formats.source import Source, parse_path
from exporter.formats.spec import FormatSpec, resolved
from exporter.formats.values import Raw, elapsed, number, seconds, text, timestamp
from exporter.model.fields import FIELDS, LABEL_FIELDS
from exporter.model.record import AccessRecord
from exporter.service.assembly import Assembly
from exporter.service.input_journal import shape

# What a person wants to see of a record, and the fields of a format that it comes from.
SHOWN: dict[str, tuple[str, ...]] = {
    "time": ("time",),
    "status": ("status",),
    "method": ("rpc_method", "body", "request", "path", "http_method"),
    "key": ("key", "path", "request"),
    "duration": ("duration",),
    "origin": ("origin", "referer", "client"),
    "request_bytes": ("request_bytes",),
    "response_bytes": ("response_bytes",),
    "provider": ("provider", "attempts"),
    "model": ("model", "body"),
    "input_tokens": ("input_tokens",),
    "output_tokens": ("output_tokens",),
    "cost": ("cost",),
}
_FOR_LABELS: dict[str, tuple[str, ...]] = {name: (name,) for name in LABEL_FIELDS}
_LINES = 500
# Captures that nobody misses.
_DULL = ("http_user_agent", "agent", "frontend", "details", "request_count")
_NAME = re.compile(r"(?:^|\s)([A-Za-z_][\w-]*)=")


class Found(Struct):
    """A value of records: how many have it, where in the log it stands, and what it is in the first."""

    count: int = 0
    source: str = ""
    example: str = ""


class Survey(Struct):
    """How many lines of a sample are `parsed`, ignored, and rejected; the values found in them, by SHOWN.

    `unread` are parts of the log that the format leaves out, for people: names, or the shape of a text.
    """

    parsed: int = 0
    ignored: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    found: dict[str, Found] = {}
    unread: list[str] = []
    # The values that labels can be made of, by field.
    for_labels: dict[str, Found] = {}
    # Fields that the config itself names and that no request has.
    empty: list[str] = []
    # The values of all names in the log, where it has names.
    named: dict[str, list[str]] = {}
    # How long requests took, by method; without those to language models, and WebSocket sessions.
    durations: dict[str, list[float]] = {}

    @property
    def lines(self) -> int:
        """All lines that were looked at."""
        return self.parsed + self.ignored + self.rejected.total()

    @property
    def missing(self) -> list[str]:
        """What no record has."""
        return [name for name in SHOWN if name not in self.found]


def lines_of(sample: bytes) -> list[bytes]:
    """The first whole lines that are not blank."""
    return [line for line in sample.split(b"\n") if line.strip(b" \t\r\0")][:_LINES]


def survey(assembly: Assembly, input_: InputConfig, sample: bytes) -> Survey:
    """Read a sample of an input's log."""
    spec, lines = input_.spec, lines_of(sample)
    format_ = build(spec, input_.max_line_bytes)
    decoder = format_.decoder
    named = (*format_.fields.values(), *format_.custom_fields.values())
    paths = {path for sources in named for source in sources for path in source.paths}
    unused = _unused_captures(decoder)
    code = ", ".join(f"{path!r}: {decoder.expression(path)}" for path in (*paths, *unused))
    meter = assembly.meter_of(input_, format_)
    read = compile_function("read", "r", [f"return {{{code}}}"], decoder.names)
    decoded = decoder.decode(b"\n".join(lines) + b"\n")
    result = Survey(ignored=decoded.blank, parsed=decoded.joined, rejected=Counter(why for why, _ in decoded.rejected))
    requests = []
    for row, record in _requests(result, meter, decoded.rows + decoder.flush().rows):
        raws = read(row)
        requests.append(raws)
        for found, shown in ((result.found, SHOWN), (result.for_labels, _FOR_LABELS)):
            _note(found, shown, record, format_, raws)
        if record.duration is not None and record.method and not record.model and record.protocol not in ("ws", "wss"):
            result.durations.setdefault(record.method, []).append(record.duration)
    result.empty = list(_empty(spec, format_, requests))
    result.named = _named(_inside(lines, spec), spec, decoder)
    result.unread = [*_unread(result.named, paths | {*format_.only}), *_unread_captures(unused, requests)]
    return result


def _requests(result: Survey, meter: Meter, rows: list[Any]) -> Iterator[tuple[Any, AccessRecord]]:
    """The rows that are requests, with their records; `result` counts all of them."""
    for row in rows:
        record = meter.record(row)
        if record.ignored:
            result.ignored += 1
        elif record.rejected:
            result.rejected[record.rejected] += 1
        else:
            result.parsed += 1
            yield row, record


def _empty(spec: FormatSpec, format_: Format, requests: list[dict[str, Raw]]) -> Iterator[str]:
    """The fields that the config itself names and that no request has."""
    named = {*spec.fields, *(name for names in spec.named.values() for name in names), *spec.custom_fields}
    for name, sources in (format_.fields | format_.custom_fields).items():
        kind = FIELDS[name][0] if name in FIELDS else "text"
        there = (_is_there(kind, source, raws) for source in sources for raws in requests)
        if name in named and requests and not any(there):
            yield name


def _note(
    found: dict[str, Found],
    shown: dict[str, tuple[str, ...]],
    record: AccessRecord,
    format_: Format,
    raws: dict[str, Raw],
) -> None:
    for name, fields in shown.items():
        value = getattr(record, name)
        if value in (None, ""):
            continue
        known = found.setdefault(name, Found())
        known.count += 1
        if known.count == 1:
            known.example = _example(name, value)
            known.source = _first_there(format_, fields, raws)


def _first_there(format_: Format, fields: tuple[str, ...], raws: dict[str, Raw]) -> str:
    """Where the first value of some fields stands; "" if none is there."""
    sources = ((field, source) for field in fields for source in format_.fields.get(field, ()))
    return next((_where(source) for field, source in sources if _is_there(FIELDS[field][0], source, raws)), "")


def _example(name: str, value: Any) -> str:
    if name == "time":
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _where(source: Source) -> str:
    if source.value is not None:
        return f"always {source.value}"
    return f"{source.start} to {source.end}" if source.start else source.path


def _is_there(kind: str, source: Source, raws: dict[str, Raw]) -> bool:
    if source.value is not None:
        return True
    if source.start:
        return elapsed(raws[source.start], raws[source.end]) is not None
    raw = raws[source.path]
    if kind in ("text", "times") or source.pick or source.map or source.match:
        return bool(source.read(raw))
    return {"time": timestamp, "seconds": seconds, "number": number}[kind](raw) is not None


# --- what is left unread


def _unused_captures(decoder: Decoder) -> list[str]:
    """Groups of a text's regular expression that no field reads."""
    inside = decoder.inside
    return [name for name in inside.unused if name not in _DULL] if isinstance(inside, TextLines) else []


def _unread_captures(names: list[str], requests: list[dict[str, Raw]]) -> Iterator[str]:
    """Those that have a value, with what it holds."""
    for name in names:
        value = next(filter(None, (text(raws[name]).strip() for raws in requests)), "")
        if value:
            yield f"{name} ({_shown(value)})"


def _inside(lines: list[bytes], spec: FormatSpec) -> list[bytes]:
    """The lines without what a container runtime has put around them."""
    spec = resolved(spec)
    if not spec.container:
        return lines
    contained = Contained(JsonLines(), spec.container, spec.stream or "stdout")
    return contained.unwrap(b"\n".join(lines) + b"\n", Decoded([], [])).splitlines()


def _named(lines: list[bytes], spec: FormatSpec, decoder: Decoder) -> dict[str, list[str]]:
    """The values of each name in the log; {} where it has no names. Of CSV the names alone."""
    spec = resolved(spec)
    if isinstance(decoder.inside, CsvLines):
        return {name: [] for name in decoder.inside.columns}
    if spec.json is not None:
        return columns([paths_of(line) for line in lines])
    return columns([pairs(bare(line)) or {} for line in lines]) if spec.logfmt is not None else {}


def _unread(named: dict[str, list[str]], paths: set[str]) -> list[str]:
    """Names that no path leads to, or through, and that have values."""
    read = [_steps(path.partition("|")[0]) for path in paths]
    return [
        name
        for name, values in named.items()
        if (not values or {*values} - {"", "-"}) and not any(_overlap(_steps(name), path) for path in read)
    ]


def _steps(path: str) -> tuple[str, ...]:
    try:
        return tuple(step for step in parse_path(path.strip()) if isinstance(step, str))
    except ValueError:  # a column's or logfmt's name, which is not a path
        return (path,)


def _overlap(path: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return path[: len(other)] == other[: len(path)]


def _shown(value: str) -> str:
    """A text that may hold anything: the names in it, else its shape."""
    names = _NAME.findall(value)
    return ", ".join(f"{name}=" for name in names[:8]) if names else shape(value.encode())[:60]
