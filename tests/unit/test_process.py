"""The tests' own processes: none outlives a start that fails."""

import sys

import pytest

from tests.process import Process


def test_a_process_that_does_not_start_in_time_is_ended() -> None:
    """Whoever waited gets the error, and the process is gone."""
    process = Process(["sleep", "600"])
    with pytest.raises(AssertionError, match="not within 0 s: it serves"):
        process.started(lambda: False, "it serves", seconds=0)
    assert not process.running


def test_a_process_that_ends_by_itself_is_not_waited_for() -> None:
    """The error says what it has said."""
    process = Process([sys.executable, "-c", "import sys; sys.exit('no such config')"])
    with pytest.raises(AssertionError, match="ended with 1: no such config"):
        process.started(lambda: False, "it serves")
