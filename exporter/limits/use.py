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

    The amounts of the units are not yet assigned to windows. A Use that may have such amounts is `waiting`, and in
    `touched`.
    """

    key: str
    touched: list["Use"]
    windows: dict[str, dict[int, Amounts]]
    requests: int = 0
    tokens: float = 0
    credits: float = 0
    cost: float = 0
    waiting: bool = False

    def wait(self) -> None:
        """Wait to be assigned."""
        self.waiting = True
        self.touched.append(self)

    def take(self) -> Amounts:
        """Take the amounts that are not 0, to assign them."""
        waiting = zip(UNITS, (self.requests, self.tokens, self.credits, self.cost), strict=True)
        amounts = {unit: amount for unit, amount in waiting if amount}
        self.requests, self.tokens, self.credits, self.cost, self.waiting = 0, 0, 0, 0, False
        return amounts

    def put(self, name: str, start: int, amounts: Amounts, oldest: int) -> None:
        """Add amounts to the window that starts at `start`. Windows that started before `oldest` are over: they are
        removed, and nothing is added to them.
        """
        starts = self.windows[name]
        held = starts.get(start)
        if held is None:
            for ended in [begun for begun in starts if begun < oldest]:
                del starts[ended]
            if start >= oldest:
                starts[start] = {**amounts}
            return
        for unit, amount in amounts.items():
            held[unit] = held.get(unit, 0) + amount

    def turn(self, name: str, turn: Turn) -> None:
        """Move use that was counted by a clock that was ahead into the window where it belongs."""
        starts = self.windows[name]
        for start in [begun for begun in starts if turn.later is not None and begun > turn.later]:
            self.put(name, turn.into, starts.pop(start), turn.into)
