"""The report as tables for a terminal, and as CSV."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

Json = dict[str, Any]
_LISTS = (
    ("byEndpoint", "endpoint"),
    ("byStatusCode", "status"),
    ("byKey", "key"),
    ("byModel", "model"),
    ("byChain", "chain"),
    ("byOrigin", "origin"),
)
_COLUMNS = ("requests", "percentage", "successRate", "averageLatency", "dataTransferred", "cost")
_HEADS = ("requests", "share", "success", "latency", "data", "cost")
# Rows of a list on a terminal; JSON and CSV have them all.
_MOST_ROWS = 10


def lines(report: Json) -> Iterator[str]:
    """The report for people."""
    usage = report["usage"]
    whose = ", ".join(report["keys"]) if report["keys"] is not None else "all keys"
    more = "".join(f", {name} {report[name]}" for name in ("chain", "model") if report[name])
    yield f"{whose}{more}: {report['from']} to {report['to']}"
    yield ""
    yield from _facts(usage, report)
    for name, head in _LISTS:
        rows = report["breakdown"][name]
        if rows and not (name == "byKey" and len(rows) == 1 and report["keys"]):
            yield ""
            yield from _list(head, rows, usage["currency"])
    yield from _errors(report["errors"])
    yield from _limits(report["rateLimits"])
    for alert in report["alerts"]:
        yield f"\n{alert['priority']}: {alert['message']}. {alert['recommendation']}"
    for note in report["notes"]:
        yield f"\nnote: {note}"


def _facts(usage: Json, report: Json) -> Iterator[str]:
    trends = report["trends"]

    def row(name: str, *values: str) -> str:
        return f"  {name:10}" + "   ".join(filter(None, values))

    yield row(
        "requests",
        f"{usage['totalRequests']:,}",
        _some("{:,} failed", usage["failedRequests"]),
        _some("{:.2f} % succeeded", usage["successRate"]),
        _some("{}", trends["requests"]["direction"]),
    )
    yield row(
        "rate",
        f"{usage['requestsPerHour']:,.1f} an hour",
        _some("busiest hour {:,}", usage["peakRequestsPerHour"]),
        _some("busiest minute {:,.0f}", usage["peakRequestsPerMinute"]),
    )
    if usage["averageLatency"] is not None:
        peak = _some("slowest {:,.0f} ms", usage["peakLatency"])
        yield row("latency", f"{usage['averageLatency']:,.0f} ms on average", peak)
    if usage["dataTransferred"]:
        yield row("data", size(usage["dataTransferred"]), f"{size(usage['averageDataPerRequest'])} a request")
    if usage["tokens"]:
        yield row("tokens", *(f"{n:,} {type_}" for type_, n in usage["tokens"].items()))
    costs = report["costs"]
    if costs["current"]:
        month = (costs["projected"] or {}).get("nextMonth")
        ahead = f"next month {month['atThisRate']:,.2f} at this rate" if month else ""
        yield row("cost", f"{costs['current']:,.4f} {costs['currency']}", ahead)


def _list(head: str, rows: list[Json], currency: str) -> Iterator[str]:
    shown = rows[:_MOST_ROWS]
    wanted = [n for n, name in enumerate(_COLUMNS) if any(row.get(name) for row in shown)]
    names = [f"cost {currency}" if _HEADS[n] == "cost" else _HEADS[n] for n in wanted]
    label = next(iter(rows[0]))
    cells = [[str(row[label]) or "-", *(_cell(_COLUMNS[n], row.get(_COLUMNS[n])) for n in wanted)] for row in shown]
    yield from table([head, *names], cells)
    if len(rows) > _MOST_ROWS:
        yield f"  and {len(rows) - _MOST_ROWS} more"


def _errors(errors: Json | None) -> Iterator[str]:
    if errors and errors["byType"]:
        yield ""
        cells = [
            [row["type"], f"{row['count']:,}", f"{row['percentage']:.1f} %", row["description"]]
            for row in errors["byType"]
        ]
        yield from table(["error", "count", "share", ""], cells)


def _limits(limits: list[Json]) -> Iterator[str]:
    cells = [
        [key["key"], name, *_used(limit)]
        for key in limits[:_MOST_ROWS]
        for name, limit in key.items()
        if isinstance(limit, dict)
    ]
    if cells:
        yield ""
        yield from table(["key", "limit", "allowed", "used", "share", "resets"], cells)


def _used(limit: Json) -> list[str]:
    return [f"{limit['current']:,}", f"{limit['usage']:,}", f"{limit['utilization']:.1f} %", limit["resetsAt"] or "-"]


def table(heads: list[str], cells: list[list[str]]) -> Iterator[str]:
    """Rows under heads: the first column to the left, numbers to the right."""
    rows = [heads, *cells]
    widths = [max(len(row[n]) for row in rows) for n in range(len(heads))]
    numbers = [all(cell[n][:1].isdigit() or cell[n] in ("-", "") for cell in cells) for n in range(len(heads))]
    for row in rows:
        texts = (
            text.rjust(width) if number and n else text.ljust(width)
            for n, (text, width, number) in enumerate(zip(row, widths, numbers, strict=True))
        )
        yield ("  " + "   ".join(texts)).rstrip()


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name in ("percentage", "successRate"):
        return f"{value:.1f} %"
    if name == "averageLatency":
        return f"{value:,.0f} ms"
    if name == "dataTransferred":
        return size(value)
    return f"{value:,.4f}" if name == "cost" else f"{value:,}"


def size(number: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"


def _some(text: str, value: Any) -> str:
    return "" if value is None else text.format(value)


def write_csv(report: Json, out: TextIO) -> None:
    """A row for each key; of one key, for each step of time."""
    single = report["keys"] is not None and len(report["keys"]) == 1
    rows = report["timeSeries"] if single else report["breakdown"]["byKey"] or []
    _rows(rows, out, {"key": report["keys"][0]} if single else {})


def _rows(rows: Iterable[Json], out: TextIO, first: Json) -> None:
    writer = None
    for row in rows:
        whole = first | row
        if writer is None:
            writer = csv.DictWriter(out, list(whole))
            writer.writeheader()
        writer.writerow(whole)
