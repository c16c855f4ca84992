"""The files of deploy/compose in Debian's nginx, Prometheus and Alertmanager, with other paths and ports only."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.command import COMMAND, run
from tests.process import Process, free_port
from tests.real.gateways import program
from tests.waiting import eventually

DEPLOY = Path(__file__).parents[2] / "deploy"
SECONDS = 60.0


class Stack:
    """All services, in a folder."""

    def __init__(self, folder: Path, started: ExitStack) -> None:
        self._folder, self._started = folder, started
        self.ports = {port: free_port() for port in ("8080", "8081", "8082", "8083", "10114", "9090", "9093")}
        for name in ("gateway", "demo", "rules", "nginx"):
            (folder / name).mkdir()
        shutil.copy(DEPLOY / "nginx" / "gateway-exporter.conf", folder)
        for name in ("nginx.conf", "prometheus.yml", "config.yaml"):
            (folder / name).write_text(self._here((DEPLOY / "compose" / name).read_text("utf-8")), encoding="utf-8")
        with (folder / "config.yaml").open("a", encoding="utf-8") as config:
            config.write("  interval: 1s\n")
        self._start([sys.executable, "-m", "exporter.demo", str(folder / "demo")])
        eventually((folder / "demo" / "llm.jsonl").exists, "the sample gateway writes", SECONDS)
        made = run("alerts", "--config.file", "config.yaml", "--out", "rules", cwd=folder)
        assert made.code == 0, made.stderr
        nginx = [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        self._start(nginx, "8080")
        self._start([COMMAND, "run", "--config.file", "config.yaml", "--web.listen-address", self.at("10114")], "10114")
        alertmanager = [program("prometheus-alertmanager"), "--config.file=rules/alertmanager.yml"]
        alertmanager += ["--storage.path=alertmanager", "--cluster.listen-address=", "--web.listen-address"]
        self._start([*alertmanager, self.at("9093")], "9093")
        prometheus = [program("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
        self._start([*prometheus, "--web.listen-address", self.at("9090")], "9090")
        ready = f"http://{self.at('9090')}/-/ready"
        eventually(lambda: requests.get(ready, timeout=SECONDS).ok, "Prometheus is ready", SECONDS)

    def _start(self, command: list[str], port: str = "") -> None:
        process = Process(command, self._folder)
        self._started.callback(process.kill)
        self._started.callback(process.end)
        if port:
            process.listens(self.ports[port])

    def at(self, port: str) -> str:
        """Where the service of a port of the Compose file is here."""
        return f"127.0.0.1:{self.ports[port]}"

    def _here(self, text: str) -> str:
        """A file of the Compose folder, with the paths and ports of this test."""
        for path in ("/var/log/gateway", "/var/log/demo"):
            text = text.replace(path, str(self._folder / Path(path).name))
        text = text.replace("/etc/prometheus/gateway", "rules").replace("_interval: 15s", "_interval: 1s")
        text = text.replace("/var/lib/gateway-exporter", str(self._folder / "state"))
        text = text.replace("/run/nginx.pid", "nginx/pid").replace("/dev/stderr", "nginx/errors")
        text = text.replace("/dev/stdout", str(self._folder / "nginx" / "stdout"))
        text = re.sub(r"\blisten (?:127\.0\.0\.1:)?(\d+);", lambda found: f"listen {self.at(found[1])};", text)
        return re.sub(r"\b(?:[a-z]+|127\.0\.0\.1):(80\d\d|9090|9093|10114)\b", lambda found: self.at(found[1]), text)

    def asks(self, query: str) -> float:
        """A query's value in Prometheus; 0 without a result."""
        url = f"http://{self.at('9090')}/api/v1/query"
        found = requests.get(url, params={"query": query}, timeout=SECONDS).json()["data"]["result"]
        return float(found[0]["value"][1]) if found else 0.0

    def api(self, port: str, path: str) -> Any:
        return requests.get(f"http://{self.at(port)}{path}", timeout=SECONDS).json()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with ExitStack() as started:
        yield Stack(tmp_path, started)


def test_a_request_is_counted_and_people_are_told(stack: Stack, tmp_path: Path) -> None:
    """Requests to the gateway reach Prometheus, exactly, beside the sample's; the watchdog reaches the webhook."""
    for path, status in (("/v1/hello", 200), ("/v1/hello", 200), ("/missing", 404), ("/broken", 503)):
        url = f"http://{stack.at('8080')}{path}"
        answer = requests.get(url, headers={"X-Api-Key": "my-first-key"}, timeout=SECONDS)
        assert answer.status_code == status
    counted = 'sum(gateway_requests_total{gateway="nginx"})'
    eventually(lambda: stack.asks(counted) == 4, "all requests are counted", SECONDS)
    assert stack.asks('sum(gateway_errors_total{gateway="nginx",status="503"})') == 1
    eventually(lambda: stack.asks('sum(gateway_tokens_total{gateway="demo"})') > 0, "tokens are counted", SECONDS)
    groups = stack.api("9090", "/api/v1/rules")["data"]["groups"]
    assert len([rule for group in groups for rule in group["rules"]]) > 100
    assert [rule for group in groups for rule in group["rules"] if rule.get("lastError")] == []
    told = tmp_path / "nginx" / "stdout"
    eventually(lambda: "GatewayWatchdog" in told.read_text("utf-8"), "the webhook is told", SECONDS)
    first = told.read_text(encoding="utf-8").splitlines()[0]
    assert json.loads(first.removeprefix("notification: "))["receiver"] == "people"


def test_the_gateway_of_the_sidecar_is_valid(tmp_path: Path) -> None:
    """nginx takes the config of deploy/kubernetes, which is in a ConfigMap."""
    base = DEPLOY / "kubernetes" / "kustomize" / "sidecar" / "configmap-gateway.yaml"
    for name, text in yaml.safe_load(base.read_text(encoding="utf-8"))["data"].items():
        here = re.sub(r"(/tmp|/var/log/gateway|/dev)/", f"{tmp_path}/", text)
        (tmp_path / name).write_text(re.sub(r"listen 8080", f"listen 127.0.0.1:{free_port()}", here), encoding="utf-8")
    command = [program("nginx"), "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
