"""Single requests of a running exporter: on the command line, over HTTP, and across `kill -9`."""

import csv
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.beside import KEY, PARSED, PUBLIC, Beside, line
from tests.command import COMMAND, call
from tests.exporter import Exporter
from tests.process import Process
from tests.waiting import eventually

NOW = int(time.time()) - 60


@pytest.fixture
def kept(tmp_path: Path) -> Beside:
    beside = Beside(tmp_path)
    beside.configure(requests={}, start_at="beginning")
    beside.log.touch()
    return beside


def written(beside: Beside, *statuses: int, first: int = 0) -> None:
    """Write a request of each status, a second apart, whose ids are r0, r1 …"""
    beside.write("".join(line(status, msec=NOW + n, request_id=f"r{n}") for n, status in enumerate(statuses, first)))


def found(beside: Beside, *arguments: str) -> list[dict[str, Any]]:
    """What the command finds."""
    said = call("requests", "--config.file", str(beside.config), "--format", "json", *arguments)
    assert not said.code, said.stderr
    return [json.loads(line) for line in said.stdout.splitlines()]


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["request_id"] for row in rows]


def test_the_command_finds_requests_while_the_exporter_runs_and_afterwards(kept: Beside) -> None:
    written(kept, 200, 502, 404)
    with Exporter("run", "--config.file", "config.yaml", cwd=kept.folder):
        eventually(lambda: len(found(kept)) == 3)
        assert ids(found(kept, "--status", "4xx,502")) == ["r2", "r1"]
        written(kept, 503, first=3)
        eventually(lambda: ids(found(kept, "--status", "5xx")) == ["r3", "r1"])
    assert ids(found(kept, "--key", PUBLIC, "--limit", "2")) == ["r3", "r2"]
    sums = call("requests", "--config.file", str(kept.config), "--format", "sums", "--failed", "true").stdout
    assert "requests             3\nfailures             3\n" in sums


@pytest.mark.parametrize("point", ["after-rows", "before-compact", "in-commit", "after-compact"])
def test_each_request_is_kept_once_wherever_it_is_killed(
    kept: Beside, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the rows and the state, too: rows that the state does not know are deleted, as their lines come again."""
    run = ("run", "--config.file", "config.yaml")
    with Exporter(*run, cwd=kept.folder) as exporter:
        written(kept, 200, 200)
        eventually(lambda: len(found(kept)) == 2)
        exporter.stop()
    with monkeypatch.context() as patch:
        patch.setenv("GATEWAY_EXPORTER_FAULT", point)
        written(kept, 500, 502, first=2)
        killed = Process([COMMAND, *run, "--web.listen-address", "127.0.0.1:0"], kept.folder)
        eventually(lambda: not killed.running)
    written(kept, 404, first=4)
    with Exporter(*run, cwd=kept.folder):
        eventually(lambda: "r4" in ids(found(kept)))
    assert ids(found(kept)) == ["r4", "r3", "r2", "r1", "r0"]


def test_the_api_has_pages_exports_sums_and_what_was_added(kept: Beside) -> None:
    written(kept, *[200, 500] * 5)
    with Exporter("run", "--config.file", "config.yaml", cwd=kept.folder) as exporter:
        eventually(lambda: len(found(kept)) == 10)
        pages: list[str] = []
        cursor, last = "", 0
        while cursor is not None:
            page = exporter.get(f"/api/v1/requests?status=500&limit=2&cursor={cursor}").json()
            pages, cursor, last = [*pages, *ids(page["requests"])], page["next"], page["last"]
        assert pages == ["r9", "r7", "r5", "r3", "r1"]
        assert last == 10
        rows = [*csv.DictReader(exporter.get("/api/v1/requests?format=csv&slower_than=0.01").text.splitlines())]
        assert len(rows) == 10
        assert rows[0]["key"] == PUBLIC
        assert rows[0]["time"] == time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(NOW + 9))
        lines = exporter.get("/api/v1/requests?format=jsonl&failed=false&limit=3").text.splitlines()
        assert ids([json.loads(line) for line in lines]) == ["r8", "r6", "r4"]
        sums = exporter.get("/api/v1/requests/sums?text=eth_c").json()
        assert (sums["requests"], sums["failures"], sums["response_bytes"]) == (10, 5, 1000)
        assert sums["average_duration"] == pytest.approx(0.02)
        written(kept, 429, first=10)
        eventually(lambda: ids(exporter.get(f"/api/v1/requests?after={last}").json()["requests"]) == ["r10"])
        assert KEY not in exporter.get("/api/v1/requests").text


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("colour=red", "'colour' is not a filter"),
        ("status=bad", "status: 'bad' is not valid; use 404, 4xx or other"),
        ("since=yesterday", "since: 'yesterday' is not a valid time"),
        ("cursor=1", "cursor: is not one that an earlier answer gave"),
        ("limit=5000", "limit: must be a whole number of at most 1000"),
        ("format=xml", "format: 'xml' is not valid (allowed: json, csv, jsonl)"),
        ("failed=maybe", "failed: 'maybe' is not valid; use true or false"),
        ("slower_than=long", "slower_than: 'long' is not valid; use a number of 0 or more"),
        ("error_type=odd", "error_type: 'odd' is not valid"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_wrong(serving: Exporter, query: str, problem: str) -> None:
    answer = serving.get(f"/api/v1/requests?{query}")
    assert answer.status_code == 400
    assert problem in answer.json()["error"]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Any:
    beside = Beside(tmp_path_factory.mktemp("serving"))
    beside.configure(requests={})
    beside.log.touch()
    with Exporter("run", "--config.file", "config.yaml", cwd=beside.folder) as exporter:
        yield exporter


def test_the_start_says_where_the_page_is(serving: Exporter, tmp_path: Path) -> None:
    """Only where requests are kept."""
    assert f"   requests: {serving.url}/requests\n" in serving.said
    beside = Beside(tmp_path)
    beside.log.touch()
    with Exporter("run", "--config.file", "config.yaml", cwd=beside.folder) as exporter:
        assert "requests" not in exporter.said.partition("metrics: ")[2]


def test_clients_behind_a_proxy_are_no_operators(serving: Exporter) -> None:
    """Nobody has proved who they are."""
    answer = serving.get("/api/v1/requests", **{"X-Forwarded-For": "192.0.2.1"})
    assert answer.status_code == 403


def test_following_prints_requests_as_they_come(kept: Beside) -> None:
    written(kept, 200)
    with Exporter("run", "--config.file", "config.yaml", cwd=kept.folder):
        eventually(lambda: len(found(kept)) == 1)
        command = [COMMAND, "requests", "--config.file", "config.yaml", "--format", "json", "-f"]
        follower = Process(command, kept.folder, stdout="followed")
        try:
            said = kept.folder / "followed"
            eventually(lambda: '"r0"' in said.read_text("utf-8"))
            written(kept, 500, 200, first=1)
            eventually(lambda: '"r2"' in said.read_text("utf-8"))
        finally:
            follower.end(signal.SIGINT)
    assert ids([json.loads(line) for line in said.read_text("utf-8").splitlines()]) == ["r0", "r1", "r2"]


def test_a_reload_switches_it_on_and_off(kept: Beside) -> None:
    """No request is lost to metrics, and none is kept twice."""
    section: dict[str, str] | None
    kept.configure(requests=None)
    written(kept, 200)
    with Exporter("run", "--config.file", "config.yaml", cwd=kept.folder) as exporter:
        assert exporter.get("/api/v1/requests").status_code == 404
        for n, section in ((1, {}), (2, None), (3, {})):
            kept.configure(requests=section)
            assert requests.post(f"{exporter.url}/-/reload", timeout=60).text == "The config was reloaded.\n"
            written(kept, 200, first=n)
            exporter.eventually(PARSED, n + 1)
        eventually(lambda: ids(found(kept)) == ["r3", "r1"])


def test_requests_need_a_state_and_the_section(kept: Beside) -> None:
    kept.configure(state=None)
    assert call("check", str(kept.config)).stderr.endswith(
        "requests: needs state.path: which requests are kept already stands in the state\n"
    )
    kept.configure(state={"path": "state.db"}, requests=None)
    said = call("requests", "--config.file", str(kept.config))
    assert (said.code, said.stderr) == (
        2,
        f"gateway-exporter: {kept.config} has no section `requests`: no single requests are kept\n",
    )


def test_the_requests_of_a_key_can_be_deleted(kept: Beside) -> None:
    written(kept, 200)
    kept.write(line(200, key="sk-live-other-key-000", msec=NOW + 5, request_id="other"))
    with Exporter("run", "--config.file", "config.yaml", cwd=kept.folder):
        eventually(lambda: len(found(kept)) == 2)
        said = call("requests", "--config.file", str(kept.config), "--delete", "--key", PUBLIC)
        assert said.stdout == "1 requests deleted\n"
        assert ids(found(kept)) == ["other"]
    refused = call("requests", "--config.file", str(kept.config), "--delete", "--status", "500")
    assert refused.code == 2
