"""The store: counters, gauges and histograms, by family, with a ceiling for each.

A hundred thousand of these are alive at once, so they are small: no garbage-collector header, no
text until they are first rendered.
"""

from msgspec import Struct

from exporter.catalog import CATALOG, Family

OTHER = "other"


class Series(Struct, gc=False, eq=False):
    """A counter's or a gauge's value. A counter that is 0 was never added to, and is not shown.

    `shown` and `line` belong to the renderer: the value that `line` was made of.
    """

    value: int | float = 0
    shown: int | float | None = None
    line: bytes = b""


class Histogram:
    """Observations: `values` are the buckets, not cumulative, one above all bounds, and then the sum.

    `shown` and `line` belong to the renderer, as a Series' do.
    """

    __slots__ = ("line", "shown", "values")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.values: list[float] = [0] * (len(bounds) + 1) + [0.0]
        self.shown: list[float] = []
        self.line = b""


class FamilySeries:
    """One family's series, by their label values in the catalogue's order.

    An input's own labels stand behind them as one text, `gateway="eu-1"`. At most `limit` series are
    made; records past that share one whose labels are all `other`, so that the family's sum stays whole.
    """

    def __init__(self, family: Family, limit: int) -> None:
        self.family = family
        self.limit = limit
        self.series: dict[tuple[str, ...], Series | Histogram] = {}

    def get(self, *values: str) -> Series | Histogram:
        """The series of these values, made if need be; the shared one where the family is full."""
        found = self.series.get(values)
        if found is None:
            if self.is_full_for(values):
                values = self._shared(values)
                if values in self.series:
                    return self.series[values]
            if self.family.type == "histogram":
                found = Histogram(self.family.buckets)
            else:
                found = Series()
            self.series[values] = found
        return found

    def is_full_for(self, values: tuple[str, ...]) -> bool:
        """Whether these values have no series of their own and get none."""
        return len(self.series) >= self.limit and values not in self.series

    def drop(self, *values: str) -> None:
        """Forget a series."""
        self.series.pop(values, None)

    def _shared(self, values: tuple[str, ...]) -> tuple[str, ...]:
        own = len(self.family.labels)
        return (*([OTHER] * own), *values[own:])


class Store:
    """Every family of the catalogue, with its series."""

    def __init__(self, max_series: int = 200_000) -> None:
        self.families = {name: FamilySeries(family, max_series) for name, family in CATALOG.items()}

    def series(self, name: str, *values: str) -> Series:
        """A counter or gauge by family and label values."""
        found = self.families[name].get(*values)
        assert isinstance(found, Series), f"{name} is a histogram"
        return found

    def set(self, name: str, *values: str, to: float) -> None:
        """Set a gauge."""
        self.series(name, *values).value = to

    def add(self, name: str, *values: str, amount: float = 1) -> None:
        """Add to a counter. Cold path."""
        self.series(name, *values).value += amount
