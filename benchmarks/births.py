"""What a new combination of values costs, and what the same line costs once its cell is known.

    python -m benchmarks.births --sets 20000

Each label set of a `wide` or `llm` log is counted once: first all are new; then all are known; then, after a reload has
made the exporter forget, their series are known and their cells are new. Each figure is the least of some runs.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.everything import everything
from benchmarks.logs import KINDS
from benchmarks.program import CONFIG
from benchmarks.traffic import WIDE, requests
from exporter.config.load import load
from exporter.counting.meter import Meter
from exporter.formats.format import build
from exporter.memory import collect_rarely
from exporter.service.assembly import Assembly

RUNS = 3
CHUNK = 200


def lines(kind: str, sets: int) -> list[bytes]:
    """Chunks of a log in which each label set occurs once."""
    rng = Random(1)
    written = [KINDS[kind](request, rng).encode() for request in requests(sets, rng, WIDE)]
    return [b"".join(written[at : at + CHUNK]) for at in range(0, sets, CHUNK)]


def meter_of(config: Path) -> tuple[Meter, Any]:
    """A meter of a config's first input, and its decoder."""
    loaded = load(config)
    input_ = loaded.config.inputs[0]
    format_ = build(input_.spec, input_.max_line_bytes)
    return Assembly(loaded).meter_of(input_, format_), format_.decoder


def cpu(what: Callable[..., object], *values: Iterable[Any]) -> float:
    """CPU seconds of a function, called for each of some values, or without any."""
    begun = time.process_time()
    for _ in map(what, *values) if values else (what(),):
        pass
    return time.process_time() - begun


def measure(kind: str, config: Path, sets: int) -> dict[str, float]:
    """Microseconds for each line, by what was known of it."""
    chunks = lines(kind, sets)
    best: dict[str, float] = {}
    for _ in range(RUNS):
        meter, decoder = meter_of(config)

        for state in ("new", "known", "forgotten"):
            if state == "forgotten":
                meter.forget()
            decoded = [decoder.decode(chunk) for chunk in chunks]
            spent = 1e6 * cpu(meter.count, decoded) / sets
            best[state] = min(best.get(state, spent), spent)
            fold = 1e6 * cpu(meter.fold) / sets
            best[f"fold of {state}"] = min(best.get(f"fold of {state}", fold), fold)
    return best


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.births", description="Times new combinations of values.")
    parser.add_argument("--sets", type=int, default=20_000)
    args = parser.parse_args()
    collect_rarely()
    with tempfile.TemporaryDirectory() as folder:
        for kind, config in (("wide", CONFIG), ("llm", everything(Path(folder), WIDE))):
            found = measure(kind, config, args.sets)
            figures = ", ".join(f"{state} {spent:.2f}" for state, spent in found.items())
            births = found["new"] - found["known"]
            print(f"{kind}: µs a line: {figures}; a birth is {births / found['known']:.1f} known lines", flush=True)


if __name__ == "__main__":
    main()
