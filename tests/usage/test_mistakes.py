"""What a user sees who asks with wrong credentials, of a wrong server, or without rules: one line with what to do."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import bcrypt
import pytest
import requests
import yaml

from exporter.demo.cast import CLIENTS
from tests.admin_api import Gateway, admin_api
from tests.certificates import Authority
from tests.command import Done, call
from tests.exporter import Exporter
from tests.process import free_port
from tests.usage.history import Exporter as History
from tests.usage.live import Live
from tests.usage.server import Server, blocks

INDEXER = next(client.key for client in CLIENTS if client.name == "Indexer")


def usage(folder: Path, url: str, *arguments: str, **prometheus: str) -> Done:
    (folder / "a.log").touch()
    config = {"inputs": [{"path": "a.log", "format": "nginx-json"}], "usage": {"prometheus": {"url": url} | prometheus}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return call("usage", "--config.file", str(folder / "config.yaml"), *arguments)


@pytest.fixture
def prometheus() -> Iterator[Gateway]:
    """A server in the place of Prometheus."""
    with admin_api() as made:
        yield made


@pytest.mark.parametrize(
    ("status", "answer", "with_token", "problem"),
    [
        (401, b"", False, "credentials are needed (401); set username and password_file, or token_file, in usage."),
        (401, b"Unauthorized", True, "the credentials are refused (401); set username and password_file, or token_fi"),
        (403, b"{}", True, "the credentials are refused (403); set username and password_file, or token_file, in usa"),
        (302, b"", True, "it redirects to another address (302); name that one"),
        (404, b"<html>", True, "there is no Prometheus API at /api/v1/query (404); is the path right?"),
        (200, b"<html>", True, "there is no Prometheus API at /api/v1/query (200); is the path right?"),
        (200, b'{"status": "success", "data": 7}', True, "the answer is not Prometheus': is the path right?"),
        (422, b'{"status": "error", "errorType": "execution", "error": "query processing would load too many samples"}',
         True, "the range is too long for its --query.max-samples; ask for a shorter one"),
        (503, b'{"status": "error", "errorType": "timeout", "error": "query timed out"}',
         True, "gave up (query timed out); ask for a shorter range"),
    ],
)  # fmt: skip
def test_a_server_that_refuses(
    prometheus: Gateway, tmp_path: Path, status: int, answer: bytes, with_token: bool, problem: str
) -> None:
    """Or is another one. The token is in no message."""
    (tmp_path / "token").write_text("swordfish", encoding="utf-8")
    prometheus.status, prometheus.pages = status, [answer]
    done = usage(tmp_path, prometheus.url, "--since", "1h", **({"token_file": "token"} if with_token else {}))
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"gateway-exporter: {prometheus.url}: {problem}")
    assert len(done.stderr.splitlines()) == 1
    assert "swordfish" not in done.stderr


def test_another_authority(tmp_path: Path, authority: Authority) -> None:
    """The field that names the right one is said; nothing was sent."""
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "other").path
    with admin_api(authority.sign("prometheus")) as prometheus:
        for ca_file in ({}, {"ca_file": str(other)}):
            done = usage(tmp_path, prometheus.url, "--since", "1h", **ca_file)
            problem = "its certificate can't be verified; set ca_file to its CA"
            assert (done.code, done.stderr) == (1, f"gateway-exporter: {prometheus.url}: {problem}\n")
        assert prometheus.asked == []


def test_rules_that_are_not_loaded(tmp_path: Path) -> None:
    """More than a day can't be asked for; a day can, as raw series answer it."""
    now = time.time()
    history = History(Random(3), "one", now - 30 * 3600, now, keys="ab", scrape=60)
    blocks(tmp_path, [*(line for _, line in sorted(history.lines)), "# EOF\n"])
    server = Server(tmp_path)
    try:
        done = usage(tmp_path, server.url, "--since", "29h")
        assert (done.code, done.stderr) == (
            1,
            f"gateway-exporter: {server.url}: the recording rules of usage are not loaded (or not for an hour yet); "
            "`gateway-exporter alerts` writes usage.rules.yml. Without them at most 1d can be asked for\n",
        )
        end = now - 60
        done = usage(tmp_path, server.url, "--from", f"{end - 20 * 3600:.3f}", "--to", f"{end:.3f}", "--format", "json")
        assert done.code == 0, done.stderr
        found = {row["key"]: row["requests"] for row in json.loads(done.stdout)["breakdown"]["byKey"]}
        assert found == {key: history.grown(key, end - 20 * 3600, end) for key in "ab"}
    finally:
        server.close()


def test_the_listener_has_the_web_configs_tls(live: Live, tmp_path: Path, authority: Authority) -> None:
    """Customers and operators ask over TLS: plain HTTP gets no answer, and operators need their password."""
    config = yaml.safe_load((live.folder / "a" / "config.yaml").read_text(encoding="utf-8"))
    for section, name in (("identity", "secret_file"), ("pricing", "models")):
        config[section][name] = str(live.folder / "a" / config[section][name])
    config |= {"keys": str(live.folder / "a" / "keys.yaml"), "inputs": [{"path": "none.log", "format": "nginx-json"}]}
    address = f"127.0.0.1:{free_port()}"
    config["usage"] = {"prometheus": {"url": live.url}, "listen": address}
    config["web"] = {"config": "web.yml"}
    certificate, key = authority.sign("usage")
    hashed = bcrypt.hashpw(b"swordfish", bcrypt.gensalt(4)).decode()
    web = {
        "tls_server_config": {"cert_file": str(certificate), "key_file": str(key)},
        "basic_auth_users": {"ops": hashed},
    }
    (tmp_path / "web.yml").write_text(yaml.safe_dump(web), encoding="utf-8")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    times = {"from": f"{live.begin:.3f}", "to": f"{live.end:.3f}"}
    with Exporter("run", "--config.file", str(tmp_path / "config.yaml")):

        def ask(scheme: str = "https", **more: object) -> requests.Response:
            asked = {"params": times, "verify": str(authority.path), "timeout": 60} | more
            return requests.get(f"{scheme}://{address}/api/v1/usage", **asked)  # type: ignore[arg-type]

        assert ask(headers={"X-Api-Key": INDEXER}).json()["keys"] == ["indexer"]
        assert ask(auth=("ops", "swordfish")).json()["keys"] is None
        assert (ask().status_code, ask(auth=("ops", "sardine")).status_code) == (401, 401)
        with pytest.raises(requests.exceptions.SSLError):
            ask(verify=True)
        with pytest.raises(requests.ConnectionError):
            ask("http")
