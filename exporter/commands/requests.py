"""`requests`: single requests that the exporter keeps: find, follow, export, delete. It may run meanwhile."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from exporter.config.load import load
from exporter.config.requests import RequestsConfig
from exporter.durations import seconds
from exporter.errors import UsageError
from exporter.request_log.deletion import delete
from exporter.request_log.fields import OF_OPERATORS
from exporter.request_log.filters import Filter, filter_of
from exporter.request_log.key_names import KeyNames
from exporter.request_log.search import Search, Sums
from exporter.request_log.written import cell, csv_lines, json_lines

# The columns for people, with their widths; the last takes what is left.
_COLUMNS = {"time": 24, "key": 20, "method": 34, "status": 6, "duration": 9, "model": 22, "cost": 10, "provider": 0}
_FOLLOW_SECONDS = 1.0
_MOST_FOLLOWED = 1000
# An export of everything may take long, and nobody waits for it.
_PATIENCE_SECONDS = 3600.0


def run(config: str, asked: dict[str, str], limit: int | None, form: str, follow: bool, remove: bool) -> None:
    """Print requests, the newest first; with `follow`, then those that come. `form` is table, json, csv or sums."""
    if limit is not None and limit < 1:
        raise UsageError("--limit must be at least 1")
    loaded = load(Path(config))
    requests = loaded.config.requests
    if requests is None:
        raise UsageError(f"{config} has no section `requests`: no single requests are kept")
    registry = KeyNames({entry.public: entry for entry in loaded.keys})
    if remove:
        print(f"{delete(Path(requests.path), registry, asked)} requests deleted")
        return
    wanted = filter_of(asked)
    search = _search(requests, registry)
    if form == "sums":
        _print_sums(search.sums(wanted), loaded.config.pricing.currency)
        return
    if not follow:
        most = limit if limit is not None else None if form != "table" else 50
        _print(_limited(search.each(wanted), most), form)
        return
    last = search.last_id()
    newest = search.newest(wanted, limit if limit is not None else 10).rows
    _print(_followed(requests, registry, wanted, [*reversed(newest)], last), form)


def _search(requests: RequestsConfig, registry: KeyNames) -> Search:
    return Search(Path(requests.path), registry, seconds(requests.keep), _PATIENCE_SECONDS)


def _limited(rows: Iterator[dict[str, Any]], limit: int | None) -> Iterator[dict[str, Any]]:
    for n, row in enumerate(rows):
        if n == limit:
            return
        yield row


def _followed(
    requests: RequestsConfig, registry: KeyNames, wanted: Filter, shown: list[dict[str, Any]], last: int
) -> Iterator[dict[str, Any]]:
    """The rows shown at first, then all that are added, for ever."""
    yield from shown
    while True:
        found = _search(requests, registry).after(wanted, last, _MOST_FOLLOWED)
        for row in found:
            last = row["id"]
            yield row
        sys.stdout.flush()
        if len(found) < _MOST_FOLLOWED:
            time.sleep(_FOLLOW_SECONDS)


def _print(rows: Iterator[dict[str, Any]], form: str) -> None:
    if form == "table":
        _print_table(rows)
        return
    sys.stdout.flush()
    for line in (csv_lines if form == "csv" else json_lines)(rows, OF_OPERATORS):
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _print_table(rows: Iterable[dict[str, Any]]) -> None:
    print("  ".join(name.ljust(width) for name, width in _COLUMNS.items()).rstrip())
    for row in rows:
        print("  ".join(_fitted(_shown(row, name), width) for name, width in _COLUMNS.items()).rstrip())


def _shown(row: dict[str, Any], name: str) -> str:
    """A cell of the table."""
    return _SHOWN[name](row) if name in _SHOWN else cell(name, row[name])


def _model(row: dict[str, Any]) -> str:
    """The model, after the one that was asked for if that is another."""
    asked, served = row["requested_model"], row["model"]
    return f"{asked} → {served}" if asked and served and asked != served else served or asked or ""


def _provider(row: dict[str, Any]) -> str:
    """The provider, after those that failed."""
    if len(row["attempts"]) < 2:
        return row["provider"] or ""
    return " → ".join(
        f"{attempt['provider']} {'✓' if attempt['outcome'] == 'success' else '✗'}" for attempt in row["attempts"]
    )


_SHOWN: dict[str, Callable[[dict[str, Any]], str]] = {
    "key": lambda row: row["key_name"] or row["key"] or "",
    "duration": lambda row: "" if row["duration"] is None else f"{row['duration']:.3f}",
    "model": _model,
    "provider": _provider,
}


def _fitted(text: str, width: int) -> str:
    if not width:
        return text
    return (text if len(text) <= width else text[: width - 1] + "…").ljust(width)


def _print_sums(sums: Sums, currency: str) -> None:
    for name in sums.__struct_fields__:
        value = getattr(sums, name)
        shown = "" if value is None else f"{value:.6f}" if isinstance(value, float) else str(value)
        unit = {"cost": f" {currency}"}.get(name, " s" if name.endswith("duration") and shown else "")
        print(f"{name:20} {shown}{unit}".rstrip())
