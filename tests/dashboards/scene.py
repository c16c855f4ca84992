"""A day of a gateway in Prometheus: the real exporter over a log that grows, scraped as time goes by.

The day is played in time lapse: the log grows by some minutes, the exporter is scraped, and the scrape is stored as of
then. Prometheus gets these samples as blocks, and what its rules would have recorded of them; then it scrapes the same
exporter itself, and evaluates the rules.
"""

import contextlib
import resource
import subprocess
import time
from pathlib import Path
from typing import Any

import requests
import yaml

from alerts.build import files
from exporter.config.load import load
from tests.dashboards.traffic import LOGS, Traffic, configure
from tests.exporter import Exporter
from tests.otlp_receiver import GOOD, receiver
from tests.process import Process, free_port
from tests.waiting import eventually

HOURS = 26
STEP = 280  # seconds; shorter than the five minutes after which a sample is stale
REQUESTS = 25  # in a step
SEED = 7
_JOB = "gateway-exporter"
# The last day is repeated for the weeks before it, where weeks are compared.
_LONG_AGO = {
    "key:gateway_requests:increase1h",
    "fleet:gateway_requests:increase1h",
    "fleet:gateway_requests:rate5m",
    "method:gateway_requests:increase1h",
    "method:gateway_errors:increase1h",
    "method:gateway_request_duration_seconds_sum:increase1h",
    "method:gateway_request_duration_seconds_bucket:increase1h",
}
_WEEKS_BEFORE = 2
# Rules of hours and minutes read raw series, or what others recorded of those, or of these.
_DEPTH = 3
# Each minute, as Prometheus evaluates them: windows of five minutes, one after the other, would leave out what came
# between the last scrape of one and the first of the next.
_STEPS = {"gateway-hours": 3600, "gateway-now": 60}
# An exporter that counts a day in a minute is catching up, and rules leave out what it counts. Here it was never late.
_CATCHING_UP = "gateway_exporter_oldest_record_timestamp_seconds"


class _Prometheus(Process):
    """The server, as something that is closed."""

    close = Process.end


class Scene:
    """The exporter, and Prometheus with a day of it."""

    def __init__(self, folder: Path) -> None:
        print(f"seed {SEED}")
        self.folder = folder
        self.traffic = Traffic(SEED)
        self._closing = contextlib.ExitStack()
        collector = self._closing.enter_context(receiver())
        collector.answer = lambda _: GOOD if len(collector.requests) > 1 else (503, {})
        configure(folder, collector.url)
        self.exporter = self._closing.enter_context(Exporter("run", "--config.file", str(folder / "config.yaml")))
        self.address = self.exporter.url.removeprefix("http://")
        self.written: dict[str, list[str]] = {log: [] for log in LOGS}
        try:
            self._come_about()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all that was started."""
        self._closing.close()

    def ask(self, path: str, **parameters: Any) -> Any:
        """What Prometheus' HTTP API answers. AssertionError with its own words where it is no success."""
        answer = requests.post(f"{self._url}/api/v1/{path}", data=parameters, timeout=60).json()
        assert answer["status"] == "success", f"{answer.get('error')}: {parameters}"
        return answer["data"]

    def value(self, query: str, at: float | None = None) -> float:
        """The one number that a query gives."""
        result = self.ask("query", query=query, **({"time": at} if at else {}))["result"]
        assert len(result) == 1, f"{len(result)} results: {query}"
        return float(result[0]["value"][1])

    # --- how it comes about

    def _come_about(self) -> None:
        now = time.time() // 3600 * 3600
        self.begin = now - HOURS * 3600
        self.recorded_since = now - (1 + 7 * _WEEKS_BEFORE) * 86400
        self._play(self.begin, time.time() - 30)
        recorded: set[str] = set()
        for _ in range(_DEPTH):
            with contextlib.closing(self._prometheus(scrape=False)):
                recorded |= self._backfill_rules(now, recorded)
        self._closing.enter_context(contextlib.closing(self._prometheus(scrape=True)))
        self._live()

    def _write(self, lines: dict[str, list[str]]) -> None:
        for log, some in lines.items():
            self.written[log] += some
            with (self.folder / log).open("a", encoding="utf-8") as out:
                out.write("".join(some))

    def _play(self, begin: float, end: float) -> None:
        """The day in time lapse, as blocks of Prometheus; `last_step` is the time of its last scrape."""
        history = self.folder / "history.om"
        steps = int((end - begin) // STEP)
        with history.open("w", encoding="utf-8") as out:
            for n in range(steps + 1):
                at = begin + n * STEP
                self._write(self.traffic.lines(at - STEP, at, REQUESTS))
                if n % 20 == 1 or n == steps:
                    self._write(self.traffic.once(at))
                if n == steps // 2:
                    self._mishaps()
                scraped = self.exporter.get().text
                for seen in (at, at + STEP / 2)[: 1 if n == steps else 2]:  # twice, as a rate of five minutes needs it
                    out.writelines(_stamped(scraped, self.address, seen))
            out.write("# EOF\n")
        self.last_step = begin + steps * STEP
        self._blocks("history.om")

    def _mishaps(self) -> None:
        """A full disk; a rotation; and a log that is truncated, with no copy, before all of it is read."""
        pid, sizes = self.exporter.process.pid, resource.RLIMIT_FSIZE
        most = resource.prlimit(pid, sizes)[1]
        resource.prlimit(pid, sizes, (0, most))
        eventually(lambda: "\ngateway_exporter_checkpoint_failures_total" in self.exporter.get().text, "a commit fails")
        resource.prlimit(pid, sizes, (most, most))
        (self.folder / LOGS[0]).rename(self.folder / f"{LOGS[0]}.1")
        (self.folder / LOGS[0]).touch()
        burst = self.folder / "burst.json"
        line = '{"status":200,"msec":1}\n'
        burst.write_text(line * (1 << 20), encoding="utf-8")
        self.exporter.get()
        burst.write_text(line, encoding="utf-8")
        eventually(lambda: "gateway_exporter_lost_bytes_total{" in self.exporter.get().text, "bytes are lost")

    def _prometheus(self, scrape: bool) -> "_Prometheus":
        targets = [self.address] if scrape else []
        rules = files(load(self.folder / "config.yaml").config)
        for name in ("recording.rules.yml", "alerts.rules.yml"):
            (self.folder / name).write_text(rules[name], encoding="utf-8")
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["recording.rules.yml", "alerts.rules.yml"] if scrape else [],
            "scrape_configs": [
                {
                    "job_name": _JOB,
                    "static_configs": [{"targets": targets}],
                    "metric_relabel_configs": [
                        {"source_labels": ["__name__"], "regex": _CATCHING_UP, "action": "drop"},
                    ],
                }
            ],
        }
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"]
        running = _Prometheus([*command, f"--web.listen-address=127.0.0.1:{port}"], self.folder)
        running.listens(port)
        eventually(lambda: requests.get(f"{self._url}/-/ready", timeout=60).ok, "Prometheus is ready", 60)
        return running

    def _backfill_rules(self, until: float, recorded: set[str]) -> set[str]:
        """What the recording rules of hours and minutes would have made of the day: those that read raw series, and
        `recorded` ones only. Their names.

        By range queries, as `promtool tsdb create-blocks-from rules` does it, which makes a block of each two hours of
        each rule.
        """
        groups = yaml.safe_load((self.folder / "recording.rules.yml").read_text(encoding="utf-8"))["groups"]
        names = {rule["record"] for group in groups if group["name"] in _STEPS for rule in group["rules"]} - recorded
        made = set()
        with (self.folder / "rules.om").open("w", encoding="utf-8") as out:
            for group in groups:
                step = _STEPS.get(group["name"])
                for rule in group["rules"] if step else []:
                    if rule["record"] in recorded or any(name in rule["expr"] for name in names - {rule["record"]}):
                        continue
                    made.add(rule["record"])
                    found = self.ask("query_range", query=rule["expr"], start=self.begin, end=until, step=step)
                    for series in found["result"]:
                        labels = ",".join(f'{name}="{value}"' for name, value in series["metric"].items())
                        days = range(_WEEKS_BEFORE * 7 + 1) if rule["record"] in _LONG_AGO else (0,)
                        out.writelines(
                            f"{rule['record']}{{{labels}}} {value} {at - day * 86400}\n"
                            for day in reversed(days)
                            for at, value in series["values"]
                            if not day or until - 86400 < at <= self.begin + day * 86400  # in order, and none twice
                        )
            out.write("# EOF\n")
        self._blocks("rules.om")
        return made

    def goes_on(self) -> None:
        """Requests now, until Prometheus has scraped them."""
        now = time.time()
        self._write(self.traffic.lines(now - 5, now, 200))
        slowest = f"timestamp(gateway_request_duration_max_seconds) > {now}"
        eventually(lambda: self.ask("query", query=slowest)["result"], "the requests are scraped")

    def _live(self) -> None:
        """Requests now, scraped by Prometheus; until the rules have seen them."""
        eventually(lambda: self.ask("query", query=f'up{{job="{_JOB}"}} == 1')["result"], "the first scrape")
        self.goes_on()
        limits = "key:gateway_limit_projected:ratio and on () fleet:gateway_request_duration_seconds:mean5m > 0"
        eventually(lambda: self.ask("query", query=limits)["result"], "rules see the limits", 180)
        last = f"timestamp(key:gateway_requests:increase1h) > {time.time()}"
        eventually(lambda: self.ask("query", query=last)["result"], "rules of hours were evaluated", 180)

    def _blocks(self, openmetrics: str) -> None:
        """Samples as blocks of Prometheus."""
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=24h"]
        done = subprocess.run(
            [*command, openmetrics, "data"], cwd=self.folder, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _stamped(text: str, instance: str, at: float) -> list[str]:
    """An exposition's samples as OpenMetrics, of a target and a time."""
    target = f'job="{_JOB}",instance="{instance}"'
    found = []
    for line in text.splitlines():
        if line.startswith(("gateway_", "process_start")) and not line.startswith(_CATCHING_UP):
            series, _, value = line.rpartition(" ")
            name, brace, labels = series.partition("{")
            found.append(f"{name}{{{target},{labels} {value} {at}\n" if brace else f"{name}{{{target}}} {value} {at}\n")
    return found
