"""Windows: the calendar's minutes, hours, days and months in a time zone. Pure arithmetic, in epoch seconds."""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from math import inf
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo, available_timezones

WindowName = Literal["1m", "1h", "1d", "1mo"]
WINDOWS: tuple[WindowName, ...] = get_args(WindowName)

# Periods, and windows of each name, that are at hand at once: logs come nearly in order.
_AT_HAND = 4


class Window(NamedTuple):
    """From `start` up to, and without, `end`."""

    start: int
    end: int


class Period(NamedTuple):
    """The longest time around a moment that no boundary divides, and the window of each name that holds it."""

    start: float
    end: float
    windows: dict[str, Window]


def time_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; ValueError where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = get_close_matches(name, available_timezones(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "names are like Europe/Berlin or UTC"
        raise ValueError(f"unknown timezone {name!r}: {hint}") from None


class Calendar:
    """Divides time into periods: at the ends of the windows named, and at `boundaries` (epoch seconds).

    Windows of one name follow each other without a gap, whatever is done to clocks. A day is 23 to 25
    hours long where they are set. The hour in which they are set ends there, and another begins: none is
    longer than an hour, and the two of the night in autumn are two.
    """

    def __init__(self, zone: ZoneInfo, windows: Iterable[str] = WINDOWS, boundaries: Iterable[float] = ()) -> None:
        self._zone = zone
        self._windows = tuple(windows)
        self._boundaries = [0.0, *sorted(boundaries), inf]
        self._periods: deque[Period] = deque(maxlen=_AT_HAND)
        self._known: dict[str, deque[Window]] = {name: deque(maxlen=_AT_HAND) for name in WINDOWS}

    @property
    def divides(self) -> bool:
        """Whether time has more than one period."""
        return bool(self._windows) or len(self._boundaries) > 2

    def period(self, at: float) -> Period:
        """The period of a moment."""
        for period in self._periods:
            if period.start <= at < period.end:
                return period
        windows = {name: self.window(name, at) for name in self._windows}
        after = bisect_right(self._boundaries, at)
        start = max([self._boundaries[after - 1], *(window.start for window in windows.values())])
        end = min([self._boundaries[after], *(window.end for window in windows.values())])
        period = Period(start, end, windows)
        self._periods.appendleft(period)
        return period

    def window(self, name: str, at: float) -> Window:
        """The window of a name (one of WINDOWS) that holds a moment."""
        for window in self._known[name]:
            if window.start <= at < window.end:
                return window
        second = int(at)
        if name == "1m":
            window = Window(second - second % 60, second - second % 60 + 60)
        else:
            window = self._hour(second) if name == "1h" else self._days(second, name)
        self._known[name].appendleft(window)
        return window

    def _days(self, second: int, name: str) -> Window:
        first = datetime.fromtimestamp(second, self._zone).date()
        if name == "1mo":
            first = first.replace(day=1)
        following = _following(first, name)
        while self._midnight(following) <= second:  # clocks were set back over midnight: the day had begun
            first, following = following, _following(following, name)
        return Window(self._midnight(first), self._midnight(following))

    def _midnight(self, day: date) -> int:
        """When a day begins: the first of two midnights; where there is none, when clocks were set forward."""
        return int(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp())

    def _hour(self, second: int) -> Window:
        offset = self._offset(second)
        start = (second + offset) // 3600 * 3600 - offset
        end = start + 3600
        if self._offset(start) != offset:
            start += bisect_left(range(start, second), True, key=lambda at: self._offset(at) == offset)
        if self._offset(end - 1) != offset:
            end = second + bisect_left(range(second, end), True, key=lambda at: self._offset(at) != offset)
        return Window(start, end)

    def _offset(self, second: int) -> int:
        """Seconds that the zone is ahead of UTC."""
        offset = datetime.fromtimestamp(second, self._zone).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())


def _following(first: date, name: str) -> date:
    """The first day of the next day or month."""
    if name == "1d":
        return first + timedelta(days=1)
    return (first + timedelta(days=31)).replace(day=1)
