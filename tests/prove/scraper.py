"""Scrapers that check every sample of every scrape.

`Checks` is what they have been served together: no counter, bucket, sum or count may ever be smaller
than it was when the request was sent, nor be gone (nothing expires within a proof). `Scraper` is one of
them: what is new to it must be 0.
"""

import http.client
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from tests.prove.truth import LINES

TEXT = "text/plain; version=0.0.4"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

# Families that describe the process and restart from zero with it, as process_cpu_seconds_total does.
# Held only until the scrapers that are known were sent the zero; others may come after a restart.
_NOT_FOR_ALL = "gateway_exporter_lines_total"
OF_THE_PROCESS = ("process_", "python_", "gateway_exporter_scrape_duration", "gateway_exporter_checkpoint_")

_PATIENCE_SECONDS = 60.0
# A scraper whose last try is longer ago than so many intervals was late itself: what it missed proves nothing.
_PUNCTUAL = 1.5
_MOST_FAILURES = 20

Counters = Mapping[str, float]


def counters(text: str) -> dict[str, float]:
    """Every line of a counter or histogram that outlives the process: series as written → value."""
    found: dict[str, float] = {}
    lasting = False
    for line in text.split("\n"):
        if line[:1] == "#":
            if line.startswith("# TYPE "):
                _, _, name, type_ = line.split(" ")
                lasting = type_ in ("counter", "histogram") and not name.startswith(OF_THE_PROCESS)
        elif lasting and line:
            series, _, value = line.rpartition(" ")
            found[series] = float(value)
    return found


class Checks:
    """What was served to anyone, and what was wrong with it."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.life = 0
        self.scrapes = self.cut = self.missed = 0
        self.births = self.excused = 0
        self._served: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def parsed(self) -> float:
        """Lines that the exporter has told to be parsed, whatever its inputs are called."""
        return sum(value for name, value in self.served().items() if name.startswith(LINES) and 'lt="parsed"' in name)

    def served(self) -> Counters:
        """What was served until now."""
        with self._lock:
            return dict(self._served)

    def cut_off(self, found: Counters) -> None:
        """The exporter died while it answered: what came until then was served."""
        with self._lock:
            self.cut += 1
            self._raise(found)

    def whole(self, who: str, found: Counters, before: Counters, own: Counters | None, punctual: bool) -> None:
        """A whole answer; `before` is what had been served when it was asked for, `own` the scraper's last one."""
        wrong = [f"{series} is gone; it was {value:g}" for series, value in before.items() if series not in found]
        births = excused = 0
        for series, value in found.items():
            if value < before.get(series, 0):
                wrong.append(f"{series} went back from {before[series]:g} to {value:g}")
            if own is not None and series not in own:
                births += 1
                if value and punctual and not series.startswith(_NOT_FOR_ALL):
                    wrong.append(f"{series} was born at {value:g}")
                elif value:
                    excused += 1
        with self._lock:
            self.scrapes += 1
            self.births += births
            self.excused += excused
            self._raise(found)
            for text in wrong[: _MOST_FAILURES - len(self.failures)]:
                self.failures.append(f"life {self.life}, {who}: {text}")

    def _raise(self, found: Counters) -> None:
        served = self._served
        for series, value in found.items():
            if value > served.get(series, -1):
                served[series] = value


class Answer(NamedTuple):
    """A scrape's text; not `whole` if the exporter died while it answered."""

    text: str
    whole: bool = True


class Scraper(threading.Thread):
    """Scrapes at an interval until `stop`, whether the exporter is there or not."""

    def __init__(self, checks: Checks, name: str, port: int, interval: float, accept: str = TEXT) -> None:
        super().__init__(name=name, daemon=True)
        self.error: BaseException | None = None
        self.answered = 0
        self._checks = checks
        self._port = port
        self._interval = interval
        self._headers = {"Accept": accept, "User-Agent": name, "X-Prometheus-Scrape-Timeout-Seconds": "10"}
        self._own: Counters | None = None
        self._enough = threading.Event()
        self._connection = self._connect()

    def run(self) -> None:
        """The thread."""
        try:
            self._run()
        except BaseException as error:
            self.error = error
            raise

    def stop(self) -> None:
        """End."""
        self._enough.set()
        self.join()
        self._connection.close()

    def scrape(self, punctual: bool = True) -> None:
        """Once; a `punctual` one has missed no birth by its own fault."""
        checks = self._checks
        before = checks.served()
        answer = self._answer()
        if answer is None:
            checks.missed += 1
        elif answer.whole:
            found = counters(answer.text)
            checks.whole(self.name, found, before, self._own, punctual)
            self._own = found
            self.answered += 1
        else:
            checks.cut_off(counters(answer.text[: answer.text.rfind("\n") + 1]))

    def _run(self) -> None:
        last = due = time.monotonic()
        while not self._enough.wait(due - time.monotonic()):
            begun = time.monotonic()
            punctual, last = begun - last <= _PUNCTUAL * self._interval, begun
            due = max(due + self._interval, begun)
            self.scrape(punctual)

    def _answer(self) -> Answer | None:
        """An answer; None where there was none. A kept connection that has died since is no try."""
        kept = self._connection.sock is not None
        try:
            self._connection.request("GET", "/metrics", headers=self._headers)
            response = self._connection.getresponse()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return self._answer() if kept else None
        try:
            text = response.read().decode()
        except http.client.IncompleteRead as error:
            self._connection.close()
            return Answer(error.partial.decode(errors="ignore"), whole=False)
        except OSError:
            self._connection.close()
            return None
        assert response.status == 200, f"{response.status}: {text}"
        return Answer(text)

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_SECONDS)
