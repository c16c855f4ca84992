"""How long a line takes from being written to being in /metrics, and what the exporter costs while its log is idle.

    python -m benchmarks.latency --lines 200

One line at a time is appended to the log of a running exporter, at odd moments; then /metrics is asked
until the line is counted. A plain request for /metrics without a new line is timed beside it.
"""

import argparse
import random
import statistics
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from benchmarks.measure import cpu_seconds
from benchmarks.program import Exporter, running

LINE = '{"msec":1772546709.331,"status":200,"method":"POST","uri":"/v1/x","api_key":"a","request_time":0.1}\n'
COUNT = b'gateway_exporter_lines_total{input="access.json",result="parsed"} '
IDLE_SECONDS = 10


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.latency", description="Measures log-to-metrics latency.")
    parser.add_argument("--lines", type=int, default=200)
    lines = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "access.json"
        log.write_text(LINE, encoding="utf-8")
        with running(Path(folder), str(log)) as exporter:
            report(log, exporter, lines)


def report(log: Path, exporter: Exporter, lines: int) -> None:
    """Measure and print."""
    url = f"{exporter.url}/metrics"
    rng, pause = random.Random(1), threading.Event()
    visible, plain = [], []
    for written in range(2, lines + 2):
        pause.wait(rng.uniform(0.0, 0.2))
        with log.open("a", encoding="utf-8") as out:
            out.write(LINE)
        begun = time.perf_counter()
        while b"%b%d\n" % (COUNT, written) not in urllib.request.urlopen(url).read():
            pass
        visible.append(time.perf_counter() - begun)
        pause.wait(0.11)
        begun = time.perf_counter()
        urllib.request.urlopen(url).read()
        plain.append(time.perf_counter() - begun)
    for name, found in (("line to metric", visible), ("a scrape alone", plain)):
        print(f"{name:20} median {1e3 * statistics.median(found):.1f} ms, slowest {1e3 * max(found):.1f} ms")
    pause.wait(2)
    before = cpu_seconds(exporter.pid)
    pause.wait(IDLE_SECONDS)
    print(f"idle                 {1e3 * (cpu_seconds(exporter.pid) - before) / IDLE_SECONDS:.1f} ms of CPU a second")


if __name__ == "__main__":
    main()
