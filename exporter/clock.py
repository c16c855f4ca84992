"""The wall clock, which may be wrong: ahead for a while, and then set back.

Code that keeps the latest of several times would be stuck at a clock that was ahead once. So it follows this clock:
when it goes back, its followers set their times back, too. Cold path; used in the pipeline's thread only.
"""

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

# Seconds that a time may be ahead of the wall clock: clocks of machines differ, and are corrected.
AHEAD = 60.0

# Sets times that are more than AHEAD seconds ahead of the given time back to it; returns the latest of them, or 0.0.
Follow = Callable[[float], float]


class Clock:
    """The time, in epoch seconds. When it goes back, its followers go back, too."""

    def __init__(self, read: Callable[[], float] | None = None) -> None:
        self._read = read or time.time
        self._latest = 0.0
        self._followers: list[Follow] = []

    def add(self, follower: Follow) -> None:
        """Call this function when the clock goes back."""
        self._followers.append(follower)

    def now(self) -> float:
        """The time. If the clock went back since the last call, the followers are called first."""
        now = self._read()
        if now < self._latest - AHEAD:
            self._go_back(now, self._latest)
        self._latest = max(self._latest, now)
        return now

    def follow(self) -> float:
        """The time. The followers are called in any case: what they have restored may be ahead."""
        now = self._read()
        self._go_back(now, self._latest)
        return now

    def _go_back(self, now: float, latest: float) -> None:
        self._latest = now
        latest = max([latest, *(follow(now) for follow in self._followers)])
        if latest > now + AHEAD:
            text = "the clock went back by %.0f seconds: limits, last uses and other latest times are set back with it"
            log.warning(text, latest - now)
