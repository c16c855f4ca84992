"""Single requests at real receivers of OTLP, where `make peers` has built them: each arrives once, with its values."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
import yaml

from tests.beside import Beside, line
from tests.exporter import Exporter
from tests.process import Process, free_port
from tests.waiting import eventually

BUILD = Path(__file__).parents[2] / "build"
COLLECTOR, VICTORIA = BUILD / "otelcol" / "otelcol", BUILD / "victoria-logs" / "victoria-logs"


class Store(NamedTuple):
    """A receiver: its endpoint, and the attributes of each record that it has."""

    endpoint: str
    records: Callable[[], list[dict[str, str]]]


@contextmanager
def collector(folder: Path, port: int) -> Iterator[Store]:
    """The OpenTelemetry Collector, which writes what it got to a file."""
    out = folder / "collected.json"
    config = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
        "exporters": {"file": {"path": str(out), "flush_interval": "100ms"}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "error"}},
            "pipelines": {"logs": {"receivers": ["otlp"], "exporters": ["file"]}},
        },
    }
    (folder / "collector.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def records() -> list[dict[str, str]]:
        written = out.read_text("utf-8") if out.exists() else ""
        messages = [json.loads(line) for line in written.splitlines(keepends=True) if line.endswith("\n")]
        logs = [scope for message in messages for part in message["resourceLogs"] for scope in part["scopeLogs"]]
        return [_flat(record) for scope in logs for record in scope["logRecords"]]

    process = Process([str(COLLECTOR), "--config", str(folder / "collector.yaml")], folder)
    try:
        url = f"http://127.0.0.1:{port}/v1/logs"
        process.started(lambda: _answers(url), "it listens")
        yield Store(url, records)
    finally:
        process.end()


def _flat(record: dict[str, Any]) -> dict[str, str]:
    attributes = {attribute["key"]: str(next(iter(attribute["value"].values()))) for attribute in record["attributes"]}
    return attributes | {"_msg": record["body"]["stringValue"], "severity_text": record["severityText"]}


@contextmanager
def victoria_logs(folder: Path, port: int) -> Iterator[Store]:
    address = f"127.0.0.1:{port}"
    command = [str(VICTORIA), f"-httpListenAddr={address}", f"-storageDataPath={folder}/logs"]

    def records() -> list[dict[str, str]]:
        found = requests.get(f"http://{address}/select/logsql/query", {"query": "*", "limit": "1000"}, timeout=60).text
        return [json.loads(line) for line in found.splitlines()]

    process = Process(command, folder)
    try:
        process.started(lambda: _answers(f"http://{address}/health"), "it listens")
        yield Store(f"http://{address}/insert/opentelemetry/v1/logs", records)
    finally:
        process.end()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=60).status_code < 500
    except requests.ConnectionError:
        return False


STORES = [store for store, path in ((collector, COLLECTOR), (victoria_logs, VICTORIA)) if path.exists()]


@pytest.mark.parametrize("store", STORES)
def test_each_request_arrives_once_with_its_values(tmp_path: Path, store: Any) -> None:
    """Also those of the time in which the receiver was not there yet."""
    port = free_port()
    beside = Beside(tmp_path)
    path = "/insert/opentelemetry/v1/logs" if store is victoria_logs else "/v1/logs"
    beside.configure(requests={"otlp": {"endpoint": f"http://127.0.0.1:{port}{path}"}}, start_at="beginning")
    beside.write(
        "".join(line(200 if n % 4 else 502, msec=time.time() - 600 + n, request_id=f"r{n}") for n in range(300))
    )
    with Exporter("run", "--config.file", "config.yaml", cwd=tmp_path) as exporter:
        eventually(lambda: "gateway_exporter_otlp_failures_total" in exporter.get().text)
        with store(tmp_path, port) as found:
            assert found.endpoint.endswith(path)
            exporter.eventually('gateway_exporter_otlp_rows_total{result="sent"}', 300)
            eventually(lambda: len(found.records()) == 300)
            records = {record["gateway.request_id"]: record for record in found.records()}
    assert records.keys() == {f"r{n}" for n in range(300)}
    assert len({record["log.record.uid"] for record in records.values()}) == 300
    assert (records["r4"]["severity_text"], records["r5"]["severity_text"]) == ("ERROR", "INFO")
    values = {"rpc.method": "eth_call", "http.response.status_code": "502", "error.type": "upstream_error"}
    values |= {"gateway.duration": "0.02", "http.response.size": "100", "_msg": "eth_call 502 upstream_error #5"}
    assert {name: records["r4"][name] for name in values} == values
