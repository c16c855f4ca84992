"""What a line costs by the number of cells in use, and while keys come and go.

    python -m benchmarks.growth --cells 90000 300000

Growth: so many keys send requests of 100 kinds, in random order; each cell is known when the time is taken. Rotation:
of 500 keys, the oldest is replaced by a new one every 40 lines; with the default budgets, where keys past the budget
are `unknown`, and with a place for each. Figures are microseconds of CPU a line, without decoding.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

import yaml

from benchmarks.births import cpu, meter_of
from benchmarks.program import CONFIG
from benchmarks.traffic import CHAINS, RPC_METHODS
from exporter.memory import collect_rarely

CHUNK = 2000
KINDS = [(chain, method) for chain in CHAINS for method in RPC_METHODS]
KEYS = 500
LINES_PER_KEY = 40


def line(key: int, kind: int) -> bytes:
    """A request of a key."""
    chain, method = KINDS[kind % len(KINDS)]
    return (
        b'{"msec":1760000000.5,"status":200,"api_key":"pk_live_%012x","origin":"https://a.test","chain":"%b",'
        b'"rpc_method":"%b","request_time":0.05,"request_length":300,"bytes_sent":900}\n'
    ) % (key, chain.encode(), method.encode())


def chunks(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines, some at a time."""
    while chunk := b"".join(islice(lines, CHUNK)):
        yield chunk


def config(folder: Path, keys: int) -> Path:
    """The benchmark's config, with a budget of so many keys."""
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    settings["inputs"] = settings["inputs"][:1]
    settings["metrics"] = {"budgets": {"key": keys}}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder / "config.yaml"


def growth(folder: Path, cells: int) -> float:
    """Microseconds for a line of a cell that is known, among so many."""
    meter, decoder = meter_of(config(folder, cells))
    every = [(n // len(KINDS), n % len(KINDS)) for n in range(cells)]
    for chunk in chunks(line(*cell) for cell in every):
        meter.count(decoder.decode(chunk))
    rng = Random(1)
    best = 1e9
    for _ in range(3):
        drawn = [decoder.decode(chunk) for chunk in chunks(line(*cell) for cell in rng.choices(every, k=100_000))]
        best = min(best, cpu(meter.count, drawn))
    return best * 10


def rotation(folder: Path, lines: int, budget: int) -> float:
    """Microseconds for a line while keys are replaced, births and folds included."""
    meter, decoder = meter_of(config(folder, budget))
    rng = Random(1)
    written = (line(n // LINES_PER_KEY + rng.randrange(KEYS), rng.randrange(14)) for n in range(lines))
    spent = 0.0
    for chunk in chunks(written):
        rows = decoder.decode(chunk)
        begun = time.process_time()
        meter.count(rows)
        spent += time.process_time() - begun
    return 1e6 * (spent + cpu(meter.fold)) / lines


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.growth", description="Times lines by the number of cells.")
    parser.add_argument("--cells", type=int, nargs="+", default=[90_000, 150_000, 300_000])
    parser.add_argument("--lines", type=int, default=1_000_000)
    args = parser.parse_args()
    collect_rarely()
    with tempfile.TemporaryDirectory() as folder:
        first = 0.0
        for cells in args.cells:
            spent = growth(Path(folder), cells)
            first = first or spent
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(
                f"{cells:,} cells: {spent:.2f} µs a line, {spent / first:.2f} times the first; {memory} MB", flush=True
            )
        for budget in (2000, 10**6):
            spent = rotation(Path(folder), args.lines, budget)
            print(f"a new key every {LINES_PER_KEY} lines, budget {budget:,}: {spent:.2f} µs a line", flush=True)


if __name__ == "__main__":
    main()
