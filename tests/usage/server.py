"""A real Prometheus over made-up hours, with what the rules of usage would have recorded of them."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import requests

from alerts.promql import Terms
from alerts.usage import groups
from exporter.config.served import Served
from exporter.model.growth import HOUR
from tests.process import Process, free_port
from tests.real.gateways import program

# Rules of an hour are evaluated at some time in it, the same in each.
PHASE = 1234.567


class Server:
    """Prometheus over a folder of blocks; it scrapes nothing."""

    def __init__(self, folder: Path) -> None:
        (folder / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [program("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
        command += ["--storage.tsdb.retention.time=10y", "--log.level=warn", f"--web.listen-address=127.0.0.1:{port}"]
        self.process = Process(command, folder)
        self.process.listens(port)
        self.process.started(lambda: requests.get(f"{self.url}/-/ready", timeout=60).ok, "Prometheus is ready")

    def close(self) -> None:
        """End it."""
        self.process.end()


class Victoria:
    """VictoriaMetrics, with samples in lines of OpenMetrics."""

    def __init__(self, folder: Path, lines: Iterable[str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [program("victoria-metrics"), f"-httpListenAddr=127.0.0.1:{port}", "-storageDataPath=victoria"]
        self.process = Process([*command, "-retentionPeriod=1y"], folder)
        self.process.listens(port)
        self.process.started(lambda: requests.get(f"{self.url}/health", timeout=60).ok, "it answers")
        body = "".join(map(_in_milliseconds, lines))
        requests.post(f"{self.url}/api/v1/import/prometheus", data=body, timeout=60).raise_for_status()
        requests.get(f"{self.url}/internal/force_flush", timeout=60).raise_for_status()

    def close(self) -> None:
        """End it."""
        self.process.end()


def _in_milliseconds(line: str) -> str:
    series, _, at = line.rstrip("\n").rpartition(" ")
    return f"{series} {round(1000 * float(at))}\n"


def blocks(folder: Path, lines: Iterable[str]) -> None:
    """Samples as blocks of a Prometheus."""
    with (folder / "history.om").open("w", encoding="utf-8") as out:
        out.writelines(lines)
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet", "history.om", "data"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def record(folder: Path, begin: float, end: float, skipped: Iterable[int] = ()) -> list[str]:
    """Record the hours of a time, but for those that were `skipped`, as Prometheus was down then. Returns the lines."""
    server = Server(folder)
    lines = []
    first = begin // HOUR * HOUR + PHASE
    try:
        for rule in groups(Terms(Served()))[0]["rules"]:
            asked = {"query": rule["expr"], "start": f"{first:.3f}", "end": f"{end:.3f}", "step": str(HOUR)}
            answer = requests.post(f"{server.url}/api/v1/query_range", data=asked, timeout=60).json()
            assert answer["status"] == "success", answer
            for series in answer["data"]["result"]:
                labels = ",".join(f'{name}="{value}"' for name, value in series["metric"].items())
                for at, value in series["values"]:
                    if round((at - first) / HOUR) not in skipped:
                        lines.append((at, f"{rule['record']}{{{labels}}} {value} {at}\n"))
    finally:
        server.close()
    recorded = [line for _, line in sorted(lines)]
    blocks(folder, [*recorded, "# EOF\n"])
    return recorded
