"""Windows: minutes, hours, days and months of a time zone. Pure functions of epoch seconds."""

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
MINUTE = "1m"

# How many periods, and windows of each name, are cached: logs are nearly in order.
_AT_HAND = 4


class Window(NamedTuple):
    """From `start` up to, but not including, `end`, in epoch seconds."""

    start: int
    end: int


class Period(NamedTuple):
    """The longest time around a moment without a boundary, and the window of each name that contains it.

    Since `since`, only minutes have ended: no longer window, and no boundary, such as a change of prices.
    """

    start: float
    end: float
    windows: dict[str, Window]
    since: float


def time_zone(name: str) -> ZoneInfo:
    """The zone with an IANA name. ValueError if it is unknown."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = get_close_matches(name, available_timezones(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "names are like Europe/Berlin or UTC"
        raise ValueError(f"unknown timezone {name!r}: {hint}") from None


class Calendar:
    """Divides time into periods: at the ends of windows, and at `boundaries` (epoch seconds).

    Windows of one name follow each other without gaps, also when daylight saving time starts or ends. Such a day is 23
    or 25 hours long. An hour in which clocks change ends at the change, so no hour is longer than 3600 seconds, and the
    repeated hour in autumn is a window of its own.
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
        longer = [window.start for name, window in windows.items() if name != MINUTE]
        since = max([self._boundaries[after - 1], *longer])
        start = max([since, *(window.start for window in windows.values())])
        end = min([self._boundaries[after], *(window.end for window in windows.values())])
        period = Period(start, end, windows, since)
        self._periods.appendleft(period)
        return period

    def window(self, name: str, at: float) -> Window:
        """The window of a name (one of WINDOWS) that holds a moment."""
        for window in self._known[name]:
            if window.start <= at < window.end:
                return window
        second = int(at)
        if name == MINUTE:
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
        while self._midnight(following) <= second:  # clocks were set back over midnight: the next day had begun
            first, following = following, _following(following, name)
        return Window(self._midnight(first), self._midnight(following))

    def _midnight(self, day: date) -> int:
        """The start of a day: the first of two midnights; without a midnight, the time of the change of clocks."""
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
        """The zone's offset from UTC in seconds."""
        offset = datetime.fromtimestamp(second, self._zone).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())


def _following(first: date, name: str) -> date:
    """The first day of the next day or month."""
    if name == "1d":
        return first + timedelta(days=1)
    return (first + timedelta(days=31)).replace(day=1)
