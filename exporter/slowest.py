"""The slowest request of each chain and method, over the running minute and the one before. Cold path.

The durations are those that the histogram took: its `peak` since the last look.
"""

from exporter.series import Histogram, Store

_DURATIONS = "gateway_request_duration_seconds"
_GAUGE = "gateway_request_duration_max_seconds"


class _Minutes:
    """The longest duration of the running minute and of the one before it, in seconds; 0.0 where there was none."""

    __slots__ = ("minute", "now", "previous")

    def __init__(self) -> None:
        self.minute = 0
        self.now = self.previous = 0.0

    def add(self, seconds: float, minute: int) -> None:
        self.roll(minute)
        self.now = max(self.now, seconds)

    def roll(self, minute: int) -> float:
        if minute > self.minute:
            self.previous = self.now if minute == self.minute + 1 else 0.0
            self.minute, self.now = minute, 0.0
        return max(self.now, self.previous)


class Slowest:
    """Sets `gateway_request_duration_max_seconds`. Minutes are since the epoch."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, ...], _Minutes] = {}

    def fold(self, minute: int) -> None:
        """Take the durations since the last fold; they were in this minute, by the log's clock."""
        for values, one in self._store.families[_DURATIONS].series.items():
            assert isinstance(one, Histogram)
            if one.peak:
                chain, method, _, *own = values
                self._known.setdefault((chain, method, *own), _Minutes()).add(one.peak, minute)
                one.peak = 0.0

    def show(self, minute: int) -> None:
        """Set the gauges, as of a minute; where there was no request they are absent."""
        for values, minutes in self._known.items():
            seconds = minutes.roll(minute)
            if seconds:
                self._store.set(_GAUGE, *values, to=seconds)
            else:
                self._store.families[_GAUGE].drop(*values)
