"""Panels by name: what a page asks for, in the shape that Grafana draws."""

from typing import Any

from dashboards.fields import BLUE, GREEN, ORANGE, coloured, fixed, override, value_map
from dashboards.grafana import Json, Panel
from dashboards.panel import Queries, apart, defaults_of, last_value, legend_of, panel_of, rounded
from dashboards.promql import before
from exporter.config.served import ABSENT

# Grafana rounds the width of a bar, so that there may be half as many bars again.
_MOST_BARS = 64
# More points show more noise than shape.
_MOST_POINTS = 160
_AS_BARS: Json = {"interval": "1m", "maxDataPoints": _MOST_BARS}
# Grafana asks in whole steps, of ten minutes in a day: what began after the last one has no line yet.
_OR_TOO_NEW = ", or too new for a line"
_NOTHING = -1
_LAST_HOUR: Json = {"timeFrom": "1h", "hideTimeOverride": True, "maxDataPoints": 240}
# An axis to eight has its numbers one or more apart.
_LEAST_AXIS = 8
# A legend beside a graph needs a panel of this width; below one there is place for so many series.
_BESIDE = 12
_BELOW = 2


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
    highest: float | None = None,
    **more: Any,
) -> Panel:
    """Lines over time; `queries` maps a legend to its query. The series of the legend `limit` is drawn dashed.

    The axis begins at `lowest`, or where the values do, and ends at `highest` at least.
    """
    if all(ABSENT in str(query) for legend, query in queries.items() if legend != limit):
        queries = {}
    if not no_value.startswith("Needs"):
        no_value += _OR_TOO_NEW
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
        highest=highest,
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

    With `name_only` the legend stands in its place. With `graph` it is the number of now, and its curve over the last
    hour is drawn behind it: over days, a step of the curve would be old. `compared`, the number of the time before
    stands beside it.
    """
    if graph:
        # Grafana shows a curve's last value, however old: that of now is a value, too, where there is none. It is
        # below what is drawn.
        queries = {legend: f"{query} or vector({_NOTHING})" for legend, query in queries.items()}
        mappings = [*(mappings or []), *value_map({_NOTHING: (no_value, "text")})]
    if compared:
        (query,) = queries.values()
        queries = {"now": query, "before": before(str(query))}
    defaults = defaults_of(unit, no_value, links, steps=steps, first=first, mappings=mappings)
    defaults |= rounded(unit, decimals) | ({"min": 0} if graph else {})
    options = {
        "colorMode": "value",
        "graphMode": "area" if graph else "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": last_value(),
        "textMode": "name" if name_only else "auto" if len(queries) == 1 else "value_and_name",
    }
    return panel_of(
        "stat",
        title,
        f"{description} The curve is the last hour's." if graph else description,
        queries,
        defaults=defaults | {"color": {"mode": "thresholds"}},
        options=options,
        instant=not graph,
        **(_LAST_HOUR if graph else {}),
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
    defaults = defaults_of(unit, no_value, links, steps=steps, first=GREEN if steps else BLUE)
    defaults |= {"color": {"mode": "thresholds"}, "min": 0} | rounded(unit, decimals)
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": last_value(),
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
    defaults = defaults_of(unit, more.pop("no_value", "No requests in this time"), more.pop("links", None))
    defaults |= rounded(unit, decimals)
    options = {
        "pieType": "donut",
        "displayLabels": [],
        "legend": legend_of(("value", "percent"), values=True, beside=True),
        "reduceOptions": last_value() | ({"calcs": ["sum"]} if summed else {}),
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel_of(
        "piechart",
        title,
        description,
        queries,
        defaults=defaults | {"color": {"mode": "palette-classic"}},
        overrides=[*coloured(colours), *apart(queries)],
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
    for target in panel.targets:
        target.format, target.exemplar = "heatmap", True
    return panel


def timeline(title: str, description: str, queries: Queries, mappings: list[Json], **more: Any) -> Panel:
    """States over time."""
    defaults = defaults_of("none", more.pop("no_value") + _OR_TOO_NEW, None, mappings=mappings)
    options = {
        "alignValue": "left",
        "legend": legend_of((), shown=False),
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom = {"custom": {"fillOpacity": 70, "lineWidth": 0}, "color": {"mode": "thresholds"}}
    return panel_of("state-timeline", title, description, queries, defaults=defaults | custom, options=options, **more)


def text(content: str, **more: Any) -> Panel:
    """Words for whoever opens the page, in Markdown."""
    return Panel(type="text", options={"mode": "markdown", "content": content}, width=24, high=2, **more)


def alerts(title: str, description: str, **more: Any) -> Panel:
    """Alerts that fire now, of Prometheus and of Grafana; without the one that always does."""
    options = {
        "viewMode": "list",
        "groupMode": "default",
        "groupBy": [],
        "maxItems": 20,
        "sortOrder": 3,
        "dashboardAlerts": False,
        "alertName": "",
        "alertInstanceLabelFilter": '{alertname!="GatewayWatchdog"}',
        "stateFilter": {"firing": True, "pending": False, "noData": False, "normal": False, "error": True},
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
    highest: float | None = None,
    decimals: int | None = None,
    **more: Any,
) -> Panel:
    defaults = defaults_of(unit, no_value, links) | {"color": {"mode": "palette-classic"}, "custom": custom}
    defaults |= (shown_decimals := rounded(unit, decimals))
    if shown_decimals and highest is None:
        highest = _LEAST_AXIS / 10 ** shown_decimals["decimals"]
    if highest is not None:
        defaults["custom"] = custom | {"axisSoftMax": highest}
    if lowest is not None:
        defaults["min"] = lowest
    shown = {"width": 12} | more
    many = len(queries) > _BELOW or any("{{" in legend for legend in queries)
    beside = shown["width"] >= _BESIDE and many
    options = {"legend": legend_of(calcs, beside=beside), "tooltip": {"mode": "multi", "sort": "desc"}}
    panel = panel_of(
        "timeseries",
        title,
        description,
        queries,
        defaults=defaults,
        # What to say is for a graph without series; Grafana would write it between two numbers of an axis, too.
        overrides=[override("byRegexp", "/.*/", {"noValue": " "}), *coloured(colours), *apart(queries), *overrides],
        options=options,
        **shown,
    )
    for target in panel.targets:
        target.exemplar = exemplar
    return panel
