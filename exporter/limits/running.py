"""Which window of each name is running, which was before it, and what need not be kept any more.

It goes on with the latest time that it has heard of, and back only where the wall clock does. A jump may be a clock
that is wrong, so a window that ended by one is kept until the next of its name has ended in the common way.
"""

from msgspec import Struct

from exporter.limits.calendar import Calendar, Period, Window


class Turn(Struct, frozen=True):
    """One window gave way to another. What stands in windows that begin after `later` was counted by a clock that was
    ahead: it belongs to the window that begins at `into`. None where there can be no such.
    """

    later: int | None = None
    into: int = 0


class Running:
    """The running windows of a calendar. `turned` are those that have given way to others, until it is cleared."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.period: Period | None = None
        self.last: dict[str, Window] = {}
        # A name's windows that began before are over for good.
        self.oldest: dict[str, int] = {}
        self.turned: dict[str, Turn] = {}
        # Names of which windows may be there that are later than the running one.
        self._back: set[str] = set()

    def divide(self, calendar: Calendar) -> bool:
        """Go on with another calendar; whether that runs already."""
        before, self.calendar, self.period = self.period, calendar, None
        self.last, self.oldest = {}, {}
        return before is not None and self.advance(before.start)

    def advance(self, at: float) -> bool:
        """It is so late, at least; whether another period runs now."""
        at = max(at, 0.0)
        if self.period and at < self.period.end:
            return False
        before, self.period = self.period, self.calendar.period(at)
        for name, window in self.period.windows.items():
            ended = before.windows.get(name) if before else None
            if window == ended:
                continue
            self.last[name] = self.calendar.window(name, window.start - 1)
            in_turn = ended is None or ended.end == window.start
            if in_turn:
                self.oldest[name] = self.last[name].start
            turn = Turn()
            if ended and name in self._back:
                turn = Turn(ended.start if in_turn else window.start, ended.start)
                self._back.remove(name)
            self.turned[name] = turn
        return True

    def go_back(self, at: float) -> None:
        """It is no later than this. What was counted in windows that are still to come is in the running ones now."""
        before, self.period = self.period, self.calendar.period(max(at, 0.0))
        for name, window in self.period.windows.items():
            if before is None or before.windows.get(name) != window:
                self.last[name] = self.calendar.window(name, window.start - 1)
                self.keep(name, self.last[name].start)
                self.turned[name] = Turn()
                self._back.add(name)

    def keep(self, name: str, start: int) -> None:
        """A window is not over for good."""
        self.oldest[name] = min(self.oldest.get(name, start), start)
