"""Rows as JSON, JSON lines and CSV."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()


def as_object(row: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    """A row as it is written in JSON: these fields, with a date as time, and costs to nine decimals."""
    found = {name: row[name] for name in fields}
    found["time"] = written_time(row["time"])
    if "cost" in found and found["cost"] is not None:
        found["cost"] = round(found["cost"], 9)
    return found


def json_lines(rows: Iterable[dict[str, Any]], fields: tuple[str, ...]) -> Iterator[bytes]:
    """A JSON object and a line feed for each row."""
    for row in rows:
        yield _encoder.encode(as_object(row, fields)) + b"\n"


def csv_lines(rows: Iterable[dict[str, Any]], fields: tuple[str, ...]) -> Iterator[bytes]:
    """A line with the columns' names, then one for each row."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(fields)
    for row in rows:
        writer.writerow([cell(name, row[name]) for name in fields])
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


def cell(name: str, value: Any) -> str:
    """A value as text. What a spreadsheet would run as a formula gets an apostrophe."""
    if not value and value != 0:
        return ""
    if name in _WRITTEN:
        return _WRITTEN[name](value)
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    text = str(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def written_time(milliseconds: int) -> str:
    """A time as a date in UTC."""
    at = datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def written_attempt(attempt: dict[str, Any]) -> str:
    """An attempt for people: who was asked, how it went, and after how long."""
    took = "" if attempt["seconds"] is None else f" in {attempt['seconds']:g} s"
    status = f" {attempt['status']}" if attempt["status"] else ""
    return f"{attempt['provider'] or '?'}: {attempt['outcome']}{status}{took}"


def _written_flag(flag: bool) -> str:
    return "true" if flag else "false"


_WRITTEN: dict[str, Callable[[Any], str]] = {
    "time": written_time,
    "attempts": lambda attempts: ", ".join(map(written_attempt, attempts)),
    "steps": lambda steps: ", ".join(f"{step['provider']}: {step['step']}" for step in steps),
    "labels": lambda labels: ", ".join(f"{name}={value}" for name, value in labels.items()),
    "cost": "{:.6f}".format,
    "unbilled": _written_flag,
    "cached": _written_flag,
}
