"""Links from dashboards to single requests: only where the config has an address for them, and with filters that are
right.
"""

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from dashboards.build import documents
from dashboards.single_requests import TITLE
from exporter.config.load import load
from exporter.config.served import Served, served
from exporter.request_log.filters import FILTERS, filter_of
from tests.dashboards.asked import Json, panels

URL = "https://exporter.test/eu"


@pytest.fixture
def linked(tmp_path: Path) -> list[Json]:
    return documents(configured(tmp_path, f"{{url: {URL}/}}"))


def configured(folder: Path, requests: str) -> Served:
    config = f"inputs: [{{path: a.log, format: litellm}}]\nstate: {{path: state.db}}\nrequests: {requests}\n"
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    return served(load(folder / "config.yaml").config)


def without(part: Any) -> Any:
    """A part of a document without the links, and without what only they are in."""
    if isinstance(part, dict):
        found = {name: without(value) for name, value in part.items()}
        if found.get("id") == "links" and not found["value"] and part["value"]:
            return None
        if "matcher" in found and not found["properties"] and part["properties"]:
            return None
        return {name: value for name, value in found.items() if not (name == "links" and not value and part[name])}
    if isinstance(part, list):
        cleaned = [without(item) for item in part if not (isinstance(item, dict) and item.get("title") == TITLE)]
        return [item for item in cleaned if item is not None]
    return part


def test_dashboards_have_no_link_where_nobody_says_where_to(tmp_path: Path, linked: list[Json]) -> None:
    """And else differ in links alone: panels keep their ids, places and queries."""
    plain = documents(configured(tmp_path, "{}"))
    assert plain == [without(copy.deepcopy(dashboard)) for dashboard in linked]
    assert TITLE not in str(plain)
    assert plain == documents(configured(tmp_path, "null"))


def links(document: Json) -> list[tuple[Json, str]]:
    """Each panel with the URL of each of its links to single requests."""
    found = []
    for panel in panels(document):
        config = panel.get("fieldConfig", {"defaults": {}, "overrides": []})
        of_columns = [
            property_["value"]
            for override in config["overrides"]
            for property_ in override["properties"]
            if property_["id"] == "links"
        ]
        for some in (config["defaults"].get("links", []), *of_columns):
            found += [(panel, link["url"]) for link in some if link["title"] == TITLE]
    return found


def test_links_have_filters_that_the_page_knows_and_values_that_the_panel_has(linked: list[Json]) -> None:
    """The dashboard's time, and of labels only those that the row or the series has."""
    every = [(panel, url) for document in linked for panel, url in links(document)]
    assert len(every) > 60
    for panel, url in every:
        path, _, query = url.partition("?")
        assert path == f"{URL}/requests"
        pairs = dict(pair.split("=") for pair in query.split("&"))
        assert (pairs.pop("since"), pairs.pop("until")) == ("${__from}", "${__to}")
        assert pairs.keys() <= FILTERS.keys()
        named = re.findall(r"\$\{__(?:data\.fields|field\.labels)\.(\w+):percentencode\}", query)
        assert len(named) == sum(value != "true" for value in pairs.values())
        text = str([target["expr"] for target in panel["targets"]])
        assert [name for name in named if not re.search(rf"\b{name}\b", text)] == [], panel["title"]


def test_failures_lead_to_failures(linked: list[Json]) -> None:
    """With all that the row says of them."""
    errors = next(dashboard for dashboard in linked if dashboard["uid"] == "gateway-errors")
    of_panel = {panel["title"]: url for panel, url in links(errors)}
    assert of_panel["Failures by key, method, status and type"].endswith(
        "&key=%22${__data.fields.key:percentencode}%22&method=%22${__data.fields.method:percentencode}%22"
        "&chain=%22${__data.fields.chain:percentencode}%22&status=%22${__data.fields.status:percentencode}%22"
        "&error_type=%22${__data.fields.type:percentencode}%22&failed=true"
    )
    assert of_panel["Failed requests by type"].endswith(
        "&error_type=%22${__field.labels.type:percentencode}%22&failed=true"
    )
    assert of_panel["Share of statuses"].endswith("&status=%22${__field.labels.status:percentencode}%22")
    assert errors["links"][-1]["url"] == f"{URL}/requests?since=${{__from}}"


def test_the_exporters_own_dashboard_links_no_panel(linked: list[Json]) -> None:
    """It is about lines and series, not about requests."""
    assert links(next(dashboard for dashboard in linked if dashboard["uid"] == "gateway-exporter")) == []


def test_epoch_milliseconds_are_times_of_the_page() -> None:
    """As Grafana's `__from` is."""
    assert filter_of({"since": "1772546709331"}).since == 1772546709331
