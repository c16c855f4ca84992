"""How far back what was just counted reaches: after a catch-up, minutes' counters hold what was logged in hours."""

from collections import deque

# So long is remembered: the shortest range that rules look over.
MEMORY_SECONDS = 300


class OldestRecord:
    """The log time of the oldest record counted in the last five minutes. Times are epoch seconds; `at` is any clock's
    that never goes back.
    """

    def __init__(self) -> None:
        # When it was counted, in whole seconds, and its log time: both rise, as what is older hides what came before.
        self._counted: deque[tuple[int, float]] = deque()

    def note(self, logged: float, at: float) -> None:
        """A record was counted."""
        while self._counted and self._counted[-1][1] >= logged:
            self._counted.pop()
        if not self._counted or self._counted[-1][0] < int(at):
            self._counted.append((int(at), logged))

    def value(self, at: float) -> float | None:
        """The oldest one's log time; None where none was counted lately."""
        while self._counted and self._counted[0][0] < at - MEMORY_SECONDS:
            self._counted.popleft()
        return self._counted[0][1] if self._counted else None
