"""The dashboards' judge: a real Prometheus that scraped the real exporter over a day of every kind of request."""

import math
import re
import time

import pytest

from dashboards.build import documents
from dashboards.pages import PAGES
from exporter.config.load import load
from exporter.config.served import Served, served
from exporter.demo.cast import CLIENTS
from exporter.model.catalog import CATALOG
from tests.dashboards import count
from tests.dashboards.asked import Asked, Json, filled, of_annotations, of_panels, of_variables, panels, variables
from tests.dashboards.scene import STEP, Scene

UIDS = [page(Served()).uid for page in PAGES]
SHOWN_BY_LABEL = ("timeseries", "bargauge", "piechart", "state-timeline")
# Queries for the fifth of a kind and for all others, which there may not be.
OF_MANY = ("unless topk(4", "0.000001) > 0")
# Lines that stand beside what is drawn.
LEVELS = ("limit", "warning level", "objective")
# What a dashboard is narrowed to, where somebody came by a link or an alert.
CHOSEN = {
    "gateway-key": {"key": "swap-front-end", "gateway": "demo"},
    "gateway-keys": {"key": "(swap-front-end|weekend-bot)"},
    "gateway-llm": {"key": "support-chat", "model": "openai/gpt-4o-mini"},
    "gateway-limits": {"key": "(swap-front-end|weekend-bot)"},
    "gateway-errors": {"key": "indexer", "chain": "ethereum"},
    "gateway-costs": {"key": "support-chat"},
}


@pytest.fixture(scope="module")
def dashboards(scene: Scene) -> dict[str, Json]:
    """The dashboards of the scene's own config."""
    return {dashboard["uid"]: dashboard for dashboard in documents(served(load(scene.folder / "config.yaml").config))}


def answers(scene: Scene, asked: Asked, values: dict[str, str]) -> list[Json]:
    """The series that Grafana would draw."""
    query, now = filled(asked.query, values | {"__range": asked.since}), time.time()
    if asked.step == 86400:
        now = now // asked.step * asked.step  # Grafana ends at a whole step
    if asked.instant:
        found = scene.ask("query", query=query)["result"]
    else:
        found = scene.ask("query_range", query=query, start=now - 86400, end=now, step=asked.step)["result"]
    return [
        series
        for series in found
        if any(not math.isnan(float(value)) for _, value in series.get("values", [series.get("value")]))
    ]


@pytest.mark.parametrize("uid", UIDS)
def test_every_query_of_every_panel_and_variable_returns_data(
    scene: Scene, dashboards: dict[str, Json], uid: str
) -> None:
    """With nothing narrowed down, as the page opens."""
    scene.goes_on()
    dashboard = dashboards[uid]
    values = variables(dashboard, {"budget": "100"})
    silent = [
        asked
        for asked in of_panels(dashboard) + of_variables(dashboard)
        if not any(part in asked.query for part in OF_MANY) and not answers(scene, asked, values)
    ]
    # What is of the last two minutes may be over where the queries before it took as long.
    scene.goes_on()
    assert [f"{asked}: {asked.query}" for asked in silent if not answers(scene, asked, values)] == []


@pytest.mark.parametrize("uid", UIDS)
def test_every_series_has_a_name(scene: Scene, dashboards: dict[str, Json], uid: str) -> None:
    """A label without a value has a word in the legend: of an empty one Grafana makes "Value"."""
    scene.goes_on()
    dashboard = dashboards[uid]
    nameless = []
    for panel in panels(dashboard):
        for target in panel.get("targets", []) if panel["type"] in SHOWN_BY_LABEL else []:
            shown = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
            asked = Asked(uid, panel["title"], target["expr"], target["instant"])
            for series in answers(scene, asked, variables(dashboard)) if shown else []:
                if not all(series["metric"].get(label) for label in shown):
                    nameless.append(f"{asked}: {series['metric']}")
    assert nameless == []


@pytest.mark.parametrize("uid", UIDS)
def test_without_rules_a_panel_answers_or_says_what_it_needs(
    scene: Scene, dashboards: dict[str, Json], uid: str
) -> None:
    """As a newcomer sees it, who has loaded none: no panel gives another reason for having nothing to show."""
    scene.goes_on()
    dashboard = dashboards[uid]
    wrong = []
    for panel in panels(dashboard):
        drawn = [target for target in panel.get("targets", []) if target["legendFormat"] not in LEVELS]
        asked = of_panels({"uid": uid, "panels": [panel | {"targets": drawn}]})
        raw = [query._replace(query=re.sub(r"\w+:gateway_\w+:\w+", "no:rules:here", query.query)) for query in asked]
        says = panel.get("fieldConfig", {}).get("defaults", {}).get("noValue", "")
        values = variables(dashboard, {"budget": "100"})
        if raw and "rules" not in says and not any(answers(scene, query, values) for query in raw):
            wrong.append((f"{panel['title']}: {says}", raw))
    scene.goes_on()  # as above
    assert [said for said, raw in wrong if not any(answers(scene, query, values) for query in raw)] == []


@pytest.mark.parametrize("measure", ["(requests)?", "input|cache_read|cache_write", "output|reasoning"])
def test_the_trend_of_models_shows_what_is_chosen(scene: Scene, dashboards: dict[str, Json], measure: str) -> None:
    """Requests, or tokens of the chosen types, and never both."""
    dashboard = dashboards["gateway-llm"]
    asked = [panel.query for panel in of_panels(dashboard) if panel.title.startswith("By day and model")]
    drawn: dict[str, float] = {}
    at = scene.last_step - 86400
    for query in asked:
        drawn |= by_model(scene, filled(query, variables(dashboard, {"measure": measure})), at)
    family = "model_requests" if measure == "(requests)?" else "tokens"
    narrowed = "" if family == "model_requests" else f'{{type=~"{measure}"}}'
    whole = f"sum by (model) (increase(gateway_{family}_total{narrowed}[1d] offset -1d))"
    every = by_model(scene, whole, at)
    assert drawn.pop("others") == pytest.approx(sum(every.values()) - sum(drawn.values()))
    assert drawn == pytest.approx({model: every[model] for model in drawn})
    assert len(drawn) >= 4


def test_a_model_type_chooses_its_models(scene: Scene, dashboards: dict[str, Json]) -> None:
    """The drop-down of models has those of the type, and those whose type nobody knows."""
    dashboard = dashboards["gateway-llm"]
    (asked,) = (variable for variable in of_variables(dashboard) if variable.title == "model")
    listed = {
        kind: {
            series["metric"]["model"] for series in answers(scene, asked, variables(dashboard, {"model_type": kind}))
        }
        for kind in ("chat", "embedding", ".*")
    }
    assert listed["chat"] ^ listed["embedding"] == {"openai/gpt-4o-mini", "openai/text-embedding-3-small"}
    assert listed[".*"] == listed["chat"] | listed["embedding"]


def by_model(scene: Scene, query: str, at: float) -> dict[str, float]:
    """What a query says of each model."""
    result = scene.ask("query", query=query, time=at)["result"]
    return {series["metric"].get("model", "others"): float(series["value"][1]) for series in result}


@pytest.mark.parametrize("uid", CHOSEN)
def test_a_page_that_is_narrowed_down_still_answers(scene: Scene, dashboards: dict[str, Json], uid: str) -> None:
    """Every panel's first query; a key has not every kind of failure, so those alone may be silent."""
    scene.goes_on()
    dashboard = dashboards[uid]
    values = variables(dashboard, CHOSEN[uid] | {"budget": "100"})
    silent = set()
    for panel in panels(dashboard):
        asked = of_panels({"uid": uid, "panels": [panel]})[:1]
        if asked and not answers(scene, asked[0], values):
            silent.add(panel["title"])
            assert panel["fieldConfig"]["defaults"]["noValue"]
    assert silent <= MAY_BE_SILENT[uid]


MAY_BE_SILENT = {
    "gateway-key": {"Expires in", "Cost", "Refused: 400, 401, 403"},
    "gateway-llm": {
        "Answers without usage",
        "Answered from the cache",
        "Redirects",
        "Requests to unpriced models",
        "Unbilled requests",
        "Blocked requests",
    },
    "gateway-keys": set(),
    "gateway-limits": {"Keys about to expire, or expired"},
    "gateway-errors": set(),
    "gateway-costs": {"Credits by day"},
}


def test_annotations_are_valid_queries(scene: Scene, dashboards: dict[str, Json]) -> None:
    """Alerts fire in the scene (the watchdog always does); starts and reloads happened or did not."""
    for dashboard in dashboards.values():
        for asked in of_annotations(dashboard):
            answers(scene, asked, variables(dashboard))
    assert scene.ask("query", query='ALERTS{alertstate="firing"}')["result"]


# What has more labels as it was scraped than as it is recorded.
COARSER = {"Failures by key, method, status and type"}
HEADLINES = [
    ("gateway-overview", "Requests", "requests"),
    ("gateway-overview", "Failed requests", "failed"),
    ("gateway-errors", "Failed requests", "failed"),
    ("gateway-key", "Requests", "requests"),
    ("gateway-llm", "Requests", "models"),
    ("gateway-llm", "Total tokens", "tokens"),
    ("gateway-llm", "Cost", "cost in micros"),
]


@pytest.mark.parametrize(("uid", "title", "counted"), HEADLINES)
def test_headlines_are_what_stands_in_the_log(
    scene: Scene, dashboards: dict[str, Json], uid: str, title: str, counted: str
) -> None:
    """Counted line by line over the same 24 hours; `increase` may be a scrape interval off at each end."""
    until = scene.last_step
    asked = next(panel for panel in of_panels(dashboards[uid]) if panel.title == title)
    shown_ = scene.value(filled(asked.query, variables(dashboards[uid])), until)
    counts = count.requests(scene.written, until - 86400, until)
    expected = counts[counted] * (1e-6 if counted == "cost in micros" else 1)
    assert shown_ == pytest.approx(expected, rel=2 * STEP / 86400 + 0.005)


@pytest.mark.parametrize(("uid", "title", "counted"), HEADLINES)
def test_headlines_of_recorded_hours_are_what_stands_in_the_log(
    scene: Scene, dashboards: dict[str, Json], uid: str, title: str, counted: str
) -> None:
    """As a large gateway's page reads them; and what it compares with, a day later. Each hour is extrapolated."""
    values, until = variables(dashboards[uid], {"recorded": ".*"}), scene.begin + 25 * 3600
    queries = [filled(panel.query, values) for panel in of_panels(dashboards[uid]) if panel.title == title]
    before = [(query, until + 86400) for query in queries if "offset 24h" in query]
    counts = count.requests(scene.written, until - 86400, until)
    expected = counts[counted] * (1e-6 if counted == "cost in micros" else 1)
    for query, at in ((queries[0], until), *before):
        assert scene.value(query, at) == pytest.approx(expected, rel=STEP / 3600), query


@pytest.mark.parametrize("uid", [uid for uid in UIDS if uid not in ("gateway-costs", "gateway-exporter")])
def test_recorded_series_say_what_raw_ones_say(scene: Scene, dashboards: dict[str, Json], uid: str) -> None:
    """Every query that reads one or the other, at the end of a full hour: as many series, and the same whole.

    But for the day before, of which the scene has one hour. A bar is an hour here, and rates are those of a day.
    """
    dashboard, until = dashboards[uid], scene.begin + 25 * 3600
    times = {"__interval": "1h", "__rate_interval": "24h", "measure": "(requests)?"}
    raw, recorded = (variables(dashboard, times | {"recorded": use}) for use in ("-", ".*"))
    wrong = []
    for asked in of_panels(dashboard):
        if "$recorded" in asked.query and "offset $__range" not in asked.query:
            at = until - 86400 if "offset -1d" in asked.query else until
            found = [
                [
                    float(series["value"][1])
                    for series in scene.ask("query", query=filled(asked.query, values), time=at)["result"]
                ]
                for values in (raw, recorded)
            ]
            # Rates of five minutes see two or three scrapes here, and guess the rest.
            most = 0.2 if "avg_over_time" in asked.query else STEP / 3600
            alike = len(found[0]) == len(found[1]) or asked.title in COARSER
            if not alike or sum(found[1]) != pytest.approx(sum(found[0]), rel=most, abs=0.05):
                wrong.append(f"{asked.title}: {found} {filled(asked.query, recorded)}")
    assert wrong == []


def test_tables_of_recorded_hours_have_the_leading_keys(scene: Scene, dashboards: dict[str, Json]) -> None:
    """And requests without a key; raw series have every key."""
    dashboard, until = dashboards["gateway-errors"], scene.begin + 25 * 3600
    [query] = [asked.query for asked in of_panels(dashboard) if asked.title == "By key" and "name" in asked.query]

    def keys(recorded: str, leading: str) -> set[str]:
        values = variables(dashboard, {"recorded": recorded, "leading_keys": leading})
        found = scene.ask("query", query=filled(query, values), time=until)["result"]
        return {series["metric"].get("key", "") for series in found}

    every = keys("-", "nobody")
    one, other = sorted(every - {""})[:2]
    assert len(every) > 3
    assert keys(".*", f"({one}|{other})") == {one, other} | every & {""}


def test_nothing_has_changed_on_the_first_day(scene: Scene, dashboards: dict[str, Json]) -> None:
    """Or every key and method would be listed, with all of its use as the difference."""
    dashboard = dashboards["gateway-overview"]
    queries = [asked.query for asked in of_panels(dashboard) if "changed most" in asked.title]
    first, second = (scene.recorded_since + hours * 3600 for hours in (24, 49))
    assert len(queries) == 8
    assert scene.value("sum(key:gateway_requests:increase1h)", first) > 0
    for query in queries:
        asked = filled(query, variables(dashboard))
        assert scene.ask("query", query=asked, time=first)["result"] == []
    assert scene.ask("query", query=filled(queries[0], variables(dashboard)), time=second)["result"] != []


def test_recorded_hours_answer_where_they_can(scene: Scene, dashboards: dict[str, Json]) -> None:
    """Not for a small gateway, nor where rules missed hours, where something is chosen, or the range is short."""
    dashboard, at = dashboards["gateway-overview"], scene.begin + 25 * 3600
    (asked,) = (variable for variable in of_variables(dashboard) if variable.title == "recorded")
    large = asked.query.replace("> 100000000", "> 1")

    def used(query: str, **chosen: str) -> str:
        (series,) = scene.ask("query", query=filled(query, variables(dashboard, chosen)), time=at)["result"]
        return str(series["metric"]["use"])

    assert used(asked.query) == "-"
    assert used(large) == ".*"
    assert used(large, instance="other") == "-"
    assert used(large, **{"__range_s": "3600", "__range": "1h"}) == "-"
    assert used(large.replace("key:gateway_requests:increase1h", "key:gateway_unknown:increase1h")) == "-"


def test_the_success_rate_is_what_stands_in_the_log(scene: Scene, dashboards: dict[str, Json]) -> None:
    """One minus failures of any type over requests."""
    until = scene.last_step
    asked = next(panel for panel in of_panels(dashboards["gateway-overview"]) if panel.title == "Success rate")
    counts = count.requests(scene.written, until - 86400, until)
    shown_ = scene.value(filled(asked.query, variables(dashboards["gateway-overview"])), until)
    assert shown_ == pytest.approx(1 - counts["failed"] / counts["requests"], abs=0.002)


def test_one_key_s_headlines_are_what_stands_in_the_log(scene: Scene, dashboards: dict[str, Json]) -> None:
    """The page of a key, as an alert opens it: its own requests and no others."""
    until = scene.last_step
    swap = next(client for client in CLIENTS if client.name == "Swap front end").key
    of_key = {log: [line for line in lines if swap in line] for log, lines in scene.written.items()}
    counts = count.requests(of_key, until - 86400, until)
    values = variables(dashboards["gateway-key"], {"key": "swap-front-end"})
    for title, counted in (("Requests", "requests"), ("Failed requests", "failed")):
        asked = next(panel for panel in of_panels(dashboards["gateway-key"]) if panel.title == title)
        assert scene.value(filled(asked.query, values), until) == pytest.approx(counts[counted], rel=0.02)


def test_a_day_of_recorded_hours_is_what_stands_in_the_log(scene: Scene, dashboards: dict[str, Json]) -> None:
    """`Requests a day`: the last 24 whole hours."""
    until = scene.begin + 25 * 3600
    asked = next(panel for panel in of_panels(dashboards["gateway-overview"]) if panel.title == "Requests a day")
    counts = count.requests(scene.written, until - 86400, until)
    shown_ = scene.value(filled(asked.query, variables(dashboards["gateway-overview"])), until + 60)
    assert shown_ == pytest.approx(counts["requests"], rel=0.02)


def test_the_load_of_a_week_is_what_stands_in_the_log(scene: Scene, dashboards: dict[str, Json]) -> None:
    """Of all of each hour: rates of five minutes at full hours are those of what clients do each hour."""
    until = scene.begin + 25 * 3600
    asked = next(panel for panel in of_panels(dashboards["gateway-costs"]) if panel.title.startswith("Requests: now"))
    counts = count.requests(scene.written, until - 86400, until)  # a day that the scene repeats
    query = filled(asked.query, variables(dashboards["gateway-costs"]))
    assert scene.value(query, until) == pytest.approx(counts["requests"] / 24, rel=0.03)


def test_a_day_has_24_hours(scene: Scene) -> None:
    """At a full hour too, where Prometheus 2 counts both ends of `[1d:1h]`: hence a minute less."""
    hour = scene.begin + 25 * 3600
    hours = "count_over_time(sum(key:gateway_requests:increase1h)[{}])"
    assert scene.value(hours.format("1439m:1h"), hour) == 24
    assert scene.value(hours.format("1439m:1h"), hour + 1800) == 24


def test_the_largest_and_the_others_are_the_whole(scene: Scene, dashboards: dict[str, Json]) -> None:
    """Stacked bars and donuts: five methods and `others` add up to all calls."""
    dashboard, at = dashboards["gateway-key"], scene.last_step - 3600
    for title in ("Share of methods", "Calls of the five top methods, and others"):
        parts = [filled(panel.query, variables(dashboard)) for panel in of_panels(dashboard) if panel.title == title]
        found = [
            [float(series["value"][1]) for series in scene.ask("query", query=query, time=at)["result"]]
            for query in parts
        ]
        assert [len(values) for values in found] == [4, 1, 1]
        whole = scene.value("sum(increase(gateway_calls_total[10m] offset -10m))", at)
        assert sum(sum(values) for values in found) == pytest.approx(whole)


@pytest.mark.parametrize("uid", UIDS)
def test_what_is_minutes_old_is_called_by_its_name(scene: Scene, dashboards: dict[str, Json], uid: str) -> None:
    """Bars of the largest and of others, of which the first has just begun: Grafana asks at its beginning."""
    values = variables(dashboards[uid], {"__interval": "20m", "key": ".+"})
    wrong = []
    for panel in panels(dashboards[uid]):
        targets = {target["legendFormat"]: filled(target["expr"], values) for target in panel.get("targets", [])}
        if panel["type"] == "timeseries" and "$__interval" in str(panel["targets"]) and "others" in targets:
            called = next(query for legend, query in targets.items() if legend != "others")
            rest = scene.ask("query", query=targets["others"], time=scene.begin - 600)["result"]
            if rest and not scene.ask("query", query=called, time=scene.begin - 600)["result"]:
                wrong.append(f"{panel['title']}: {rest}")
    assert wrong == []


@pytest.mark.parametrize("uid", UIDS)
def test_lists_begin_with_the_largest(scene: Scene, dashboards: dict[str, Json], uid: str) -> None:
    """Whether it has a name or not; others come last."""
    scene.goes_on()
    values = variables(dashboards[uid])
    for panel in panels(dashboards[uid]):
        if panel["type"] == "bargauge":
            found = scene.ask("query", query=filled(panel["targets"][0]["expr"], values))["result"]
            sizes = [float(series["value"][1]) for series in found if "others" not in series["metric"].values()]
            assert sizes == sorted(sizes, reverse=True), panel["title"]


def test_a_day_of_every_kind_feeds_every_family(scene: Scene) -> None:
    """What is on a dashboard is something that the exporter serves."""
    scene.goes_on()
    names = {re.match(r"\w*", line)[0] for line in scene.exporter.get().text.splitlines()}  # type: ignore[index]
    fed = names | {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    assert set(CATALOG) - fed == set()
