"""The days that are kept. A clock that is wrong for half an hour drops nothing, and changes no request's time."""

import time
from typing import NamedTuple

DAY_SECONDS = 86_400
DAY_MS = 1000 * DAY_SECONDS
# The days move on when the clock has agreed for so long, at most twice as long.
PATIENCE_SECONDS = 1800.0
_EVER = 1 << 40


class Days(NamedTuple):
    """Both are kept, and all between them; in days since 1970."""

    first: int
    last: int


class Horizon:
    """Requests of earlier days are dropped, and not kept when they come. The last day is tomorrow, as clocks and time
    zones of gateways differ: requests of later days have a wrong time. After a start all days are kept, at first.
    """

    def __init__(self, keep: float) -> None:
        """`keep` is in seconds."""
        self._keep = keep
        # The days that the clock led to, in the last interval of patience and in this one.
        self._before, self._seen = Days(0, _EVER), Days(_EVER, 0)
        self._begun = time.monotonic()

    def days(self, now: float) -> Days:
        """`now` is in epoch seconds."""
        first, last = int((now - self._keep) // DAY_SECONDS), int(now // DAY_SECONDS) + 1
        if time.monotonic() - self._begun >= PATIENCE_SECONDS:
            self._before, self._seen = self._seen, Days(_EVER, 0)
            self._begun = time.monotonic()
        self._seen = Days(min(self._seen.first, first), max(self._seen.last, last))
        return Days(min(self._before.first, self._seen.first), max(self._before.last, self._seen.last))
