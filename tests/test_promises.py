"""The promises, proven in short against the real command, and that the proof would notice if one were broken.

`make prove` does the same at length.
"""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.exporter import samples
from tests.process import free_port
from tests.prove.change import LAYOUTS, Changer
from tests.prove.cheat import BREACHES, Told, command
from tests.prove.kill import Victim
from tests.prove.prove_kills import prove_kills, report
from tests.prove.prove_prometheus import prove_prometheus, table
from tests.prove.scraper import Checks, Scraper, counters
from tests.prove.stage import write_config
from tests.prove.truth import Request
from tests.waiting import eventually


def test_nothing_is_lost_repeated_or_served_twice_across_kills() -> None:
    """Two dozen kills, in four rounds: old logs numbered and dated, the log named and matched by a pattern; in two of
    them the inputs change all the time.
    """
    outcomes = prove_kills(kills=24, seed=4, minutes=10, each=6)
    print(report(outcomes))
    assert [failure for outcome in outcomes for failure in outcome.failures] == []
    assert all(outcome.kills for outcome in outcomes)
    assert sum(bool(outcome.changes) for outcome in outcomes) == 2


def test_a_real_prometheus_finds_the_truth(tmp_path: Path) -> None:
    """`sum(increase())` over sparse keys, across kills and rotations, as of the newest sample."""
    outcome = prove_prometheus(tmp_path, seconds=16)
    print(table(outcome))
    assert outcome.kills > 0
    assert abs(outcome.off(outcome.found[0])) < 0.005


class Cheated:
    """A cheat, two scrapers and the truth, one step after the other. `failures` is what the proof has to say."""

    def __init__(self, folder: Path, breach: str) -> None:
        port = free_port()
        write_config(folder, "access.log", port, [], {})
        self.told = Told(folder)
        self.checks = Checks()
        self.scrapers = [Scraper(self.checks, name, port, 1) for name in ("fast", "slow")]
        self._url = f"http://127.0.0.1:{port}/metrics"
        self._victim = Victim(command(breach), folder)
        self._changer = Changer(folder, port, self._victim, random.Random(1))
        self._keys = 0

    @property
    def failures(self) -> list[str]:
        """What the scrapers saw, and what is not the truth."""
        return self.checks.failures + ["the truth: " + difference for difference in self._differences()]

    def start(self) -> None:
        """Begin a life; AssertionError where it does not answer."""
        self._victim.start()
        eventually(self._answers, "an answer")

    def kill(self) -> None:
        """End it."""
        self._victim.end(signal.SIGKILL)

    def scrape(self, *who: int) -> None:
        """These scrapers, one after the other."""
        for name in who:
            self.scrapers[name].scrape()

    def let_go(self) -> None:
        """Wait until what was held may be."""
        held = time.monotonic() + 0.15
        eventually(lambda: time.monotonic() > held, "time to pass")

    def request(self, new: bool = False) -> None:
        """A request, of the same key or a new one."""
        self._keys += new
        self.told.request(Request(f"sk-{self._keys}", "", "eth", ("eth_call",), "", self._keys, duration=0.125))

    def change(self) -> None:
        """Take a config with another path."""
        self._changer.write(LAYOUTS[2])
        self._changer.post()

    def close(self) -> None:
        """No process stays behind."""
        self._victim.close()

    def _answers(self) -> bool:
        assert not self._victim.dies(0.01), "it died"
        try:
            return requests.get(self._url, timeout=60, headers={"User-Agent": "fast"}).ok
        except requests.ConnectionError:
            return False

    def _differences(self) -> list[str]:
        return self.told.differences(samples(requests.get(self._url, timeout=60).text))


def _play(cheated: Cheated) -> list[str]:
    """Births, kills with and without lines while it is down, a reload, and a while after. What the proof says."""
    cheated.start()
    cheated.scrape(0, 1)
    cheated.request(new=True)
    cheated.scrape(0, 1)
    cheated.let_go()
    cheated.scrape(0)
    cheated.kill()
    cheated.start()
    cheated.scrape(0, 1)
    cheated.request(new=True)
    cheated.scrape(0, 0, 1)
    cheated.let_go()
    cheated.scrape(0, 1)
    cheated.request()
    cheated.change()
    for _ in range(3):
        cheated.request()
        cheated.scrape(0)
    cheated.kill()
    cheated.request()
    cheated.start()
    for _ in range(10):
        cheated.scrape(0, 1)
    return cheated.failures


@pytest.fixture
def cheated(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Cheated]:
    made = Cheated(tmp_path, getattr(request, "param", ""))
    yield made
    made.close()


def test_an_exporter_that_keeps_them_is_found_to(cheated: Cheated) -> None:
    """What is reported is no fault of the proof."""
    assert _play(cheated) == []


@pytest.mark.parametrize(("cheated", "said"), BREACHES.items(), indirect=["cheated"])
def test_an_exporter_that_breaks_one_is_caught(cheated: Cheated, said: str) -> None:
    """Each breach is reported by its own name."""
    try:
        failures = _play(cheated)
    except AssertionError as error:
        failures = [str(error)]
    assert any(said in failure for failure in failures), failures


_TEXT = """# TYPE gateway_requests_total counter
gateway_requests_total{key="a b"} 5
# TYPE gateway_request_duration_seconds histogram
gateway_request_duration_seconds_bucket{le="+Inf"} 5
# TYPE gateway_exporter_lag_bytes gauge
gateway_exporter_lag_bytes 7
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 3
"""
_SERIES = 'gateway_requests_total{key="a b"}'


def test_what_is_checked_is_every_line_of_lasting_counters_and_histograms() -> None:
    """Not gauges, and not what restarts from zero with the process."""
    assert counters(_TEXT) == {_SERIES: 5, 'gateway_request_duration_seconds_bucket{le="+Inf"}': 5}


@pytest.mark.parametrize(
    ("before", "own", "found", "said"),
    [
        ({_SERIES: 5}, {_SERIES: 5}, {_SERIES: 5}, ""),
        ({_SERIES: 5}, {_SERIES: 5}, {_SERIES: 4}, "went back from 5 to 4"),
        ({_SERIES: 5}, {_SERIES: 5}, {}, "is gone"),
        ({}, {}, {_SERIES: 1}, "was born at 1"),
        ({}, {}, {_SERIES: 0}, ""),
        ({}, None, {_SERIES: 1}, ""),
    ],
)
def test_an_answer_is_checked_against_all_that_was_served(
    before: dict[str, float], own: dict[str, float] | None, found: dict[str, float], said: str
) -> None:
    """Backwards, gone, born at more than zero; a scraper's first answer has no births."""
    checks = Checks()
    checks.whole("scraper", found, before, own, punctual=True)
    assert [said in failure for failure in checks.failures] == ([True] if said else [])


def test_what_came_of_an_answer_that_a_kill_cut_off_was_served() -> None:
    """It may not go back either."""
    checks = Checks()
    checks.cut_off({_SERIES: 9})
    checks.whole("scraper", {_SERIES: 8}, checks.served(), None, punctual=True)
    assert checks.failures == [f"life 0, scraper: {_SERIES} went back from 9 to 8"]
