"""An upgrade from the first release: its config is read, its counters go on, and links to its dashboards stay valid.

`tests/first_release` was written by the exporter of commit b0f4065: its config, with names that have changed since, a
log, the state that it kept of that log, the counters that it served, and the ids of the panels of its dashboards.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import run
from tests.exporter import Exporter, samples

FIRST = Path(__file__).parent / "first_release"
GENERATED = Path(__file__).parents[1] / "dashboards" / "generated"
# They moved to the dashboard `gateway-keys`, which compares keys; the last year's latency is in a table by month.
MOVED = {("gateway-key", id_) for id_ in (32, 33, 34, 35, 36, 38, 39, 40)} | {("gateway-overview", 41)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(FIRST, tmp_path / "gateway")


def test_the_old_config_is_read_and_old_names_are_said(folder: Path) -> None:
    """`check` passes, with a line for each name that has changed."""
    done = run("check", str(folder / "config.yaml"))
    assert done.code == 0, done.stderr
    assert "own_families is called custom_families now; the old name is still read" in done.stderr
    assert "changes is called overrides now; the old name is still read" in done.stderr


def test_counters_go_on(folder: Path) -> None:
    """Each with its labels and its value; a line that follows counts once."""
    before = samples((folder / "metrics.prom").read_text(encoding="utf-8"))
    requests = (
        'gateway_requests_total{class="business",gateway="eu-1",key="acme-prod",method="GET /v1/scores/:identity"'
    )
    first = f'{requests},status="200"}}'
    assert before[first] == 12
    with Exporter("run", "--config.file", str(folder / "config.yaml")) as exporter:
        exporter.eventually(first, 12)
        now = exporter.scrape()
        assert {name: now.get(name) for name in before} == before
        line = (folder / "access.json").read_text(encoding="utf-8").splitlines(True)[0]
        with (folder / "access.json").open("a", encoding="utf-8") as log:
            log.write(line)
        exporter.eventually(first, 13)


def panels(found: list[dict[str, Any]]) -> Iterator[int]:
    for panel in found:
        yield panel["id"]
        yield from panels(panel.get("panels", []))


def test_links_to_dashboards_and_panels_stay_valid() -> None:
    """Each `uid` is there, and each panel's id in it, but for those that moved to a dashboard of their own."""
    old = json.loads((FIRST / "panels.json").read_text(encoding="utf-8"))
    read = [json.loads(path.read_text(encoding="utf-8")) for path in GENERATED.glob("*.json")]
    now = {(board["uid"], id_) for board in read for id_ in panels(board["panels"])}
    assert {(uid, id_) for uid, ids in old.items() for id_ in ids} - now == MOVED
