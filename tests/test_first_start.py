"""The first start of a service: what `init` writes runs as another user, whose state is not beside its config."""

import errno
import json
import os
import re
from pathlib import Path

import pytest
import requests

from exporter.errors import ExporterError
from exporter.keys.secret import own_secret
from exporter.state.lock import StateLock
from tests.command import COMMAND, run
from tests.process import Process, free_port
from tests.waiting import eventually

LINE = {"time": "2026-01-21T12:53:22Z", "status": 200, "method": "GET", "path": "/v1/x", "duration": 0.012}
NOBODY = 65534


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """`etc`, which only others may write to; `lib`, which is the service's; a log."""
    for name in ("etc", "lib"):
        (tmp_path / name).mkdir()
    (tmp_path / "access.json").write_text(json.dumps(LINE) + "\n", encoding="utf-8")
    return tmp_path


def service(place: Path, *arguments: str) -> Process:
    """`run` with the config in `etc`, as systemd starts it: without a flag but the config's."""
    address = f"127.0.0.1:{free_port()}"
    variables = {"GATEWAY_EXPORTER_WEB_LISTEN_ADDRESS": address, "GATEWAY_EXPORTER_LOG_FORMAT": "json"}
    process = Process([COMMAND, "run", "--config.file", str(place / "etc" / "config.yaml"), *arguments], env=variables)
    process.started(lambda: f"http://{address}/metrics" in process.said, "it says where it serves")
    return process


def test_what_init_writes_keeps_its_state_where_it_is_told(place: Path) -> None:
    """State and secret are in that folder, and nothing is beside the config. Its log is one JSON object a line."""
    made = run("init", "--state.folder", str(place / "lib"), str(place / "access.json"))
    assert made.code == 0, made.stderr
    (place / "etc" / "config.yaml").write_text(made.stdout, encoding="utf-8")
    process = service(place)
    try:
        said = [json.loads(line) for line in process.said.splitlines()]
        url = next(re.search(r"metrics: (\S+)", entry["msg"]) for entry in said if "metrics: " in entry["msg"])
        assert url
        assert {entry["level"] for entry in said} <= {"INFO", "WARNING"}
        eventually(lambda: "gateway_exporter_build_info{" in requests.get(url[1], timeout=60).text)
    finally:
        process.end()
    assert {path.name for path in (place / "lib").iterdir()} >= {"state.db", "key-hash.secret"}
    assert [path.name for path in (place / "etc").iterdir()] == ["config.yaml"]


def test_an_error_is_json_too(place: Path) -> None:
    """What a log collector must see is not the one line that it can't read."""
    config = place / "etc" / "config.yaml"
    config.write_text("inputs: []\n", encoding="utf-8")
    said = json.loads(run("run", "--config.file", str(config), "--log.format", "json").stderr)
    assert (said["level"], said["msg"]) == (
        "ERROR",
        f"gateway-exporter: {config}:1: inputs: is empty: name at least one log",
    )


def test_the_secret_that_root_makes_is_the_service_users(place: Path) -> None:
    """`hash` as root before the first start: the user of the state's folder can read the secret, nobody else."""
    if os.geteuid() == 0:
        os.chown(place / "lib", NOBODY, NOBODY)
    folder = (place / "lib").stat()
    config = place / "etc" / "config.yaml"
    config.write_text(run("init", "--state.folder", str(place / "lib"), str(place / "access.json")).stdout, "utf-8")
    assert run("hash", "--config.file", str(config), stdin="raw\n").code == 0
    secret = (place / "lib" / "key-hash.secret").stat()
    assert (secret.st_uid, secret.st_gid, secret.st_mode & 0o777) == (folder.st_uid, folder.st_gid, 0o600)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_state_that_can_not_be_written_says_where_a_service_keeps_it(
    place: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A config from a home folder, moved to /etc: secret and lock say what to change."""

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    hint = "; state.path must be in a folder that this user can write to; a service's is /var/lib/gateway-exporter"
    for create in (own_secret, StateLock):
        with pytest.raises(ExporterError, match=f"{os.strerror(number)}{hint}$"):
            create(place / "etc" / "state.db")
