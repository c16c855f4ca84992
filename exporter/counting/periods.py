"""Periods: divides rows by the period of their log time. Hot path: one look at the times of a whole chunk.

Nearly always all rows of a chunk are in one period. The smallest and the largest raw time show it: raw times sort like
times if they are numbers of one unit, or dates of one shape and the same day.
"""

import logging
import re
from collections.abc import Callable
from typing import Any

from exporter.clock import AHEAD
from exporter.formats.codegen import compile_function
from exporter.formats.row_reader import RowReader
from exporter.limits.calendar import Calendar, Period

log = logging.getLogger(__name__)

# The start of a written date, 2026-03-03T or 03/Mar/2026, and the zone at its end.
_DATE = re.compile(rb"\d{4}[-/]\d\d[-/]\d\d[T ]|\d\d/\w{3}/\d{4}")
_ZONE = re.compile(rb"Z$|[+-]\d\d:?\d\d$")
_DIGITS = b"0123456789"


class Periods:
    """Divides one input's rows. A row without a time, or with one ahead of the wall clock, belongs to now."""

    def __init__(self, name: str, reader: RowReader, calendar: Calendar) -> None:
        self._seconds, self._forget_times = reader.seconds_since_epoch, reader.forget_times
        self._calendar = calendar
        self._timed = reader.time != "None"
        self._times = compile_function("times", "rows", [f"return [{reader.time} for r in rows]"], reader.names)
        if not self._timed:
            log.warning("%s: the log's lines have no time; limits count them at the time of reading", name)

    def divide(self, rows: list[Any], now: float) -> list[tuple[Period, list[Any]]]:
        """The rows of each period, the earliest period first. `now` is the wall clock."""
        if not self._timed:
            return [(self._calendar.period(now), rows)]
        self._forget_times(now)
        times = self._times(rows)
        first, last = span(times, self._seconds)
        if first and last and first <= last <= now + AHEAD:
            period = self._calendar.period(first)
            if last < period.end:
                return [(period, rows)]
        groups: dict[float, tuple[Period, list[Any]]] = {}
        for row, raw in zip(rows, times, strict=True):
            at = self._seconds(raw)
            period = self._calendar.period(now if at is None or at > now + AHEAD else at)
            groups.setdefault(period.start, (period, []))[1].append(row)
        return [groups[start] for start in sorted(groups)]


def span(times: list[Any], seconds: Callable[[Any], float | None]) -> tuple[float | None, float | None]:
    """The earliest and the latest of raw times in epoch seconds, without fractions of some; None if two of them can't
    be compared. `seconds` converts a raw time.
    """
    try:
        if not isinstance(times[0], (int, float)):
            if _alike(times):
                ordered = sorted(times)  # of a log in order, faster than min and max
                return seconds(ordered[0]), seconds(ordered[-1])
            times = list(map(float, times))
        low, high = min(times), max(times)
        return (seconds(low), seconds(high)) if high < 2 * low else (None, None)
    except (AttributeError, IndexError, TypeError, ValueError):
        return None, None


def latest(times: list[Any], seconds: Callable[[Any], float | None]) -> float | None:
    """The latest of raw times in epoch seconds; None if none of them is a time."""
    last = span(times, seconds)[1]
    if last is None:
        last = max((at for raw in dict.fromkeys(times) if (at := seconds(raw)) is not None), default=None)
    return last


def _alike(times: list[Any]) -> bool:
    """Whether texts are dates of one day and one zone, which differ in their digits only."""
    first = times[0] if isinstance(times[0], bytes) else times[0].encode()
    date, zone = _DATE.match(first), _ZONE.search(first)
    if not date:
        return False
    joined = times[0][:0].join(times)
    if isinstance(joined, str):
        joined = joined.encode()
    return (
        joined.count(date[0]) == len(times)
        and joined.translate(None, _DIGITS) == first.translate(None, _DIGITS) * len(times)
        and (not zone or joined.count(zone[0]) == len(times))
    )
