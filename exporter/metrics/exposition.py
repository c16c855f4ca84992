"""The exposition: Prometheus text 0.0.4 or OpenMetrics 1.0, in blocks of lines.

Sample lines are the same in both formats; bucket bounds are floats in both (`le="1.0"`), as OpenMetrics asks and
Prometheus 3 stores them. What to show is taken from the store in its own thread; any one thread can render that, while
counting goes on.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from exporter.metrics.rows import Rows
from exporter.metrics.series import Histogram, Series
from exporter.metrics.store import Store
from exporter.metrics.templates import HistogramLines, Lines, ValueLines
from exporter.model.catalog import Family

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Shown(NamedTuple):
    """What a family shows: its rows, and the lines of registered keys, in blocks."""

    rows: Rows
    sheet: list[bytes]


def take(store: Store, committed: Mapping[str, Rows] | None = None) -> list[Shown]:
    """What every family shows now. With `committed`, counters and histograms that last show what was committed."""
    found = []
    for name, family in store.families.items():
        if committed is None or family.family.type == "gauge" or not family.family.persisted:
            rows = family.rows()
        elif name in committed:
            rows = committed[name]
        else:
            continue
        found.append(Shown(rows, family.sheet.render() if family.sheet else []))
    return found


def first_shown(store: Store, families: Iterable[Shown]) -> list[Series | Histogram]:
    """The series that are shown for the first time, and at 0, in what was just taken from the store."""
    return [series for each in families for series in store.families[each.rows.family.name].first_shown(each.rows)]


def render(store: Store, openmetrics: bool = False) -> tuple[list[bytes], list[Series | Histogram]]:
    """All that a store shows now, and the series that are shown for the first time, at 0."""
    families = take(store)
    return [*Renderer().blocks(families, openmetrics)], first_shown(store, families)


class Renderer:
    """Renders one exposition after the other. Templates are kept in between."""

    def __init__(self) -> None:
        self._lines: dict[str, Lines[Any]] = {}

    def blocks(self, families: Iterable[Shown], openmetrics: bool = False) -> Iterator[bytes]:
        """The lines of every series that was ever added to, in blocks, family by family; without the `# EOF` of
        OpenMetrics. Series that are held are shown as 0.
        """
        known, self._lines = self._lines, {}
        for rows, sheet in families:
            family = rows.family
            lines = known.get(family.name)
            if lines is None or lines.family != family:
                lines = HistogramLines(family) if family.type == "histogram" else ValueLines(family)
            self._lines[family.name] = lines
            header = _header(family, openmetrics)
            for block in chain(sheet, lines.blocks(rows, with_created=openmetrics and bool(rows.created))):
                if block:
                    if header:
                        yield header
                    header = b""
                    yield block


def _header(family: Family, openmetrics: bool) -> bytes:
    name, text = family.name, family.help.replace("\\", r"\\")
    unit = ""
    if openmetrics:
        name = name.removesuffix("_total") if family.type == "counter" else name
        text = text.replace('"', r"\"")
        unit = f"# UNIT {name} {family.unit}\n" if family.unit and name.endswith("_" + family.unit) else ""
    return f"# HELP {name} {text}\n# TYPE {name} {family.type}\n{unit}".encode()
