"""The slowest request of each chain and method, over the running minute and the one before. Cold path.

The durations are the peaks of the histogram of durations since the last fold.
"""

from exporter.clock import AHEAD, Clock
from exporter.metrics.series import FamilySeries
from exporter.metrics.store import Store
from exporter.model import catalog

_DURATIONS = catalog.REQUEST_DURATION_SECONDS
_GAUGE = catalog.REQUEST_DURATION_MAX_SECONDS


class _Minutes:
    """The longest durations of the running minute and of the previous one, in seconds; 0.0 if there was none."""

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

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        clock.add(self._go_back)
        self._gauge: FamilySeries | None = None
        self._known: dict[tuple[str, ...], _Minutes] = {}

    def fold(self, minute: int) -> None:
        """Add the durations since the last fold to this minute of the log's clock."""
        gauge = self._served_gauge()
        if gauge is None:
            return
        durations = self._store.families[_DURATIONS.name]
        labels = durations.family.labels
        places = [labels.index(label) for label in gauge.family.labels]
        for values, peak in durations.peaks.items():
            if peak:
                shown = (*(values[place] for place in places), *values[len(labels) :])
                self._known.setdefault(shown, _Minutes()).add(peak, minute)
        durations.peaks.clear()

    def update_gauges(self, minute: int) -> None:
        """Set the gauges as of a minute, and drop those of labels without a request."""
        self._served_gauge()
        for values, minutes in [*self._known.items()]:
            seconds = minutes.roll(minute)
            if seconds:
                self._store.set(_GAUGE, *values, to=seconds)
            else:
                self._store.drop(_GAUGE, *values)
                del self._known[values]

    def _go_back(self, now: float) -> float:
        """See `Clock.add`: move minutes that are in the future to the present one."""
        latest = int((now + AHEAD) // 60)
        ahead = [minutes for minutes in self._known.values() if minutes.minute > latest]
        at = max((60.0 * minutes.minute for minutes in ahead), default=0.0)
        for minutes in ahead:
            minutes.minute = int(now // 60)
        return at

    def _served_gauge(self) -> FamilySeries | None:
        """The gauge's family; None if it is off. If its labels have changed, what was known is forgotten."""
        gauge = self._store.get(_GAUGE)
        if gauge is not self._gauge:
            self._gauge, self._known = gauge, {}
        return gauge
