"""Waiting for what must become true, with a deadline and no fixed pauses."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")

# Long, so that a busy machine is no failure; what comes true ends the wait at once.
DEADLINE_SECONDS = 60.0
_POLL_SECONDS = 0.01


def eventually(condition: Callable[[], T], what: str = "", seconds: float = DEADLINE_SECONDS) -> T:
    """What the condition returns, once that is true. AssertionError if it does not become true in time."""
    pause = Event()
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"not within {seconds:g} s: {what or 'it became true'}"
        pause.wait(_POLL_SECONDS)
    return found
