"""The first day that is kept. A clock that is wrong for half an hour drops nothing."""

import time

DAY_SECONDS = 86_400
# The day moves on when the clock has agreed for so long, at most twice as long.
PATIENCE_SECONDS = 1800.0
_NEVER = 1 << 40


class Horizon:
    """Requests of earlier days are dropped, and not kept when they come. After a start nothing is, at first."""

    def __init__(self, keep: float) -> None:
        """`keep` is in seconds."""
        self._keep = keep
        # The earliest day that the clock led to, in the last interval of patience and in this one.
        self._before, self._earliest = 0, _NEVER
        self._begun = time.monotonic()

    def first_day(self, now: float) -> int:
        """In days since 1970; `now` is in epoch seconds."""
        day = int((now - self._keep) // DAY_SECONDS)
        if time.monotonic() - self._begun >= PATIENCE_SECONDS:
            self._before, self._earliest = self._earliest, _NEVER
            self._begun = time.monotonic()
        self._earliest = min(self._earliest, day)
        return min(self._before, self._earliest)
