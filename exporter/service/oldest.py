"""How far back what was just counted reaches: after a catch-up, minutes' counters hold what was logged in hours."""

from collections import deque

# So long is remembered: the shortest range that rules look over.
MEMORY_SECONDS = 300
# What is counted later than this after it was logged is remembered over a restart. Steady logs are quicker, so nothing
# is written for them.
_LATE_SECONDS = 60


class OldestRecord:
    """The log time of the oldest record counted in the last five minutes. Times are epoch seconds; `at` is any clock's
    that never goes back, and `now` the time of day then.
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

    def late(self, at: float, now: float) -> tuple[float, float] | None:
        """What a restart must not forget of the last minutes: the log time of the oldest record that was counted late,
        and when the last of those was counted, to the second.
        """
        self.value(at)
        late = [(counted, logged) for counted, logged in self._counted if now - at + counted - logged > _LATE_SECONDS]
        return (late[0][1], round(now - at + late[-1][0])) if late else None

    def restore(self, late: tuple[float, float] | None, at: float, now: float) -> None:
        """Remember what `late` returned before a restart."""
        if late and 0 <= now - late[1] <= MEMORY_SECONDS:
            self.note(late[0], at - (now - late[1]))
