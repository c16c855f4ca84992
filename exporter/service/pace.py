"""Lines per second, as people are shown them: of the last seconds, not since the start."""

import time

# Marks are this far apart, so the pace is that of the last five to ten seconds.
_SECONDS = 5.0


class Pace:
    """The pace of a number of lines that grows."""

    def __init__(self, lines: int) -> None:
        self._before = self._mark = (time.monotonic(), lines)

    def note(self, lines: int) -> None:
        """Note how many there are now. Called every few seconds."""
        now = time.monotonic()
        if now - self._mark[0] >= _SECONDS:
            self._before, self._mark = self._mark, (now, lines)

    def value(self, lines: int) -> float:
        """Lines per second until now, when there are so many."""
        since, before = self._before
        return (lines - before) / max(time.monotonic() - since, 1.0)
