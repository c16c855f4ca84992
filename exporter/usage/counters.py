"""How much counters grew in a time, exactly: the sum over the parts of its division.

Each series is asked for once, by all of its labels, and what evenly spaced parts ask in the same words is one question.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

from exporter.durations import duration
from exporter.model.growth import GROWN, HOUR, Grown, at_once, growth
from exporter.usage.division import MOST_RAW_SECONDS, Division, Window, divide
from exporter.usage.evenly import evenly
from exporter.usage.prometheus import Prometheus, Series
from exporter.usage.select import Where, selector, summed

Amounts = dict[tuple[str, ...], float]
# By step, what grew in it: by labels.
Steps = dict[float, Amounts]


class MissingError(Exception):
    """No series says it; the message says why."""


class Counters:
    """Answers how much counters grew, by labels, where labels have one of some values.

    `served` are the labels of each family; `match` are labels that all series have.
    """

    def __init__(
        self, prometheus: Prometheus, served: dict[str, tuple[str, ...]], match: Where, division: Division
    ) -> None:
        self.division = division
        self._prometheus = prometheus
        self._served = served
        self._match = match
        self._raw: Division | None = None
        # What was asked: growth in recorded hours, and in each window.
        self._of_runs: dict[tuple[object, ...], Amounts] = {}
        self._of_windows: dict[tuple[object, ...], list[Amounts]] = {}

    def grown(self, counter: str, by: tuple[str, ...] = (), where: Where | None = None) -> Amounts:
        """The growth by the values of labels, without what did not grow. MissingError if no series says it."""
        where = where or {}
        recorded = self._recorded(counter, {*by, *where})
        found: Amounts = defaultdict(float)
        labels = recorded.labels if recorded else by
        if recorded:
            _add(found, by, labels, self._in_runs(recorded, where))
        division = self._division(counter, recorded, {*by, *where})
        for amounts in self._in_windows(counter, division, labels, where):
            _add(found, by, labels, amounts)
        return {values: amount for values, amount in found.items() if amount}

    def total(self, counter: str, where: Where | None = None) -> float:
        """The growth of all series together."""
        return self.grown(counter, (), where).get((), 0.0)

    def hours(self, counter: str, where: Where) -> list[float]:
        """The growth in each recorded hour that had some."""
        recorded = self._recorded(counter, {*where})
        query = summed((), selector(recorded.name, where | self._match)) if recorded else ""
        return [
            value
            for run in (self.division.runs if recorded else ())
            for series in self._prometheus.steps(query, run.first, run.last, HOUR)
            for _, value in series.samples
        ]

    def steps(self, counter: str, by: tuple[str, ...], where: Where, step_of: Callable[[float], float]) -> Steps:
        """The growth in each step of time; `step_of` gives the step of a moment. An hour is in that of its middle."""
        recorded = self._recorded(counter, {*by, *where})
        labels = recorded.labels if recorded else by
        found: Steps = defaultdict(lambda: defaultdict(float))
        if recorded:
            # The last hour of each step in each run, as it was recorded, and how many there are.
            lasts: dict[tuple[float, float], tuple[int, float]] = {}
            for run in self.division.runs:
                for n in range(run.hours):
                    place = run.first, step_of(run.begin + HOUR * (n + 0.5))
                    lasts[place] = lasts.get(place, (0, 0.0))[0] + 1, run.first + HOUR * n
            steps = {at: step for (_, step), (_, at) in lasts.items()}
            for hours, times in evenly(lasts.values()):
                query = summed(by, _hours(selector(recorded.name, where | self._match), hours))
                for at, values, amount in self._at(query, by, times):
                    found[steps[at]][values] += amount
        division = self._division(counter, recorded, {*by, *where})
        amounts = self._in_windows(counter, division, labels, where)
        for window, some in zip(division.windows, amounts, strict=True):
            _add(found[step_of((window.begin + window.end) / 2)], by, labels, some)
        return found

    def _in_runs(self, recorded: Grown, where: Where) -> Amounts:
        """The growth in recorded hours, by all labels of a series."""
        key = (recorded.name, *sorted(where.items()))
        if key not in self._of_runs:
            found: Amounts = defaultdict(float)
            for hours, times in evenly((run.hours, run.last) for run in self.division.runs):
                query = summed(recorded.labels, _hours(selector(recorded.name, where | self._match), hours))
                for _, values, amount in self._at(query, recorded.labels, times):
                    found[values] += amount
            self._of_runs[key] = found
        return self._of_runs[key]

    def _in_windows(self, counter: str, division: Division, labels: tuple[str, ...], where: Where) -> list[Amounts]:
        """The growth in each window, by labels."""
        key = (counter, labels, *sorted(where.items()))
        if key not in self._of_windows:
            found: list[Amounts] = [defaultdict(float) for _ in division.windows]
            places: dict[tuple[str, float], int] = {}
            for n, window in enumerate(division.windows):
                if window.moved:
                    for identity, amount in self._moved(division.target_labels, window, counter, where).items():
                        found[n][tuple(dict(identity).get(label, "") for label in labels)] += amount
                    continue
                series = selector(counter, where | self._match, window.only)
                seconds = round(window.end - window.begin, 3)
                query = summed(labels, at_once(series) if window.whole else growth(series, seconds))
                places[query, window.end] = n
            for query, times in evenly(places):
                for at, values, amount in self._at(query, labels, times):
                    found[places[query, at]][values] += amount
            self._of_windows[key] = found
        return self._of_windows[key]

    def _at(
        self, query: str, by: tuple[str, ...], times: list[float]
    ) -> Iterator[tuple[float, tuple[str, ...], float]]:
        """What a query gives at evenly spaced times: the time, the values of labels, the amount."""
        if len(times) == 1:
            found = self._prometheus.instant(query, times[0])
            yield from ((times[0], _values(by, series), series.value) for series in found)
            return
        step = times[1] - times[0]
        for series in self._prometheus.steps(query, times[0], times[-1], step):
            for at, value in series.samples:
                yield times[round((at - times[0]) / step)], _values(by, series), value

    def _moved(
        self, targets: set[str], window: Window, counter: str, where: Where
    ) -> dict[frozenset[tuple[str, str]], float]:
        """The growth between the last scrape at one address and the first at another, by labels of records."""
        assert window.moved
        targets = {*targets, "__name__"}

        def values(only: str, at: float) -> dict[frozenset[tuple[str, str]], float]:
            found = self._prometheus.instant(at_once(selector(counter, where | self._match, only)), at)
            return {
                frozenset((n, v) for n, v in series.labels.items() if n not in targets): series.value
                for series in found
            }

        before, after = values(*window.moved), values(window.only, window.end)
        return {
            labels: value - before[labels] if before.get(labels, value + 1) <= value else value
            for labels, value in after.items()
        }

    def _recorded(self, counter: str, labels: set[str]) -> Grown | None:
        """The recorded series with these labels; None if there is none. MissingError if the family lacks them."""
        family = counter if counter.endswith("_total") else counter.rpartition("_")[0]
        if family not in self._served:
            raise MissingError(f"{family} is switched off in metrics.families")
        lacking = labels - {*self._served[family]}
        if lacking:
            raise MissingError(f"{family} has no label {' or '.join(sorted(lacking))}")
        fitting = (grown for grown in GROWN if grown.counter == counter and labels <= {*grown.labels})
        return next((grown for grown in fitting if {*grown.labels} <= {*self._served[family]}), None)

    def _division(self, counter: str, recorded: Grown | None, labels: set[str]) -> Division:
        """How the time is divided for a counter: without recorded hours if no series has these labels."""
        division = self.division
        if recorded or not division.runs:
            return division
        if division.end - division.begin > MOST_RAW_SECONDS:
            words = ", ".join(sorted(labels))
            raise MissingError(
                f"{counter} by {words} is not recorded; it can be asked for at most {duration(MOST_RAW_SECONDS)}"
            )
        if self._raw is None:
            self._raw = divide(self._prometheus, self._match, division.begin, division.end, recorded=False)
        return self._raw


def _hours(series: str, hours: int) -> str:
    """The sum of the last hours that were recorded of a series."""
    return f"sum_over_time({series}[{duration((hours - 1) * HOUR + 1)}])"


def _add(found: Amounts, by: tuple[str, ...], labels: tuple[str, ...], amounts: Amounts) -> None:
    """Add amounts that have these labels, by some of them."""
    places = [labels.index(label) for label in by]
    for values, amount in amounts.items():
        found[tuple(values[place] for place in places)] += amount


def _values(by: tuple[str, ...], series: Series) -> tuple[str, ...]:
    return tuple(series.labels.get(label, "") for label in by)
