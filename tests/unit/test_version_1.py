"""A state file of version 1 is read exactly, and counting goes on from it.

`tests/state_of_version_1` was written by the last exporter of that version: three inputs with a rotation, a request
that waits for its second line and a header of CSV; limits, expired series, series held at zero, admitted values.
"""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter.config.load import load
from exporter.counting.admission import Admissions
from exporter.metrics.series import Histogram, Series
from exporter.metrics.store import Store
from exporter.service.assembly import Assembly
from exporter.state.checkpoint import Checkpoint
from exporter.state.database import State

FOLDER = Path(__file__).parents[1] / "state_of_version_1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(FOLDER, tmp_path / "gateway")


def version(folder: Path) -> int:
    with sqlite3.connect(folder / "state.db") as db:
        found: int = db.execute("PRAGMA user_version").fetchone()[0]
        return found


def test_all_of_it_is_read(folder: Path) -> None:
    """Every series, with whether it is held at zero and when it was made; every place, every part. After a commit,
    which makes it a file of this version, again."""
    expected: dict[str, Any] = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    for was in (1, 2):
        store, admissions = Store(hold=True), Admissions()
        assert version(folder) == was
        state = State(folder / "state.db")
        parts: dict[str, Any] = {}
        checkpoint = Checkpoint(state, store, admissions, parts.copy)
        parts |= checkpoint.restore()
        found = {
            name: [
                [
                    [*labels],
                    numbers.tolist() if isinstance(series, Histogram) else series.value,
                    series.released,
                    family.created.get(labels, 0.0),
                ]
                for (labels, numbers), series in zip(family.rows().each(), family.series.values(), strict=True)
            ]
            for name, family in store.families.items()
            if family.family.persisted and family.series and not family.family.resets_on_restart
        }
        assert found == expected["series"]
        assert json.loads(msgspec.json.encode(parts)) == expected["parts"]
        assert sorted(map(list, admissions.places)) == expected["places"]
        assert checkpoint.commit()
        state.close()


def test_counting_goes_on_from_it(folder: Path) -> None:
    """What is logged since is counted once: an unfinished line that is finished, a request whose second line comes,
    a row under a header that was read long ago, in a renamed log too."""
    before: dict[str, Any] = json.loads((folder / "expected.json").read_text(encoding="utf-8"))["series"]

    def append(name: str, text: str) -> None:
        with (folder / name).open("a", encoding="utf-8") as log:
            log.write(text)

    torn = (folder / "edge.json").read_text(encoding="utf-8").splitlines()[0]
    append("edge.json", f"{torn[50:]}\n" + f"{torn}\n" * 4)
    (folder / "hub.csv").rename(folder / "hub.csv.1")
    append("hub.csv.1", "2026-04-07 05:30:09,acme,beta,main,glm-5,claude-x,/v1/messages,200,1,2,0,0,0,3,0.5,9,,s,0\n")
    append("hub.csv", "")
    waiting = (folder / "bifrost.json").read_text(encoding="utf-8").splitlines()[-1]
    second = {"id": "2c", "parent_request_id": "2", "status": "success", "latency": 5.0, "error_details": None}
    append("bifrost.json", json.dumps(json.loads(waiting) | second) + "\n")
    assembly = Assembly(load(folder / "config.yaml"))
    pipeline = assembly.pipeline()
    pipeline.open()
    for feed in pipeline.feeds:
        while feed.count_next_chunk():
            pass
    assert pipeline.commit()
    pipeline.close()

    def counted(name: str, *labels: str) -> float:
        """How much was added since, in series with these labels."""
        now = [
            (values, series.value)
            for values, series in assembly.store.families[name].series.items()
            if isinstance(series, Series)
        ]
        then: list[tuple[list[str], float]] = [(values, -value) for values, value, *_ in before[name]]
        return sum([value for values, value in (*now, *then) if set(labels) <= {*values}])

    assert counted("gateway_requests_total", "acme") == 5
    assert counted("gateway_requests_total", "vk-1") == 1
    assert counted("gateway_requests_total") == 7
    assert counted("gateway_cost_total", "glm-5") == 0.5
    assert counted("gateway_exporter_lines_total", "hub") == 1
    assert not assembly.store.families["gateway_exporter_losses_total"].series
