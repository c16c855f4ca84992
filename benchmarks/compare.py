"""The exporter and every peer that this machine has, over the same logs in turn, as one table.

    python -m benchmarks.compare build/bench/*.log --runs 3

Each run is a whole process: start, read, count, one rendering. The exporter's is `replay`, whose path from bytes to
exposition is the one of `run`. CPU time is user and system time of all threads. The ratio is a peer's CPU time divided
by the exporter's in the same round. A log's name is its kind, see `logs`.
"""

import argparse
import platform
import statistics
import subprocess
import tempfile
from pathlib import Path

from benchmarks import mtail
from benchmarks.everything import everything
from benchmarks.measure import Run, measure
from benchmarks.peers import PEERS, Peer
from benchmarks.program import COMMAND, CONFIG

COMBINED = "inputs: [{path: combined.log, name: fields, format: nginx-combined}]\n"


def run_exporter(log: Path, config: Path) -> Run:
    """One run over the whole log; raises if it did not count each of its lines."""
    lines = mtail.count_lines(log)
    with tempfile.TemporaryFile() as exposition:
        name = "body" if log.stem == "body" else "fields"
        replay = [COMMAND, "replay", "--config.file", str(config), "--input", name]
        result = measure([*replay, str(log)], lines, stdout=exposition)
        for family in (mtail.LINES_FAMILY, mtail.REQUESTS_FAMILY):
            counted = mtail.total(exposition, family)
            if counted != lines:
                raise RuntimeError(f"the exporter counted {counted} of {lines} lines in {family.decode()}")
    return result


def config_of(kind: str, folder: Path) -> Path:
    """The exporter's config for a kind of log: with all there is for `llm` and `combined`."""
    if kind == "llm":
        return everything(folder)
    if kind == "combined":
        (folder / "combined.yaml").write_text(COMBINED, encoding="utf-8")
        return folder / "combined.yaml"
    return CONFIG


def rows(log: Path, runs: int, folder: Path) -> list[str]:
    """The table's rows of one log: all in turn, so that a busy machine is so for each of them."""
    config = config_of(log.stem, folder)
    able = [peer for peer in PEERS if not peer.why_not(log.stem)]
    ours: list[Run] = []
    theirs: dict[Peer, list[Run]] = {peer: [] for peer in able}
    for _ in range(runs):
        ours.append(run_exporter(log, config))
        for peer in able:
            theirs[peer].append(peer.run(log))
    found = [_row(log.stem, "gateway-exporter", ours, "1")]
    for peer in PEERS:
        if peer in theirs:
            pairs = zip(theirs[peer], ours, strict=True)
            ratio = statistics.median(their.cpu_seconds / our.cpu_seconds for their, our in pairs)
            found.append(_row(log.stem, peer.name, theirs[peer], f"{ratio:.1f}"))
        else:
            found.append(f"| {log.stem} | {peer.name} | {peer.why_not(log.stem)} | | |")
    return found


def _row(kind: str, name: str, runs: list[Run], ratio: str) -> str:
    spent = statistics.median(run.cpu_per_line for run in runs)
    return f"| {kind} | {name} | {spent:.2f} | {ratio} | {max(run.peak_bytes for run in runs) / 1e6:.0f} |"


def _commit() -> str:
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.compare", description="Compares the exporter with its peers.")
    parser.add_argument("logs", type=Path, nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    lines = ", ".join(sorted({f"{mtail.count_lines(log):,}" for log in args.logs}))
    print(f"{lines} lines each, {args.runs} runs; commit {_commit().strip()}; Python {platform.python_version()}\n")
    print("| log | program | µs of CPU a line | times the exporter's | peak MB |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for log in args.logs:
            print("\n".join(rows(log, args.runs, Path(folder))), flush=True)
    print("\n" + "\n".join(f"- {peer.name}: {peer.counts}." for peer in PEERS))


if __name__ == "__main__":
    main()
