"""A limit of a plan, and the use of a key."""

from typing import Literal

from msgspec import Struct

from exporter.limits.running import Turn

UNITS = ("requests", "tokens", "credits", "cost")
Scope = Literal["global", "gateway"]
# Requests that the gateway refused: HTTP statuses, and the gRPC codes that mean the same.
REFUSED = frozenset(("401", "403", "429", "7", "8", "16"))

Amounts = dict[str, float]


class Limit(Struct, frozen=True, kw_only=True):
    """The amount of a unit (see UNITS) that is allowed in a window (see WINDOWS).

    `scope` is `global` if all gateways share the amount, `gateway` if each has it for itself.
    """

    unit: str
    window: str
    amount: float
    scope: Scope = "global"
    count_refused: bool = False


class Use(Struct, eq=False):
    """The use of a key, by window, start of the window and unit. Refused requests have a separate Use.

    `pending` amounts are not yet assigned to windows; `touched` lists every Use that has such amounts.
    """

    key: str
    touched: list["Use"]
    windows: dict[str, dict[int, Amounts]]
    pending: Amounts = {}

    def add(self, unit: str, amount: float) -> None:
        """Add a pending amount."""
        if not self.pending:
            self.touched.append(self)
        self.pending[unit] = self.pending.get(unit, 0) + amount

    def put(self, name: str, start: int, amounts: Amounts, oldest: int) -> None:
        """Add amounts to the window that starts at `start`. Windows that started before `oldest` are over: they are
        removed, and nothing is added to them.
        """
        starts = self.windows[name]
        if start not in starts:
            for ended in [begun for begun in starts if begun < oldest]:
                del starts[ended]
            if start < oldest:
                return
            starts[start] = {}
        held = starts[start]
        for unit, amount in amounts.items():
            held[unit] = held.get(unit, 0) + amount

    def turn(self, name: str, turn: Turn) -> None:
        """Move use that was counted by a clock that was ahead into the window where it belongs."""
        starts = self.windows[name]
        for start in [begun for begun in starts if turn.later is not None and begun > turn.later]:
            self.put(name, turn.into, starts.pop(start), turn.into)
