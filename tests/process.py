"""A program in the foreground: started, waited for, ended by its own process id."""

import os
import secrets
import signal as signals
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO, TypeVar

from tests.waiting import DEADLINE_SECONDS, eventually

T = TypeVar("T")


_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
# Lower ones are those of well-known services.
_FIRST_PORT = 11_000
# Held until this process ends: whoever has bound a port's name may use that port.
_names: list[socket.socket] = []


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that nobody gets until this process ends: it is none of those
    that the system gives to whoever asks for any, and no other process of tests chooses it.
    """
    given = int(_RANGE.read_text(encoding="ascii").split()[0])
    while True:
        port = _FIRST_PORT + secrets.randbelow(max(given - _FIRST_PORT, _FIRST_PORT))
        if _is_free(port):
            return port


def _is_free(port: int) -> bool:
    """Whether nobody has it or has chosen it. Then this process has."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0gateway-exporter-tests-{port}")
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with closing(socket.socket(socket.AF_INET, kind)) as probe:
                probe.bind(("127.0.0.1", port))
    except OSError:
        name.close()
        return False
    _names.append(name)
    return True


class Process:
    """A child process. Its standard output goes to a file in `folder`, or nowhere; its standard error through a pipe,
    which no limit of file sizes and no watched folder notices.
    """

    def __init__(
        self,
        command: list[str],
        folder: Path | None = None,
        stdout: str = "",
        env: dict[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        with (folder / stdout if folder and stdout else Path(os.devnull)).open("ab") as out:
            self._child = subprocess.Popen(
                command, cwd=folder, stdin=stdin, stdout=out, stderr=subprocess.PIPE, env=os.environ | (env or {})
            )
        self._said = bytearray()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def said(self) -> str:
        """What it has written to its standard error."""
        return self._said.decode("utf-8", "replace")

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def stdin(self) -> IO[bytes]:
        """Its standard input, if that is a pipe."""
        assert self._child.stdin
        return self._child.stdin

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def started(self, condition: Callable[[], T | None], what: str, seconds: float = DEADLINE_SECONDS) -> T:
        """Wait until its start is done, and return what the condition does then. Where that fails, no process stays
        behind.
        """
        try:
            found = eventually(lambda: condition() if self.alive() else None, what, seconds)
            assert found
            return found
        except BaseException:
            self.kill()
            raise

    def listens(self, port: int) -> None:
        """Wait until it accepts connections; its start is done then."""
        self.started(lambda: _accepts(port), f"listening on {port}")

    def alive(self) -> bool:
        """True; AssertionError where it has ended by itself."""
        if not self.running:
            self._listener.join(DEADLINE_SECONDS)
        assert self.running, f"ended with {self._child.returncode}: {self.said}"
        return True

    def signal(self, number: int) -> None:
        self._child.send_signal(number)

    def wait(self) -> int:
        """Wait for its end; its exit code. AssertionError where it does not end in time."""
        try:
            code = self._child.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise AssertionError(f"it did not end: {self.said}") from error
        self._listener.join(DEADLINE_SECONDS)
        return code

    def end(self, number: int = signals.SIGTERM) -> int:
        """End it, also if it is paused; its exit code."""
        self.signal(signals.SIGCONT)
        self.signal(number)
        return self.wait()

    def kill(self) -> None:
        """End it without asking, if it runs."""
        self._child.kill()
        self._child.wait(DEADLINE_SECONDS)

    def _listen(self) -> None:
        assert self._child.stderr
        while data := self._child.stderr.read1():  # type: ignore[attr-defined]
            self._said += data


def _accepts(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
