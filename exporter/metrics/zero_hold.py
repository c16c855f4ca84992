"""Holding new series at zero: a new counter or histogram shows 0 first, so that `increase()` sees its first increment.

It is held until every active scraper has been sent the zero, and for at least 1.1 times the interval of the slowest
one, so that a scraper that missed a scrape gets the zero, too; for at most 3.3 times. The numbers of lines are held
only until the zero was sent: they show whether the exporter catches up with its logs.

Clients that declare a scrape timeout (Prometheus, vmagent and Alloy do) are scrapers from their first scrape; others
from their third visit at even intervals. People and probes that look now and then hold nothing back.
"""

from collections import deque
from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from exporter.metrics.series import Histogram, Series

_LEAST, _MOST = 1.1, 3.3
# A scraper is active for this many of its intervals after its last scrape.
_ACTIVE = 3.0
# Prometheus calls a series stale after this time without a sample: nobody scrapes less often.
_FORGOTTEN_SECONDS = 300.0
# Intervals are even while the longest of the last two or three is at most this many times the shortest.
_FEWEST_INTERVALS, _MOST_INTERVALS, _EVEN = 2, 3, 1.25
_LONGEST_EVEN_SECONDS = 120.0
_MOST_PORTS = 16
# Number of visitors that are remembered: anyone can make up names.
_MOST_VISITORS = 256


class Visitor(NamedTuple):
    """Where a scrape came from: the address and port of its connection, its User-Agent, and its URL's query.

    `declared` if it sent X-Prometheus-Scrape-Timeout-Seconds, as scrapers do. `arrived` is the monotonic time at which
    it asked, if it may have waited since.
    """

    host: str
    port: int
    agent: str
    query: str = ""
    declared: bool = False
    arrived: float = inf


class _Scraper:
    """The visits of one client. Its interval is the shortest of the last three, as a missed scrape doubles one.

    `counts` once it is known to be a scraper. `ports` maps the ports of its last connections to when each was used.
    """

    def __init__(self, now: float) -> None:
        self.last = now
        self.counts = False
        self.ports: dict[int, float] = {}
        self._gaps: deque[float] = deque(maxlen=_MOST_INTERVALS)

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
        """The interval, from the third visit on: the first gap alone may be that of a restart."""
        return self.interval if len(self._gaps) > 1 else None

    @property
    def _even(self) -> bool:
        return len(self._gaps) >= _FEWEST_INTERVALS and max(self._gaps) <= _EVEN * min(self._gaps)


_Name = tuple[str, int | str, str]


class _Batch:
    """Series that first appeared in the same scrape, and the scrapers that were sent their zeros. See `ZeroHold.hold`
    for `once`.
    """

    def __init__(self, since: float, series: list[Series | Histogram], once: bool) -> None:
        self.since = since
        self.series = series
        self.once = once
        self.seen_by: set[_Scraper] = set()


class ZeroHold:
    """Learns the scrapers, and holds new series at zero for them. Times are monotonic seconds.

    `interval` is assumed of a scraper whose interval is not known yet; and, during the first three intervals after
    the first visit, of scrapers that were not seen yet.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._since: float | None = None
        # By connection if it is kept alive (two servers on one host differ in nothing else); else by address and agent.
        self._scrapers: dict[_Name, _Scraper] = {}
        self._batches: list[_Batch] = []

    @property
    def held(self) -> int:
        """Number of series that are held at 0."""
        return sum(len(batch.series) for batch in self._batches)

    def visited(self, visitor: Visitor, now: float) -> None:
        """Note a visit."""
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
        """A second scrape on one connection identifies its scraper: split it from the (address, agent) entry."""
        ports = self._scrapers[by_agent].ports
        own = self._scrapers[by_connection] = _Scraper(ports.pop(visitor.port))
        for batch in self._batches:
            if batch.once and own.last >= batch.since:  # it was sent the zeros then
                batch.seen_by.add(own)
        own.visited(now, visitor.declared)
        if not ports:
            del self._scrapers[by_agent]

    def _make_room(self) -> None:
        """Forget the visitor that was not seen for longest, scrapers last."""
        if len(self._scrapers) >= _MOST_VISITORS:
            name, _ = min(self._scrapers.items(), key=lambda item: (item[1].counts, item[1].last))
            del self._scrapers[name]

    def release(self, now: float) -> list[Series | Histogram]:
        """Release the series that were held for long enough; from now on they show their value. `now` is when the
        first of those to be answered asked: who waited for another scrape's answer has not seen the zeros in that.
        """
        self._scrapers = {
            name: scraper for name, scraper in self._scrapers.items() if now - scraper.last <= _FORGOTTEN_SECONDS
        }
        active = self._active(now)
        least, most = self._hold_seconds(active, now)
        due: list[_Batch] = []
        held: list[_Batch] = []
        for batch in self._batches:
            age = now - batch.since
            is_waited = age >= least or (batch.once and active)
            is_due = age >= most or (is_waited and batch.seen_by >= active)
            (due if is_due else held).append(batch)
        self._batches = held
        released = [series for batch in due for series in batch.series]
        for series in released:
            series.released = True
        return released

    def _active(self, now: float) -> set[_Scraper]:
        """The scrapers that come regularly at this time."""
        scrapers = [scraper for scraper in self._scrapers.values() if scraper.counts]
        return {scraper for scraper in scrapers if now - scraper.last <= _ACTIVE * (scraper.interval or self.interval)}

    def _hold_seconds(self, active: set[_Scraper], now: float) -> tuple[float, float]:
        """How long to hold a series that all active scrapers have seen, and one that not all have."""
        least = [scraper.regular or self.interval for scraper in active]
        most = [scraper.interval or self.interval for scraper in active]
        if not active or self._since is None or now - self._since < _ACTIVE * self.interval:
            least.append(self.interval)
            most.append(self.interval)
        return _LEAST * max(least), _MOST * max(most)

    def hold_again(self, released: Iterable[Series | Histogram], now: float) -> None:
        """Hold them at 0 again, because the release was not committed."""
        for series in released:
            series.released = None
        self.hold(list(released), now)

    def hold(self, series: list[Series | Histogram], now: float, once: bool = False) -> None:
        """Hold these series at 0 from now on; if `once`, only until all active scrapers have been sent the zero."""
        if series:
            self._batches.append(_Batch(now, series, once))

    def zeros_sent(self, visitor: Visitor) -> None:
        """A visitor was sent the zeros of all held series."""
        known = next((self._scrapers[name] for name in _names(visitor) if name in self._scrapers), None)
        if known:
            for batch in self._batches:
                batch.seen_by.add(known)


def _names(visitor: Visitor) -> tuple[_Name, _Name]:
    """The names by connection and by agent. Two scrapers behind one proxy differ in nothing but the query."""
    host, port, agent, query, *_ = visitor
    return (host, port, query), (host, agent, query)
