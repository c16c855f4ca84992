"""`explain`: what the exporter reads from each line, and which series the line adds to; or why it was rejected."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from exporter.counting.meter import Meter
from exporter.errors import place
from exporter.formats.decoder import REASONS, Decoded
from exporter.metrics.exposition import render
from exporter.metrics.store import Store
from exporter.model.record import AccessRecord
from exporter.service.input_journal import shape


def explain(lines: Iterator[bytes], meter: Meter, store: Store) -> Iterator[str]:
    """A paragraph for each line. Series show what this line adds; buckets of histograms are left out."""
    decoder = meter.reader.decoder
    for n, line in enumerate(lines, 1):
        decoded = decoder.decode(line.rstrip(b"\n") + b"\n")
        for reason, bad in decoded.rejected:
            yield f"line {n}: rejected, {reason}: {REASONS[reason]}\n  its shape: {shape(bad)}\n"
        for fault in decoded.faults:
            yield f"  {place(fault)}"
        if decoded.blank:
            yield f"line {n}: ignored: it is blank, or a header\n"
        elif not decoded.rows and not decoded.rejected:
            yield f"line {n}: waits for another line of its request\n"
        yield from _rows(f"line {n}", decoded.rows, meter, store)
    yield from _rows("no other line came", decoder.flush().rows, meter, store)


def _rows(where: str, rows: list[Any], meter: Meter, store: Store) -> Iterator[str]:
    for row in rows:
        before = _values(store)
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
        added = {name: value - before.get(name, 0) for name, value in _values(store).items()}
        yield _paragraph(where, record, added)


def _paragraph(where: str, record: AccessRecord, added: dict[str, float]) -> str:
    if record.ignored:
        return f"{where}: ignored: the format's `only` leaves it out\n"
    if record.rejected:
        return f"{where}: rejected, {record.rejected}: {REASONS[record.rejected]}\n"
    told = []
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if value in (None, "", (), False) or (name == "requests" and value == 1):
            continue
        if name == "time":
            value = datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        elif isinstance(value, float):
            value = _short(value)
        elif name == "calls":
            value = ", ".join(value)
        elif name == "implausible":
            value = f"{', '.join(value)} (left out: no request can have such a number)"
        elif name == "attempts":
            value = ", ".join(f"{one.provider}: {one.outcome}" for one in value)
        told.append(f"  {name.rstrip('_'):24} {value}")
    series = [f"  + {_short(value):>10}  {name}" for name, value in added.items() if value]
    return "\n".join([f"{where}: parsed", *told, "  adds", *series, ""])


def _short(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.9g}"


def _values(store: Store) -> dict[str, float]:
    """Every counter's value now; of histograms, the sum and the count."""
    counters = {name.encode() for name, one in store.families.items() if one.family.type != "gauge"}
    values = {}
    for block in render(store)[0]:
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
