"""The exporter against an older commit of this repository, over the same logs, in turn.

    python -m benchmarks.against COMMIT --rounds 5 --only wide --lines 8000

- `steady`: CPU of whole processes of `replay`.
- new lines of `wide` and `llm`, in which each label set occurs once: CPU of what counts them, see `counted`.
- where valgrind is: instructions of the same, which do not depend on other programs on the machine.

Both run in this Python environment, with this commit's benchmarks. Of each, the run counts that took least. A commit
from before `exporter/counting/meter.py` can only be compared by `--only steady`.
"""

import argparse
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import births, logs
from benchmarks.everything import everything
from benchmarks.measure import measure
from benchmarks.program import CONFIG
from benchmarks.traffic import WIDE

HERE = Path(__file__).parents[1]
LINES = {"steady": logs.LINES, "wide": 20_000, "llm": 6_000}
_DEFAULT = ", ".join(f"{lines:,} of {kind}" for kind, lines in LINES.items())


def unpack(commit: str, folder: Path) -> None:
    """Write the exporter of a commit, and the benchmarks of this one, to a folder."""
    packed = subprocess.run(["git", "archive", commit, "exporter"], cwd=HERE, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    shutil.copytree(HERE / "benchmarks", folder / "benchmarks", ignore=shutil.ignore_patterns("__pycache__"))


def steady(tree: Path, config: Path, log: Path, lines: int) -> float:
    """Microseconds of CPU a line of a whole process, with the exporter in `tree`."""
    replay = ["-m", "exporter", "replay", "--config.file", str(config), "--input", "fields", str(log)]
    return measure([sys.executable, *replay], lines, cwd=tree).cpu_per_line


def new(tree: Path, config: Path, log: Path, lines: int) -> float:
    """Microseconds of CPU that counting takes for each line."""
    with tempfile.TemporaryFile() as printed:
        measure(_counted(lines, "yes", config, log), lines, stdout=printed, cwd=tree)
        printed.seek(0)
        return 1e6 * float(printed.read()) / lines


def instructions(tree: Path, config: Path, log: Path, lines: int) -> float:
    """Instructions that counting takes for each line."""
    found = {}
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as profile:
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile.name}"]
        for counts in ("yes", "no"):
            command = ["env", "PYTHONHASHSEED=0", *valgrind, *_counted(lines, counts, config, log)]
            measure(command, lines, cwd=tree)
            text = Path(profile.name).read_text(encoding="utf-8")
            found[counts] = int(text.split("\nsummary: ")[1].split()[0])
    return (found["yes"] - found["no"]) / lines


def _counted(lines: int, counts: str, config: Path, log: Path) -> list[str]:
    replay = ["replay", "--config.file", str(config), "--input", "fields", str(log)]
    return [sys.executable, "-m", "benchmarks.counted", str(lines), counts, *replay]


def compare(what: str, unit: str, rounds: int, old: Path, measured: Callable[[Path], float]) -> None:
    """Measure both in turn, and print the least of each and their ratio."""
    pairs = [(measured(old), measured(HERE)) for _ in range(rounds)]
    before, now = map(min, zip(*pairs, strict=True))
    print(f"{what}: {before:,.2f} {unit} a line before, {now:,.2f} now: {before / now:.2f} times as fast", flush=True)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.against", description="Compares with an older commit.")
    parser.add_argument("commit")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=LINES, help="compare over this log alone")
    parser.add_argument("--lines", type=int, help=f"of each log (default: {_DEFAULT})")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old = folder / "old"
        unpack(args.commit, old)
        for kind in [args.only] if args.only else LINES:
            _compare_over(kind, args.lines or LINES[kind], args.rounds, old, folder)


def _compare_over(kind: str, lines: int, rounds: int, old: Path, folder: Path) -> None:
    log = folder / f"{kind}.log"
    if kind == "steady":
        logs.write(kind, log, lines)
        compare(kind, "µs", rounds, old, lambda tree: steady(tree, CONFIG, log, lines))
        return
    config = everything(folder, WIDE) if kind == "llm" else CONFIG
    log.write_bytes(b"".join(births.lines(kind, lines)))
    compare(f"new lines of {kind}", "µs", rounds, old, lambda tree: new(tree, config, log, lines))
    if shutil.which("valgrind"):
        what = f"new lines of {kind}, by valgrind"
        compare(what, "instructions", 1, old, lambda tree: instructions(tree, config, log, lines))


if __name__ == "__main__":
    main()
