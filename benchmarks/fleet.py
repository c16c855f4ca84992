"""What a fleet costs: series and bytes of a gateway, and what many of them cost Prometheus and VictoriaMetrics.

    python -m benchmarks.fleet --gateways 10 100 --keys 20 --minutes 3

One exporter runs over the log of benchmarks/series.py. What it serves is served again as many gateways, each a target
with a label `gateway`, with counters that grow at each scrape: more than those of most gateways do. Prometheus runs
the rules of the default config each minute, and writes all samples to VictoriaMetrics. Both run as `make deb` installs
them. CPU is user and system time, so it is much the same on a busy machine.
"""

import argparse
import gzip
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

import requests
import yaml

from alerts.build import files
from benchmarks.measure import cpu_seconds, resident
from benchmarks.program import free_port
from benchmarks.series import JOB, Size, exposition

_GROWING = ("_total", "_count", "_sum", "_bucket")


class Gateways:
    """Serves an exposition to all who ask, with counters that have grown since the last interval."""

    def __init__(self, text: str, interval: int) -> None:
        self.interval = interval
        self._lines = text.splitlines()
        self._tick, self._body, self._lock = 0, b"", Lock()
        gateways = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = gateways.body()
                self.send_response(200)
                for name, value in (("Content-Type", "text/plain; version=0.0.4"), ("Content-Encoding", "gzip")):
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def body(self) -> bytes:
        """The exposition of this interval."""
        with self._lock:
            if (tick := int(time.time() / self.interval)) != self._tick:
                self._tick = tick
                self._body = gzip.compress("".join(self._grown(tick % 10_000)).encode(), 1)
            return self._body

    def _grown(self, tick: int) -> Iterator[str]:
        for line in self._lines:
            series, _, value = line.rpartition(" ")
            grows = not line.startswith("#") and series.partition("{")[0].endswith(_GROWING)
            yield f"{series} {float(value) * (1 + tick / 10):.10g}\n" if grows else line + "\n"


class Server:
    """A process that serves on a port, and what it costs."""

    def __init__(self, command: Callable[[int], list[str]], folder: Path) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        with (folder / "said").open("ab") as said:
            self._child = subprocess.Popen(command(port), cwd=folder, stdout=said, stderr=said)

    def end(self) -> None:
        """End it."""
        self._child.terminate()
        self._child.wait()

    def metric(self, name: str) -> float:
        """The sum of what it shows of itself under a name; 0.0 before it answers."""
        try:
            lines = requests.get(f"{self.url}/metrics", timeout=60).text.splitlines()
        except requests.ConnectionError:
            return 0.0
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name}{{", f"{name} ")))

    @property
    def cpu_seconds(self) -> float:
        """User and system time until now."""
        return cpu_seconds(self._child.pid)

    @property
    def memory_bytes(self) -> int:
        """Memory that is in use."""
        return resident(self._child.pid)


@contextmanager
def started(folder: Path, gateways: Gateways, count: int) -> Iterator[tuple[Server, Server]]:
    """Prometheus, which scrapes so many gateways, and the VictoriaMetrics to which it writes."""
    for name in ("prometheus", "victoria"):
        (folder / name).mkdir()
    victoria = Server(
        lambda port: ["victoria-metrics", f"-httpListenAddr=127.0.0.1:{port}", "-storageDataPath=data"],
        folder / "victoria",
    )
    address = f"127.0.0.1:{gateways.server.server_address[1]}"
    targets = [{"targets": [address], "labels": {"gateway": f"gw-{n:04}"}} for n in range(count)]
    config = {
        "global": {"scrape_interval": f"{gateways.interval}s", "evaluation_interval": "1m"},
        "rule_files": ["*.rules.yml"],
        "scrape_configs": [{"job_name": JOB, "static_configs": targets}],
        "remote_write": [{"url": f"{victoria.url}/api/v1/write"}],
    }
    (folder / "prometheus" / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for name, text in files(None).items():
        (folder / "prometheus" / name).write_text(text, encoding="utf-8")
    options = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.enable-admin-api"]
    prometheus = Server(
        lambda port: ["prometheus", *options, f"--web.listen-address=127.0.0.1:{port}"], folder / "prometheus"
    )
    try:
        yield prometheus, victoria
    finally:
        prometheus.end()
        victoria.end()


def measure(text: str, count: int, interval: int, minutes: float) -> None:
    """Print what so many gateways cost after so long."""
    gateways = Gateways(text, interval)
    with tempfile.TemporaryDirectory() as made, started(Path(made), gateways, count) as (prometheus, victoria):
        begun = time.time()
        while time.time() < begun + 60 * minutes:
            time.sleep(1)
        seconds = time.time() - begun
        series = prometheus.metric("prometheus_tsdb_head_series")
        samples = prometheus.metric("prometheus_tsdb_head_samples_appended_total")
        rules = prometheus.metric("prometheus_rule_group_last_duration_seconds")
        cores, memory = prometheus.cpu_seconds / seconds, prometheus.memory_bytes
        requests.post(f"{prometheus.url}/api/v1/admin/tsdb/snapshot", timeout=600).raise_for_status()
        blocks = [path for path in (Path(made) / "prometheus" / "data" / "snapshots").rglob("*") if path.is_file()]
        stored = sum(path.stat().st_size for path in blocks if path.parent.name == "chunks")
        print(f"{count} gateways: {series:,.0f} series, {samples / seconds:,.0f} samples/s")
        print(f"  Prometheus: {cores:.2f} cores, {memory / 2**20:,.0f} MiB ({memory / series:,.0f} bytes a series)")
        print(f"    rules: {rules:.1f} s a minute; disk: {stored / samples:.2f} bytes a sample")
        rows, held = victoria.metric("vm_rows_inserted_total"), victoria.metric("vm_data_size_bytes")
        cores, memory = victoria.cpu_seconds / seconds, victoria.memory_bytes
        print(
            f"  VictoriaMetrics: {cores:.2f} cores, {memory / 2**20:,.0f} MiB; {held / max(rows, 1):.2f} bytes a sample"
        )
    gateways.server.shutdown()


def main() -> None:
    """Measure a gateway, then fleets of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateways", type=int, nargs="*", default=[10, 100])
    parser.add_argument("--minutes", type=float, default=3)
    # A chunk of 120 samples is what Prometheus packs: for the bytes of a sample let it have some.
    parser.add_argument("--interval", type=int, default=15, help="seconds between scrapes")
    parser.add_argument("--keys", type=int, default=20)
    parser.add_argument("--methods", type=int, default=10)
    parser.add_argument("--chains", type=int, default=2)
    args = parser.parse_args()
    text = exposition(Size(keys=args.keys, methods=args.methods, chains=args.chains))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    packed = len(gzip.compress(text.encode(), 6))
    print(f"a gateway: {len(lines):,} series, {len(text):,} bytes a scrape, {packed:,} with gzip", flush=True)
    families: dict[str, int] = {}
    for line in lines:
        name = line.partition("{")[0].partition(" ")[0]
        for end in ("_bucket", "_count", "_sum"):
            name = name.removesuffix(end)
        families[name] = families.get(name, 0) + 1
    for name, count in sorted(families.items(), key=lambda item: -item[1])[:8]:
        print(f"  {count:6,} {name}")
    for label in ("chain", "method"):
        left = {re.sub(rf'\b{label}="[^"]*",?', "", line.rpartition(" ")[0]) for line in lines}
        print(f"  {len(left):6,} without the label {label}")
    for count in args.gateways:
        measure(text, count, args.interval, args.minutes)


if __name__ == "__main__":
    main()
