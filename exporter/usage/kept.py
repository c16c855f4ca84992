"""What no series says, filled from single requests where the exporter keeps them.

Only if those that it keeps are all that were counted: so many, but for those near the edges, which are counted by the
scrape that follows. Thus nothing is filled where another exporter counted some, where they were deleted or dropped,
or where some of the time is not kept any more. Of a share of the requests that number is an estimate.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from msgspec import Struct, field

from exporter.errors import ExporterError
from exporter.model.labels import OTHER
from exporter.usage.moments import shown
from exporter.usage.scope import Scope

Row = dict[str, Any]

# An estimate is accepted if it is off by no more standard deviations than this.
_DEVIATIONS = 5.0
# By the place of an average: the list, and the label of a kept request.
_AVERAGES = {
    f"breakdown.{name}[].averageLatency": (name, label)
    for name, label in (("byEndpoint", "method"), ("byStatusCode", "status"), ("byModel", "model"))
}
_PEAK, _PEAKS = "usage.peakLatency", "timeSeries[].peakLatency"


class Latency(Struct):
    """Requests that have a latency: how many, and the sum and the largest of their latencies, in milliseconds."""

    count: float = 0.0
    total: float = 0.0
    largest: float = 0.0

    def add(self, other: "Latency") -> None:
        """Add others."""
        self.count += other.count
        self.total += other.total
        self.largest = max(self.largest, other.largest)


class Kept(Struct, kw_only=True):
    """The requests of a scope that are kept: their number, and how far it may be off, as a variance, where a share of
    them is kept; the numbers near the edges (just before the begin, just before the end); since when they are kept.
    """

    number: float = 0.0
    variance: float = 0.0
    before_begin: float = 0.0
    before_end: float = 0.0
    since: float | None = None
    # By label (method, status, model), then by its value.
    by: dict[str, dict[str, Latency]] = field(default_factory=dict)
    # By the begin of a step.
    steps: dict[float, float] = field(default_factory=dict)


class Keeper(Protocol):
    """Where single requests are kept. `sampled`: a share of them only."""

    sampled: bool

    def kept(self, scope: Scope, step_of: Callable[[float], float]) -> Kept:
        """What is kept of a scope. ExporterError if it can't be searched, or not in time."""


class Filling:
    """Fills a report. `sources` says of each filled place where it comes from; its reason goes."""

    def __init__(self, keeper: Keeper | None, scope: Scope, reasons: dict[str, str]) -> None:
        self.sources: dict[str, str] = {}
        self._keeper = keeper
        self._scope = scope
        self._reasons = reasons

    def fill(
        self,
        usage: Row,
        steps: dict[float, Row],
        breakdown: dict[str, list[Row] | None],
        step_of: Callable[[float], float],
    ) -> None:
        """Fill what is null for want of a series. `steps` are rows by the begin of their step."""
        kept, problem = self._search(usage["totalRequests"], step_of)
        if kept is None:
            self._refuse([*_AVERAGES, _PEAK, _PEAKS], problem)
            return
        for place, (name, label) in _AVERAGES.items():
            if place in self._reasons:
                _fill_averages(breakdown[name] or [], kept.by.get(label, {}))
                self._say(place)
        if self._keeper and self._keeper.sampled:
            self._refuse([_PEAK, _PEAKS], "only a share of the single requests is kept")
        else:
            self._fill_peaks(usage, steps, kept.steps)

    def _fill_peaks(self, usage: Row, steps: dict[float, Row], found: dict[float, float]) -> None:
        if _PEAK in self._reasons:
            usage["peakLatency"] = round(max(found.values()), 3) if found else None
            self._say(_PEAK)
        for at, row in steps.items():
            row["peakLatency"] = round(found[at], 3) if at in found else None
        self._say(_PEAKS)

    def _search(self, counted: float, step_of: Callable[[float], float]) -> tuple[Kept | None, str]:
        """What is kept if it is all that was counted, else why not."""
        if self._keeper is None:
            return None, "single requests, which would say it, are not kept (`requests` in the config)"
        try:
            kept = self._keeper.kept(self._scope, step_of)
        except ExporterError as error:
            return None, str(error)
        allowed = _DEVIATIONS * math.sqrt(kept.variance) + 0.5
        if kept.number - kept.before_end - allowed <= counted <= kept.number + kept.before_begin + allowed:
            return kept, ""
        if kept.since is None or kept.since > self._scope.begin:
            since = "none yet" if kept.since is None else f"from {shown(kept.since)} on"
            return None, f"single requests are kept here for a part of this time only: {since}"
        return None, (
            f"of {counted:,.0f} requests that were counted, {kept.number:,.0f} are kept here: others were counted by "
            "another exporter, or late"
        )

    def _say(self, place: str) -> None:
        del self._reasons[place]
        share = bool(self._keeper and self._keeper.sampled)
        self.sources[place] = f"single requests that this exporter keeps{', a share of them: an estimate' * share}"

    def _refuse(self, places: Iterable[str], problem: str) -> None:
        for place in self._reasons.keys() & places:
            self._reasons[place] = f"{self._reasons[place]}; {problem}"


def _fill_averages(rows: list[Row], found: dict[str, Latency]) -> None:
    """Of values that no row has, the budget of labels made `other`."""
    by_value = {next(iter(row.values())): Latency() for row in rows}
    for value, latency in found.items():
        place = value if value in by_value else OTHER
        if place in by_value:
            by_value[place].add(latency)
    for row in rows:
        latency = by_value[next(iter(row.values()))]
        row["averageLatency"] = round(latency.total / latency.count, 3) if latency.count else None
