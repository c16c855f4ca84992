"""Counts a log with `replay` until its last line is counted, and prints the CPU seconds that counting took.

    python -m benchmarks.counted LINES yes|no replay --config.file config.yaml wide.log

With `no` all is the same, but no line is counted: what two runs differ by is counting. Nothing is rendered. The
exporter is that of the current folder, which may be of another commit: `benchmarks.against` compares them.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

from exporter.cli import main
from exporter.counting.meter import Meter

_count = Meter.count


def timed(lines: int, counts: bool) -> None:
    """From now on, meters time what they count, and end the process after as many lines."""
    left, spent = lines, 0.0

    def count(meter: Meter, decoded: Any) -> None:
        nonlocal left, spent
        begun = time.process_time()
        if counts:
            _count(meter, decoded)
        spent += time.process_time() - begun
        left -= len(decoded.rows)
        if left <= 0:
            print(spent, flush=True)
            os._exit(strangers())

    Meter.count = count  # type: ignore[assignment, method-assign]


def strangers() -> bool:
    """Whether a module of the exporter is of another folder: an installed one stands in for what this one lacks."""
    here = str(Path.cwd())
    found = [
        f"{name} of {module.__file__}\n"
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == "exporter" and not str(module.__file__).startswith(here)
    ]
    sys.stderr.writelines(found)
    sys.stderr.flush()
    return bool(found)


if __name__ == "__main__":
    timed(int(sys.argv[1]), sys.argv[2] == "yes")
    sys.exit(main(sys.argv[3:]))
