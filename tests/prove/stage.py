"""One round: a folder, a log, an exporter, its killer, its writer and its scrapers, and what came of it."""

import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.command import COMMAND
from tests.exporter import samples
from tests.process import free_port
from tests.prove.change import Changer
from tests.prove.kill import KEEPING, Killer, Victim
from tests.prove.rotate import Link, Log
from tests.prove.rows import LONG_AGO, rows_of
from tests.prove.scraper import OPENMETRICS, Checks, Scraper
from tests.prove.truth import IDENTITY, INPUT, SECRET, Truth
from tests.prove.writer import Traffic, Writer

_KEYS = 60
# Quiet logs, and rotated copies of each before the first start: more than are remembered without their files.
_QUIET_LOGS, _QUIET_COPIES = 20, 14
# A renamed log is waited for, in case that its writer comes back to it.
_SETTLED_SECONDS = 60.0
_MORE_SECONDS = 120.0
_START_SECONDS = 60.0
# After the truth is reached, so many more scrapes must not change it; in some rounds more, past the time at which
# a renamed log is given up.
_MORE_SCRAPES = 30
_MANY_MORE_SCRAPES = 250

Said = Callable[[str], None]


@dataclass
class Outcome:
    """What a round showed. It is proven when there are no failures."""

    seed: int
    folder: Path
    failures: list[str] = field(default_factory=list)
    kills: int = 0
    ways: dict[str, int] = field(default_factory=dict)
    rotations: dict[str, int] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    lines: int = 0
    scrapes: int = 0
    births: int = 0
    excused: int = 0
    cut: int = 0
    seconds: float = 0.0


class Round:
    """`run` it once. The seed decides traffic, rotations and kills; times stay the machine's.

    Odd seeds name old logs by date; two of four read the log by a pattern that its old copies match too, and beside it
    many quiet logs, and one that is a link; in two of four the inputs change all the time, and the clock jumps; one of
    four stays for long after the last line. Even seeds keep each request, whose row must be there once. `config`
    changes parts of the exporter's config.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        command: list[str] | None = None,
        truth: Truth | None = None,
        settled_seconds: float = _SETTLED_SECONDS,
        **config: Any,
    ) -> None:
        self._begun = time.time()
        self._settled_seconds = settled_seconds
        self._more_scrapes = _MORE_SCRAPES if seed % 4 else _MANY_MORE_SCRAPES
        self.outcome = Outcome(seed, folder)
        rng = random.Random(seed)
        self.port = free_port()
        self.log = Log(folder / "access.log", dated=seed % 2 == 1)
        traffic = Traffic(random.Random(rng.random()), _KEYS)
        many = seed % 4 >= 2
        self._requests = folder / "requests" if seed % 2 == 0 and not command else None
        if self._requests:
            config = {"requests": {"keep": "400d"}} | config
        write_config(folder, "*access.log*" if many else "access.log", self.port, traffic.registered, config)
        self.quiet = _quiet_logs(folder, traffic, dated=seed % 2 == 1) if many else []
        self.link = Link(folder / "link-access.log") if many else None
        self.checks = Checks()
        self.victim = Victim(command or [COMMAND, "run", "--config.file", "config.yaml"], folder)
        self.killer = Killer(self.victim, random.Random(rng.random()), *(KEEPING if self._requests else ()))
        self.writer = Writer(
            *(self.log, traffic, random.Random(rng.random()), truth or Truth(), lambda n: self.checks.parsed == n),
            quiet=self.quiet,
            link=self.link,
        )
        self.scrapers = [
            Scraper(self.checks, "fast", self.port, 0.05),
            Scraper(self.checks, "slow", self.port, 0.1, OPENMETRICS),
        ]
        self.changer = Changer(folder, self.port, self.victim, random.Random(rng.random()), many)
        self._changes = seed % 4 in (1, 2)
        self.actors: list[Writer | Changer | Scraper] = [self.writer, self.changer, *self.scrapers]

    def run(self, kills: int, until: float, say: Said = lambda _: None) -> Outcome:
        """Kill it so often, or until a time (monotonic), and compare with the truth."""
        begun = time.monotonic()
        outcome = self.outcome
        try:
            self._run(kills, until, say)
        except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as error:
            outcome.failures.append(f"life {self.victim.lives}: {error}")
        finally:
            for actor in self.actors:
                if actor.is_alive():
                    actor.stop()
            self.victim.close()
            for log in (self.log, *self.quiet):
                log.close()
            if self.link:
                self.link.close()
        checks = self.checks
        outcome.failures += checks.failures + [repr(actor.error) for actor in self.actors if actor.error]
        outcome.ways, outcome.rotations = dict(self.killer.ways), dict(self.writer.done)
        outcome.changes = dict(self.changer.done)
        outcome.lines = self.writer.truth.lines
        outcome.scrapes, outcome.cut = checks.scrapes, checks.cut
        outcome.births, outcome.excused = checks.births, checks.excused
        outcome.seconds = time.monotonic() - begun
        return outcome

    def _run(self, kills: int, until: float, say: Said) -> None:
        self._start()
        for scraper in self.scrapers:
            scraper.start()
        self._wait(lambda: all(scraper.answered for scraper in self.scrapers), "the first scrapes", _START_SECONDS)
        self.writer.start()
        if self._changes:
            self.changer.start()
        if not kills:
            self._wait(lambda: self.writer.truth.parsed > 3000, "traffic", 60)
        elif self._goes_on(until):
            self.victim.end(signal.SIGKILL)
            self.outcome.kills += 1
        while self.outcome.kills < kills and self._goes_on(until):
            self.checks.life = self.victim.lives + 1
            self.killer.life()
            self.outcome.kills += 1
            if self.outcome.kills % 25 == 0:
                say(f"{self.outcome.kills} kills, {self.writer.truth.lines} lines, {self.log.rotations} rotations")
        if self.outcome.kills:
            self._start()
        self.writer.stop()
        if self._changes:
            self.changer.stop()
            self.victim.end(signal.SIGTERM)
            self._start()
        self._compare("in the end")
        self._more_scrapes = _MORE_SCRAPES
        self.victim.end(signal.SIGTERM)
        self._start()
        self._compare("after one more restart")

    def _start(self) -> None:
        self.checks.life = self.victim.lives + 1
        self.victim.start()

    def _goes_on(self, until: float) -> bool:
        return not self._failed() and time.monotonic() < until

    def _failed(self) -> bool:
        return bool(self.checks.failures or any(actor.error for actor in self.actors))

    def _compare(self, when: str) -> None:
        """Wait until the exporter serves the truth, and see that it stays."""
        self._wait(lambda: not self._differences(), f"the truth {when}", self._settled_seconds, self._differences)
        fast = self.scrapers[0]
        enough = fast.answered + self._more_scrapes
        self._wait(lambda: fast.answered >= enough, "more scrapes", _MORE_SECONDS)
        changed = self._differences()
        assert not changed, f"the truth {when} did not stay: {changed[:10]}"
        if self._requests:
            wrong = self.writer.truth.wrong_rows(rows_of(self._requests, self._begun))
            assert not wrong, f"the rows {when} are not the requests: {wrong[:10]}"

    def _differences(self) -> list[str]:
        try:
            text = requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=60).text
        except requests.ConnectionError:
            return ["it does not answer"]
        return self.writer.truth.differences(samples(text))

    def _wait(self, found: Callable[[], bool], what: str, seconds: float, why: Callable[[], list[str]] = list) -> None:
        pause = threading.Event()
        until = time.monotonic() + seconds
        while not found():
            assert not self._failed(), f"ended early, before {what}"
            assert not self.victim.dies(0.1), f"the exporter died by itself before {what}"
            assert time.monotonic() < until, f"not within {seconds:g} s: {what}: " + "; ".join(why()[:10])
            pause.wait(0.05)


def _quiet_logs(folder: Path, traffic: Traffic, dated: bool) -> list[Log]:
    """Logs of other hosts that nobody used for long: their old copies are no concern of the exporter's."""
    logs = [Log(folder / f"host{n:02}-access.log", dated) for n in range(_QUIET_LOGS)]
    for log in logs:
        for n in range(_QUIET_COPIES):
            log.write(traffic.draw().line(LONG_AGO + n))
            log.rename().release()
    return logs


def write_config(folder: Path, path: str, port: int, registered: list[tuple[str, str]], more: dict[str, Any]) -> None:
    """The exporter's config and its files; `more` changes parts of it, None takes one out.

    Scrapers come more often than they are expected to: after a restart, one that is a little late was not seen yet.
    """
    config: dict[str, Any] = {
        "inputs": [{"path": path, "name": INPUT, "format": "nginx-json"}],
        "identity": {"secret_file": "secret"},
        "keys": "keys.yaml",
        "metrics": {"scrape_interval": "200ms"},
        "state": {"path": "state.db"},
        "start_at": "beginning",
        "web": {"listen": f"127.0.0.1:{port}"},
    }
    keys = [{"id": id_, "hash": IDENTITY.hash(raw)} for raw, id_ in registered]
    (folder / "secret").write_text(SECRET, encoding="utf-8")
    (folder / "keys.yaml").write_text(yaml.safe_dump(keys), encoding="utf-8")
    config = {name: part for name, part in (config | more).items() if part is not None}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
