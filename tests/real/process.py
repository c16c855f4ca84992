"""A program in the foreground: started, waited for, ended by its own process id."""

import os
import signal
import socket
import subprocess
from contextlib import closing
from pathlib import Path

from tests.real.waiting import eventually


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Process:
    """A child process, with its standard output and error in files."""

    def __init__(
        self, command: list[str], folder: Path, stdout: str = "stdout", env: dict[str, str] | None = None
    ) -> None:
        self._stderr = folder / f"{Path(command[0]).name}.stderr"
        with (folder / stdout).open("ab") as out, self._stderr.open("ab") as err:
            self._child = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=os.environ | (env or {})
            )

    @property
    def stderr(self) -> str:
        """What it has said."""
        return self._stderr.read_text(encoding="utf-8", errors="replace")

    def listens(self, port: int) -> None:
        """Wait until it accepts connections."""
        eventually(lambda: self.alive() and _accepts(port), f"listening on {port}")

    def alive(self) -> bool:
        """True; AssertionError where it has ended by itself."""
        assert self._child.poll() is None, f"ended with {self._child.returncode}: {self.stderr}"
        return True

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def end(self) -> int:
        """End it, and wait for it."""
        self._child.send_signal(signal.SIGCONT)
        self._child.terminate()
        try:
            return self._child.wait(60)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait(60)


def _accepts(port: int) -> bool:
    with closing(socket.socket()) as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
