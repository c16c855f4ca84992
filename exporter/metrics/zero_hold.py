"""Births: a new counter or histogram shows 0 first, so that `increase()` sees its first increment.

It is held at 0 until every scraper that is about has been given the zero, and at least 1.1 times the
slowest scraper's interval, so that one that missed a scrape gets it too; at most 3.3 times.

Who declares a scrape's timeout (Prometheus, vmagent and Alloy do) is a scraper from the first scrape; anyone
else from the third even interval on. People and probes that only look now and then hold nothing back.
"""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from exporter.metrics.store import Histogram, Series

_LEAST, _MOST = 1.1, 3.3
# A scraper that was not seen for so many of its intervals is gone.
_ABOUT = 3.0
# Prometheus gives a series up that had no sample for so long: nobody scrapes more rarely.
_FORGOTTEN_SECONDS = 300.0
# Intervals are even while the longest of the last three is at most so many times the shortest.
_EVEN_INTERVALS, _EVEN = 3, 1.25
_LONGEST_EVEN_SECONDS = 120.0
_MOST_PORTS = 16
# Visitors that are remembered. Anyone can make up names.
_MOST_VISITORS = 256


class Visitor(NamedTuple):
    """Where a scrape came from: the address and port of its connection, its User-Agent, and its URL's query.

    `declared` says that it sent X-Prometheus-Scrape-Timeout-Seconds, as scrapers do.
    """

    host: str
    port: int
    agent: str
    query: str = ""
    declared: bool = False


class _Scraper:
    """When one visitor came. Its interval is the shortest of its last three: one that it missed counts double.

    `counts` once it is known to be a scraper. `ports` are those of its last connections, and when each was used.
    """

    def __init__(self, now: float) -> None:
        self.last = now
        self.counts = False
        self.ports: dict[int, float] = {}
        self._gaps: deque[float] = deque(maxlen=_EVEN_INTERVALS)

    def visited(self, now: float, declared: bool) -> None:
        if now > self.last:
            self._gaps.append(now - self.last)
        self.last = now
        is_frequent = min(self._gaps, default=0.0) <= _LONGEST_EVEN_SECONDS
        self.counts = declared or (is_frequent and (self.counts or self._even))

    @property
    def interval(self) -> float | None:
        return min(self._gaps, default=None)

    @property
    def regular(self) -> float | None:
        """The interval, once it came more than twice: the first gap alone may be a restart's."""
        return self.interval if len(self._gaps) > 1 else None

    @property
    def _even(self) -> bool:
        return len(self._gaps) == _EVEN_INTERVALS and max(self._gaps) <= _EVEN * min(self._gaps)


_Name = tuple[str, int | str, str]


class _Batch:
    """Series that were born in the same scrape, and who has been given their zeros."""

    def __init__(self, since: float, series: list[Series | Histogram]) -> None:
        self.since = since
        self.series = series
        self.seen_by: set[_Scraper] = set()


class ZeroHold:
    """Knows the scrapers and holds the newborn. Times are monotonic seconds.

    `interval` is what is expected of a scraper whose own is not known yet; also, while this process is
    new, of scrapers that were not seen at all. Its time begins when anyone comes first: before, nobody can.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._since: float | None = None
        # By connection where that is kept (two servers on one host differ in nothing else); else by address and agent.
        self._scrapers: dict[_Name, _Scraper] = {}
        self._batches: list[_Batch] = []

    @property
    def held(self) -> int:
        """Series that show 0 for now."""
        return sum(len(batch.series) for batch in self._batches)

    def visited(self, visitor: Visitor, now: float) -> None:
        """Somebody came."""
        if self._since is None:
            self._since = now
            for batch in self._batches:
                batch.since = now
        by_connection, by_agent = _names(visitor)
        if by_connection in self._scrapers:
            self._scrapers[by_connection].visited(now, visitor.declared)
        elif by_agent not in self._scrapers:
            self._make_room()
            known = self._scrapers[by_agent] = _Scraper(now)
            known.visited(now, visitor.declared)
            known.ports[visitor.port] = now
        elif visitor.port in self._scrapers[by_agent].ports:
            self._split_connection(by_agent, by_connection, visitor, now)
        else:
            known = self._scrapers[by_agent]
            known.visited(now, visitor.declared)
            known.ports[visitor.port] = now
            if len(known.ports) > _MOST_PORTS:
                del known.ports[next(iter(known.ports))]

    def _split_connection(self, by_agent: _Name, by_connection: _Name, visitor: Visitor, now: float) -> None:
        """A connection is kept, so it is one scraper's own; its others may be another's."""
        ports = self._scrapers[by_agent].ports
        own = self._scrapers[by_connection] = _Scraper(ports.pop(visitor.port))
        own.visited(now, visitor.declared)
        if not ports:
            del self._scrapers[by_agent]

    def _make_room(self) -> None:
        """Forget who was not seen for the longest time, scrapers last."""
        if len(self._scrapers) >= _MOST_VISITORS:
            name, _ = min(self._scrapers.items(), key=lambda item: (item[1].counts, item[1].last))
            del self._scrapers[name]

    def release(self, now: float) -> list[Series | Histogram]:
        """Let go of the series whose time it is; from now on they show their value."""
        expected = self.interval
        self._scrapers = {name: one for name, one in self._scrapers.items() if now - one.last <= _FORGOTTEN_SECONDS}
        scrapers = [one for one in self._scrapers.values() if one.counts]
        about = {one for one in scrapers if now - one.last <= _ABOUT * (one.interval or expected)}
        least = [one.regular or expected for one in about]
        most = [one.interval or expected for one in about]
        if not about or self._since is None or now - self._since < _ABOUT * expected:
            least.append(expected)
            most.append(expected)
        released = []
        held = []
        for batch in self._batches:
            age = now - batch.since
            if age >= _MOST * max(most) or (age >= _LEAST * max(least) and batch.seen_by >= about):
                released += batch.series
            else:
                held.append(batch)
        self._batches = held
        for series in released:
            series.released = True
        return released

    def hold_again(self, released: Iterable[Series | Histogram], now: float) -> None:
        """They stay at 0: that they were let go could not be committed."""
        for series in released:
            series.released = False
        self.hold(list(released), now)

    def hold(self, series: list[Series | Histogram], now: float) -> None:
        """These show 0 from now on."""
        if series:
            self._batches.append(_Batch(now, series))

    def zeros_sent(self, visitor: Visitor) -> None:
        """A visitor was given the zeros of all that is held."""
        known = next((self._scrapers[name] for name in _names(visitor) if name in self._scrapers), None)
        if known:
            for batch in self._batches:
                batch.seen_by.add(known)


def _names(visitor: Visitor) -> tuple[_Name, _Name]:
    """By its connection, and by its agent. Two behind one proxy differ in nothing but the query."""
    host, port, agent, query, _ = visitor
    return (host, port, query), (host, agent, query)
