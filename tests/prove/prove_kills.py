"""Kill the exporter very often, and check the promises: `python -m tests.prove.prove_kills --kills 1000`.

The kills are spread over rounds, each with a seed and a folder of its own; rounds run side by side.
A round that fails keeps its folder; `--seed N --kills K --round K` with its seed runs it alone.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.prove.stage import Outcome, Round


def prove_round(seed: int, kills: int, until: float, **more: Any) -> Outcome:
    """One round; its folder goes if all was well. `until` is monotonic time."""
    folder = Path(tempfile.mkdtemp(prefix=f"prove-{seed}-"))

    def say(text: str) -> None:
        print(f"seed {seed}: {text}", flush=True)

    outcome = Round(folder, seed, **more).run(kills, until, say)
    for failure in outcome.failures:
        say(f"FAILED: {failure}")
    if not outcome.failures:
        shutil.rmtree(folder)
    return outcome


def prove_kills(
    kills: int, seed: int, minutes: float = 1, each: int = 100, workers: int = 2, **more: Any
) -> list[Outcome]:
    """So many kills in rounds of `each`, `workers` at a time. Ends at the first round that fails, or in time."""
    until = time.monotonic() + 60 * minutes
    parts = [min(each, kills - begun) for begun in range(0, kills, each)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        rounds = [pool.submit(prove_round, seed + n, part, until, **more) for n, part in enumerate(parts)]
        for done in as_completed(rounds):
            if done.result().failures:
                break
        for round_ in rounds:
            round_.cancel()
    return [round_.result() for round_ in rounds if not round_.cancelled()]


def report(outcomes: list[Outcome]) -> str:
    """What was done and found, for people."""
    ways: Counter[str] = Counter()
    rotations: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    for outcome in outcomes:
        ways.update(outcome.ways)
        rotations.update(outcome.rotations)
        changes.update(outcome.changes)
    total = {
        name: sum(getattr(outcome, name) for outcome in outcomes)
        for name in ("kills", "lines", "scrapes", "cut", "births")
    }
    lines = [
        f"{total['kills']} kills: " + ", ".join(f"{way} {count}" for way, count in ways.most_common()),
        f"{total['lines']} lines; rotations: "
        + ", ".join(f"{kind} {count}" for kind, count in rotations.most_common()),
        "changes of inputs: " + ", ".join(f"{how} {count}" for how, count in changes.most_common()),
        f"{total['scrapes']} scrapes checked, and {total['cut']} that a kill cut off; {total['births']} births seen"
        f" ({sum(outcome.excused for outcome in outcomes)} at more than 0 by a scraper that was late)",
    ]
    for outcome in outcomes:
        if outcome.failures:
            lines.append(f"FAILED: seed {outcome.seed} after {outcome.kills} kills; see {outcome.folder}")
            lines += [f"  {failure}" for failure in outcome.failures[:8]]
    return "\n".join(lines)


def main() -> int:
    """The command; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description="Kill the exporter very often, and check the promises.")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--minutes", type=float, default=15, help="begin no kill after so long")
    parser.add_argument("--round", type=int, default=100, help="kills in a round")
    parser.add_argument("--workers", type=int, default=2, help="rounds at a time")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    outcomes = prove_kills(args.kills, args.seed, args.minutes, args.round, args.workers)
    print(report(outcomes))
    short = args.kills - sum(outcome.kills for outcome in outcomes)
    failed = any(outcome.failures for outcome in outcomes)
    if short and not failed:
        print(f"Out of time: {short} kills were not made.")
    return int(failed or short > 0)


if __name__ == "__main__":
    sys.exit(main())
