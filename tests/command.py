"""The real command, run as a user runs it."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

COMMAND = str(Path(sys.executable).with_name("gateway-exporter"))


class Done(NamedTuple):
    """What a command left."""

    code: int
    stdout: str
    stderr: str


def run(*arguments: str, stdin: str = "", cwd: Path | None = None) -> Done:
    """Run `gateway-exporter` to its end."""
    done = subprocess.run(
        [COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        cwd=cwd,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
