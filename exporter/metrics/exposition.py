"""Renders the store as Prometheus text 0.0.4 or OpenMetrics 1.0. Hot path of a scrape.

A series' line is kept, and written again only when its value has changed. Changes are found by comparing
all values, not by flags that counting would have to set. Sample lines are the same in both formats;
bucket bounds are floats in both (`le="1.0"`), as OpenMetrics asks and Prometheus 3 stores them.
"""

from typing import Any

from exporter.memo import Memo
from exporter.metrics.store import FamilySeries, Histogram, Series, Store
from exporter.model.catalog import Family
from exporter.model.input_labels import escaped

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


HeldSeries = list[Series | Histogram]


def render(store: Store, openmetrics: bool = False, frozen: bool = False) -> tuple[list[bytes], HeldSeries]:
    """The lines of every series that was ever added to, family by family; without the `# EOF` of OpenMetrics.

    Not joined: the server does that while it sends, so that a large exposition is in memory only once. Series that
    are not released are shown as 0; the second result are those shown for the first time. While `frozen`, counters and
    histograms stay as they were shown last. Lines of a sheet come in blocks.
    """
    lines: list[bytes] = []
    held: HeldSeries = []
    for family in store.families.values():
        if not (frozen and family.family.persisted and family.family.type != "gauge"):
            _renew(family, held)
        if rendered := _rendered(family, openmetrics):
            lines.append(_header(family.family, openmetrics))
            lines += rendered
    return lines, held


def _renew(family: FamilySeries, held: HeldSeries) -> None:
    """Render the lines of series whose value has changed. Those shown for the first time at 0 are added to `held`."""
    if family.family.type == "histogram":
        _renew_histograms(family, held)
    else:
        _renew_values(family, held)


def _rendered(family: FamilySeries, openmetrics: bool) -> list[bytes]:
    """All lines of a family but its header."""
    if openmetrics and family.has_created:
        lines = _with_created(family)
    else:
        lines = [series.line for series in family.series.values() if series.line]
    return [*family.sheet.render(), *lines] if family.sheet else lines


def number(value: float) -> bytes:
    """A sample's value: whole numbers without a point, others in their shortest exact form."""
    if value.__class__ is int:
        return b"%d" % value
    if value.is_integer() and abs(value) < 1e15:
        return b"%d" % value
    return repr(value).encode()


def sample(name: str, labels: tuple[str, ...], values: tuple[str, ...], value: float) -> str:
    """A line of a sheet."""
    written = ",".join([f'{label}="{escaped(text)}"' for label, text in zip(labels, values, strict=True) if text])
    return f"{name}{{{written}}} {number(value).decode()}\n"


class _Pairs(dict[str, Memo[str, bytes]]):
    """`_PAIRS[label][value]` is `label="value"`."""

    def __missing__(self, label: str) -> Memo[str, bytes]:
        pairs = self[label] = Memo(lambda value: f'{label}="{escaped(value)}"'.encode("utf-8", "replace"), 10_000)
        return pairs


_PAIRS = _Pairs()


def _header(family: Family, openmetrics: bool) -> bytes:
    name, text = family.name, family.help.replace("\\", r"\\")
    unit = ""
    if openmetrics:
        name = name.removesuffix("_total") if family.type == "counter" else name
        text = text.replace('"', r"\"")
        unit = f"# UNIT {name} {family.unit}\n" if family.unit and name.endswith("_" + family.unit) else ""
    return f"# HELP {name} {text}\n# TYPE {name} {family.type}\n{unit}".encode()


def _labels(pairs: list[Memo[str, bytes]], values: tuple[str, ...]) -> bytes:
    """`key="…",chain="…"`. Empty labels are left out: to Prometheus they are the same as absent ones."""
    written = [memo[value] for memo, value in zip(pairs, values, strict=False) if value]
    if len(values) > len(pairs):  # the input labels
        written.append(values[-1].encode("utf-8", "replace"))
    return b",".join(written)


def _renew_values(family: FamilySeries, held: HeldSeries) -> None:
    """Render the lines of series whose value has changed."""
    shows_zero = family.family.type == "gauge" or family.family.resets_on_restart
    name = family.family.name.encode()
    pairs = [_PAIRS[label] for label in family.family.labels]
    all_series: dict[tuple[str, ...], Any] = family.series
    for values, series in [item for item in all_series.items() if item[1].value != item[1].shown]:
        value = series.value if series.released else 0
        if series.shown is None:
            if not (series.value or shows_zero):
                continue
            if not series.released:
                held.append(series)
            labels = _labels(pairs, values)
            start = b"%b{%b} " % (name, labels) if labels else b"%b " % name
        else:
            start = series.line[: series.line.rindex(b" ") + 1]
        series.line = b"%b%b\n" % (start, number(value))
        series.shown = value


def _renew_histograms(family: FamilySeries, held: HeldSeries) -> None:
    """Render the lines of series whose value has changed."""
    name = family.family.name.encode()
    pairs = [_PAIRS[label] for label in family.family.labels]
    zeros: list[float] = [0] * (len(family.family.buckets) + 2)
    bounds = [f'le="{bound!r}"}} '.encode() for bound in family.family.buckets] + [b'le="+Inf"} ']
    all_series: dict[tuple[str, ...], Any] = family.series
    for values, series in [item for item in all_series.items() if item[1].values != item[1].shown]:
        if not series.shown:
            if family.family.persisted and not any(series.values):
                continue
            if not series.released:
                held.append(series)
        series.shown = series.values.copy() if series.released else zeros
        series.line = _histogram(name, _labels(pairs, values), bounds, series.shown)


def _with_created(family: FamilySeries) -> list[bytes]:
    """The lines, each followed by its series' `_created` line, which only OpenMetrics has."""
    lines = []
    name = family.family.name.removesuffix("_total").encode()
    pairs = [_PAIRS[label] for label in family.family.labels]
    for values, series in family.series.items():
        if series.line:
            lines.append(series.line)
            if series.created:
                lines.append(_created(name, _labels(pairs, values), series.created))
    return lines


def _created(name: bytes, labels: bytes, at: float) -> bytes:
    return b"%b_created%b %.3f\n" % (name, b"{%b}" % labels if labels else b"", at)


def _histogram(name: bytes, labels: bytes, bounds: list[bytes], values: list[float]) -> bytes:
    head = b"%b_bucket{%b," % (name, labels) if labels else b"%b_bucket{" % name
    tail = b"{%b} " % labels if labels else b" "
    total: float = 0
    lines = []
    for bound, count in zip(bounds, values, strict=False):
        total += count
        lines.append(b"%b%b%d\n" % (head, bound, total))
    lines.append(b"%b_sum%b%b\n" % (name, tail, number(values[-1])))
    lines.append(b"%b_count%b%d\n" % (name, tail, total))
    return b"".join(lines)
