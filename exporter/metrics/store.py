"""The store: the families that are served, with their series."""

import logging
from collections.abc import Mapping

from exporter.clock import AHEAD
from exporter.metrics.roster import LineOf, Roster, Sheet
from exporter.metrics.series import FamilySeries, Histogram, Series
from exporter.model import catalog
from exporter.model.catalog import CATALOG, Family

log = logging.getLogger(__name__)


class Store:
    """The families that are served, with their series. With `hold`, new counters and histograms are not released yet.

    A family that is not served is off: values that are set or added there are ignored.
    `registered` are the registered keys; the lines that each of them has in a family are on that family's sheet.
    """

    def __init__(self, max_series: int = 200_000, hold: bool = False, families: Mapping[str, Family] = CATALOG) -> None:
        self.families: dict[str, FamilySeries] = {}
        self.registered = Roster()
        self._sheets: dict[str, Sheet] = {}
        self._max_series = max_series
        self._hold = hold
        self.declare(families)

    def declare(self, families: Mapping[str, Family]) -> list[str]:
        """Serve these families from now on, and no others. Returns those that restart from zero because their labels
        or buckets have changed.
        """
        before, self.families = self.families, {}
        running = bool(before)
        restarted: list[str] = []
        for name, family in families.items():
            served = before.pop(name, None)
            if served is None or served.family.shape != family.shape:
                restarted += [name] if served else []
                served = FamilySeries(family, self._max_series, self._hold)
                served.reordered = running
            served.family = family
            served.sheet = self._sheets.get(name)
            self.families[name] = served
        for name in before:
            self.drop(catalog.SERIES, name)
            self.drop(catalog.SERIES_LIMIT, name)
        for name in restarted:
            log.warning("%s: its labels or buckets have changed; it restarts from zero", name)
        return restarted

    def get(self, family: Family) -> FamilySeries | None:
        """A family's series; None if the family is off."""
        return self.families.get(family.name)

    def series(self, family: Family, *values: str) -> Series:
        """A counter or gauge by family and label values."""
        served = self.get(family)
        found = served.get(*values) if served else Series()
        assert isinstance(found, Series), f"{family.name} is a histogram"
        return found

    def own(self, family: Family, *values: str) -> Series:
        """A gauge by family and label values, whatever the limit."""
        served = self.get(family)
        return served.own(*values) if served else Series()

    def gauges(self, family: Family) -> dict[tuple[str, ...], Series]:
        """All series of a gauge, by label values."""
        served = self.get(family)
        return {values: gauge for values, gauge in served.series.items() if isinstance(gauge, Series)} if served else {}

    def sheet(self, family: Family, lines_of: LineOf) -> Sheet:
        """Give a family of gauges lines of each registered key, which need no series."""
        sheet = self._sheets[family.name] = self.registered.sheet(lines_of)
        if served := self.get(family):
            served.sheet = sheet
        return sheet

    def set(self, family: Family, *values: str, to: float) -> None:
        """Set a gauge."""
        self.series(family, *values).value = to

    def add(self, family: Family, *values: str, amount: float = 1) -> None:
        """Add to a counter. Cold path."""
        self.series(family, *values).value += amount

    def drop(self, family: Family, *values: str) -> None:
        """Remove a series."""
        if served := self.get(family):
            served.drop(*values)

    def clear(self, family: Family) -> None:
        """Remove all series of a gauge."""
        if served := self.get(family):
            for values in [*served.series]:
                served.drop(*values)

    def bound(self, max_series: int, has_created: bool) -> None:
        """Set the maximum number of series per family, and whether new series keep the time when they are made."""
        for family in self.families.values():
            family.limit = max_series
            family.has_created = has_created and family.family.persisted and family.family.type != "gauge"

    def look_for_held(self) -> None:
        """Series that were released may be held again."""
        for family in self.families.values():
            family.holds = True

    def update_sizes(self) -> None:
        """Set the gauges that show the number of series of each family, and its maximum."""
        for name, served in list(self.families.items()):
            if served.family.adds:
                self.set(catalog.SERIES, name, to=len(served.series))
                self.set(catalog.SERIES_LIMIT, name, to=served.limit)

    def go_back(self, now: float) -> float:
        """See `Clock.add`: times when the exporter did something, and when series were made."""
        latest = 0.0
        for name, served in self.families.items():
            if name.startswith("gateway_exporter_") and name.endswith("_timestamp_seconds"):
                for series in served.series.values():
                    if isinstance(series, Series) and series.value > now + AHEAD:
                        latest, series.value = max(latest, series.value), now
            for values, created in served.created.items():
                if created > now + AHEAD:
                    latest, served.created[values] = max(latest, created), now
        return latest

    def observe(self, family: Family, value: float) -> None:
        """Observe in a histogram without labels. Cold path."""
        served = self.families[family.name]
        histogram = served.get()
        assert isinstance(histogram, Histogram), f"{family.name} is not a histogram"
        histogram.append(value)
        served.settle()
