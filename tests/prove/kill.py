"""The killer: starts the exporter, and ends it at any moment and at each stage of a checkpoint."""

import os
import random
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path

# Where the exporter kills itself if GATEWAY_EXPORTER_FAULT says so: stages that each commit passes …
COMMITTING = ("before-commit", "in-commit", "after-commit", "after-render")
# … and those that only a new snapshot does.
COMPACTING = ("before-compact", "after-compact")
# … and, if requests are kept, between their rows and the commit.
KEEPING = ("after-rows",)
# So few deltas between two snapshots that a short life has several.
_MOST_DELTAS = "3"

_KILLED = (-signal.SIGKILL, 137)
# What is waited for a fault that may not be passed, and for an end that must come.
_FAULT_SECONDS = 2.0
_END_SECONDS = 60.0
_LONGEST_LIFE_SECONDS = 0.9


class Victim:
    """The exporter as a child process, one life after the other. What it says is in the file `said`."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.lives = 0
        self._begun = 0
        self.said = folder / "stderr"
        self._command = command
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, fault: str = "") -> None:
        """Begin a life."""
        self.lives += 1
        with self.said.open("ab") as said:
            said.write(f"--- life {self.lives} {fault}\n".encode())
            said.flush()
            self._begun = said.tell()
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=os.environ
                | {"GATEWAY_EXPORTER_FAULT": fault, "GATEWAY_EXPORTER_MOST_DELTAS": _MOST_DELTAS}
                | {"PYTHONPATH": str(Path(__file__).parent / "clock")},
            )

    def dies(self, seconds: float) -> bool:
        """Whether it ends by itself within a time; AssertionError where it was not a fault."""
        assert self._process
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        assert code in _KILLED, f"life {self.lives} ended by itself with {code}; see {self.said}"
        return True

    def end(self, number: signal.Signals) -> None:
        """End it by its process id; AssertionError where it does not end as it should."""
        assert self._process
        self._process.send_signal(number)
        code = self._process.wait(_END_SECONDS)
        expected: tuple[int, ...] = _KILLED  # as asked, or by a fault just before
        if number == signal.SIGTERM:
            expected += (0,) if self._serves else (0, -signal.SIGTERM)
        assert code in expected, f"life {self.lives} ended with {code} after {number.name}; see {self.said}"

    def tell(self, number: signal.Signals) -> None:
        """Send a signal that ends nothing, if this life has come so far that it knows it."""
        process = self._process
        if process and self._serves:
            process.send_signal(number)

    @property
    def _serves(self) -> bool:
        """Whether this life has come so far that it says where it serves: from then on it ends in order."""
        return b"metrics: http" in self.said.read_bytes()[self._begun :]

    def close(self) -> None:
        """No process stays behind."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait(_END_SECONDS)


class Killer:
    """Ends one life after the other; `ways` counts how."""

    def __init__(self, victim: Victim, rng: random.Random, *more_points: str) -> None:
        self._points = (*COMMITTING, *more_points)
        self.ways: Counter[str] = Counter()
        self._victim = victim
        self._rng = rng
        self._pause = threading.Event()

    def life(self) -> None:
        """A life that ends by a kill, and the time until the next one."""
        draw = self._rng.random()
        if draw < 0.4:
            self._at_a_stage()
        else:
            self._at_a_moment(signal.SIGTERM if draw < 0.45 else signal.SIGKILL)
        self._pause.wait(self._rng.choice((0, 0, 0, 0.02, 0.3)))

    def _at_a_stage(self) -> None:
        """A fault that each commit passes, the first time or a later one."""
        point = self._rng.choice(self._points)
        self._victim.start(f"{point}:{self._rng.choice((1, 1, 2, 3, 5))}")
        if self._victim.dies(_FAULT_SECONDS):
            self.ways[point] += 1
        else:
            self._victim.end(signal.SIGKILL)
            self.ways["not reached"] += 1

    def _at_a_moment(self, number: signal.Signals) -> None:
        """Any moment from the start on; if so many compactions are before, then. The start is one."""
        point = self._rng.choice(COMPACTING)
        self._victim.start(f"{point}:{self._rng.choice((1, 2, 3, 9))}")
        if self._victim.dies(self._rng.uniform(0, _LONGEST_LIFE_SECONDS)):
            self.ways[point] += 1
        else:
            self._victim.end(number)
            self.ways[number.name] += 1
