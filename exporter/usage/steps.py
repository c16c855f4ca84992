"""The time series of a report: steps of a minute, hour, day, week or month in the config's time zone.

Recorded hours do not begin at full ones. An hour counts in the step that has most of it; of single keys, days, weeks
and months are cut exactly, by raw series.
"""

from bisect import bisect_right
from collections import defaultdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from exporter.errors import UsageError
from exporter.model.growth import growth_of_known
from exporter.usage.counters import Counters, Steps
from exporter.usage.division import divide
from exporter.usage.prometheus import Prometheus
from exporter.usage.scope import Granularity, Scope, Terms
from exporter.usage.select import selector, summed

# More cuts than this are not read from raw series.
_MOST_CUTS = 35
_LONGEST_BY_MINUTE = 86400.0


def step_edges(begin: float, end: float, granularity: Granularity, zone: ZoneInfo) -> list[float]:
    """The begins of the steps that a time touches, and the end of the last."""
    if granularity in ("minute", "hour"):
        seconds = 60 if granularity == "minute" else 3600
        first = begin // seconds * seconds
        return [first + n * seconds for n in range(int(-((first - end) // seconds)) + 1)]
    at = datetime.fromtimestamp(begin, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if granularity == "week":
        at -= timedelta(days=at.weekday())
    elif granularity == "month":
        at = at.replace(day=1)
    edges = [at.timestamp()]
    while edges[-1] < end:
        if granularity == "month":
            at = (at + timedelta(days=31)).replace(day=1)
        else:
            at += timedelta(days=7 if granularity == "week" else 1)
        edges.append(at.timestamp())
    return edges


class Timeline:
    """What grew in each step of a scope."""

    def __init__(self, prometheus: Prometheus, scope: Scope, terms: Terms, counters: Counters) -> None:
        if scope.granularity == "minute" and scope.seconds > _LONGEST_BY_MINUTE:
            raise UsageError("granularity: minute goes with a day at most; choose hour, or a shorter time")
        self._prometheus = prometheus
        self._scope = scope
        self._terms = terms
        self._counters = counters
        self.edges = step_edges(scope.begin, scope.end, scope.granularity, ZoneInfo(terms.timezone))
        inner = self.edges[1:-1]
        if scope.granularity not in ("minute", "hour") and scope.keys and len(inner) <= _MOST_CUTS:
            division = divide(prometheus, terms.match, scope.begin, scope.end, cuts=inner)
            self._counters = Counters(prometheus, terms.families, terms.match, division)

    def grown(self, counter: str, *by: str) -> Steps:
        """The growth of a counter by labels in each step that has some."""
        if self._scope.granularity == "minute":
            return self._by_minute(counter, by)
        return self._counters.steps(counter, by, self._scope.where(), self.step_of)

    def step_of(self, at: float) -> float:
        """The begin of the step that a moment is in."""
        return self.edges[max(bisect_right(self.edges, at) - 1, 0)]

    def _by_minute(self, counter: str, by: tuple[str, ...]) -> Steps:
        """Without what exporters had counted that were not seen at a minute's begin."""
        found: Steps = defaultdict(dict)
        series = selector(counter, self._scope.where() | self._terms.match)
        whole_minutes = self.edges[1:-2]
        asked = []
        if whole_minutes:
            query = summed(by, growth_of_known(series, 60))
            asked.append((60.0, self._prometheus.steps(query, whole_minutes[0] + 60, whole_minutes[-1] + 60, 60)))
        scope = self._scope
        first = (scope.begin, min(self.edges[1], scope.end))
        for begin, end in {first, (max(self.edges[-2], scope.begin), scope.end)}:
            query = summed(by, growth_of_known(series, end - begin))
            asked.append((end - begin, self._prometheus.instant(query, end)))
        for seconds, answer in asked:
            for grown in answer:
                labels = tuple(grown.labels.get(label, "") for label in by)
                for at, value in grown.samples:
                    if value:
                        found[self.step_of(at - seconds / 2)][labels] = value
        return found


def whole(steps: Steps) -> dict[float, float]:
    """All of a step, whatever its labels."""
    return {step: sum(amounts.values()) for step, amounts in steps.items()}
