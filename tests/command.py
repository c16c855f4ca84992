"""The real command, run as a user runs it, or called in this process where a process of its own proves nothing more."""

import contextlib
import io
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from exporter.cli import main

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


def call(*arguments: str) -> Done:
    """Call the command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(arguments))
    return Done(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))
