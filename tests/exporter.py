"""A running exporter, beside which a test writes logs and scrapes."""

import re
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.command import COMMAND

# Long, so that a busy machine is no failure; what comes true ends the wait at once.
_DEADLINE_SECONDS = 60.0
_URL = re.compile(r"metrics: (http://\S+)/metrics")

Samples = dict[str, float]


def eventually(found: Callable[[], bool], what: str = "") -> None:
    """Wait until a condition holds; AssertionError when it does not within the deadline."""
    pause = threading.Event()
    until = time.monotonic() + _DEADLINE_SECONDS
    while not found():
        assert time.monotonic() < until, what or "it never came true"
        pause.wait(0.01)


def samples(text: str) -> Samples:
    """An exposition as `name{label="value",…}` → value, labels sorted."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


class Exporter:
    """`gateway-exporter run`, on a free port of 127.0.0.1. What it says on stderr is in `said`.

    `descriptors` limits how many files it may have open.
    """

    def __init__(
        self,
        *arguments: str,
        cwd: Path | None = None,
        stdin: int | None = subprocess.DEVNULL,
        descriptors: int | None = None,
        command: list[str] | None = None,
    ) -> None:
        whole = [*(command or [COMMAND]), *arguments, "--web.listen-address", "127.0.0.1:0"]
        if descriptors:
            whole = ["sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh", *whole]
        self.said = ""
        self.process = subprocess.Popen(whole, stderr=subprocess.PIPE, stdin=stdin, cwd=cwd)
        assert self.process.stderr
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.process.stderr, selectors.EVENT_READ)
        try:
            self.url = self._await_url()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def __enter__(self) -> "Exporter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()
        if kind:
            print(self.said)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it, by its own process id; its exit code."""
        self.process.send_signal(number)
        try:
            code = self.process.wait(_DEADLINE_SECONDS)
        finally:
            self.process.kill()
        self._reader.join(_DEADLINE_SECONDS)
        return code

    def get(self, path: str = "/metrics", **headers: str) -> requests.Response:
        """One page."""
        return requests.get(self.url + path, headers=headers, timeout=_DEADLINE_SECONDS)

    def scrape(self) -> Samples:
        """All samples now."""
        return samples(self.get().text)

    def eventually(self, name: str, value: float) -> None:
        """Wait until a sample has a value."""
        eventually(lambda: self.scrape().get(name) == value, f"{name} is {self.scrape().get(name)}, not {value}")

    def _await_url(self) -> str:
        assert self.process.stderr
        until = time.monotonic() + _DEADLINE_SECONDS
        while not (found := _URL.search(self.said)):
            ready = self._selector.select(until - time.monotonic())
            data = self.process.stderr.read1(65536) if ready else b""  # type: ignore[attr-defined]
            assert data, f"it did not start: {self.said}"
            self.said += data.decode()
        return found[1]

    def _listen(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.said += line.decode()
