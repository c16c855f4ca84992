"""What a series costs in resident memory, while `run` serves a gateway of 35,000 label sets.

    python -m benchmarks.memory --runs 3

The resident set of `run` after some packed scrapes of a `wide` log, less that with an empty log, for each series.
"""

import argparse
import gzip
import re
import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

import yaml

from benchmarks.logs import write
from benchmarks.measure import resident
from benchmarks.program import CONFIG, running
from benchmarks.series import counted

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
    config["metrics"] = config.get("metrics", {}) | {"scrape_interval": "1ms"}  # no new series is held at 0 for long
    config |= {"start_at": "beginning", "state": {"path": "state.db"}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with running(folder, "--config.file", str(folder / "config.yaml")) as exporter:
        counted(exporter, lines)
        for _ in range(SCRAPES):
            series = scrape(f"{exporter.url}/metrics")
            time.sleep(_PAUSE_SECONDS)
        return resident(exporter.pid), len(series)


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
