"""The running window of each name, the one before it, and the oldest that must be kept.

Windows advance with the latest known time, and go back only if the wall clock does. A jump may come from a wrong clock,
so a window that ended by a jump is kept until the next of its name has ended normally.
"""

from msgspec import Struct

from exporter.limits.calendar import Calendar, Period, Window


class Turn(Struct, frozen=True):
    """A change from one window to another. Use in windows that start after `later` was counted by a clock that was
    ahead, and belongs to the window that starts at `into`. `later` is None if there is no such use.
    """

    later: int | None = None
    into: int = 0


class Running:
    """The running windows of a calendar. `turned` has the changes of windows, by name, since it was last cleared."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.period: Period | None = None
        self.last: dict[str, Window] = {}
        # By name: windows that started before this are over for good.
        self.oldest: dict[str, int] = {}
        self.turned: dict[str, Turn] = {}
        # Names that may have windows later than the running one.
        self._back: set[str] = set()

    def divide(self, calendar: Calendar) -> bool:
        """Continue with another calendar. Returns whether a period of it is running."""
        before, self.calendar, self.period = self.period, calendar, None
        self.last, self.oldest = {}, {}
        return before is not None and self.advance(before.start)

    def advance(self, at: float) -> bool:
        """Move the clock forward to `at`, never back. Returns whether another period is running now."""
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
        """Move the clock back to `at`. Use counted in later windows belongs to the running ones now."""
        before, self.period = self.period, self.calendar.period(max(at, 0.0))
        for name, window in self.period.windows.items():
            if before is None or before.windows.get(name) != window:
                self.last[name] = self.calendar.window(name, window.start - 1)
                self.keep(name, self.last[name].start)
                self.turned[name] = Turn()
                self._back.add(name)

    def keep(self, name: str, start: int) -> None:
        """Keep the window of a name that starts at `start`."""
        self.oldest[name] = min(self.oldest.get(name, start), start)
