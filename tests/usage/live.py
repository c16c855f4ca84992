"""Two real exporters that are killed and come back, their logs, and a real Prometheus that scrapes both."""

import contextlib
import signal
import time
from pathlib import Path

import yaml

from tests.command import COMMAND, run
from tests.dashboards.traffic import CONFIG, LOGS, Traffic, configure
from tests.exporter import Exporter
from tests.process import free_port
from tests.real.monitoring import Prometheus
from tests.waiting import eventually

_REQUESTS = 60
_ROUNDS = 6


class Live:
    """`begin` and `end` are moments between scrapes, around all that was logged. `logs` are the exporters'."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._closing = contextlib.ExitStack()
        self.ports = [free_port(), free_port()]
        # Of whoever has all logs at hand.
        self.config = folder / "fleet.yaml"
        self.exporters: list[Exporter] = []
        try:
            self._come_about()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all that was started."""
        for exporter in self.exporters:
            exporter.close()
        self._closing.close()

    @property
    def url(self) -> str:
        """Prometheus."""
        return f"http://127.0.0.1:{self.prometheus.port}"

    @property
    def logs(self) -> list[str]:
        """The paths of all logs, as arguments of replay."""
        return [str(self.folder / name / log) for name in "ab" for log in LOGS]

    def _come_about(self) -> None:
        traffic = Traffic(5)
        for name, port in zip("ab", self.ports, strict=True):
            folder = self.folder / name
            folder.mkdir()
            configure(folder)
            config = yaml.safe_load(CONFIG)
            config["usage"] = {"prometheus": {"url": "http://127.0.0.1:9"}}
            config["metrics"]["scrape_interval"] = "1s"
            config["web"] = {"listen": f"127.0.0.1:{port}"}
            config["alerts"]["retention"] = "15d"
            (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
            self._start(name, port)
        for input_ in config["inputs"]:
            input_["path"] = f"*/{input_['path']}"
        config |= {"state": {}, "requests": None, "keys": "a/keys.yaml", "identity": {"secret_file": "a/secret"}}
        config["pricing"]["models"] = "a/prices.yaml"
        self.config.write_text(yaml.safe_dump(config), encoding="utf-8")
        made = run("alerts", "--config.file", str(self.config), "--out", str(self.folder / "rules"))
        assert made.code == 0, made.stderr
        targets = [f"127.0.0.1:{port}" for port in self.ports]
        scrapes = {"gateway-exporter": {"static_configs": [{"targets": targets}]}}
        self.prometheus = Prometheus(self.folder, scrapes)
        self._closing.callback(self.prometheus.process.end)
        self.prometheus.eventually("sum(up)", lambda value: value == 2)
        self.begin = time.time()
        for n in range(_ROUNDS):
            for name in "ab":
                self._write(name, traffic.lines(time.time() - 1, time.time(), _REQUESTS))
            if n == 1:
                self._write("a", traffic.once(time.time()))
            if n in (2, 4):
                self._kill_and_start("ab"[n // 4], traffic)
            else:
                self._scraped()
        self._settled()
        self.end = time.time()

    def _start(self, name: str, port: int) -> None:
        config = str(self.folder / name / "config.yaml")
        self.exporters.append(Exporter("run", "--config.file", config, address=f"127.0.0.1:{port}", command=[COMMAND]))

    def _write(self, name: str, lines: dict[str, list[str]]) -> None:
        for log, some in lines.items():
            with (self.folder / name / log).open("a", encoding="utf-8") as out:
                out.write("".join(some))

    def _kill_and_start(self, name: str, traffic: Traffic) -> None:
        """Killed while it counts; what is written meanwhile is counted when it is back."""
        port = self.ports["ab".index(name)]
        victim = next(
            exporter for exporter in self.exporters if exporter.url.endswith(f":{port}") and exporter.process.running
        )
        victim.stop(signal.SIGKILL)
        self._write(name, traffic.lines(time.time() - 1, time.time(), _REQUESTS))
        self.prometheus.eventually("sum(up)", lambda value: value == 1)
        self._start(name, port)
        self.prometheus.eventually("sum(up)", lambda value: value == 2)

    def _scraped(self) -> None:
        """Wait for two more scrapes of both."""
        now = time.time() + 1
        self.prometheus.eventually("min(timestamp(up))", lambda value: value > now)

    def _settled(self) -> None:
        """Wait until nothing lags or is held at zero: Prometheus has what both exporters have counted."""

        def settled() -> bool:
            counted = [
                sum(value for name, value in exporter.scrape().items() if name.startswith("gateway_requests_total{"))
                for exporter in self.exporters
                if exporter.process.running
            ]
            lines = sum(len(Path(log).read_bytes().splitlines()) for log in self.logs)
            read = self.prometheus.value("sum(gateway_exporter_lines_total)")
            return read == lines and self.prometheus.value("sum(gateway_requests_total)") == sum(counted)

        eventually(settled, "all is scraped", 60)
        self._scraped()
        eventually(settled, "all is scraped", 60)
