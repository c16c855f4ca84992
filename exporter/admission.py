"""Admission: which values get to be labels. Cold path: asked when a record is new to `counting`.

A declared value always has its place. Any other earns one by successful requests, as long as its
label's budget lasts; until then it is `other` (a key: `unknown`). So a scanner fills nothing.
"""

from collections.abc import Iterable
from typing import NamedTuple

from exporter.record import OTHER

UNKNOWN = "unknown"
BUDGETS = {"key": 2000, "method": 300, "chain": 100, "origin": 50, "model": 200, "provider": 100, "reason": 50}
# Longer than any word a gateway uses; more is an attack or a mistake.
_LONGEST = 120


class Verdict(NamedTuple):
    """The label's value; whether it may change with a later success; whether the budget is why it is `other`;
    whether it was admitted just now."""

    value: str
    open: bool = False
    overflow: bool = False
    fresh: bool = False


class Admission:
    """The admitted values of one label. `budget` counts the undeclared ones only."""

    def __init__(self, label: str, budget: int, declared: Iterable[str] = (), after: int = 1) -> None:
        self._rest = UNKNOWN if label == "key" else OTHER
        self.budget = budget
        self._after = after
        self._places = set(declared)
        self._most = len(self._places) + budget
        self._successes: dict[str, int] = {}

    def judge(self, value: str, success: bool) -> Verdict:
        """The label for a value, given whether this request of it succeeded. "" always has its place."""
        if not value or value in self._places:
            return Verdict(value)
        if len(self._places) >= self._most:
            return Verdict(self._rest, overflow=True)
        if not success or len(value) > _LONGEST or not value.isprintable():
            return Verdict(self._rest, open=True)
        if self._after > 1:
            count = self._successes.get(value, 0) + 1
            if count < self._after:
                if len(self._successes) >= 10 * self.budget:
                    self._successes.clear()
                self._successes[value] = count
                return Verdict(self._rest, open=True)
            self._successes.pop(value)
        self._places.add(value)
        return Verdict(value, fresh=True)

    def declare(self, values: Iterable[str]) -> None:
        """Give more values their place."""
        new = set(values) - self._places
        self._places |= new
        self._most += len(new)


class Admissions:
    """The admitted values of every label; of `origin`, for each key apart."""

    def __init__(
        self, budgets: dict[str, int] | None = None, declared: dict[str, Iterable[str]] | None = None, after: int = 1
    ) -> None:
        self._budgets = BUDGETS | (budgets or {})
        self._after = after
        declared = declared or {}
        self._labels = {
            label: Admission(label, budget, declared.get(label, ()), after)
            for label, budget in self._budgets.items()
            if label != "origin"
        }
        self._origins: dict[str, Admission] = {}

    def judge(self, label: str, value: str, success: bool) -> Verdict:
        """The verdict on a value of any label but `origin`."""
        return self._labels[label].judge(value, success)

    def declare(self, label: str, values: Iterable[str]) -> None:
        """Values of a label that have their place from now on, whatever the budget."""
        self._labels[label].declare(values)

    def origin(self, key: str, origin: str, success: bool) -> Verdict:
        """The verdict on an origin of a key."""
        if key not in self._origins:
            self._origins[key] = Admission("origin", self._budgets["origin"], after=self._after)
        return self._origins[key].judge(origin, success)
