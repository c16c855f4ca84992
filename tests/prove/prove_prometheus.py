"""What a real Prometheus makes of it: `python -m tests.prove.prove_prometheus`.

Sparse traffic of 250 keys goes through the exporter, which is killed and whose log is rotated meanwhile,
and through a plain `prometheus_client` counter in this process, which is left in peace. One Prometheus
scrapes both each second. Then `sum(increase(…))` is asked for, at the time of a sample.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter as Count
from pathlib import Path
from typing import NamedTuple

import prometheus_client
import requests
import yaml

from tests.command import COMMAND
from tests.process import Process, free_port
from tests.prove.kill import Victim
from tests.prove.rotate import Log
from tests.prove.stage import write_config
from tests.prove.truth import Request, Truth
from tests.waiting import eventually

_KEYS = 250
_RANGE = "1h"
_TOLERANCE = 0.005
_KILL_EVERY_SECONDS = 7.0
_ROTATE_EVERY_SECONDS = 5.0
_LABELS = ("key", "method", "status")
COUNTERS = ("gateway_requests_total", "plain_requests_total")


class Found(NamedTuple):
    """What Prometheus makes of one counter."""

    name: str
    total: float
    by_key: dict[str, float]


class Plain:
    """The same traffic, counted by a plain `prometheus_client` counter."""

    def __init__(self) -> None:
        registry = prometheus_client.CollectorRegistry()
        self._counter = prometheus_client.Counter("plain_requests", "Requests.", _LABELS, registry=registry)
        self.port = free_port()
        self._server, _ = prometheus_client.start_http_server(self.port, "127.0.0.1", registry)

    def count(self, request: Request) -> None:
        """A request."""
        self._counter.labels(request.key, request.method, str(request.status)).inc()

    def close(self) -> None:
        """End its server."""
        self._server.shutdown()
        self._server.server_close()


class Prometheus:
    """A Prometheus of its own, in a folder, that scrapes each second."""

    def __init__(self, folder: Path, targets: dict[str, int]) -> None:
        jobs = [
            {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]} for job, port in targets.items()
        ]
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        port = free_port()
        self._url = f"http://127.0.0.1:{port}/api/v1/query"
        arguments = [
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        self.process = Process([shutil.which("prometheus") or "prometheus", *arguments], folder)
        self.process.listens(port)
        ready = f"http://127.0.0.1:{port}/-/ready"
        self.process.started(lambda: requests.get(ready, timeout=60).ok, "Prometheus is ready")

    def ask(self, query: str, at: float | None = None) -> dict[str, float]:
        """The value of each `key` that a query gives; one without is under ""."""
        answer = requests.get(self._url, {"query": query, **({"time": f"{at:.3f}"} if at else {})}, timeout=60).json()
        assert answer["status"] == "success", answer
        return {series["metric"].get("key", ""): float(series["value"][1]) for series in answer["data"]["result"]}

    def sees(self, counter: str, total: float) -> None:
        """Wait until the newest samples of a counter add up to a number."""
        query = f"sum({counter})"
        eventually(lambda: self.ask(query).get("") == total, f"{query} is not {total:g}")

    def increase(self, counter: str) -> Found:
        """Its increase over all the time, as of its newest sample: there is nothing after it to extrapolate."""
        at = self.ask(f"max(timestamp({counter}))")[""]
        total = self.ask(f"sum(increase({counter}[{_RANGE}]))", at)[""]
        return Found(counter, total, self.ask(f"sum by (key) (increase({counter}[{_RANGE}]))", at))


class Outcome(NamedTuple):
    """The truth, and what Prometheus found: of the exporter, then of the plain counter."""

    by_key: dict[str, int]
    kills: int
    found: list[Found]

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.by_key.values())

    def off(self, found: Found) -> float:
        """How far the sum is from the truth, as a ratio."""
        return found.total / self.total - 1

    def keys_off(self, found: Found) -> int:
        """How many keys are further from the truth than is tolerated."""
        return sum(abs(found.by_key.get(key, 0) / n - 1) > _TOLERANCE for key, n in self.by_key.items())

    @property
    def good(self) -> bool:
        """Whether the exporter's sum, and each key's, is the truth."""
        return abs(self.off(self.found[0])) <= _TOLERANCE and not self.keys_off(self.found[0])


class Traffic:
    """Requests of many keys, each of them now and then, written, counted and told."""

    def __init__(self, rng: random.Random, log: Log, plain: Plain) -> None:
        self.truth = Truth()
        self.by_key: Count[str] = Count()
        self._rng = rng
        self._log = log
        self._plain = plain

    def request(self) -> None:
        """One request. The first one with a word succeeds, and earns it its place as a label."""
        n = self._rng.randrange(_KEYS)
        status = 429 if self._rng.random() < 0.05 else 200
        method = ("eth_call", "eth_getLogs")[n % 2]
        request = Request(f"sk-sparse-{n:03}", "", "eth", (method,), "", n, status, duration=0.125, sent=100)
        if not request.words <= self.truth.known:
            request = request.succeeding()
        self._log.write(request.line(time.time()))
        self.truth.request(request)
        self.by_key[request.key] += 1
        self._plain.count(request)


def prove_prometheus(folder: Path, seconds: float = 75, rate: float = 25, seed: int = 1) -> Outcome:
    """Run it all: so many seconds of traffic, so many requests a second."""
    rng = random.Random(seed)
    log = Log(folder / "access.log", dated=False)
    port = free_port()
    write_config(folder, "access.log", port, [], {"metrics": {"scrape_interval": "1s"}})
    victim = Victim([COMMAND, "run", "--config.file", "config.yaml"], folder)
    plain = Plain()
    traffic = Traffic(rng, log, plain)
    prometheus = Prometheus(folder, {"exporter": port, "plain": plain.port})
    try:
        victim.start()
        eventually(lambda: prometheus.ask('up{job="exporter"}').get("") == 1, "Prometheus sees the exporter")
        _run(traffic, log, victim, rng, seconds, rate)
        for counter in COUNTERS:
            prometheus.sees(counter, traffic.truth.parsed)
        return Outcome(dict(traffic.by_key), victim.lives - 1, [prometheus.increase(name) for name in COUNTERS])
    finally:
        prometheus.process.end()
        victim.close()
        plain.close()
        log.close()


def _run(traffic: Traffic, log: Log, victim: Victim, rng: random.Random, seconds: float, rate: float) -> None:
    """Traffic, kills and rotations side by side."""
    pause = threading.Event()
    begun = time.monotonic()
    kill_at, rotate_at, start_at = begun + _KILL_EVERY_SECONDS, begun + _ROTATE_EVERY_SECONDS, 0.0
    while (now := time.monotonic()) < begun + seconds:
        traffic.request()
        if now > rotate_at:
            rotate_at += _ROTATE_EVERY_SECONDS
            if rng.random() < 0.5:
                log.rename().release()
            else:
                log.copytruncate()
        if start_at and now > start_at:
            victim.start()
            start_at = 0.0
        elif not start_at and now > kill_at:
            kill_at += _KILL_EVERY_SECONDS
            victim.end(signal.SIGKILL)
            start_at = now + rng.choice((0.01, 0.5, 2.0))
        pause.wait(rng.expovariate(rate))
    if start_at:
        victim.start()


def table(outcome: Outcome) -> str:
    """For people."""
    lines = [
        f"{outcome.total} requests of {len(outcome.by_key)} keys; the exporter was killed {outcome.kills} times",
        f"{'':34}{'sum(increase())':>16}{'off':>9}   keys off by more than {_TOLERANCE:.1%}",
    ]
    for what, found in zip(
        ("gateway-exporter, killed", "prometheus_client, left in peace"), outcome.found, strict=True
    ):
        lines.append(f"{what:34}{found.total:16.1f}{outcome.off(found):9.2%}   {outcome.keys_off(found)}")
    return "\n".join(lines)


def main() -> int:
    """The command; 1 where the exporter's numbers are not the truth."""
    parser = argparse.ArgumentParser(description="Compare increase() of a real Prometheus with what was counted.")
    parser.add_argument("--seconds", type=float, default=75)
    parser.add_argument("--rate", type=float, default=25, help="requests a second")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="prove-prometheus-") as folder:
        outcome = prove_prometheus(Path(folder), args.seconds, args.rate, args.seed)
    print(table(outcome))
    return int(not outcome.good)


if __name__ == "__main__":
    sys.exit(main())
