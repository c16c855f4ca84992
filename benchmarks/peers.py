"""Other programs that count the logs of the benchmark, each a whole process from its start to its end.

A peer raises if it did not count each line. What none can do, `why_not` says in a word.
"""

import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks import mtail
from benchmarks.measure import Run, measure
from benchmarks.program import free_port

COLLECTOR = Path("build/otelcol/otelcol")
GONX = Path("build/gonx/gonx")
NGINXLOG = shutil.which("prometheus-nginxlog-exporter")
_NGINX_FAMILY = b"nginx_http_response_count_total"
_COMBINED = r'^\S+ - \S+ \[[^\]]*\] "(?P<method>[A-Z]+) [^ "]* (?P<scheme>[^"]*)" (?P<status>\d+) '
_NGINX = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)


@dataclass(frozen=True)
class Peer:
    """`why_not` says why it can't count a kind of log, "" if it can. `counts` is what it counts, for people."""

    name: str
    why_not: Callable[[str], str]
    run: Callable[[Path], Run]
    counts: str


def _run_mtail(log: Path) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        if log.stem == "combined":
            return mtail.run(log, mtail.PROGRAM.with_name("combined.mtail"))
        return mtail.run(log, mtail.random_program(Path(folder)) if log.stem == "random" else mtail.PROGRAM)


def _no_mtail(kind: str) -> str:
    if not shutil.which("mtail"):
        return "not installed"
    return {"body": "reads no escaped JSON", "llm": "has no program for it"}.get(kind, "")


def _run_client(log: Path) -> Run:
    lines = mtail.count_lines(log)
    with tempfile.TemporaryFile() as exposition:
        run = measure([sys.executable, "-m", "benchmarks.with_client", str(log)], lines, stdout=exposition)
        _check(lines, mtail.total(exposition, mtail.REQUESTS_FAMILY))
    return run


def _run_collector(log: Path) -> Run:
    port = free_port()
    names = ["method", "scheme", "status"] if log.stem == "combined" else ["api_key", "chain", "scheme", "status"]
    names += ["rpc_method"] if log.stem in ("steady", "llm") else []
    parser = {"type": "json_parser"}
    if log.stem == "combined":
        parser = {"type": "regex_parser", "regex": _COMBINED}
    counted = {"gateway_requests": {"description": "-", "attributes": [{"key": name} for name in names]}}
    logs = {"receivers": ["filelog"], "exporters": ["count"]}
    metrics = {"receivers": ["count"], "processors": ["deltatocumulative"], "exporters": ["prometheus"]}
    config = {
        "receivers": {"filelog": {"include": [str(log.resolve())], "start_at": "beginning", "operators": [parser]}},
        "connectors": {"count": {"logs": counted}},
        "processors": {"deltatocumulative": {"max_stale": "60m"}},
        "exporters": {"prometheus": {"endpoint": f"127.0.0.1:{port}", "metric_expiration": "60m"}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "error"}},
            "pipelines": {"logs": logs, "metrics": metrics},
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return _until_counted([str(COLLECTOR), "--config", str(path)], log, port, b"gateway_requests_total")


def _no_collector(kind: str) -> str:
    if not COLLECTOR.exists():
        return "not built: `make peers`, with Go"
    return "reads no list of calls" if kind == "body" else ""


def _run_gonx(log: Path, *flags: str) -> Run:
    lines = mtail.count_lines(log)
    with tempfile.TemporaryFile() as exposition:
        run = measure([str(GONX), *flags, str(log)], lines, stdout=exposition)
        _check(lines, mtail.total(exposition, _NGINX_FAMILY))
    return run


def _run_gonx_tail(log: Path) -> Run:
    return _run_gonx(log, "-tail")


def _no_gonx(kind: str) -> str:
    return _nginx_only(kind) if GONX.exists() else "not built: `make peers`, with Go"


def _run_nginxlog(log: Path) -> Run:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        path, followed = Path(folder) / "config.yaml", Path(folder) / "access.log"
        source = {"name": "nginx", "format": _NGINX, "source": {"files": [str(followed)]}}
        config = {"listen": {"port": port, "address": "127.0.0.1"}, "namespaces": [source]}
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        command = [str(NGINXLOG), "-config-file", str(path), "-verify-config=false"]
        return _until_counted(command, log, port, _NGINX_FAMILY, followed)


def _no_nginxlog(kind: str) -> str:
    return _nginx_only(kind) if NGINXLOG else "not installed"


def _nginx_only(kind: str) -> str:
    return "" if kind == "combined" else "reads nginx's formats only"


def _until_counted(command: list[str], log: Path, port: int, family: bytes, followed: Path | None = None) -> Run:
    """A run of a program that goes on: it is scraped until it has counted each line. One that starts at the end of a
    log that is there finds it at `followed`, once it answers.
    """
    lines, counted = mtail.count_lines(log), 0

    def is_done() -> bool:
        nonlocal counted
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            samples = [line for line in answer.read().splitlines() if line.startswith(family + b"{")]
            counted = round(sum(float(sample.rsplit(maxsplit=1)[1]) for sample in samples))
            if followed and not followed.is_symlink():
                followed.symlink_to(log.resolve())
        return counted >= lines

    run = measure(command, lines, until=is_done)
    _check(lines, counted)
    return run


def _check(lines: int, counted: int) -> None:
    if counted != lines:
        raise RuntimeError(f"{counted} of {lines} lines were counted")


PEERS = (
    Peer("mtail", _no_mtail, _run_mtail, "nine families as the exporter has, of combined five; no routes, no hashing"),
    Peer("OpenTelemetry Collector", _no_collector, _run_collector, "requests, by up to five labels"),
    Peer("Go with gonx and client_golang", _no_gonx, _run_gonx, "requests and bytes, by method and status"),
    Peer("Go with gonx, client_golang, tail", _no_gonx, _run_gonx_tail, "the same, of lines that nxadm/tail reads"),
    Peer("prometheus-nginxlog-exporter", _no_nginxlog, _run_nginxlog, "requests, bytes and times by method and status"),
    Peer("Python with prometheus_client", lambda _: "", _run_client, "nine families; no routes, limits or hashing"),
)
