"""Which exporters Prometheus saw when: the raw samples of the time since when each counts.

That time is an exporter's life: it stays the same over restarts, and under another address, as long as the state does.
Exporters that are seen at several addresses at once have begun with copies of one state: each address is a life then.
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
# Who is seen at an address, at another one, and at the first again within so many seconds, has not moved.
_TOGETHER_SECONDS = 300.0


class Sight(Struct, frozen=True, order=True):
    """A scrape of an exporter: when, at which address (label `instance`)."""

    at: float
    instance: str


class Life(Struct, frozen=True, order=True):
    """Since when an exporter counts, in epoch seconds; its address, if another one has the same state."""

    since: float
    instance: str = ""


class Seen(Struct, frozen=True):
    """What was seen of a life in a window, and the last time before it."""

    life: Life
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

    def _seen(self, begin: float, end: float) -> dict[Life, list[Sight]]:
        query = f"{selector(FIRST_START, self._match)}[{duration(max(end - begin, 0.001))}]"
        found: dict[float, list[Sight]] = defaultdict(list)
        self.target_labels = set()
        for series in self._prometheus.instant(query, end):
            self.target_labels |= series.labels.keys() - {"__name__"}
            for at, since in series.samples:
                found[since].append(Sight(at, series.labels.get("instance", "")))
        return {life: own for since, sights in found.items() for life, own in _lives(since, sorted(sights))}

    def within(self, begin: float, end: float) -> Iterator[Seen]:
        """Each life that was seen in a window, or shortly before it."""
        for life, sights in self._sights.items():
            first, after = (bisect_right(sights, at, key=lambda sight: sight.at) for at in (begin, end))
            inside = sights[first:after]
            before = sights[first - 1] if first and sights[first - 1].at > begin - EDGE_SECONDS else None
            if inside or before:
                yield Seen(life, before, inside)

    def begin_of(self, seen: Seen, begin: float) -> Sight | None:
        """The last sight of a life up to a window's begin, if there was one in a month."""
        if seen.before:
            return seen.before
        since, instance = seen.life.since, seen.life.instance
        for back in _BACK:
            past = [
                sight
                for life, sights in self._seen(begin - back, begin).items()
                for sight in sights
                if life.since == since and instance in ("", sight.instance)
            ]
            if past:
                return max(past)
        return None


def _lives(since: float, sights: list[Sight]) -> Iterator[tuple[Life, list[Sight]]]:
    """The lives that began at a time, each with its sights."""
    by_instance: dict[str, list[Sight]] = defaultdict(list)
    together, last = False, ""
    for sight in sights:
        own = by_instance[sight.instance]
        together |= bool(own) and last != sight.instance and sight.at - own[-1].at <= _TOGETHER_SECONDS
        own.append(sight)
        last = sight.instance
    if together:
        yield from ((Life(since, instance), own) for instance, own in by_instance.items())
    else:
        yield Life(since), sights
