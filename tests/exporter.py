"""A running exporter, beside which a test writes logs and scrapes."""

import re
import signal
import subprocess
from pathlib import Path
from types import TracebackType

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.command import COMMAND
from tests.process import Process
from tests.waiting import DEADLINE_SECONDS, eventually

_URL = re.compile(r"metrics: (https?://\S+)/metrics")

Samples = dict[str, float]


def samples(text: str) -> Samples:
    """An exposition as `name{label="value",…}` → value, labels sorted."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


class Exporter:
    """`gateway-exporter run`, on a free port of 127.0.0.1 unless an `address` is given.

    `descriptors` limits how many files it may have open.
    """

    def __init__(
        self,
        *arguments: str,
        cwd: Path | None = None,
        stdin: int = subprocess.DEVNULL,
        descriptors: int | None = None,
        command: list[str] | None = None,
        address: str = "127.0.0.1:0",
    ) -> None:
        whole = [*(command or [COMMAND]), *arguments, "--web.listen-address", address]
        if descriptors:
            whole = ["sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh", *whole]
        self.process = Process(whole, cwd, stdin=stdin)
        self.url = self.process.started(lambda: _URL.search(self.said), "it says where it serves")[1]

    def __enter__(self) -> "Exporter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind:
            print(self.said)

    @property
    def said(self) -> str:
        """What it has written to its standard error."""
        return self.process.said

    def close(self) -> None:
        """End it, if it runs."""
        if self.process.running:
            self.stop()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it, by its own process id; its exit code."""
        return self.process.end(number)

    def get(self, path: str = "/metrics", **headers: str) -> requests.Response:
        """One page."""
        return requests.get(self.url + path, headers=headers, timeout=DEADLINE_SECONDS)

    def scrape(self) -> Samples:
        """All samples now."""
        return samples(self.get().text)

    def eventually(self, name: str, value: float) -> None:
        """Wait until a sample has a value."""
        last: list[float | None] = [None]

        def reached() -> bool:
            last[0] = self.scrape().get(name)
            return last[0] == value

        try:
            eventually(reached)
        except AssertionError as error:
            raise AssertionError(f"{name} is {last[0]}, not {value}") from error
