"""Panels by name: what a page asks for, in the shape that Grafana draws."""

from typing import Any

from dashboards.fields import BLUE, GREEN, ORANGE, coloured, fixed, override, thresholds
from dashboards.grafana import Json, Panel, Query
from exporter.config.served import ABSENT

Queries = dict[str, str]


def timeseries(
    title: str,
    description: str,
    queries: Queries,
    unit: str,
    *,
    calcs: tuple[str, ...] = ("mean", "max", "lastNotNull"),
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
        **more,
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
    """Bars, one for each `every`; stacked ones add up to the whole, others stand one before the other."""
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
        **more,
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
    links: list[Json] | None = None,
    no_value: str = "No requests",
    **more: Any,
) -> Panel:
    """One number. `steps` maps bounds to colours from there up; below all of them it is `first`."""
    defaults = _defaults(unit, no_value, links, steps=steps, first=first, mappings=mappings)
    options = {
        "colorMode": "value",
        "graphMode": "area" if graph else "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": _last(),
        "textMode": "auto" if len(queries) == 1 else "value_and_name",
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
    highest: float | None = None,
    links: list[Json] | None = None,
    no_value: str = "No requests",
    **more: Any,
) -> Panel:
    """A list of names with bars; with `highest` all bars have that length."""
    defaults = _defaults(unit, no_value, links, steps=steps, first=GREEN if steps else BLUE)
    defaults |= {"color": {"mode": "thresholds"}, "min": 0} | ({"max": highest} if highest else {})
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": _last(),
        "showUnfilled": True,
        "valueMode": "color",
    }
    return panel_of("bargauge", title, description, queries, defaults=defaults, options=options, instant=True, **more)


def donut(
    title: str, description: str, queries: Queries, unit: str, *, colours: dict[str, str] | None = None, **more: Any
) -> Panel:
    """Shares of a whole."""
    defaults = _defaults(unit, more.pop("no_value", "No requests in this time"), more.pop("links", None))
    options = {
        "pieType": "donut",
        "displayLabels": ["percent"],
        "legend": _legend(("value", "percent"), values=True),
        "reduceOptions": _last(),
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel_of(
        "piechart",
        title,
        description,
        queries,
        defaults=defaults | {"color": {"mode": "palette-classic"}},
        overrides=coloured(colours),
        options=options,
        instant=True,
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


def text(content: str, *, width: int = 24, high: int = 3, **more: Any) -> Panel:
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
    **more: Any,
) -> Panel:
    defaults = _defaults(unit, no_value, links) | {"color": {"mode": "palette-classic"}, "custom": custom}
    if lowest is not None:
        defaults["min"] = lowest
    options = {"legend": _legend(calcs), "tooltip": {"mode": "multi", "sort": "desc"}}
    shown = {"width": 12} | more
    panel = panel_of(
        "timeseries",
        title,
        description,
        queries,
        defaults=defaults,
        overrides=[*coloured(colours), *overrides],
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
    asked = [(legend, query) for legend, query in queries.items() if ABSENT not in query]
    targets = [
        Query(
            expr=query, legendFormat="" if form == "table" else legend, refId=chr(65 + n), instant=instant, format=form
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
    if mappings:
        found["mappings"] = mappings
    found["thresholds"] = thresholds(steps or {}, first)
    return found


def _legend(calcs: tuple[str, ...], *, shown: bool = True, values: bool = False) -> Json:
    found: Json = {"showLegend": shown, "displayMode": "table", "placement": "bottom"}
    if values:
        return found | {"calcs": [], "values": list(calcs)}
    names = {"lastNotNull": "Last *", "sum": "Total", "max": "Max", "mean": "Mean"}
    return found | {"calcs": list(calcs)} | ({"sortBy": names[calcs[-1]], "sortDesc": True} if calcs else {})


def _last() -> Json:
    return {"calcs": ["lastNotNull"], "fields": "", "values": False}
