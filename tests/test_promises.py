"""The promises, proven in short against the real command, and that the proof would notice if one were broken.

`make prove` does the same at length.
"""

import time
from pathlib import Path

import pytest

from tests.prove.cheat import BREACHES, Told, command
from tests.prove.prove_kills import prove_kills, report
from tests.prove.scraper import Checks, counters
from tests.prove.stage import Outcome, Round

_SECONDS = 50.0


def test_nothing_is_lost_repeated_or_served_twice_across_kills() -> None:
    """Some dozens of kills, in four rounds: old logs numbered and dated, the log named and matched by a pattern."""
    outcomes = prove_kills(kills=40, seed=4, minutes=_SECONDS / 60, each=10)
    print(report(outcomes))
    assert not [failure for outcome in outcomes for failure in outcome.failures]
    assert sum(outcome.kills for outcome in outcomes) == 40


def _cheat(folder: Path, breach: str, kills: int) -> Outcome:
    return Round(folder, 5, command(breach), Told(folder), settled_seconds=3).run(kills, time.monotonic() + _SECONDS)


def test_an_exporter_that_keeps_them_is_found_to(tmp_path: Path) -> None:
    """What is reported is no fault of the proof."""
    assert _cheat(tmp_path, "", 5).failures == []


@pytest.mark.parametrize("breach", BREACHES)
def test_an_exporter_that_breaks_one_is_caught(tmp_path: Path, breach: str) -> None:
    """Each breach is told as what it is."""
    outcome = _cheat(tmp_path, breach, 15)
    assert any(BREACHES[breach] in failure for failure in outcome.failures), outcome.failures


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
    """Not gauges, and not what begins anew with the process."""
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
