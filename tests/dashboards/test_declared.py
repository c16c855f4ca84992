"""Labels that a config adds to families: pages can be narrowed to them, and show each of their values."""

import re

from msgspec.structs import replace

from dashboards.build import documents
from exporter.config.served import Served
from exporter.model.catalog import CATALOG
from tests.dashboards.asked import filled, of_panels, panels, variables

ADDED = {"gateway_requests_total", "gateway_tokens_total"}
FAMILIES = {name: replace(one, labels=(*one.labels, "team")) if name in ADDED else one for name, one in CATALOG.items()}
PAGES = {one["uid"]: one for one in documents(Served(families=FAMILIES))}


def test_a_declared_label_is_a_drop_down_that_narrows_what_has_it() -> None:
    """On every page of what is counted by key; families without the label stay as they are."""
    shown = [uid for uid, one in PAGES.items() if any(v["name"] == "team" for v in one["templating"]["list"])]
    assert shown == [uid for uid in PAGES if uid not in ("gateway-costs", "gateway-exporter")]
    for uid in shown:
        for asked in of_panels(PAGES[uid]):
            query = filled(asked.query, variables(PAGES[uid], {"team": "mail"}))
            for name in CATALOG:
                for selector in query.split(f"{name}{{")[1:]:
                    assert ('team=~"mail"' in selector.split("}")[0]) == (name in ADDED), f"{asked}: {query}"


def test_a_declared_label_has_a_table_of_its_values() -> None:
    """Of the families that have it; its panel keeps its id whatever else is declared."""
    found = {uid: [one for one in panels(page) if one["title"] == "By team"] for uid, page in PAGES.items()}
    assert [uid for uid, some in found.items() if some] == ["gateway-llm", "gateway-errors"]
    (table,) = found["gateway-llm"]
    asked = [re.search(r"sum by \(team\) \(increase\((\w+)", one["expr"]) for one in table["targets"]]
    assert [one and one[1] for one in asked] == ["gateway_requests_total", "gateway_tokens_total"]
    assert len({some[0]["id"] for some in found.values() if some}) == 1


def test_without_declared_labels_there_is_neither() -> None:
    """As the committed dashboards are."""
    assert "By the config's own labels" not in str(documents(Served()))
