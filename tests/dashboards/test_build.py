"""`gateway-exporter dashboards`: what is committed is what is made; a config takes and changes panels."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from dashboards import usage
from dashboards.board import Board, Row, document
from dashboards.build import boards, documents, files
from dashboards.pages import PAGES
from dashboards.panels import stat
from dashboards.questions import Question
from exporter.config.load import load
from exporter.config.served import ABSENT, Served, served
from exporter.model.catalog import CATALOG
from exporter.model.recorded import RECORDED, recorded_of
from tests.command import run
from tests.dashboards.asked import Json, of_panels, panels

ROOT = Path(__file__).parents[2]


def without(*families: str, drop: str = "") -> Served:
    """What is served without some families, and with a label dropped from all."""
    left = {
        name: structs.replace(family, labels=tuple(label for label in family.labels if label != drop))
        for name, family in CATALOG.items()
        if name not in families
    }
    return Served(families=left, recorded=recorded_of(left))


def titles(show: Served) -> set[str]:
    return {panel["title"] for dashboard in documents(show) for panel in panels(dashboard) if "title" in panel}


def test_what_is_committed_is_what_the_builders_make() -> None:
    """Twice the same bytes, and those that are in the repository, by the command itself."""
    assert files(Served()) == files(Served())
    done = run("dashboards", "--out", "dashboards/generated", "--check", cwd=ROOT)
    assert (done.code, done.stdout, done.stderr) == (0, "", "")


def test_the_example_config_makes_the_same_but_for_what_it_says() -> None:
    """It shows the defaults, so its dashboards are those that are committed."""
    assert files(served(load(ROOT / "config.example.yaml").config)) == files(Served())


def test_the_document_is_what_the_builders_say() -> None:
    """docs/dashboards.md, made again."""
    assert (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8") == usage.page(Served())


def test_every_question_has_a_panel_and_no_panel_a_question_that_is_not_there() -> None:
    """But for those that variables answer."""
    answered = {
        row for board in boards(Served()) for line in board.kept() for panel in line.panels for row in panel.answers
    }
    assert answered == set(Question) - set(usage.BY_VARIABLES)


def ids(board: Board) -> dict[str, int]:
    dashboard = document(board, Served())
    headings = {row["title"]: row["id"] for row in dashboard["panels"] if row["type"] == "row"}
    return headings | {panel.get("title", ""): panel["id"] for panel in panels(dashboard)}


@pytest.mark.parametrize("page", PAGES)
def test_a_new_panel_renumbers_none(page: Callable[[Served], Board]) -> None:
    """So people's links to panels last: also where it stands before all others, or others go with their family."""
    board = page(Served())
    before = ids(board)
    assert len(set(before.values())) == len(before)
    board.rows[1].panels.insert(0, stat("New", "", {"": "vector(1)"}, "short", id=1000))
    board.rows.insert(1, Row("Newer", [stat("Newest", "", {"": "vector(1)"}, "short", id=1001)], id=1002))
    assert ids(board) == before | {"New": 1000, "Newest": 1001, "Newer": 1002}
    fewer = ids(page(without("gateway_errors_total", "gateway_model_info")))
    assert fewer.items() <= before.items()


def test_an_id_is_given_and_given_once() -> None:
    """Whoever adds a panel hears of it at once."""
    board = PAGES[0](Served())
    board.rows[1].panels.append(stat("New", "", {"": "vector(1)"}, "short"))
    with pytest.raises(ValueError, match="gateway-overview: 'New' has no id"):
        document(board, Served())
    board.rows[1].panels[-1] = stat("New", "", {"": "vector(1)"}, "short", id=2)
    with pytest.raises(ValueError, match="gateway-overview: 'New' has the id 2, which is that of 'Now'"):
        document(board, Served())


def test_out_of_date_folders_are_told(tmp_path: Path) -> None:
    """Exit code 1 and the names: changed, missing, and no longer made."""
    assert run("dashboards", "--out", str(tmp_path)).code == 0
    assert run("dashboards", "--out", str(tmp_path), "--check").code == 0
    (tmp_path / "gateway-key.json").write_text("{}", encoding="utf-8")
    (tmp_path / "gateway-llm.json").unlink()
    (tmp_path / "gateway-old.json").write_text("{}", encoding="utf-8")
    done = run("dashboards", "--out", str(tmp_path), "--check")
    assert done.code == 1
    assert done.stderr.splitlines() == [
        f"{tmp_path / name}: not up to date" for name in ("gateway-key.json", "gateway-llm.json", "gateway-old.json")
    ]
    assert run("dashboards", "--out", str(tmp_path)).code == 0
    assert not (tmp_path / "gateway-old.json").exists()


def test_a_folder_that_can_t_be_written_is_one_clear_line(tmp_path: Path) -> None:
    """Exit code 1, no traceback."""
    (tmp_path / "file").touch()
    done = run("dashboards", "--out", str(tmp_path / "file" / "below"))
    assert done.code == 1
    assert done.stderr.startswith(f"gateway-exporter: {tmp_path / 'file' / 'below'}")
    assert done.stderr.count("\n") == 1


def test_a_family_that_is_off_takes_its_panels_along() -> None:
    """Without credits there is no panel of credits, and the others stay."""
    left = titles(without("gateway_credits_total"))
    assert titles(Served()) - left == {"Credits by the hour", "Credits by day"}


def test_a_dashboard_without_panels_is_not_made() -> None:
    """A gateway of no language models has no page for them."""
    off = [name for name in CATALOG if not name.startswith(("gateway_exporter_", "gateway_request"))]
    assert {board.uid for board in boards(Served(families=without(*off).families, recorded={}))} == {
        "gateway-overview",
        "gateway-key",
        "gateway-keys",
        "gateway-errors",
        "gateway-exporter",
    }


def test_a_label_that_is_dropped_takes_what_is_by_it_and_no_more() -> None:
    """Without `method`, what narrows by it goes on, and what is by method goes."""
    show = without(drop="method")
    gone = titles(Served()) - titles(show)
    assert {"Share of methods", "By method", "Methods that are slow or failing"} <= gone
    assert "Requests by status" not in gone
    for dashboard in documents(show):
        assert "method" not in {variable["name"] for variable in dashboard["templating"]["list"]}
        assert not [query for query in of_panels(dashboard) if "method" in query.query.replace("method:", "")]


@pytest.mark.parametrize("drop", sorted({label for family in CATALOG.values() for label in family.labels}))
def test_nothing_that_is_not_there_is_ever_asked(drop: str) -> None:
    """Whatever label is dropped, no query is left half."""
    for dashboard in documents(without(drop=drop)):
        assert ABSENT not in json.dumps(dashboard, ensure_ascii=False)


def config(folder: Path, more: str) -> Served:
    path = folder / "config.yaml"
    path.write_text("inputs: [{path: a.log, format: caddy, labels: {gateway: eu}}]\n" + more, encoding="utf-8")
    return served(load(path).config)


def test_the_config_s_families_decide_what_is_shown(tmp_path: Path) -> None:
    """What is off, or lacks a label, takes its panels along, and what is recorded of it; so the command writes it."""
    families = "gateway_credits_total: off, gateway_calls_total: {drop: [method]}, gateway_key_enabled: off"
    show = config(tmp_path, f"metrics: {{families: {{{families}}}}}\n")
    assert "gateway_credits_total" not in show.families
    assert show.families["gateway_calls_total"].labels == ("key", "chain", "protocol", "result")
    assert {name for name in RECORDED if name not in show.recorded} == {
        "key_method:gateway_calls:increase1h",
        "key:gateway_credits:increase1h",
        "fleet:gateway_credits:increase1h",
        "method:gateway_calls:increase1h",
        "key:gateway_key_enabled:max",
    }
    gone = titles(Served()) - titles(show)
    assert {"Credits by the hour", "Credits by day"} <= gone
    asked = [query.query for dashboard in documents(show) for query in of_panels(dashboard)]
    assert not [query for query in asked if "gateway_credits" in query or "gateway_key_enabled" in query]
    assert [query for query in asked if "gateway_calls_total" in query]
    assert not [query for query in asked if "method" in query and "gateway_calls_total" in query]
    out = tmp_path / "out"
    assert run("dashboards", "--config.file", str(tmp_path / "config.yaml"), "--out", str(out)).code == 0
    assert {path.name: path.read_text("utf-8") for path in out.glob("*.json")} == {
        name: text for name, text in files(show).items() if name.endswith(".json")
    }


def panel(show: Served, uid: str, title: str) -> Json:
    dashboard = next(document for document in documents(show) if document["uid"] == uid)
    return next(panel for panel in panels(dashboard) if panel.get("title") == title)


def test_thresholds_are_those_of_the_alerts(tmp_path: Path) -> None:
    """Colours and dashed lines; an alert that is off has no line."""
    levels = "latency: {warning: 0.2, critical: 3}, limits: {warning: 0.6, critical: 0.7}"
    show = config(tmp_path, f"alerts: {{{levels}, success_rate: {{warning: null}}}}\n")
    latency = panel(show, "gateway-overview", "p95 latency")["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["value"] for step in latency] == [None, 0.2, 3]
    assert panel(show, "gateway-overview", "Latency")["targets"][2]["expr"] == "vector(0.2)"
    assert panel(show, "gateway-limits", "Limits over 70%")
    show = config(tmp_path, "alerts: {objectives: {availability: null}}\n")
    lines = panel(show, "gateway-overview", "Success rate over time")["targets"]
    assert [line["legendFormat"] for line in lines] == ["availability", "success rate"]


def test_the_currency_is_the_config_s(tmp_path: Path) -> None:
    """Before the number where it has a sign, else after it; never as $1.23K."""
    for currency, unit in (("EUR", "prefix:€"), ("XAU", "suffix: XAU")):
        show = config(tmp_path, f"pricing: {{currency: {currency}}}\n")
        assert panel(show, "gateway-llm", "Cost")["fieldConfig"]["defaults"]["unit"] == unit


def test_scope_labels_are_variables_of_every_page(tmp_path: Path) -> None:
    """One that inputs add narrows what is counted; one of Prometheus' targets narrows keys and limits too."""
    show = config(tmp_path, "alerts: {scope_labels: [env, gateway]}\n")
    for dashboard in documents(show):
        names = [variable["name"] for variable in dashboard["templating"]["list"]]
        assert names[:3] == ["datasource", "env", "gateway"]
        # Narrowed by itself, it would forget all others as soon as one is chosen.
        queries = {variable["name"]: variable["query"]["query"] for variable in dashboard["templating"]["list"][1:3]}
        assert queries == {name: f"label_values(gateway_requests_total, {name})" for name in ("env", "gateway")}
    requests = panel(show, "gateway-key", "Requests")["targets"][0]["expr"]
    narrowed = 'key=~"$key",chain=~"$chain",method=~"$method",env=~"$env",gateway=~"$gateway",job!~"$recorded"'
    recorded = 'key=~"$key",env=~"$env",gateway=~"$gateway",job=~"$recorded"'
    assert f"sum(increase(gateway_requests_total{{{narrowed}}}[$__range]))" in requests
    assert f"sum(sum_over_time(key:gateway_requests:increase1h{{{recorded}}}[$__range:1h]" in requests
    enabled = panel(show, "gateway-key", "Key")["targets"][0]["expr"]
    assert enabled == 'max(gateway_key_enabled{key=~"$key",env=~"$env"})'


def test_run_loads_no_dashboards() -> None:
    """Grafana's parts are loaded by the command that needs them only."""
    late = ("grafanalib", "dashboards", "requests")
    code = f"import exporter.cli, sys; print([name for name in sys.modules if name.startswith({late})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


def test_the_exporter_knows_nothing_of_dashboards() -> None:
    """Imports run one way: of the exporter, only the command line calls them."""
    importing = [
        path.name for path in (ROOT / "exporter").rglob("*.py") if "from dashboards" in path.read_text("utf-8")
    ]
    assert importing == ["generate.py"]


def test_bars_are_as_long_as_four_scrapes() -> None:
    """With one scrape in a bar there is no increase: over an hour, each would be empty. Days stay days."""

    def intervals(every: float) -> set[str]:
        made = documents(Served(scrape_interval=every))
        return {panel["interval"] for dashboard in made for panel in panels(dashboard) if "interval" in panel}

    assert intervals(1) == intervals(15) == {"1m", "1h", "1d", "7d"}
    assert intervals(60) == {"240s", "1h", "1d", "7d"}
    assert "timeInterval: 60s" in files(Served(scrape_interval=60))["provisioning/datasources/gateway-exporter.yaml"]


def test_provisioning_names_what_is_there() -> None:
    """The provider's folder and the data source are plain YAML beside the dashboards."""
    made = files(Served())
    assert "type: prometheus" in made["provisioning/datasources/gateway-exporter.yaml"]
    assert "folder: Gateway" in made["provisioning/dashboards/gateway-exporter.yaml"]
