"""Which exporters Prometheus saw when: the raw samples of the time since when each counts.

That time is an exporter's life: it stays the same over restarts, and under another address, as long as the state does.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

from msgspec import Struct

from exporter.durations import duration
from exporter.model.growth import EDGE_SECONDS, FIRST_START
from exporter.usage.prometheus import Prometheus
from exporter.usage.select import Where, selector

# How far back an exporter is looked for that was not seen at the begin of a time, in seconds.
_BACK = (86400.0, 8 * 86400.0, 32 * 86400.0)


class Sight(Struct, frozen=True, order=True):
    """A scrape of an exporter: when, at which address (label `instance`)."""

    at: float
    instance: str


class Seen(Struct, frozen=True):
    """What was seen of a life in a window, and the last time before it."""

    life: float
    before: Sight | None
    inside: list[Sight]

    @property
    def last(self) -> Sight:
        """The last sight."""
        last = self.inside[-1] if self.inside else self.before
        assert last
        return last

    @property
    def instances(self) -> set[str]:
        """Every address at which it was seen."""
        return {sight.instance for sight in (*self.inside, *([self.before] if self.before else []))}

    def steady(self, end: float) -> bool:
        """Whether it was seen at both ends of the window, at one address."""
        return self.before is not None and self.last.at > end - EDGE_SECONDS and len(self.instances) == 1


class Lives:
    """What was seen of each life in a time, and up to EDGE_SECONDS before it."""

    def __init__(self, prometheus: Prometheus, match: Where, begin: float, end: float) -> None:
        self._prometheus = prometheus
        self._match = match
        self.begin, self.end = begin, end
        # Labels that Prometheus gives its targets: they are no labels of records.
        self.target_labels: set[str] = set()
        self._sights = self._seen(begin - EDGE_SECONDS, end)

    def _seen(self, begin: float, end: float) -> dict[float, list[Sight]]:
        query = f"{selector(FIRST_START, self._match)}[{duration(max(end - begin, 0.001))}]"
        found: dict[float, list[Sight]] = defaultdict(list)
        self.target_labels = set()
        for series in self._prometheus.instant(query, end):
            self.target_labels |= series.labels.keys() - {"__name__"}
            for at, life in series.samples:
                found[life].append(Sight(at, series.labels.get("instance", "")))
        return {life: sorted(sights) for life, sights in found.items()}

    def within(self, begin: float, end: float) -> Iterator[Seen]:
        """Each life that was seen in a window, or shortly before it."""
        for life, sights in self._sights.items():
            first, after = (bisect_right(sights, at, key=lambda sight: sight.at) for at in (begin, end))
            inside = sights[first:after]
            before = sights[first - 1] if first and sights[first - 1].at > begin - EDGE_SECONDS else None
            if inside or before:
                yield Seen(life, before, inside)

    def begin_of(self, seen: Seen, begin: float) -> Sight | None:
        """The last sight of a life up to a window's begin, however long ago."""
        return seen.before or self.last_before(seen.life, begin)

    def last_before(self, life: float, begin: float) -> Sight | None:
        """The last sight of a life up to a time; None if there was none in a month."""
        for back in _BACK:
            sights = self._seen(begin - back, begin).get(life)
            if sights:
                return sights[-1]
        return None
