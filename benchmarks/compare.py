"""The exporter and Debian's mtail over the same log, in turn, and the ratio.

    python -m benchmarks.compare steady.log wide.log random.log body.log --runs 3

Each run is a whole process: start, read, count, one rendering. The exporter's is `replay`, whose path
from bytes to exposition is the one of `run`. mtail has a program for logs named `steady`, `wide` and `random`;
it can't read the JSON-RPC body of `body`, which is measured alone.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks import mtail
from benchmarks.measure import Run, measure

CONFIG = Path(__file__).with_name("exporter.yaml")
INPUTS = {"body": "body"}
COMMAND = Path(sys.executable).with_name("gateway-exporter")


def run_exporter(log: Path) -> Run:
    """One run over the whole log; raises if it did not count each of its lines."""
    lines = mtail.count_lines(log)
    with tempfile.TemporaryFile() as exposition:
        replay = [str(COMMAND), "replay", "--config.file", str(CONFIG), "--input", INPUTS.get(log.stem, "fields")]
        result = measure([*replay, str(log)], lines, stdout=exposition)
        for family in (mtail.LINES_FAMILY, mtail.REQUESTS_FAMILY):
            counted = mtail.total(exposition, family)
            if counted != lines:
                raise RuntimeError(f"the exporter counted {counted} of {lines} lines in {family.decode()}")
    return result


def compare(log: Path, runs: int, program: Path | None) -> None:
    """Run both in turn, and print each run and the ratio of each pair."""
    print(f"{log.stem}: {mtail.count_lines(log):,} lines, {log.stat().st_size:,} bytes")
    ratios = []
    for _ in range(runs):
        ours = run_exporter(log)
        print(f"  exporter  {ours}", flush=True)
        if program:
            theirs = mtail.run(log, program)
            ratios.append(ours.lines_per_second / theirs.lines_per_second)
            print(f"  mtail     {theirs}   ratio {ratios[-1]:.1f}", flush=True)
    if ratios:
        print(
            f"  ratio: {statistics.median(ratios):.1f} (median), {min(ratios):.1f} to {max(ratios):.1f}\n", flush=True
        )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.compare", description="Compares the exporter with mtail.")
    parser.add_argument("logs", type=Path, nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        programs = {"steady": mtail.PROGRAM, "wide": mtail.PROGRAM, "random": mtail.random_program(Path(folder))}
        for log in args.logs:
            compare(log, args.runs, programs.get(log.stem))


if __name__ == "__main__":
    main()
