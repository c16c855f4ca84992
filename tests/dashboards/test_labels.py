"""Labels that a config declares: a page, and drop-downs where all of a query can be narrowed."""

import json
import re
from pathlib import Path

import pytest

from dashboards.build import documents
from dashboards.declared import narrowed_alike
from exporter.config.load import load
from exporter.config.served import Served, served
from tests.dashboards.asked import Json, of_panels, panels

FOUR = ("gateway_requests_total", "gateway_errors_total", "gateway_tokens_total", "gateway_cost_total")


def declared(folder: Path, families: tuple[str, ...] = FOUR, labels: str = "{team: {}}") -> Served:
    path = folder / "config.yaml"
    added = ", ".join(f"{name}: {{add: [team]}}" for name in families)
    inputs = "inputs: [{path: a.log, format: litellm}]\n"
    path.write_text(f"{inputs}metrics:\n  labels: {labels}\n  families: {{{added}}}\n", encoding="utf-8")
    return served(load(path).config)


def variables(document: Json) -> list[str]:
    return [variable["name"] for variable in document["templating"]["list"]]


def test_a_declared_label_has_a_page_and_drop_downs(tmp_path: Path) -> None:
    """Beside the pages whose queries it narrows; the page breaks requests, failures, tokens and cost down by it."""
    made = {dashboard["uid"]: dashboard for dashboard in documents(declared(tmp_path))}
    titles = [panel["title"] for panel in panels(made["gateway-labels"]) if "title" in panel]
    assert [title for title in titles if title.endswith("by team")] == [
        *("Requests by team", "Failures by team", "Tokens by team", "Cost by team"),
        *("Requests over time by team", "Cost over time by team"),
    ]
    money = [
        panel["fieldConfig"]["defaults"]["decimals"]
        for panel in panels(made["gateway-labels"])
        if panel.get("title", "").startswith("Cost")
    ]
    assert money == [2, 2]
    with_team = {uid for uid, dashboard in made.items() if "team" in variables(dashboard)}
    assert {"gateway-labels", "gateway-llm", "gateway-errors", "gateway-keys", "gateway-key"} <= with_team
    assert not {"gateway-exporter", "gateway-overview"} & with_team
    asked = next(variable for variable in made["gateway-errors"]["templating"]["list"] if variable["name"] == "team")
    assert asked["query"]["query"] == 'label_values(gateway_requests_total{key=~"$key"}, team)'


@pytest.mark.parametrize("families", [FOUR, FOUR[:1], FOUR[2:]], ids=["all", "requests", "tokens and cost"])
def test_no_query_is_narrowed_in_part(tmp_path: Path, families: tuple[str, ...]) -> None:
    """Failures of all teams among the requests of one are no share. A matcher without a drop-down would fit nothing."""
    show = declared(tmp_path, families)
    of_callers = {name for name, family in show.families.items() if "key" in family.labels and family.adds}
    of_callers -= {"gateway_key_last_used_timestamp_seconds"}
    narrowed = 0
    for document in documents(show):
        assert ("$team" in json.dumps(document)) == ("team" in variables(document)), document["uid"]
        for query in [asked.query for asked in of_panels(document)]:
            if "$team" not in query:
                continue
            narrowed += 1
            assert "team" in variables(document)
            plain = re.sub(r'\{[^{}]*job=~"\$recorded"[^{}]*\}', "", query)
            asked = {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"(?<![\w:])gateway_\w+", plain)}
            assert asked & of_callers <= {*families}, query
    assert narrowed


def test_without_a_declared_label_nothing_is_different(tmp_path: Path) -> None:
    """A label that no family adds is none."""
    assert documents(declared(tmp_path, ())) == documents(Served())


def test_a_matcher_is_taken_out_wherever_it_stands(tmp_path: Path) -> None:
    show = declared(tmp_path, FOUR[:1])
    query = (
        'sum(rate(gateway_errors_total{key="a"}[1m])) / sum(rate(gateway_requests_total{team=~"$team",key="a"}[1m]))'
    )
    assert narrowed_alike(query, show) == query.replace('team=~"$team",', "")
    alone = 'gateway_requests_total{a="}",team=~"$team"}'
    assert narrowed_alike(alone, show) == alone
    recorded = 'gateway_requests_total{team=~"$team"} or key:gateway_requests:increase1h{job=~"$recorded"}'
    assert narrowed_alike(recorded, show) == recorded
