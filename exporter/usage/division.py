"""Divides a time into what Prometheus can answer exactly: recorded hours, and windows that raw series answer.

A recorded hour is exact if every exporter was seen at both its ends, with the same state. The rest is read from raw
series: at the edges, where hours were not recorded, and where exporters came and went.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise, zip_longest

from msgspec import Struct, field

from exporter.durations import duration
from exporter.errors import QueryError
from exporter.model.growth import HOUR, SETTLED_SECONDS, UNSTEADY
from exporter.usage.exporters import Lives, Sight
from exporter.usage.moments import shown
from exporter.usage.prometheus import Prometheus
from exporter.usage.select import Where, one_of

# So much is read from raw series at most: they are many.
MOST_RAW_SECONDS = 86400.0


class Run(Struct, frozen=True):
    """Recorded hours that follow each other, by the times at which the first and the last were recorded."""

    first: float
    last: float

    @property
    def hours(self) -> int:
        """How many there are."""
        return round((self.last - self.first) / HOUR) + 1

    @property
    def begin(self) -> float:
        """Where the first hour begins."""
        return self.first - SETTLED_SECONDS - HOUR

    @property
    def end(self) -> float:
        """Where the last hour ends."""
        return self.last - SETTLED_SECONDS


class Window(Struct, frozen=True):
    """A time that raw series answer. `only` is a matcher of the exporters that it holds for.

    `whole`: what an exporter had counted at its end is all of this window, as its state was new in it. `moved` is where
    (a matcher) and when its state was seen before, if that was at another address.
    """

    begin: float
    end: float
    only: str = ""
    whole: bool = False
    moved: tuple[str, float] | None = None


class Division(Struct, kw_only=True):
    """How a time is divided. `notes` say what nobody can know of it."""

    begin: float
    end: float
    runs: list[Run]
    windows: list[Window]
    target_labels: set[str]
    notes: list[str] = field(default_factory=list)


def divide(
    prometheus: Prometheus, match: Where, begin: float, end: float, cuts: Iterable[float] = (), recorded: bool = True
) -> Division:
    """The division of a time; no part of it crosses one of `cuts`. Without `recorded`, raw series answer all of it.

    QueryError if more of it than raw series can answer is not recorded.
    """
    cuts = sorted(cut for cut in cuts if begin < cut < end)
    runs = list(_runs(prometheus, begin, end, cuts)) if recorded else []
    edges = [begin, *(edge for run in runs for edge in (run.begin, run.end)), end]
    gaps = [gap for gap in zip(edges[::2], edges[1::2], strict=True) if gap[1] > gap[0]]
    division = Division(begin=begin, end=end, runs=runs, windows=[], target_labels=set())
    raw = 0.0
    for gap_begin, gap_end in gaps:
        lives = Lives(prometheus, match, gap_begin, gap_end)
        division.target_labels |= lives.target_labels
        for part in _parts(gap_begin, gap_end, cuts):
            windows = list(_windows(lives, *part, division.notes))
            raw += (part[1] - part[0]) if windows else 0.0
            division.windows += windows
    if raw > MOST_RAW_SECONDS:
        raise QueryError(_not_recorded(prometheus, raw, runs))
    return division


def recorded_until(prometheus: Prometheus, now: float) -> float | None:
    """The end of the newest recorded hour; None if none was recorded in the last two."""
    samples = _recorded(prometheus, now - 2 * HOUR, now)
    return samples[-1][0] - SETTLED_SECONDS if samples else None


def _recorded(prometheus: Prometheus, begin: float, end: float) -> list[tuple[float, float]]:
    """When hours were recorded, and the number of unsteady exporters in each."""
    found = prometheus.instant(f"{UNSTEADY}[{duration(max(end - begin, 1))}]", end)
    return sorted(sample for series in found for sample in series.samples)


def _runs(prometheus: Prometheus, begin: float, end: float, cuts: list[float]) -> Iterator[Run]:
    samples = _recorded(prometheus, begin, end + SETTLED_SECONDS)
    times = sorted(at for at, _ in samples)
    hours = _whole_hours(samples, begin, end, cuts)
    for n, at in enumerate(hours):
        if n == 0:
            first = at
        following = hours[n + 1] if n + 1 < len(hours) else math.inf
        # Between them nothing else may have been recorded, as a query of the run would have it, too.
        follows = following == at + HOUR and bisect_right(times, at) == bisect_left(times, following)
        if not follows or at - SETTLED_SECONDS in cuts:
            yield Run(first, at)
            first = following


def _whole_hours(samples: list[tuple[float, float]], begin: float, end: float, cuts: list[float]) -> list[float]:
    """When hours were recorded that are exact and do not overlap."""
    found: list[float] = []
    reached = begin
    for at, unsteady_ in samples:
        stop = at - SETTLED_SECONDS
        start = stop - HOUR
        if unsteady_ or start < reached or stop > end:
            continue
        if bisect_right(cuts, start) == bisect_left(cuts, stop):
            found.append(at)
            reached = stop
    return found


def _parts(begin: float, end: float, cuts: list[float]) -> Iterator[tuple[float, float]]:
    """Parts of at most an hour, none of which crosses a cut."""
    edges = [begin, *(cut for cut in cuts if begin < cut < end), end]
    for start, stop in pairwise(edges):
        at = start
        while at < stop:
            following = min(at + HOUR, stop)
            yield at, following
            at = following


def _windows(lives: Lives, begin: float, end: float, notes: list[str]) -> Iterator[Window]:
    """The windows of one part: one for all steady exporters, and those of each other life."""
    found = list(lives.within(begin, end))
    living = Counter(instance for seen in found for instance in seen.instances)
    steady = [seen for seen in found if seen.steady(end) and living[seen.last.instance] == 1]
    if steady:
        only = one_of("instance", tuple(seen.last.instance for seen in steady))
        yield Window(begin, end, only if len(steady) < len(found) else "")
    for seen in found:
        if seen not in steady and seen.inside:
            yield from _life(begin, seen.life.since, lives.begin_of(seen, begin), seen.inside, notes)


def _life(begin: float, since: float, before: Sight | None, inside: list[Sight], notes: list[str]) -> Iterator[Window]:
    """The windows of a life, from the last sight before, over every address."""
    at = before
    if at is None:
        at = inside[0]
        if since >= begin:
            yield Window(at.at, at.at, _only(at), whole=True)
        else:
            note = f"{at.instance} was seen first at {shown(at.at)}; what it had counted before is left out"
            notes += [note] if note not in notes else []
    for sight, following in zip_longest(inside, inside[1:]):
        if sight.instance != at.instance:
            yield Window(sight.at, sight.at, _only(sight), moved=(_only(at), at.at))
            at = sight
        ends = following is None or following.instance != at.instance or following.at - at.at > HOUR
        if ends and sight.at > at.at:
            yield Window(at.at, sight.at, _only(at))
            at = sight


def _only(sight: Sight) -> str:
    return one_of("instance", (sight.instance,))


def _not_recorded(prometheus: Prometheus, raw: float, runs: list[Run]) -> str:
    if not runs:
        return (
            f"{prometheus.url}: the recording rules of usage are not loaded (or not for an hour yet); "
            f"`gateway-exporter alerts` writes usage.rules.yml. Without them at most {duration(MOST_RAW_SECONDS)} "
            "can be asked for"
        )
    return (
        f"{prometheus.url}: {round(raw / HOUR)} hours of this time are not recorded, and raw series answer for "
        f"{duration(MOST_RAW_SECONDS)} at most; hours are recorded from {shown(runs[0].begin)} to {shown(runs[-1].end)}"
    )
