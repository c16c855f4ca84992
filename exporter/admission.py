"""Admission: which values get to be labels. Cold path: asked when a record is new to `counting`.

A declared value always has its place. Any other earns one by successful requests, as long as its
label's budget lasts; until then it is `other` (a key: `unknown`). So a scanner fills nothing.
"""

from collections.abc import Iterable
from typing import NamedTuple

from exporter.labels import BUDGETS, OTHER, UNKNOWN

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
        self._places: set[str] = set()
        self._successes: dict[str, int] = {}
        self.bound(budget, after)
        self.declare(declared)

    def bound(self, budget: int, after: int) -> None:
        """Take other bounds; what has its place keeps it."""
        self.budget = budget
        self._after = after

    def declare(self, values: Iterable[str]) -> None:
        """These are the declared values now; those that were before keep their places, at the budget's cost."""
        self._declared = set(values)
        self._places |= self._declared

    def judge(self, value: str, success: bool) -> Verdict:
        """The label for a value, given whether this request of it succeeded. "" always has its place."""
        if not value or value in self._places:
            return Verdict(value)
        if len(self._places) - len(self._declared) >= self.budget:
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

    def keep(self, value: str) -> None:
        """A value has its place, whatever the budget."""
        self._places.add(value)


class Admissions:
    """The admitted values of every label; of `origin`, for each key apart.

    `log` is what was admitted, in order: label, key (of an origin) and value. It only grows.
    """

    def __init__(
        self, budgets: dict[str, int] | None = None, declared: dict[str, Iterable[str]] | None = None, after: int = 1
    ) -> None:
        self.log: list[tuple[str, str, str]] = []
        self._labels = {label: Admission(label, budget) for label, budget in BUDGETS.items() if label != "origin"}
        self._origins: dict[str, Admission] = {}
        self.bound(budgets or {}, after)
        for label, values in (declared or {}).items():
            self.declare(label, values)

    def bound(self, budgets: dict[str, int], after: int) -> None:
        """Take other bounds: they bind new values only."""
        self._budgets = BUDGETS | budgets
        self._after = after
        for label, admission in self._labels.items():
            admission.bound(self._budgets[label], after)
        for admission in self._origins.values():
            admission.bound(self._budgets["origin"], after)

    def judge(self, label: str, value: str, success: bool) -> Verdict:
        """The verdict on a value of any label but `origin`."""
        verdict = self._labels[label].judge(value, success)
        if verdict.fresh:
            self.log.append((label, "", value))
        return verdict

    def declare(self, label: str, values: Iterable[str]) -> None:
        """The values of a label that have their place, whatever the budget."""
        self._labels[label].declare(values)

    def origin(self, key: str, origin: str, success: bool) -> Verdict:
        """The verdict on an origin of a key."""
        verdict = self._origins_of(key).judge(origin, success)
        if verdict.fresh:
            self.log.append(("origin", key, origin))
        return verdict

    def restore(self, log: Iterable[tuple[str, str, str]]) -> None:
        """What was admitted before keeps its place."""
        for label, key, value in log:
            (self._origins_of(key) if label == "origin" else self._labels[label]).keep(value)
            self.log.append((label, key, value))

    def _origins_of(self, key: str) -> Admission:
        if key not in self._origins:
            self._origins[key] = Admission("origin", self._budgets["origin"], after=self._after)
        return self._origins[key]
