"""The wall clock, which may be wrong: ahead for a while, and then set back.

Whoever keeps the latest of times would stay at the date of a clock that was ahead once. So all who do follow this one:
when it goes back, they are asked to give up what is ahead of it. Cold path; only the pipeline's thread asks.
"""

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

# Clocks of machines differ, and are corrected: so many seconds ahead of the wall clock are no mistake yet.
AHEAD = 60.0

# Gives up what is more than AHEAD seconds ahead of a time; the latest of what it had, 0.0 where nothing was ahead.
Follow = Callable[[float], float]


class Clock:
    """Tells the time, in epoch seconds, and has its followers go back with it."""

    def __init__(self, read: Callable[[], float] | None = None) -> None:
        self._read = read or time.time
        self._latest = 0.0
        self._followers: list[Follow] = []

    def add(self, follower: Follow) -> None:
        """One more follows."""
        self._followers.append(follower)

    def now(self) -> float:
        """The time. When the clock went back since it was asked last, the followers are asked first."""
        now = self._read()
        if now < self._latest - AHEAD:
            self._go_back(now, self._latest)
        self._latest = max(self._latest, now)
        return now

    def follow(self) -> float:
        """The time. The followers are asked in any case: what they have restored may be ahead of it."""
        now = self._read()
        self._go_back(now, self._latest)
        return now

    def _go_back(self, now: float, latest: float) -> None:
        self._latest = now
        latest = max([latest, *(follow(now) for follow in self._followers)])
        if latest > now + AHEAD:
            text = "the clock went back by %.0f seconds: limits, last uses and all other latest times go back with it"
            log.warning(text, latest - now)
