"""`explain`: what is read from each line and which series it adds to, or why it was rejected."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from exporter.commands.select_input import input_for
from exporter.commands.without_config import without_config
from exporter.config.load import load
from exporter.counting.meter import Meter
from exporter.errors import UsageError, place
from exporter.formats.decoders.decoder import REASONS, Decoded, Decoder
from exporter.formats.format import build
from exporter.inputs.archive import whole_lines
from exporter.metrics.exposition import Renderer, take
from exporter.metrics.store import Store
from exporter.model.record import AccessRecord
from exporter.service.assembly import Assembly
from exporter.service.input_journal import shape

# How fields are written that are no plain text or number.
_WRITTEN: dict[str, Callable[[Any], str]] = {
    "time": lambda at: datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    "calls": ", ".join,
    "implausible": lambda names: f"{', '.join(names)} (left out: not a plausible number)",
    "attempts": lambda attempts: ", ".join(f"{attempt.provider}: {attempt.outcome}" for attempt in attempts),
}


def run(config: str | None, log: str, name: str | None, loop: bool = False) -> None:
    """Print a paragraph for each line of a log, read as the input `name` of a config. Without a config, detect the
    format. With `loop`, print the Python code that counts its lines instead.
    """
    if log == "-" and not config:
        raise UsageError("explain needs --config.file FILE to read standard input: its format can't be detected")
    loaded = load(Path(config)) if config else without_config([log])
    assembly = Assembly(loaded)
    input_ = input_for(log, loaded.config, name) if config else loaded.config.inputs[0]
    format_ = assembly.format_of(input_) if loop else build(input_.spec, input_.max_line_bytes)
    meter = assembly.meter_of(input_, format_)
    if loop:
        print(meter.loop.source)
        return
    chunks = whole_lines(log, longest_line=input_.max_line_bytes)
    lines = (line for chunk, _ in chunks for line in chunk.splitlines(keepends=True))
    for paragraph in explain(lines, format_.decoder, meter, assembly.store):
        print(paragraph)


def explain(lines: Iterator[bytes], decoder: Decoder, meter: Meter, store: Store) -> Iterator[str]:
    """A paragraph for each line. Series show how much the line adds; histogram buckets are left out."""
    renderer = Renderer()
    for n, line in enumerate(lines, 1):
        decoded = decoder.decode(line.rstrip(b"\n") + b"\n")
        for reason, bad in decoded.rejected:
            yield f"line {n}: rejected, {reason}: {REASONS[reason]}\n  its shape: {shape(bad)}\n"
        for fault in decoded.faults:
            yield f"  {place(fault)}"
        if decoded.blank:
            yield f"line {n}: ignored: it is blank, a header or comment, or of another stream\n"
        elif not decoded.rows and not decoded.rejected:
            yield f"line {n}: waits for another line of its request\n"
        yield from _rows(f"line {n}", decoded.rows, meter, store, renderer)
    yield from _rows("no other line came", decoder.flush().rows, meter, store, renderer)


def _rows(where: str, rows: list[Any], meter: Meter, store: Store, renderer: Renderer) -> Iterator[str]:
    for row in rows:
        before = _values(store, renderer)
        counted = Decoded([row], [])
        try:
            record = meter.record(row)
            meter.count(counted)
            meter.fold()
        except Exception as error:
            counted.faults.append(error)
        faults = [*counted.faults, *meter.faults]
        meter.faults.clear()
        if faults:
            yield f"{where}: rejected, failed: {REASONS['failed']}\n  {place(faults[0])}"
            continue
        added = {name: value - before.get(name, 0) for name, value in _values(store, renderer).items()}
        yield _paragraph(where, record, added)


def _paragraph(where: str, record: AccessRecord, added: dict[str, float]) -> str:
    if record.ignored:
        return f"{where}: ignored: no request, or one that the format's `only` leaves out\n"
    if record.rejected:
        return f"{where}: rejected, {record.rejected}: {REASONS[record.rejected]}\n"
    fields = [f"  {name.rstrip('_'):24} {value}" for name, value in _shown(record)]
    series = [f"  + {_short(value):>10}  {name}" for name, value in added.items() if value]
    return "\n".join([f"{where}: parsed", *fields, "  adds", *series, ""])


def _shown(record: AccessRecord) -> Iterator[tuple[str, Any]]:
    """The fields of a record that have a value, and how it is written for people."""
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if value in (None, "", (), False, {}) or (name == "requests" and value == 1):
            continue
        if name == "custom":
            yield from value.items()
        elif name in _WRITTEN:
            yield name, _WRITTEN[name](value)
        else:
            yield name, _short(value) if isinstance(value, float) else value


def _short(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.9g}"


def _values(store: Store, renderer: Renderer) -> dict[str, float]:
    """The current value of every counter, and the sum and count of every histogram."""
    counters = {name.encode() for name, table in store.families.items() if table.family.type != "gauge"}
    values = {}
    for block in renderer.blocks(take(store)):
        for line in block.splitlines():
            name, _, value = line.rpartition(b" ")
            family = name.partition(b"{")[0]
            known = (
                family in counters
                or family.removesuffix(b"_sum") in counters
                or family.removesuffix(b"_count") in counters
            )
            if known and not line.startswith(b"#"):
                values[name.decode()] = float(value)
    return values
