"""What a series costs in resident memory, while `run` serves a gateway of 35,000 label sets.

    python -m benchmarks.memory --runs 3

The resident set of `run` after some packed scrapes of a `wide` log, less that with an empty log, for each series.
"""

import argparse
import gzip
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

import yaml

from benchmarks.compare import CONFIG
from benchmarks.logs import write
from benchmarks.measure import resident
from benchmarks.series import counted, free_port

SCRAPES = 3
_PAUSE_SECONDS = 1.0
# The lines of a histogram, except its count.
_OF_HISTOGRAMS = re.compile(rb"\w+_(bucket\{.*,le=|seconds_sum|bytes_sum)")


def scrape(address: str) -> list[bytes]:
    """The lines of the series."""
    with urlopen(Request(address, headers={"Accept-Encoding": "gzip"}), timeout=60) as answer:
        lines: list[bytes] = gzip.decompress(answer.read()).splitlines()
    return [line for line in lines if not line.startswith(b"#") and not _OF_HISTOGRAMS.match(line)]


def run(log: Path, lines: int, folder: Path) -> tuple[int, int]:
    """The resident bytes of a process that has counted the lines of this log, and the number of its series."""
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    config["inputs"] = [config["inputs"][0] | {"path": str(log)}]
    port = free_port()
    config["metrics"] = config.get("metrics", {}) | {"scrape_interval": "1ms"}  # no new series is held at 0 for long
    config |= {"start_at": "beginning", "state": {"path": "state.db"}, "web": {"listen": f"127.0.0.1:{port}"}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, "-m", "exporter", "run", "--config.file", "config.yaml"]
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        counted(child, address, lines)
        for _ in range(SCRAPES):
            series = scrape(f"{address}/metrics")
            time.sleep(_PAUSE_SECONDS)
        used = resident(child.pid)
    finally:
        child.terminate()
        child.wait()
    return used, len(series)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.memory", description="Measures the memory of a series.")
    parser.add_argument("--lines", type=int, default=35_000)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        logs = Path(made, "empty.log"), Path(made, "wide.log")
        logs[0].touch()
        write("wide", logs[1], args.lines)
        for _ in range(args.runs):
            found = []
            for log, lines in zip(logs, (0, args.lines), strict=True):
                with tempfile.TemporaryDirectory() as folder:
                    found.append(run(log, lines, Path(folder)))
            (less, few), (more, many) = found
            each = (more - less) / (many - few)
            print(f"{more / 1e6:.0f} MB, {less / 1e6:.0f} without lines: {each:.0f} bytes for each of {many:,} series")


if __name__ == "__main__":
    main()
