"""How much counters grew in a time, exactly: the sum over the parts of its division."""

from collections import defaultdict
from collections.abc import Iterable

from exporter.durations import duration
from exporter.model.growth import GROWN, HOUR, Grown, at_once, growth
from exporter.usage.division import MOST_RAW_SECONDS, Division, Window, divide
from exporter.usage.prometheus import Prometheus, Series
from exporter.usage.select import Where, selector, summed

Amounts = dict[tuple[str, ...], float]


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

    def grown(self, counter: str, by: tuple[str, ...] = (), where: Where | None = None) -> Amounts:
        """The growth by the values of labels, without what did not grow. MissingError if no series says it."""
        where = where or {}
        recorded = self._recorded(counter, {*by, *where})
        division = self.division if recorded else self._raw_division(counter, {*by, *where})
        found: Amounts = defaultdict(float)
        for run in division.runs:
            assert recorded
            hours = duration(run.last - run.first + 1)
            query = summed(by, f"sum_over_time({selector(recorded.name, where | self._match)}[{hours}])")
            _add(found, by, self._prometheus.instant(query, run.last))
        for window in division.windows:
            self._add_window(found, division, window, counter, by, where)
        return {labels: amount for labels, amount in found.items() if amount}

    def total(self, counter: str, where: Where | None = None) -> float:
        """The growth of all series together."""
        return self.grown(counter, (), where).get((), 0.0)

    def parts(self, counter: str, by: tuple[str, ...], where: Where) -> list[tuple[float, float, Amounts]]:
        """The growth in each part of the division: its begin, its end, and the growth by labels."""
        recorded = self._recorded(counter, {*by, *where})
        division = self.division if recorded else self._raw_division(counter, {*by, *where})
        parts: list[tuple[float, float, Amounts]] = []
        for run in division.runs:
            assert recorded
            hours: dict[float, Amounts] = {
                run.begin + HOUR * n: {} for n in range(round((run.last - run.first) / HOUR) + 1)
            }
            query = summed(by, selector(recorded.name, where | self._match))
            for one in self._prometheus.steps(query, run.first, run.last, HOUR):
                for at, value in one.samples:
                    hours[run.begin + at - run.first][_values(by, one)] = value
            parts += [(begin, begin + HOUR, amounts) for begin, amounts in hours.items()]
        for window in division.windows:
            found: Amounts = defaultdict(float)
            self._add_window(found, division, window, counter, by, where)
            parts.append((window.begin, window.end, found))
        return sorted(parts, key=lambda part: part[:2])

    def _add_window(
        self, found: Amounts, division: Division, window: Window, counter: str, by: tuple[str, ...], where: Where
    ) -> None:
        series = selector(counter, where | self._match, window.only)
        if window.moved:
            for labels, amount in self._moved(division.target_labels, window, counter, where).items():
                place = tuple(dict(labels).get(label, "") for label in by)
                found[place] = found.get(place, 0.0) + amount
            return
        query = at_once(series) if window.whole else growth(series, window.end - window.begin)
        _add(found, by, self._prometheus.instant(summed(by, query), window.end))

    def _moved(
        self, targets: set[str], window: Window, counter: str, where: Where
    ) -> dict[frozenset[tuple[str, str]], float]:
        """The growth between the last scrape at one address and the first at another, by labels of records."""
        assert window.moved
        targets = {*targets, "__name__"}

        def values(only: str, at: float) -> dict[frozenset[tuple[str, str]], float]:
            found = self._prometheus.instant(at_once(selector(counter, where | self._match, only)), at)
            return {frozenset((n, v) for n, v in one.labels.items() if n not in targets): one.value for one in found}

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
        fitting = (one for one in GROWN if one.counter == counter and labels <= {*one.labels})
        return next((one for one in fitting if {*one.labels} <= {*self._served[family]}), None)

    def _raw_division(self, counter: str, labels: set[str]) -> Division:
        division = self.division
        if not division.runs:
            return division
        if division.end - division.begin > MOST_RAW_SECONDS:
            words = ", ".join(sorted(labels))
            raise MissingError(
                f"{counter} by {words} is not recorded; it can be asked for at most {duration(MOST_RAW_SECONDS)}"
            )
        if self._raw is None:
            self._raw = divide(self._prometheus, self._match, division.begin, division.end, recorded=False)
        return self._raw


def _add(found: Amounts, by: tuple[str, ...], series: Iterable[Series]) -> None:
    for one in series:
        labels = _values(by, one)
        found[labels] = found.get(labels, 0.0) + one.value


def _values(by: tuple[str, ...], series: Series) -> tuple[str, ...]:
    return tuple(series.labels.get(label, "") for label in by)
