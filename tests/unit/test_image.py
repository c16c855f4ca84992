"""The image: what it is made of is locked, and its health check sees an exporter behind any web config."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from packaging.requirements import Requirement

from tests.beside import Beside
from tests.certificates import Authority
from tests.process import free_port

ROOT = Path(__file__).parents[2]
HASH = "$2b$04$" + "a" * 22 + "b" * 31
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_lock_file_has_each_package_with_hashes() -> None:
    """All that pyproject.toml asks for, and what builds it, in a version that fits; each with hashes of its files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [Requirement(text) for text in project["project"]["dependencies"] + project["build-system"]["requires"]]
    entries = (ROOT / "requirements.txt").read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    locked = {}
    for entry in entries:
        name, _, rest = entry.partition("==")
        locked[name] = rest.split()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", rest), name
    assert [
        str(requirement) for requirement in asked if locked.get(requirement.name, "") not in requirement.specifier
    ] == []
    assert "--require-hashes" in DOCKERFILE


class Pin:
    """`.ci/pin` in a folder of its own, with a docker that gives an answer, and an uv that writes a lock file."""

    def __init__(self, folder: Path) -> None:
        self.dockerfile = folder / "Dockerfile"
        self._folder = folder
        shutil.copy(ROOT / "Dockerfile", self.dockerfile)
        self.compose = folder / "deploy" / "compose" / "compose.yaml"
        self.compose.parent.mkdir(parents=True)
        shutil.copy(ROOT / "deploy" / "compose" / "compose.yaml", self.compose)

    def __call__(self, answer: str) -> subprocess.CompletedProcess[str]:
        self._program("docker", f'case "$4" in *@* | *" "*) exit 1 ;; esac; echo "{answer}"')
        self._program("uv", "cat > requirements.txt")
        command = [str(ROOT / ".ci" / "pin"), str(self._folder / "uv")]
        path = {"PATH": f"{self._folder}:{os.environ['PATH']}"}
        return subprocess.run(
            command, cwd=self._folder, env=path, capture_output=True, text=True, timeout=60, check=False
        )

    @property
    def image(self) -> str:
        found = re.findall(r"^ARG PYTHON=(.*)$", self.dockerfile.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(found) == 1
        return str(found[0])

    def _program(self, name: str, does: str) -> None:
        (self._folder / name).write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
        (self._folder / name).chmod(0o755)


def test_pin_gives_the_base_the_digest_of_its_tag(tmp_path: Path) -> None:
    """Each time that of now, and nothing else is changed; an answer that is no digest changes nothing."""
    pin = Pin(tmp_path)
    tag = pin.image.partition("@")[0]
    for digit in "12":
        assert pin("sha256:" + digit * 64).returncode == 0
        assert pin.image == f"{tag}@sha256:{digit * 64}"
        images = re.findall(r"^ *image: (\S+:\S+)$", pin.compose.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(images) == 4
        assert all(re.fullmatch(rf"[\w./-]+:[\w.-]+@sha256:{digit}{{64}}", image) for image in images)
    pinned = pin.dockerfile.read_text(encoding="utf-8")
    assert pinned.replace(pin.image, tag) == DOCKERFILE.replace(f"@{DOCKERFILE.partition('@')[2][:71]}", "")
    for answer in ("", "sha256:12", "a b", "sha256:" + "G" * 64):
        failed = pin(answer)
        assert (failed.returncode, pin.dockerfile.read_text(encoding="utf-8")) == (1, pinned)


def check(port: int) -> int:
    """The exit code of the image's health check."""
    command = [sys.executable, str(ROOT / "deploy" / "docker" / "healthcheck.py"), str(port)]
    return subprocess.run(command, timeout=60, check=False).returncode


@pytest.mark.parametrize(
    "web",
    [
        "{}",
        f"basic_auth_users: {{a: '{HASH}'}}",
        "tls_server_config: {cert_file: server.pem, key_file: server.key}",
        f"tls_server_config: {{cert_file: server.pem, key_file: server.key}}\nbasic_auth_users: {{a: '{HASH}'}}",
        "tls_server_config: {cert_file: server.pem, key_file: server.key, client_ca_file: authority.pem, "
        "client_auth_type: RequireAndVerifyClientCert}",
    ],
)
def test_the_health_check_sees_an_exporter_behind_any_web_config(
    tmp_path: Path, authority: Authority, web: str
) -> None:
    """With TLS, passwords and client certificates it is healthy; once it has ended, it is not."""
    for source, name in zip(authority.sign("server"), ("server.pem", "server.key"), strict=True):
        shutil.copy(source, tmp_path / name)
    shutil.copy(authority.path, tmp_path / "authority.pem")
    (tmp_path / "web.yml").write_text(web, encoding="utf-8")
    beside = Beside(tmp_path)
    beside.configure(web={"config": "web.yml"})
    with beside.exporter() as exporter:
        port = int(exporter.url.rpartition(":")[2])
        assert check(port) == 0
    assert check(port) == 1


def test_the_health_check_believes_no_failure(serving: Callable[[int], int]) -> None:
    """An exporter that says 503 is not healthy, nor is a port on which nobody answers."""
    assert (check(serving(200)), check(serving(503)), check(free_port())) == (0, 1, 1)


@pytest.fixture
def serving(request: pytest.FixtureRequest) -> Callable[[int], int]:
    """Starts a server on a port that answers with a status."""

    def start(status: int) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        for end in (thread.join, server.server_close, server.shutdown):
            request.addfinalizer(end)
        return server.server_port

    return start


def test_compose_gives_the_container_nothing_but_its_state() -> None:
    """No capabilities, no new privileges, a root that can't be written to; what is mounted is what the image names."""
    service = yaml.safe_load((ROOT / "deploy" / "docker" / "compose.yaml").read_text(encoding="utf-8"))["services"]
    settings = service["gateway-exporter"]
    assert (settings["read_only"], settings["cap_drop"]) == (True, ["ALL"])
    assert settings["security_opt"] == ["no-new-privileges:true"]
    mounts = {volume.split(":")[1]: volume.split(":")[2:] for volume in settings["volumes"]}
    assert [place for place, options in mounts.items() if options != ["ro"]] == ["/var/lib/gateway-exporter"]
    assert "VOLUME /var/lib/gateway-exporter\n" in DOCKERFILE
    assert '"/etc/gateway-exporter/config.yaml"' in DOCKERFILE
    assert "USER 65532:65532\n" in DOCKERFILE
