"""What a child process costs: the one measure for every program of the benchmark."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

KIB = 1024
# How often a program is asked whether it is done: that is a scrape, which costs it something.
_POLL_SECONDS = 1.0
# An installed program has its bytecode, and is not compiled at each start.
_INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Run:
    """One program over one log, from its start to its end.

    `cpu_seconds` is user and system time of all its threads; `peak_bytes` its
    largest resident set.
    """

    lines: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int

    @property
    def lines_per_second(self) -> float:
        """By the wall clock."""
        return self.lines / self.wall_seconds

    @property
    def lines_per_cpu_second(self) -> float:
        """By the CPU time, which does not reward a second core."""
        return self.lines / self.cpu_seconds

    @property
    def cpu_per_line(self) -> float:
        """In microseconds."""
        return 1e6 * self.cpu_seconds / self.lines

    def __str__(self) -> str:
        return (
            f"{self.lines_per_second:,.0f} lines/s, {self.lines_per_cpu_second:,.0f} per CPU second"
            f" ({self.lines:,} lines, {self.wall_seconds:.2f} s wall, {self.cpu_seconds:.2f} s CPU,"
            f" peak {self.peak_bytes / 1e6:.0f} MB)"
        )


def resident(pid: int) -> int:
    """The memory of a process that is in use, in bytes."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process until now."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    argv: list[str],
    lines: int,
    stdout: IO[bytes] | None = None,
    until: Callable[[], bool] | None = None,
    cwd: Path | None = None,
) -> Run:
    """Runs `argv` in `cwd` to its end over `lines` lines; a failure raises with what it wrote to stderr. A program that
    does not end by itself is asked to once `until` is true.

    `stdout` receives its output, which is dropped if none is given.  On Linux
    `peak_bytes` is never below the caller's own peak, since the child begins as
    its copy: write logs in another process than the one that measures.
    """
    with tempfile.TemporaryFile() as stderr:
        began = time.perf_counter()
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=stdout or subprocess.DEVNULL, stderr=stderr, env=_INSTALLED, cwd=cwd
        )
        try:
            if until:
                while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None and not until():
                    time.sleep(_POLL_SECONDS)
                child.terminate()
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            child.wait()
            raise
        wall_seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in ((0, -signal.SIGTERM) if until else (0,)):
            stderr.seek(0)
            message = stderr.read().decode(errors="replace")
            raise RuntimeError(f"{argv[0]} ended with {child.returncode}: {message}")
    return Run(
        lines=lines,
        wall_seconds=wall_seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * KIB,
    )
