"""Links from panels to the exporter's page of single requests, with what was clicked on as its filter."""

import re
from collections.abc import Iterator

from dashboards.fields import override
from dashboards.grafana import Json
from exporter.config.served import Served

TITLE = "Single requests"
# The page's filter by label; `type` is that of failures, where failures are asked for.
_FILTERS = {
    name: name for name in ("key", "method", "chain", "status", "model", "requested_model", "provider", "origin")
}
_OF_FAILURES = {"type": "error_type"}
_ABOUT = {"gateway_errors": "failed", "gateway_blocked_requests": "blocked", "gateway_unbilled_requests": "unbilled"}
# Panels whose series are something that can be clicked on.
_OF_SERIES = ("timeseries", "bargauge", "piechart")


def link_requests(document: Json, served: Served) -> None:
    """In a dashboard, add the links; none where the config does not say where the exporter is opened."""
    if not served.requests_url:
        return
    page = f"{served.requests_url}/requests?since=${{__from}}"
    document["links"].append(
        {"title": TITLE, "type": "link", "icon": "external link", "url": page, "targetBlank": True}
    )
    for panel in _panels(document["panels"]):
        of_labels = _filters(panel)
        if panel["type"] == "table":
            _link_cells(panel, of_labels, page)
        elif panel["type"] in _OF_SERIES and (shown := _in_legends(panel) & {*of_labels}):
            given = {of_labels[label]: f"__field.labels.{label}" for label in sorted(shown)}
            panel["fieldConfig"]["defaults"].setdefault("links", []).append(_link(page, panel, given))


def _panels(panels: list[Json]) -> Iterator[Json]:
    for panel in panels:
        yield from _panels(panel.get("panels", []))
        if panel.get("targets"):
            yield panel


def _filters(panel: Json) -> dict[str, str]:
    return _FILTERS | (_OF_FAILURES if "gateway_errors" in _queries(panel)[0] else {})


def _queries(panel: Json) -> list[str]:
    return [target["expr"] for target in panel["targets"]]


def _in_legends(panel: Json) -> set[str]:
    """The labels that a legend shows; a key is shown by its name."""
    found = {label for target in panel["targets"] for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])}
    return found | ({"key"} if "name" in found else set())


def _link_cells(panel: Json, of_labels: dict[str, str], page: str) -> None:
    """From a cell with a label to the requests of its whole row."""
    columns = next(
        (
            transformation["options"]
            for transformation in panel["transformations"]
            if transformation["id"] == "organize"
        ),
        None,
    )
    if columns is None:
        return
    shown = {name: title for name, title in columns["renameByName"].items() if name in of_labels}
    link = _link(page, panel, {of_labels[name]: f"__data.fields.{name}" for name in shown})
    for title in shown.values():
        _links_of_column(panel["fieldConfig"]["overrides"], title).append(link)


def _links_of_column(overrides: list[Json], title: str) -> list[Json]:
    """A column's links, to be added to."""
    wanted = {"id": "byName", "options": title}
    of_column = next((override for override in overrides if override["matcher"] == wanted), None)
    if of_column is None:
        overrides.append(of_column := override("byName", title, {}))
    properties: list[Json] = of_column["properties"]
    links = next((property_ for property_ in properties if property_["id"] == "links"), None)
    if links is None:
        properties.append(links := {"id": "links", "value": []})
    found: list[Json] = links["value"]
    return found


def _link(page: str, panel: Json, given: dict[str, str]) -> Json:
    """A link with filters; those that all queries of the panel are about go along."""
    # In quotes (%22), as a value may have a comma.
    filters = [f"{name}=%22${{{value}:percentencode}}%22" for name, value in given.items()]
    filters += [f"{name}=true" for about, name in _ABOUT.items() if all(about in query for query in _queries(panel))]
    return {"title": TITLE, "url": "&".join([page, "until=${__to}", *filters]), "targetBlank": True}
