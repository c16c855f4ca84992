"""What a large key registry costs: CPU time of a start, of scrapes and of a reload, time without an answer, memory.

python -m benchmarks.keys --keys 100000 --active 0.01
"""

import argparse
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from benchmarks.measure import cpu_seconds
from benchmarks.program import running
from exporter.keys.identity import Identity

RUNS = 5
_SECRET = b"a secret of the benchmark"
_CONFIG = """
inputs: [{path: access.json, format: {json: {time: ts, status: status, key: key, path: path, duration: seconds}}}]
identity: {secret_file: secret}
keys: keys.yaml
plans:
  free: {limits: [{window: 1m, requests: 60}, {window: 1mo, requests: 20000}]}
  pro: {limits: [{window: 1mo, requests: 200000}]}
state: {path: state.db}
"""


class Bench:
    """An exporter with so many registered keys, and the log that it reads."""

    def __init__(self, folder: Path, keys: int, active: float) -> None:
        self.folder = folder
        identity = Identity(_SECRET)
        self.hashes = [identity.hash(f"raw-{n}") for n in range(keys)]
        self.active = random.Random(1).sample(range(keys), round(keys * active))
        (folder / "secret").write_bytes(_SECRET)
        (folder / "access.json").touch()
        (folder / "config.yaml").write_text(_CONFIG, encoding="utf-8")
        self.register("")

    def register(self, more: str) -> None:
        """Write the registry, as programs do; `more` are further entries."""
        with (self.folder / "keys.yaml").open("w", encoding="utf-8") as out:
            for n, hashed in enumerate(self.hashes):
                plan = "pro" if n % 10 == 0 else "free"
                out.write(f"- id: customer-{n:06d}\n  hash: {hashed}\n  name: Customer {n}\n")
                out.write(f"  owner: team-{n % 500}\n  plan: {plan}\n  created: 2026-01-{n % 28 + 1:02d}\n")
            out.write(more)
        long_ago = time.time() - 3600
        os.utime(self.folder / "keys.yaml", (long_ago, long_ago + len(more)))

    def write(self) -> None:
        """One request of each active key."""
        line = {"ts": time.time(), "status": 200, "path": "/v1/chat", "seconds": 0.1}
        with (self.folder / "access.json").open("a", encoding="utf-8") as log:
            log.writelines(json.dumps(line | {"key": f"raw-{n}"}) + "\n" for n in self.active)

    @contextmanager
    def running(self) -> Iterator["Running"]:
        """The exporter, until it is no longer wanted."""
        with running(self.folder, "--config.file", str(self.folder / "config.yaml")) as exporter:
            yield Running(exporter.pid, exporter.url)


class Running:
    """A running exporter."""

    def __init__(self, pid: int, url: str) -> None:
        self.pid, self.url = pid, url
        while requests.get(f"{url}/-/ready", timeout=60).status_code != 200:
            time.sleep(0.05)

    def cpu(self) -> float:
        """Seconds of CPU time, of all threads since the start."""
        return cpu_seconds(self.pid)

    def memory(self) -> str:
        """What it holds, and the most it held."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines()
        sizes = {line.partition(":")[0]: line.split()[1] for line in lines if line.endswith(" kB")}
        held, most = (int(sizes[name]) // 1024 for name in ("VmRSS", "VmHWM"))
        return f"{held} MB (at most {most})"

    def spends(self, what: Callable[[], object]) -> float:
        """CPU time until something is done."""
        before = self.cpu()
        what()
        return self.cpu() - before

    def scrape(self, encoding: str = "gzip") -> bytes:
        """All metrics, as Prometheus asks for them."""
        return requests.get(f"{self.url}/metrics", headers={"Accept-Encoding": encoding}, timeout=60).content

    def blocked(self, what: Callable[[], object]) -> float:
        """The longest time without an answer while something is done, in seconds."""
        longest, done = 0.0, threading.Event()

        def work() -> None:
            what()
            done.set()

        worker = threading.Thread(target=work)
        worker.start()
        while not done.wait(0.02):
            asked = time.monotonic()
            requests.get(f"{self.url}/-/healthy", timeout=60)
            longest = max(longest, time.monotonic() - asked)
        worker.join()
        return longest

    def reload(self) -> None:
        """Have the config read again."""
        requests.post(f"{self.url}/-/reload", timeout=120).raise_for_status()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--active", type=float, default=0.01)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), args.keys, args.active)
        with bench.running() as run:
            figures = {"start": f"{run.cpu():.2f} s CPU", "memory then": run.memory()}
            first = run.spends(run.scrape)
            size = len(run.scrape("identity"))
            figures["exposition"] = f"{size / 1e6:.1f} MB"
            figures["first scrape"] = f"{first:.2f} s CPU"
            figures["idle scrape, gzip"] = _median(lambda: run.spends(run.scrape))
            figures["idle scrape, plain"] = _median(lambda: run.spends(lambda: run.scrape("identity")))
            bench.write()
            figures["first busy scrape"] = f"{run.spends(run.scrape):.2f} s CPU"

            def busy() -> float:
                bench.write()
                time.sleep(1)  # for the log to be read, which is no part of a scrape
                return run.spends(run.scrape)

            figures["busy scrape, gzip"] = _median(busy)
            figures["memory, busy"] = run.memory()
            figures["reload, nothing changed"] = f"{run.spends(run.reload):.2f} s CPU"
            figures["… without an answer"] = f"{run.blocked(run.reload):.2f} s"
            bench.register("- {id: one-more}\n")
            figures["reload, one key more"] = f"{run.blocked(run.reload):.2f} s without an answer"
            run.scrape()
            figures["memory in the end"] = run.memory()
        with bench.running() as run:
            figures["start with a state"] = f"{run.cpu():.2f} s CPU"
    print(f"{args.keys:,} registered keys, {len(bench.active):,} of them active (medians of {RUNS})")
    for name, figure in figures.items():
        print(f"  {name:<26}{figure}")


def _median(measure: Callable[[], float]) -> str:
    return f"{sorted(measure() for _ in range(RUNS))[RUNS // 2]:.2f} s CPU"


if __name__ == "__main__":
    main()
