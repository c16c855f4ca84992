"""Panels by name: what a page asks for, in the shape that Grafana draws."""

import re
from collections.abc import Mapping
from typing import Any

from dashboards.fields import BLUE, GREEN, ORANGE, coloured, fixed, override, thresholds
from dashboards.grafana import Json, Panel, Query
from dashboards.promql import before
from exporter.config.served import ABSENT

# Where there is no value, the words for it are neither good nor bad.
_NEUTRAL: Json = {"type": "special", "options": {"match": "null+nan", "result": {"color": "text", "index": 99}}}
# A legend and its query; of two queries, the second gets a colour of its own: Grafana's fifth is red.
Queries = Mapping[str, str | tuple[str, str]]
# Grafana rounds the width of a bar, so that there may be half as many bars again.
_MOST_BARS = 64
# More points show more noise than shape.
_MOST_POINTS = 160
_AS_BARS: Json = {"interval": "1m", "maxDataPoints": _MOST_BARS}
# Labels that are empty on what has none, where a legend would be empty too, and Grafana would write "Value".
_MAY_BE_EMPTY = {"chain", "method", "origin", "protocol", "model", "provider", "from_provider", "to_provider", "name"}
# A legend beside a graph needs a panel of this width.
_BESIDE = 10


def timeseries(
    title: str,
    description: str,
    queries: Queries,
    unit: str,
    *,
    calcs: tuple[str, ...] = ("max", "lastNotNull"),
    limit: str = "",
    colours: dict[str, str] | None = None,
    links: list[Json] | None = None,
    no_value: str = "No requests in this time",
    exemplar: bool = False,
    lowest: float | None = 0,
    **more: Any,
) -> Panel:
    """Lines over time; `queries` maps a legend to its query. The series of the legend `limit` is drawn dashed.

    The axis begins at `lowest`, or where the values do.
    """
    if all(ABSENT in str(query) for legend, query in queries.items() if legend != limit):
        queries = {}
    dashed = {"custom.lineStyle": {"fill": "dash", "dash": [10, 10]}, "custom.fillOpacity": 0, "color": fixed(ORANGE)}
    return _over_time(
        title,
        description,
        queries,
        unit,
        custom={"drawStyle": "line", "lineWidth": 1, "fillOpacity": 8, "showPoints": "auto", "spanNulls": False},
        calcs=calcs,
        colours=colours,
        overrides=[override("byName", limit, dashed)] if limit else [],
        links=links,
        no_value=no_value,
        exemplar=exemplar,
        lowest=lowest,
        **({"maxDataPoints": _MOST_POINTS} | more),
    )


def bars(
    title: str,
    description: str,
    queries: Queries,
    unit: str,
    *,
    every: str = "1m",
    stacked: bool = True,
    colours: dict[str, str] | None = None,
    links: list[Json] | None = None,
    no_value: str = "No requests in this time",
    **more: Any,
) -> Panel:
    """Bars, one for each `every` or longer; stacked ones add up to the whole, others stand one before the other."""
    custom: Json = {"drawStyle": "bars", "lineWidth": 0, "fillOpacity": 80}
    custom["stacking"] = {"mode": "normal" if stacked else "none", "group": "A"}
    return _over_time(
        title,
        description,
        queries,
        unit,
        custom=custom | {"barAlignment": 1},
        calcs=("sum",),
        colours=colours,
        overrides=[],
        links=links,
        no_value=no_value,
        interval=every,
        **({"maxDataPoints": _MOST_BARS} | more),
    )


def stat(
    title: str,
    description: str,
    queries: Queries,
    unit: str,
    *,
    steps: dict[float, str] | None = None,
    first: str = "text",
    mappings: list[Json] | None = None,
    graph: bool = False,
    compared: bool = False,
    name_only: bool = False,
    decimals: int | None = None,
    links: list[Json] | None = None,
    no_value: str = "No requests",
    **more: Any,
) -> Panel:
    """One number. `steps` maps bounds to colours from there up; below all of them it is `first`.

    With `name_only` the legend stands in its place. With `graph` its curve is drawn behind it; `compared`, the number
    of the time before stands beside it.
    """
    if compared:
        (query,) = queries.values()
        queries = {"now": query, "before": before(str(query))}
    defaults = _defaults(unit, no_value, links, steps=steps, first=first, mappings=mappings)
    defaults |= _rounded(unit, decimals)
    options = {
        "colorMode": "value",
        "graphMode": "area" if graph else "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": _last(),
        "textMode": "name" if name_only else "auto" if len(queries) == 1 else "value_and_name",
    }
    return panel_of(
        "stat",
        title,
        description,
        queries,
        defaults=defaults | {"color": {"mode": "thresholds"}},
        options=options,
        instant=not graph,
        **({"width": 4, "high": 4} | more),
    )


def bargauge(
    title: str,
    description: str,
    queries: Queries,
    unit: str,
    *,
    steps: dict[float, str] | None = None,
    decimals: int | None = None,
    links: list[Json] | None = None,
    no_value: str = "No requests",
    **more: Any,
) -> Panel:
    """A list of names with bars; counts are whole."""
    defaults = _defaults(unit, no_value, links, steps=steps, first=GREEN if steps else BLUE)
    defaults |= {"color": {"mode": "thresholds"}, "min": 0} | _rounded(unit, decimals)
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": _last(),
        "showUnfilled": True,
        "valueMode": "color",
    }
    return panel_of("bargauge", title, description, queries, defaults=defaults, options=options, instant=True, **more)


def donut(
    title: str,
    description: str,
    queries: Queries,
    unit: str,
    *,
    colours: dict[str, str] | None = None,
    summed: bool = False,
    decimals: int | None = None,
    **more: Any,
) -> Panel:
    """Shares of a whole. `summed`, of what the same queries give as bars: then both have the same colours."""
    defaults = _defaults(unit, more.pop("no_value", "No requests in this time"), more.pop("links", None))
    defaults |= _rounded(unit, decimals)
    options = {
        "pieType": "donut",
        "displayLabels": [],
        "legend": _legend(("value", "percent"), values=True, beside=True),
        "reduceOptions": _last() | ({"calcs": ["sum"]} if summed else {}),
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel_of(
        "piechart",
        title,
        description,
        queries,
        defaults=defaults | {"color": {"mode": "palette-classic"}},
        overrides=[*coloured(colours), *_fifth(queries)],
        options=options,
        instant=not summed,
        **(_AS_BARS if summed else {}),
        **more,
    )


def heatmap(title: str, description: str, query: str, unit: str, **more: Any) -> Panel:
    """A histogram's buckets over time; `query` is by `le`."""
    options = {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": "Blues", "exponent": 0.5, "steps": 64, "fill": "blue", "reverse": False},
        "cellGap": 1,
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "showColorScale": True, "yHistogram": False},
        "yAxis": {"unit": unit, "axisPlacement": "left", "reverse": False},
    }
    no_value = "No timed requests in this time"
    panel = panel_of(
        "heatmap", title, description, {"{{le}}": query}, defaults={"noValue": no_value}, options=options, **more
    )
    for one in panel.targets:
        one.format, one.exemplar = "heatmap", True
    return panel


def timeline(title: str, description: str, queries: Queries, mappings: list[Json], **more: Any) -> Panel:
    """States over time."""
    defaults = _defaults("none", more.pop("no_value"), None, mappings=mappings)
    options = {
        "alignValue": "left",
        "legend": _legend((), shown=False),
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom = {"custom": {"fillOpacity": 70, "lineWidth": 0}, "color": {"mode": "thresholds"}}
    return panel_of("state-timeline", title, description, queries, defaults=defaults | custom, options=options, **more)


def text(content: str, *, width: int = 24, high: int = 2, **more: Any) -> Panel:
    """Words for whoever opens the page, in Markdown."""
    return Panel(type="text", options={"mode": "markdown", "content": content}, width=width, high=high, **more)


def alerts(title: str, description: str, *, filter_: str = "", **more: Any) -> Panel:
    """Alerts that fire now, of Prometheus and of Grafana."""
    options = {
        "viewMode": "list",
        "groupMode": "default",
        "groupBy": [],
        "maxItems": 20,
        "sortOrder": 3,
        "dashboardAlerts": False,
        "alertName": "",
        "alertInstanceLabelFilter": filter_,
        "stateFilter": {"firing": True, "pending": True, "noData": False, "normal": False, "error": True},
    }
    return Panel(type="alertlist", title=title, description=description, options=options, **more)


def _over_time(
    title: str,
    description: str,
    queries: Queries,
    unit: str,
    *,
    custom: Json,
    calcs: tuple[str, ...],
    colours: dict[str, str] | None,
    overrides: list[Json],
    links: list[Json] | None,
    no_value: str,
    exemplar: bool = False,
    lowest: float | None = 0,
    decimals: int | None = None,
    **more: Any,
) -> Panel:
    defaults = _defaults(unit, no_value, links) | {"color": {"mode": "palette-classic"}, "custom": custom}
    defaults |= _rounded(unit, decimals)
    if lowest is not None:
        defaults["min"] = lowest
    shown = {"width": 12} | more
    beside = shown["width"] >= _BESIDE and any("{{" in legend for legend in queries)
    options = {"legend": _legend(calcs, beside=beside), "tooltip": {"mode": "multi", "sort": "desc"}}
    panel = panel_of(
        "timeseries",
        title,
        description,
        queries,
        defaults=defaults,
        overrides=[*coloured(colours), *_fifth(queries), *overrides],
        options=options,
        **shown,
    )
    for one in panel.targets:
        one.exemplar = exemplar
    return panel


def panel_of(
    type_: str,
    title: str,
    description: str,
    queries: Queries,
    *,
    instant: bool = False,
    form: str = "time_series",
    **more: Any,
) -> Panel:
    """A panel of a type with its queries; those that have nothing to ask are left out."""
    every = [(legend, (one,) if isinstance(one, str) else one) for legend, one in queries.items()]
    asked = [(legend, query) for legend, some in every for query in some if ABSENT not in query]
    targets = [
        Query(
            expr=query if form == "table" else _named(query, legend),
            legendFormat="" if form == "table" else legend,
            refId=chr(65 + n),
            instant=instant,
            format=form,
        )
        for n, (legend, query) in enumerate(asked)
    ]
    return Panel(type=type_, title=title, description=description, targets=targets, **more)


def _defaults(
    unit: str,
    no_value: str,
    links: list[Json] | None,
    *,
    steps: dict[float, str] | None = None,
    first: str = "text",
    mappings: list[Json] | None = None,
) -> Json:
    found: Json = {"unit": unit, "noValue": no_value}
    if links:
        found["links"] = links
    if mappings or steps:
        found["mappings"] = [*(mappings or []), _NEUTRAL]
    found["thresholds"] = thresholds(steps or {}, first)
    return found


def _fifth(queries: Queries) -> list[Json]:
    """The colour of the series that stands apart, which is the second query."""
    apart = any(isinstance(one, tuple) for one in queries.values())
    return [override("byFrameRefID", "B", {"color": fixed("purple")})] if apart else []


def _named(query: str, legend: str) -> str:
    """The query with a word for each label of the legend that is empty."""
    for label in re.findall(r"\{\{(\w+)\}\}", legend):
        if label in _MAY_BE_EMPTY:
            query = f'label_replace({query}, "{label}", "none", "{label}", "")'
    return query


def _rounded(unit: str, decimals: int | None) -> Json:
    """Counts are whole."""
    shown = 0 if unit == "locale" and decimals is None else decimals
    return {} if shown is None else {"decimals": shown}


def _legend(calcs: tuple[str, ...], *, shown: bool = True, values: bool = False, beside: bool = False) -> Json:
    found: Json = {"showLegend": shown, "displayMode": "table", "placement": "right" if beside else "bottom"}
    if values:
        return found | {"calcs": [], "values": list(calcs)}
    names = {"lastNotNull": "Last *", "sum": "Total", "max": "Max", "mean": "Mean"}
    return found | {"calcs": list(calcs)} | ({"sortBy": names[calcs[-1]], "sortDesc": True} if calcs else {})


def _last() -> Json:
    return {"calcs": ["lastNotNull"], "fields": "", "values": False}
