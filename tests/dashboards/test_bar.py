"""What every dashboard has to have, told by reading what is generated."""

import json
import re
from collections import Counter
from itertools import pairwise
from typing import Any

import promql_parser
import pytest
import yaml

from alerts.build import files as rule_files
from dashboards.build import documents
from dashboards.pages.errors import TYPES
from dashboards.promql import RECORDED_VARIABLE
from exporter.config.served import Served
from exporter.model.catalog import CATALOG
from exporter.model.fields import ERROR_TYPES
from exporter.model.recorded import RECORDED
from tests.dashboards.asked import Asked, Json, filled, of_annotations, of_panels, of_variables, panels, variables

DASHBOARDS = {dashboard["uid"]: dashboard for dashboard in documents(Served())}
EVERY = [pytest.param(dashboard, id=uid) for uid, dashboard in DASHBOARDS.items()]
PANELS = [
    pytest.param(dashboard, panel, id=f"{uid}: {panel.get('title', 'header')}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
]
# Series that Prometheus makes itself or that client libraries give every process.
FOREIGN = {
    "ALERTS": {"alertname", "alertstate", "severity", "key"},
    "up": set(),
    "scrape_samples_scraped": set(),
    "scrape_duration_seconds": set(),
    "process_start_time_seconds": set(),
    "process_cpu_seconds_total": set(),
    "process_resident_memory_bytes": set(),
}
OF_TARGETS = {"job", "instance"}
Expr = Any


def asked(dashboard: Json) -> list[Asked]:
    return of_panels(dashboard) + of_variables(dashboard) + of_annotations(dashboard)


def parsed(dashboard: Json, query: str) -> list[Expr]:
    """All expressions in a query, those around others first."""
    found: list[Expr] = []
    promql_parser.walk(promql_parser.parse(filled(query, variables(dashboard))), pre_visit=found.append)
    return found


def selectors(nodes: list[Expr]) -> list[Expr]:
    return [node for node in nodes if isinstance(node, promql_parser.VectorSelector)]


def names(selector: Expr) -> list[str]:
    """The metrics that a selector names."""
    if selector.name:
        return [selector.name]
    return [
        matcher.value
        for matcher in selector.matchers.matchers
        if matcher.name == "__name__" and "(" not in matcher.value
    ]


def labels_of(name: str) -> set[str]:
    """The labels that the catalogue gives a metric. KeyError where it has none of that name."""
    part = re.sub(r"_(bucket|sum|count)$", "", name)
    if name in FOREIGN:
        return FOREIGN[name] | OF_TARGETS
    if name in RECORDED:
        return {*RECORDED[name].labels, *OF_TARGETS}
    return {*CATALOG[name if name in CATALOG else part].labels, *OF_TARGETS} | ({"le"} if part != name else set())


@pytest.mark.parametrize("dashboard", EVERY)
def test_queries_name_declared_metrics_and_labels_only(dashboard: Json) -> None:
    """Metrics and recorded series of the catalogue; in matchers their own labels; in `by` a label of one of them.

    Whether recorded hours answer is asked with the page's variables too: a choice that they lack has to fit none.
    """
    for query in asked(dashboard):
        nodes = parsed(dashboard, query.query)
        known: set[str] = set(re.findall(r'label_replace\(.*?"(\w+)", "', query.query))
        for selector in selectors(nodes):
            for name in names(selector):
                known |= labels_of(name)
                matched = {matcher.name for matcher in selector.matchers.matchers} - {"__name__"}
                if query.title == RECORDED_VARIABLE:
                    matched -= set(variables(dashboard))
                if "$measure" in query.query:
                    matched -= {"type"}  # requests have none: they are counted where it may be empty
                assert matched <= labels_of(name), f"{query}: {name} has no {matched - labels_of(name)}"
        for node in nodes:
            grouped = node.modifier.labels if isinstance(node, promql_parser.AggregateExpr) and node.modifier else []
            assert set(grouped) <= known, f"{query}: no metric of it has {set(grouped) - known}"


def test_every_family_of_the_catalogue_is_on_a_dashboard() -> None:
    """As itself or as a series that is recorded of it."""
    shown = " ".join(query.query for dashboard in DASHBOARDS.values() for query in of_panels(dashboard))
    rules = yaml.safe_load(rule_files(None)["recording.rules.yml"])
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule["record"] in shown:
                shown += " " + rule["expr"]
    assert [name for name in CATALOG if name not in shown] == []


def counters(nodes: list[Expr]) -> Counter[str]:
    """How often each counter of the catalogue is asked for."""
    every = [name for selector in selectors(nodes) for name in names(selector)]
    return Counter(name for name in every if ":" not in name and re.search(r"_(total|bucket|sum|count)$", name))


@pytest.mark.parametrize("dashboard", EVERY)
def test_counters_stand_under_rate_or_increase_over_the_grafana_interval(dashboard: Json) -> None:
    """Counters never bare; `rate` over a window that Grafana fits to the scrape and the zoom, or one that is named."""
    for query in of_panels(dashboard):
        nodes = parsed(dashboard, query.query)
        ranged: list[Expr] = []
        for call in (node for node in nodes if isinstance(node, promql_parser.Call)):
            if call.func.name in ("rate", "increase"):
                promql_parser.walk(call, pre_visit=ranged.append)
        bare = counters(nodes) - counters(ranged)
        assert not bare, f"{query}: {bare}"
        unquoted = re.sub(r'"[^"]*"', "", query.query)
        for window in re.findall(r"\b(?:rate|increase)\([^\[]*\[([^\]]+)\]", unquoted):
            assert window in ("$__rate_interval", "$__interval", "$__range", "1h", "1d"), f"{query}: [{window}]"


@pytest.mark.parametrize("dashboard", EVERY)
def test_long_ranges_read_recorded_series(dashboard: Json) -> None:
    """No fixed window of more than a day is over raw series; only the choice of what a day's trend counts has a day."""
    for query in of_panels(dashboard):
        for name, window in re.findall(r"(\w[\w:]*)(?:\{[^}]*\})?\)?\[(\d+[mhdw])(?::\w+)?\]", query.query):
            days = promql_parser.parse_duration(window).total_seconds() / 86400
            if days >= 1 and ":" not in name and name.startswith("gateway_"):
                assert name == "gateway_exporter_build_info" or "$measure" in query.query, f"{query}: {name}[{window}]"


@pytest.mark.parametrize("dashboard", EVERY)
def test_what_grows_with_keys_is_read_as_recorded(dashboard: Json) -> None:
    """A counter by key has a hundred thousand series at a large gateway. One key's may be read as they are."""
    raw = {
        (query.title, name)
        for query in of_panels(dashboard)
        for selector in selectors(parsed(dashboard, query.query))
        for name in counters([selector])
        if "key" in labels_of(name) and "job" not in {matcher.name for matcher in selector.matchers.matchers}
    }
    assert raw == set() or dashboard["uid"] == "gateway-key", raw


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_a_panel_says_what_it_shows_and_what_to_do(dashboard: Json, panel: Json) -> None:
    """Title, description, unit, and words for when there is nothing; headers say who should look here, and for what."""
    if panel["type"] == "text":
        assert panel["options"]["content"].startswith("**For whoever ")
        return
    assert panel["title"][:1].isupper() or panel["title"].startswith("p9")
    assert len(panel["description"]) > 10
    assert panel["description"].endswith(".")
    if panel["type"] != "alertlist":
        assert panel["fieldConfig"]["defaults"]["noValue"] not in ("", "none", "No data")
        assert panel["type"] == "heatmap" or panel["fieldConfig"]["defaults"]["unit"]
    assert dashboard["title"].startswith("Gateway / ")


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_the_quantile_in_a_title_is_the_one_in_the_query(dashboard: Json, panel: Json) -> None:
    """p95 is 0.95, wherever it is said: in a title, a legend or a column."""
    del dashboard
    for target in panel.get("targets", []):
        told = re.findall(r"\bp(\d\d)\b", target["legendFormat"]) or re.findall(r"\bp(\d\d)\b", panel["title"])
        asked_ = re.findall(r"histogram_quantile\(0\.(\d+),", target["expr"])
        if told and asked_:
            assert [digits.ljust(2, "0") for digits in asked_] == told
    columns = [
        name
        for transformation in panel.get("transformations", [])
        for name in transformation["options"].get("renameByName", {}).values()
        if re.fullmatch(r"P\d\d", name)
    ]
    assert all(any(f"(0.{name[1:]}," in target["expr"] for target in panel["targets"]) for name in columns)


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_every_panel_and_query_asks_the_chosen_data_source(dashboard: Json, panel: Json) -> None:
    """One variable, `datasource`."""
    assert dashboard["templating"]["list"][0]["name"] == "datasource"
    expected = {"type": "prometheus", "uid": "${datasource}"}
    assert panel["datasource"] == expected
    assert all(target["datasource"] == expected for target in panel.get("targets", []))


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_links_lead_to_a_dashboard_with_time_and_variables(dashboard: Json, panel: Json) -> None:
    """The uid exists, each `var-` is a variable there, and what is passed on is a variable here."""
    here = {variable["name"] for variable in dashboard["templating"]["list"]}
    overrides = panel.get("fieldConfig", {}).get("overrides", [])
    links = panel.get("fieldConfig", {}).get("defaults", {}).get("links", []) + [
        link
        for override in overrides
        for part in override["properties"]
        if part["id"] == "links"
        for link in part["value"]
    ]
    for link in links:
        uid = re.match(r"/d/([\w-]+)\?", link["url"])
        assert uid, link
        there = {variable["name"] for variable in DASHBOARDS[uid[1]]["templating"]["list"]}
        assert "${__url_time_range}" in link["url"]
        assert "${datasource:queryparam}" in link["url"]
        assert set(re.findall(r"var-(\w+)=", link["url"])) <= there
        assert set(re.findall(r"\$\{(\w+):queryparam\}", link["url"])) <= here


@pytest.mark.parametrize("dashboard", EVERY)
def test_dashboards_are_alike_where_they_should_be(dashboard: Json) -> None:
    """Not editable, tagged, linked to each other, an explicit time zone, quick ranges, no hasty refresh."""
    of_one_key = dashboard["uid"] == "gateway-key"
    tags = ["gateway-exporter-key" if of_one_key else "gateway-exporter"]
    assert (dashboard["editable"], dashboard["tags"], dashboard["timezone"]) == (False, tags, "browser")
    link, *others = dashboard["links"]
    assert (link["type"], link["tags"], link["asDropdown"]) == ("dashboards", ["gateway-exporter"], True)
    assert link["keepTime"]
    assert link["includeVars"]
    # "All keys" of another page is none that the page of one key has.
    assert [(other["url"], other["includeVars"], other["keepTime"]) for other in others] == (
        [] if of_one_key else [("/d/gateway-key?${datasource:queryparam}", False, True)]
    )
    ranges = [range_["from"] for range_ in dashboard["timepicker"]["quick_ranges"]]
    assert ranges == [f"now-{time}" for time in ("15m", "1h", "6h", "24h", "3d", "7d", "30d", "90d", "1y")]
    assert dashboard["refresh"] == "1m"
    assert [annotation["name"] for annotation in dashboard["annotations"]["list"]] == [
        "Alerts",
        "Exporter starts",
        "Config reloads",
    ]
    assert dashboard["schemaVersion"] == 39


@pytest.mark.parametrize("dashboard", EVERY)
def test_variables_keep_up_with_time_and_with_each_other(dashboard: Json) -> None:
    """Several values, all of which leave nothing out (of models: of the chosen type; of keys: of the chosen owner):
    nothing that is there now, nor was in the chosen time.

    The page of a key has one, the first of those that it lists, and so it must not sort them. Whether recorded hours
    answer is one value, and the five largest keys are found, which nobody chooses.
    """
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            if (dashboard["uid"], variable["name"]) == ("gateway-key", "key"):
                assert (variable["multi"], variable["includeAll"], variable["sort"], variable["current"]) == (
                    False,
                    False,
                    0,
                    {},
                )
                continue
            if variable["name"] == RECORDED_VARIABLE:
                assert (variable["multi"], variable["includeAll"], variable["refresh"], variable["hide"]) == (
                    False,
                    False,
                    2,
                    2,
                )
                continue
            assert (variable["multi"], variable["includeAll"], variable["refresh"]) == (True, True, 2)
            if variable["query"]["query"].startswith("query_result(topk("):
                assert (variable["hide"], variable.get("allValue")) == (2, None)
                continue
            chained = {"model": "gateway-llm", "key": "gateway-keys|gateway-limits"}.get(variable["name"])
            names_all = chained and re.fullmatch(chained, dashboard["uid"])
            assert variable.get("allValue") == (None if names_all else ".*")
            # A model that was used on Monday is in the sum of the week, though its series are gone.
            assert bool(names_all) == (":increase1h" in variable["query"]["query"])
    by_name = {variable["name"]: variable.get("query", {}) for variable in dashboard["templating"]["list"]}
    if "method" in by_name:
        assert 'chain=~"$chain"' in by_name["method"]["query"]
    if "model_type" in by_name:
        assert 'type=~"$model_type"' in by_name["model"]["query"]


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_an_exporter_that_is_away_is_no_reason_of_the_gateway_s(dashboard: Json, panel: Json) -> None:
    """Gauges go at the first scrape that fails. That no key has a limit, or was never used, does not follow."""
    every = {name for target in panel.get("targets", []) for name in asked_for(dashboard, target["expr"])}
    raw = {name for name in every if ":" not in name}
    if raw - ({"gateway_key_info"} if raw < every else set()) and not any(
        re.search(r"_(total|bucket|sum|count)$", name) for name in raw
    ):
        assert "exporter" in panel["fieldConfig"]["defaults"]["noValue"]


def asked_for(dashboard: Json, query: str) -> list[str]:
    """The metrics that a query names."""
    return [name for selector in selectors(parsed(dashboard, query)) for name in names(selector)]


@pytest.mark.parametrize("dashboard", EVERY)
def test_a_page_is_narrowed_by_what_its_readers_know(dashboard: Json) -> None:
    """The drop-downs; which data source, and what nobody sees, aside."""
    gateway, keys = ["instance", "input"], ["owner", "plan", "key"]
    names = [variable["name"] for variable in dashboard["templating"]["list"][1:] if variable.get("hide") != 2]
    assert (
        names
        == {
            "gateway-overview": gateway,
            "gateway-key": ["key", "chain", "method"],
            "gateway-keys": keys,
            "gateway-llm": ["key", "model_type", "model", "provider", "measure"],
            "gateway-limits": keys,
            "gateway-errors": ["key", "chain", "method"],
            "gateway-providers": ["key", "model", "provider"],
            "gateway-costs": ["key", "model", "provider", "request_price", "gigabyte_price", "budget"],
            "gateway-exporter": gateway,
        }[dashboard["uid"]]
    )


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_a_number_of_the_chosen_time_stands_beside_another(dashboard: Json, panel: Json) -> None:
    """That of the time before, a peak, a part: alone it is neither much nor little. Not a trend, which is a word."""
    del dashboard
    if panel["type"] == "stat" and "$__range" in panel["targets"][0]["expr"]:
        assert len(panel["targets"]) > 1 or panel["title"].startswith(("Trend of ", "Peak "))


@pytest.mark.parametrize("dashboard", EVERY)
def test_no_two_panels_of_a_page_have_the_same_title(dashboard: Json) -> None:
    """People name a panel when they talk of it."""
    titles = [panel["title"] for panel in panels(dashboard) if "title" in panel]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("dashboard", EVERY)
def test_panels_lie_side_by_side_and_have_ids_of_their_own(dashboard: Json) -> None:
    """No two overlap, none leaves the grid."""
    ids = [panel["id"] for panel in [*panels(dashboard), *(row for row in dashboard["panels"] if row["type"] == "row")]]
    assert len(ids) == len(set(ids))
    closed = [row["panels"] for row in dashboard["panels"] if row.get("panels")]
    for group in [[panel for panel in dashboard["panels"] if not panel.get("panels")], *closed]:
        taken: set[tuple[int, int]] = set()
        for place in (panel["gridPos"] for panel in group):
            assert place["x"] + place["w"] <= 24
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken
            taken |= cells
    tops = [panel["gridPos"]["y"] for panel in dashboard["panels"]]
    assert all(top <= other for top, other in pairwise(tops))


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_red_stands_for_failures_and_statuses_have_their_colours(dashboard: Json, panel: Json) -> None:
    """2xx green, 3xx blue, 4xx yellow, 5xx red on everything by status; no fixed red but where something is bad."""
    del dashboard
    overrides = panel.get("fieldConfig", {}).get("overrides", [])
    fixed = {
        override["matcher"]["options"]: part["value"]["fixedColor"]
        for override in overrides
        for part in override["properties"]
        if part["id"] == "color" and "fixedColor" in part["value"]
    }
    if any(target["legendFormat"] == "{{status}}" for target in panel.get("targets", [])) and "/^40/" not in fixed:
        assert {pattern: fixed[pattern] for pattern in ("/^2/", "/^(1|3)/", "/^4/", "/^5/")} == {
            "/^2/": "green",
            "/^(1|3)/": "blue",
            "/^4/": "yellow",
            "/^5/": "red",
        }
    bad = r"error|fail|dropped|\^5|40\[13\]"
    for pattern, colour in fixed.items():
        if colour == "red" and pattern != "/./":
            assert re.search(bad, pattern), pattern
        if colour == "red" and pattern == "/./":
            assert re.search(r"[Rr]eject|[Ff]ailed|[Ll]ost|[Rr]efused", panel["title"])


def test_limits_are_drawn_dashed_beside_their_use() -> None:
    """Requests in each window, and levels of latency and success."""
    found = [
        panel["title"]
        for dashboard in DASHBOARDS.values()
        for panel in panels(dashboard)
        for override in panel.get("fieldConfig", {}).get("overrides", [])
        if any(part["id"] == "custom.lineStyle" and part["value"]["fill"] == "dash" for part in override["properties"])
        and override["matcher"]["options"] in {target["legendFormat"] for target in panel["targets"]}
    ]
    assert len([title for title in found if title.startswith("Use of the running")]) == 4
    assert {"Success rate over time", "Latency"} <= set(found)


def test_series_are_bounded_on_every_graph_by_an_open_label() -> None:
    """Methods, origins and keys: only so many, and the rest together where the sum matters."""
    for dashboard in DASHBOARDS.values():
        for panel in panels(dashboard):
            if panel["type"] != "timeseries":
                continue
            for target in panel["targets"]:
                if target["legendFormat"] in ("{{method}}", "{{origin}}"):
                    assert "topk(" in target["expr"], panel["title"]
                if "and on (" in target["expr"] and "others" in target["expr"]:
                    assert "@ end()" in target["expr"], panel["title"]


def test_latency_has_exemplars_and_legends_have_numbers() -> None:
    """Wherever durations are drawn; legends are tables."""
    exemplars = [
        panel["title"]
        for dashboard in DASHBOARDS.values()
        for panel in panels(dashboard)
        if any(target.get("exemplar") for target in panel.get("targets", []))
    ]
    assert {"Latency", "How long requests take", "p95 duration by model"} <= set(exemplars)
    for dashboard in DASHBOARDS.values():
        for panel in panels(dashboard):
            if panel["type"] == "timeseries":
                assert panel["options"]["legend"]["displayMode"] == "table"
                assert panel["options"]["legend"]["calcs"]
                beside = panel["options"]["legend"]["placement"] == "right"
                assert not beside or panel["gridPos"]["w"] >= 12, f"{panel['title']}: names of models take half of it"
                assert panel["options"]["tooltip"] == {"mode": "multi", "sort": "desc"}


def test_alerts_open_the_page_of_what_they_are_about() -> None:
    """Each alert's dashboard is one of these, and what it fills in is a variable there, or is not narrowed by."""
    rules = yaml.safe_load(rule_files(None)["alerts.rules.yml"])
    urls = [rule["annotations"]["dashboard_url"] for group in rules["groups"] for rule in group["rules"]]
    assert urls
    for url in urls:
        uid = re.search(r"/d/([\w-]+)\?", url)
        assert uid
        there = {variable["name"] for variable in DASHBOARDS[uid[1]]["templating"]["list"]}
        narrowed = set(re.findall(r"var-(\w+)=", url)) & {"key", "chain", "method", "model", "provider"}
        assert narrowed <= there, url


def test_no_mapping_has_an_open_end() -> None:
    """Grafana before 12 takes a null for 0, and 125 % of a limit for nothing to say: an end is a number."""
    found = [
        mapping["options"]
        for dashboard in DASHBOARDS.values()
        for panel in panels(dashboard)
        for mapping in mappings(panel)
        if mapping["type"] == "range"
    ]
    assert len(found) > 10
    assert "null" not in json.dumps(found)
    assert all(isinstance(options[end], int | float) for options in found for end in ("from", "to"))
    assert all(options["from"] <= options["to"] for options in found)


def mappings(panel: Json) -> list[Json]:
    """Those of the panel and of its columns."""
    config = panel.get("fieldConfig", {})
    of_columns = [
        mapping
        for override in config.get("overrides", [])
        for part in override["properties"]
        if part["id"] == "mappings"
        for mapping in part["value"]
    ]
    return [*config.get("defaults", {}).get("mappings", []), *of_columns]


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_a_cell_without_a_value_has_a_dash(dashboard: Json, panel: Json) -> None:
    """What a table says where it has no rows is not said in each of its cells."""
    del dashboard
    if panel["type"] == "table":
        first = panel["fieldConfig"]["overrides"][0]
        assert first == {
            "matcher": {"id": "byRegexp", "options": "/.*/"},
            "properties": [{"id": "noValue", "value": "–"}],
        }


def widths(panel: Json) -> dict[str, int]:
    """The least width of each of a table's columns, in pixels and in their order."""
    (names,) = (
        transformation["options"] for transformation in panel["transformations"] if transformation["id"] == "organize"
    )
    order = sorted(names["indexByName"], key=names["indexByName"].__getitem__)
    found = {names["renameByName"][field]: 0 for field in order if field in names["renameByName"]}
    for override in panel["fieldConfig"]["overrides"]:
        for part in override["properties"]:
            if part["id"] in ("custom.width", "custom.minWidth"):
                found[override["matcher"]["options"]] = part["value"]
    return found


TABLES = [
    pytest.param(panel, id=f"{uid}: {panel['title']}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
    if panel["type"] == "table" and "merge" in {step["id"] for step in panel["transformations"]}
    if "groupBy" not in {step["id"] for step in panel["transformations"]}
]


@pytest.mark.parametrize("panel", TABLES)
def test_what_a_table_is_sorted_by_is_seen(panel: Json) -> None:
    """All columns at 1,600 px, and on a phone of 390 px the one that it is sorted by; each as wide as its heading."""
    found = widths(panel)
    assert sum(found.values()) <= 64 * panel["gridPos"]["w"] - 8
    for sorting in panel["options"].get("sortBy", []):
        first = [*found][: [*found].index(sorting["displayName"]) + 1]
        assert sum(found[name] for name in first) <= 358
    assert all(7 * len(name) + 30 <= width for name, width in found.items())


@pytest.mark.parametrize("panel", TABLES)
def test_no_column_has_the_name_of_a_label(panel: Json) -> None:
    """It would be shown in the label's place: a version as 1."""
    for target in panel["targets"]:
        if panel["transformations"][0]["id"] == "merge":
            grouped = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))))
            (names,) = (
                transformation["options"]["renameByName"]
                for transformation in panel["transformations"]
                if transformation["id"] == "organize"
            )
            values = {name for field, name in names.items() if field.startswith("Value")}
            assert not values & {name[:1].upper() + name[1:].replace("_", " ") for name in grouped}


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_a_share_is_drawn_neither_good_nor_bad(dashboard: Json, panel: Json) -> None:
    """Grafana's own colour for a bar in a cell is green, that of failures too."""
    del dashboard
    for override in panel.get("fieldConfig", {}).get("overrides", []):
        found = {part["id"]: part["value"] for part in override["properties"]}
        if found.get("custom.cellOptions", {}).get("type") == "gauge":
            assert found["thresholds"]["steps"] == [{"color": "blue", "value": None}]


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_a_number_of_now_is_that_of_now(dashboard: Json, panel: Json) -> None:
    """Over a day, a step of the curve behind a number is five minutes, and over a month three hours.

    The last value of a curve that ended is old, too: hence one for nothing, and words for it. It is not drawn; the
    curve is, and needs a place: Grafana leaves it out where a number is three columns wide and four high.
    """
    del dashboard
    if panel["type"] == "stat" and not all(target["instant"] for target in panel["targets"]):
        assert (panel["timeFrom"], panel["maxDataPoints"], panel["hideTimeOverride"]) == ("1h", 240, True)
        assert all(target["expr"].endswith(" or vector(-1)") for target in panel["targets"])
        words = panel["fieldConfig"]["defaults"]["mappings"][-2]["options"]["-1"]["text"]
        assert panel["fieldConfig"]["defaults"]["noValue"].startswith(words)
        assert panel["fieldConfig"]["defaults"]["min"] == 0
        assert panel["gridPos"]["w"] >= 4 or panel["gridPos"]["h"] >= 5


@pytest.mark.parametrize("dashboard", EVERY)
def test_the_time_until_a_reset_is_not_past(dashboard: Json) -> None:
    """Until the next scrape the last window's end is over, which Grafana writes as "6 seconds ago". A key that expired
    did so in the past.
    """
    for query in of_panels(dashboard):
        if re.search(r" - time\(\)", query.query) and "expires" not in query.query:
            assert re.search(r"clamp_min\(.* - time\(\), 0\)", query.query), query


@pytest.mark.parametrize("dashboard", EVERY)
def test_the_largest_of_all_bars_are_ranked_at_the_end_of_the_last_one(dashboard: Json) -> None:
    """At its beginning, what is minutes old has no rank, and all of it is called others."""
    for query in of_panels(dashboard):
        for bar in ("$__interval", "1d"):
            if f"offset -{bar}" in query.query and not query.instant:
                for selector in re.findall(r"(gateway_\w+_total|\w+:increase1h)[^)]*@ end\(\)([^)]*)", query.query):
                    assert selector[1].startswith(f" offset -{bar}"), f"{query}: {selector}"


@pytest.mark.parametrize("dashboard", EVERY)
def test_panels_leave_no_holes(dashboard: Json) -> None:
    """Those beside each other are as high, and fill the page's width."""
    closed = [row["panels"] for row in dashboard["panels"] if row.get("panels")]
    opened = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    for group in [opened, *closed]:
        lines: dict[int, list[Json]] = {}
        for panel in group:
            lines.setdefault(panel["gridPos"]["y"], []).append(panel)
        for line in lines.values():
            assert len({panel["gridPos"]["h"] for panel in line}) == 1, [panel.get("title") for panel in line]
            assert sum(panel["gridPos"]["w"] for panel in line) == 24, [panel.get("title") for panel in line]


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_an_axis_has_numbers_only(dashboard: Json, panel: Json) -> None:
    """Where no whole number stands between two, Grafana 9 writes what stands for no value: a blank, and no sentence."""
    del dashboard
    if panel["type"] == "timeseries":
        assert panel["fieldConfig"]["overrides"][0] == {
            "matcher": {"id": "byRegexp", "options": "/.*/"},
            "properties": [{"id": "noValue", "value": " "}],
        }


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_numbers_are_whole_where_people_compare_them(dashboard: Json, panel: Json) -> None:
    """1,800, not 2 K, in tables and lists; money to its cents, not $1.23K."""
    del dashboard
    units = [(panel.get("fieldConfig", {}).get("defaults", {}).get("unit"))]
    units += [
        part["value"]
        for override in panel.get("fieldConfig", {}).get("overrides", [])
        for part in override["properties"]
        if part["id"] == "unit"
    ]
    assert not [unit for unit in units if str(unit).startswith("currency")]
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    if str(defaults.get("unit")).startswith(("prefix:", "suffix:")):
        assert defaults["decimals"] >= 2
    if panel["type"] in ("table", "bargauge", "piechart"):
        assert "short" not in units


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_bars_are_few_enough_to_be_told_apart(dashboard: Json, panel: Json) -> None:
    """At most 96; Grafana rounds the width of a bar over the chosen time, down to two thirds of what it computes."""
    del dashboard
    if panel.get("fieldConfig", {}).get("defaults", {}).get("custom", {}).get("drawStyle") == "bars":
        most = panel["maxDataPoints"]
        if most > 64:
            bars = promql_parser.parse_duration(panel["timeFrom"]) / promql_parser.parse_duration(panel["interval"])
            assert bars <= most <= 96


@pytest.mark.parametrize("dashboard", EVERY)
def test_a_page_opens_with_few_panels(dashboard: Json) -> None:
    """The rest is in closed rows, which ask when they are opened. The header is a line, and two on a phone."""
    header, *opened = (panel for panel in dashboard["panels"] if panel["type"] != "row")
    assert len(opened) <= 22
    assert len(header["options"]["content"].replace("*", "")) <= 88


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_titles_are_seen_whole(dashboard: Json, panel: Json) -> None:
    """On a page of 1,600 px, and on a phone of 390 px, where each panel has a line: also beside its own time.

    Letters have 7 px on average; the icon of the description and the borders need the rest.
    """
    del dashboard
    if "title" in panel:
        own_time = 110 if "timeFrom" in panel and not panel.get("hideTimeOverride") else 0
        for pixels in (64 * panel["gridPos"]["w"] - 8, 358):
            assert 7 * len(panel["title"]) <= pixels - 54 - own_time


@pytest.mark.parametrize("dashboard", EVERY)
def test_headings_are_a_line_on_a_phone(dashboard: Json) -> None:
    """Bold letters have 8 px; the arrow before them, and how many panels a closed row has, need the rest of 358 px."""
    for row in (panel for panel in dashboard["panels"] if panel["type"] == "row"):
        assert 8 * len(row["title"]) <= 358 - 30 - 72 * row["collapsed"], row["title"]


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_where_there_is_no_value_no_colour_judges_it(dashboard: Json, panel: Json) -> None:
    """Having no expiry date or no quota is neither good nor bad."""
    del dashboard
    if panel["type"] == "stat" and len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1:
        last = panel["fieldConfig"]["defaults"]["mappings"][-1]
        assert last["options"]["match"] == "null+nan"
        assert last["options"]["result"]["color"] == "text"


def test_the_list_of_alerts_is_empty_where_all_is_well() -> None:
    """What is pending may never fire, and one alert always does, so that its absence is seen."""
    rules = yaml.safe_load(rule_files(None)["alerts.rules.yml"])
    always = [
        rule["alert"]
        for group in rules["groups"]
        for rule in group["rules"]
        if "vector(1) == 1" in rule.get("expr", "")
    ]
    (options,) = [panel["options"] for panel in panels(DASHBOARDS["gateway-overview"]) if panel["type"] == "alertlist"]
    assert options["alertInstanceLabelFilter"] == f'{{alertname!="{always[0]}"}}'
    assert len(always) == 1
    assert [state for state, shown in options["stateFilter"].items() if shown] == ["firing", "error"]


def test_every_type_of_error_is_explained() -> None:
    """The table of types says what each means."""
    assert set(TYPES) == set(ERROR_TYPES)
