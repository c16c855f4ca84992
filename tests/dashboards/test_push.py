"""`dashboards --push`: into a Grafana, over its HTTP API."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.build import documents
from exporter.config.served import Served
from tests.command import run
from tests.dashboards.grafana import TOKEN, Grafana


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    running = Grafana()
    yield running
    running.stop()


@pytest.fixture
def token(tmp_path: Path) -> str:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n", encoding="utf-8")
    return str(path)


def test_all_dashboards_arrive_in_a_folder_and_each_result_is_told(grafana: Grafana, token: str) -> None:
    """The folder is made; a line for each dashboard, with its version and address."""
    done = run("dashboards", "--push", grafana.url, "--token.file", token)
    assert (done.code, done.stderr) == (0, "")
    made = documents(Served())
    assert done.stdout.splitlines() == [
        f"{dashboard['title']}: version 1, {grafana.url}/d/{dashboard['uid']}/{dashboard['uid']}" for dashboard in made
    ]
    assert grafana.folders == {"gateway-exporter": "Gateway"}
    assert [dashboard["panels"] for dashboard in grafana.dashboards.values()] == [
        dashboard["panels"] for dashboard in made
    ]


def test_pushed_again_they_are_replaced(grafana: Grafana, token: str) -> None:
    """By uid: no second copies, the folder that is there is used."""
    for version in (1, 2):
        done = run("dashboards", "--push", grafana.url + "/", "--token.file", token)
        assert done.code == 0
        assert f"Gateway / Overview: version {version}, " in done.stdout
    assert len(grafana.dashboards) == len(documents(Served()))


def test_the_token_may_stand_in_the_environment(grafana: Grafana, monkeypatch: pytest.MonkeyPatch) -> None:
    """GRAFANA_TOKEN, where no file is named."""
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    assert run("dashboards", "--push", grafana.url).code == 0


def test_what_grafana_refuses_is_told_in_its_words(grafana: Grafana, token: str) -> None:
    """Those before it stay; exit code 1."""
    grafana.provisioned = {"gateway-llm"}
    done = run("dashboards", "--push", grafana.url, "--token.file", token)
    assert done.code == 1
    assert done.stderr == (
        f"gateway-exporter: {grafana.url}/api/dashboards/db: 400 Bad Request: Cannot save provisioned dashboard\n"
    )
    assert set(grafana.dashboards) == {"gateway-overview", "gateway-key", "gateway-keys"}


def test_a_wrong_token_is_told_and_never_shown(grafana: Grafana, tmp_path: Path) -> None:
    """Exit code 1, one line, without the token."""
    wrong = tmp_path / "wrong"
    wrong.write_text("glsa_wrong", encoding="utf-8")
    done = run("dashboards", "--push", grafana.url, "--token.file", str(wrong))
    assert done.code == 1
    assert done.stderr == f"gateway-exporter: {grafana.url}/api/folders: 401 Unauthorized: Invalid API key\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["--push", "http://127.0.0.1:9", "--token.file", "TOKEN"],
            1,
            "http://127.0.0.1:9: does not answer (Connect",
        ),
        (["--push", "grafana", "--token.file", "TOKEN"], 2, "--push: 'grafana' is not the address of a Grafana; use "),
        (["--push", "http://127.0.0.1:9"], 2, "--push needs a token of a Grafana service account: "),
        (["--push", "http://127.0.0.1:9", "--token.file", "none"], 2, "--token.file: none can't be read: No such file"),
        (["--push", "http://127.0.0.1:9", "--check"], 2, "not allowed with argument"),
        (["--check"], 2, "dashboards needs either --out DIR or --push URL"),
    ],
)
def test_mistakes_are_one_clear_line(token: str, arguments: list[str], code: int, said: str) -> None:
    """1: Grafana is not there. 2: the command line is wrong. No traceback."""
    assert "GRAFANA_TOKEN" not in os.environ
    done = run("dashboards", *(token if argument == "TOKEN" else argument for argument in arguments))
    assert done.code == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("written", ["", "two words", "two\nlines", "grüße"])
def test_what_can_be_no_token_is_neither_sent_nor_shown(grafana: Grafana, tmp_path: Path, written: str) -> None:
    """A file with something else in it, by mistake perhaps a secret."""
    path = tmp_path / "token"
    path.write_text(written, encoding="utf-8")
    done = run("dashboards", "--push", grafana.url, "--token.file", str(path))
    assert done.code == 2
    assert done.stderr == (
        f"gateway-exporter: --token.file: {path} holds no token: one is a single word of letters, digits and signs\n"
    )


def test_an_answer_that_is_not_grafana_s_is_told(token: str, grafana: Grafana) -> None:
    """A proxy's page, a wrong path."""
    done = run("dashboards", "--push", grafana.url + "/grafana", "--token.file", token)
    assert done.code == 1
    assert f"{grafana.url}/grafana/api/folders: 404 Not Found: Not found" in done.stderr
