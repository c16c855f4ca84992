"""What a plan allows, and what a key has used of it."""

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
    """What a key has used, by window, start of the window and unit. Refused requests have a Use of their own.

    `pending` is not assigned to windows yet; `touched` lists every Use that has such amounts.
    """

    key: str
    touched: list["Use"]
    windows: dict[str, dict[int, Amounts]]
    pending: Amounts = {}

    def add(self, unit: str, amount: float) -> None:
        """Add an amount to what is pending."""
        if not self.pending:
            self.touched.append(self)
        self.pending[unit] = self.pending.get(unit, 0) + amount

    def put(self, name: str, start: int, amounts: Amounts, oldest: int) -> None:
        """Add amounts to the window that begins at `start`. Windows that began before `oldest` are over: they are
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
        """Move what a clock that was ahead has counted into the window where it belongs."""
        starts = self.windows[name]
        for start in [begun for begun in starts if turn.later is not None and begun > turn.later]:
            self.put(name, turn.into, starts.pop(start), turn.into)
