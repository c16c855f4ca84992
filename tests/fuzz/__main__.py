"""Fuzz at length, until the time is over: `python -m tests.fuzz --minutes 10`. Exit code 1 where something failed."""

import argparse
import logging
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz import syslog
from tests.fuzz.fuzz import failures
from tests.fuzz.subjects import SUBJECTS

# What the process may take in memory, the parsers and the test's own lines included.
_CEILING_BYTES = 450_000_000


def main() -> int:
    """Fuzz every subject in turn, with a new seed each round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--lines", type=int, default=2_000, help="of each subject in a round")
    parser.add_argument("--stretches", type=int, default=20, help="stretched lines of each subject in a round")
    parser.add_argument("--seed", type=int, default=None, help="the first round's")
    parser.add_argument("--subject", action="append", help="only this one")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    seed = random.randrange(1 << 32) if args.seed is None else args.seed
    until, rounds, found = time.monotonic() + 60 * args.minutes, 0, 0
    while not rounds or time.monotonic() < until:
        for name in args.subject or SUBJECTS:
            with tempfile.TemporaryDirectory() as folder:
                for failure in failures(name, seed + rounds, args.lines, args.stretches, Path(folder)):
                    print(failure, flush=True)
                    found += 1
        for failure in () if args.subject else syslog.failures(seed + rounds, args.lines, args.stretches):
            print(failure, flush=True)
            found += 1
        rounds += 1
    # Not getrusage: there a process begins with the most that the one had that started it.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    most = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    if most > _CEILING_BYTES:
        print(f"{most / 1e6:.0f} MB were in use, of {_CEILING_BYTES / 1e6:.0f} at most")
        found += 1
    print(f"{rounds} rounds from seed {seed} on, {most / 1e6:.0f} MB: {found} failures")
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main())
