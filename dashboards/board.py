"""A dashboard: its panels in rows, and around them what all have: variables, links, annotations, times."""

from typing import Any

import attr
from grafanalib import core
from msgspec import Struct
from msgspec.structs import replace

from dashboards.declared import of_page, settle
from dashboards.grafana import DATASOURCE, Json, Panel, interval
from dashboards.metrics import Metrics
from dashboards.single_requests import link_requests
from dashboards.variables import variables
from exporter.config.served import ABSENT, Served
from exporter.durations import seconds

TAG = "gateway-exporter"
# The page of one key can't take "all keys" from another page, so it is not in the list that passes what is chosen.
_TAG_OF_ONE_KEY = "gateway-exporter-key"
# Grafana 10.3's. Older ones read it as it is, newer ones migrate from it without side effects.
_SCHEMA = 39
_COLUMNS = 24
# A bar that sees a single scrape has no increase, and of two it sees half.
_SCRAPES_OF_A_BAR = 4
_RANGES = {
    "15m": "15 minutes",
    "1h": "1 hour",
    "6h": "6 hours",
    "24h": "24 hours",
    "3d": "3 days",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "1y": "1 year",
}
# What grafanalib writes for Grafanas of long ago.
_DEAD = {"__inputs", "gnetId", "hideControls", "rows", "sharedCrosshair", "style"}
_DEAD_OF_VARIABLES = {"auto", "auto_count", "auto_min", "tagValuesQuery", "tagsQuery", "useTags"}


class Row(Struct):
    """Panels under a heading; closed ones are asked when somebody opens them. Without a title there is no heading.

    The heading has an `id` as panels have.
    """

    title: str
    panels: list[Panel]
    closed: bool = False
    id: int | None = None


class Board(Struct, kw_only=True):
    """One dashboard. `variables` are the names of drop-downs, `more` those that only this one has.

    With `one_key` it is about one key, which the reader chooses. With `covered` recorded hours answer over long ranges.
    Without the family `about` there is nothing to make it for.
    """

    uid: str
    title: str
    description: str
    rows: list[Row]
    variables: tuple[str, ...] = ()
    one_key: bool = False
    covered: tuple[str, ...] | None = None
    more: list[core.Template] = []
    since: str = "now-24h"
    about: str = "gateway_requests_total"

    def kept(self) -> list[Row]:
        """The rows with the panels that have something to show, without rows that are empty then."""
        rows = [replace(row, panels=[panel for panel in row.panels if not panel.absent]) for row in self.rows]
        return [row for row in rows if any(panel.type != "text" for panel in row.panels) or not row.title]


def document(board: Board, served: Served) -> Json:
    """The dashboard as Grafana reads it. ValueError where two of its panels have one id, or one has none."""
    _check_ids(board)
    names = (*board.variables, *of_page(board.variables, served))
    asked = core.Dashboard(
        uid=board.uid,
        title=f"Gateway / {board.title}",
        description=board.description,
        tags=[_TAG_OF_ONE_KEY if board.one_key else TAG],
        editable=False,
        timezone="browser",
        time=core.Time(board.since, "now"),
        timePicker=core.TimePicker(["30s", "1m", "5m", "15m", "1h"], []),
        refresh="1m",
        graphTooltip=core.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
        schemaVersion=_SCHEMA,
        version=1,
        links=_links(board, served),
        templating=core.Templating([*variables(names, served, board.one_key, board.covered), *board.more]),
        annotations=core.Annotations(_annotations(Metrics(served, ()), board.variables)),
        panels=_placed(board.kept(), _SCRAPES_OF_A_BAR * served.scrape_interval),
    )
    found = _clean(asked)
    settle(found, served)
    link_requests(found, served)
    return found


def _links(board: Board, served: Served) -> list[core.DashboardLink]:
    """To all other pages with what is chosen, and to the page of one key with data source and scope only."""
    pages = core.DashboardLink(title="Gateway", tags=[TAG], asDropdown=True, includeVars=True, keepTime=True)
    if board.one_key:
        return [pages]
    kept = "&".join(f"${{{name}:queryparam}}" for name in ("datasource", *served.record_scope))
    return [pages, core.DashboardLink(title="API key", type="link", icon="dashboard", uri=f"/d/gateway-key?{kept}")]


def _check_ids(board: Board) -> None:
    headings = [(row.id, row.title) for row in board.rows if row.title]
    taken: dict[int, str] = {}
    for id_, title in headings + [(panel.id, panel.title) for row in board.rows for panel in row.panels]:
        if id_ is None:
            raise ValueError(f"{board.uid}: {title!r} has no id: give it one that the dashboard never had")
        if id_ in taken:
            raise ValueError(f"{board.uid}: {title!r} has the id {id_}, which is that of {taken[id_]!r}")
        taken[id_] = title


def _placed(rows: list[Row], bar: float) -> list[Any]:
    """The panels with their places, from left to right and from top to bottom; no bar is of fewer seconds."""
    placed: list[Any] = []
    top = 0
    for row in rows:
        if row.title:
            place = core.GridPos(1, _COLUMNS, 0, top)
            heading = core.RowPanel(id=row.id, title=row.title, collapsed=row.closed, gridPos=place)
            placed.append(heading)
            top += 1
        panels: list[Panel] = []
        left = high = 0
        for panel in row.panels:
            if left + panel.width > _COLUMNS:
                top, left, high = top + high, 0, 0
            every = panel.interval and (panel.interval if seconds(panel.interval) >= bar else interval(bar))
            place = core.GridPos(panel.high, panel.width, left, top)
            panels.append(attr.evolve(panel, gridPos=place, interval=every))
            left, high = left + panel.width, max(high, panel.high)
        top += high
        if row.closed:
            placed[-1] = attr.evolve(heading, panels=panels)
        else:
            placed += panels
    return placed


def _annotations(m: Metrics, narrowed: tuple[str, ...]) -> list[Json]:
    """Firing alerts, exporters that started, configs that were loaded."""
    key = 'alertstate="firing",severity=~"warning|critical"' + (',key=~"$key|"' if "key" in narrowed else "")
    loaded = m("gateway_exporter_config_last_reload_success_timestamp_seconds")
    asked = [
        ("Alerts", "red", f"ALERTS{{{key}}}", "{{alertname}} {{key}}"),
        (
            "Exporter starts",
            "purple",
            f"changes(process_start_time_seconds[5m]) > 0 and on (instance, job) {m('gateway_exporter_build_info')}",
            "{{instance}} started",
        ),
        ("Config reloads", "blue", f"changes({loaded}[5m]) > 0", "{{instance}} loaded its config"),
    ]
    return [
        {
            "name": name,
            "datasource": DATASOURCE,
            "enable": True,
            "hide": False,
            "iconColor": colour,
            "expr": query,
            "titleFormat": said,
        }
        for name, colour, query, said in asked
        if ABSENT not in query
    ]


def _clean(dashboard: core.Dashboard) -> Json:
    """Plain values, without what is empty or dead."""
    found: Json = {name: value for name, value in _plain(dashboard).items() if name not in _DEAD and value is not None}
    found["templating"]["list"] = [_clean_variable(variable) for variable in found["templating"]["list"]]
    found["timepicker"] = {
        "refresh_intervals": found["timepicker"]["refresh_intervals"],
        "quick_ranges": [
            {"from": f"now-{time}", "to": "now", "display": f"Last {name}"} for time, name in _RANGES.items()
        ],
    }
    for panel in found["panels"]:
        if panel["type"] == "row":
            for name in set(panel) - {"id", "type", "title", "collapsed", "gridPos", "panels"}:
                del panel[name]
    return found


def _clean_variable(variable: Json) -> Json:
    found = {name: value for name, value in variable.items() if name not in _DEAD_OF_VARIABLES and value is not None}
    if found.get("hide") == core.HIDE_VARIABLE:
        found["skipUrlSync"] = True  # what nobody sees is found out on each page, and no link passes it on
    return found


def _plain(value: Any) -> Any:
    if hasattr(value, "to_json_data"):
        return _plain(value.to_json_data())
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
