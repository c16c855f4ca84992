"""Admission: decides which values may be labels. Cold path: called for new combinations of values only.

A declared value is always admitted. Any other is admitted after successful requests, while its label's budget has a
place left; until then it is shown as `other` (a key as `unknown`), so a scanner can't use up the budget. An admitted
value keeps its place until its last series has expired (see `places`).
"""

from collections.abc import Callable, Collection, Iterable, KeysView

from msgspec import Struct

from exporter.model.labels import BUDGETS, OTHER, UNKNOWN

# How often the expiry looks within the time after which something idle is dropped.
LOOKS = 16
# No gateway uses longer values: a longer one is an attack or a mistake.
_LONGEST = 120

Place = tuple[str, str, str]
Gone = dict[str, set[str]]


class Verdict(Struct, frozen=True, gc=False):
    """The value to show as the label. `open`: a later success may change it. `overflow`: it is `other` because the
    budget is used up. `fresh`: it has just been admitted.
    """

    value: str
    open: bool = False
    overflow: bool = False
    fresh: bool = False


class Admission:
    """The admitted values of one label: the declared ones, and at most `budget` others."""

    def __init__(self, label: str, budget: int, declared: Iterable[str] = (), after: int = 1) -> None:
        self._rest = UNKNOWN if label == "key" else OTHER
        self._declared: set[str] = set()
        # Admitted values that are not declared, each with the number of looks at which it may still be in no series.
        self.places: dict[str, int] = {}
        self._successes: dict[str, int] = {}
        self.bound(budget, after)
        self.declare(declared)

    def bound(self, budget: int, after: int) -> None:
        """Change the budget and the number of successes needed. Values already admitted stay."""
        self.budget = budget
        self._after = after

    def declare(self, values: Iterable[str]) -> tuple[set[str], set[str]]:
        """Replace the declared values. A value that is no longer declared takes a place of the budget while it is in
        a series. Returns the values that take a place now, and those that no longer do.
        """
        before, self._declared = self._declared, set(values)
        dearer, free = before - self._declared, self._declared & self.places.keys()
        for value in free:
            del self.places[value]
        self.places |= dict.fromkeys(dearer, 0)
        return dearer, free

    def judge(self, value: str, success: bool) -> Verdict:
        """The label for a value of a request that succeeded or not. "" is always admitted."""
        if not value or value == self._rest or value in self.places or value in self._declared:
            return Verdict(value)
        if len(self.places) >= self.budget:
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
        self.keep(value)
        return Verdict(value, fresh=True)

    def keep(self, value: str) -> None:
        """Admit a value, whatever the budget."""
        if value not in self._declared:
            self.places[value] = LOOKS

    def give_back(self, held: Collection[str]) -> list[str]:
        """Drop values whose last series is gone, and those that have been in no series for `LOOKS` looks; return
        them. `held` are the values that are in a series now.
        """
        gone = []
        for value, looks in self.places.items():
            if value in held:
                self.places[value] = 0
            elif looks:
                self.places[value] = looks - 1
            else:
                gone.append(value)
        for value in gone:
            del self.places[value]
        return gone


class Admissions:
    """The admitted values of every label; those of `origin` are kept for each key.

    A place is (label, key, value); the key is "" unless the label is `origin`. `changes` are the places that were taken
    (True) or given back (False) since the last commit.
    """

    def __init__(self, budgets: dict[str, int] | None = None, declared: dict[str, Iterable[str]] | None = None) -> None:
        self.changes: dict[Place, bool] = {}
        self._labels: dict[str, Admission] = {}
        self._origins: dict[str, Admission] = {}
        self.bound(budgets or {}, after=1)
        for label, values in (declared or {}).items():
            self.declare(label, values)

    @property
    def labels(self) -> Collection[str]:
        """All labels with budgets but `origin`."""
        return self._labels.keys()

    def bound(self, budgets: dict[str, int], after: int) -> None:
        """Change budgets and the number of successes needed. Values already admitted stay. A label that is declared in
        the config has a budget from now on; the values of one that is not any more are given back.
        """
        self._budgets = BUDGETS | budgets
        self._after = after
        for label in self._labels.keys() - self._budgets.keys():
            gone = self._labels.pop(label).places
            self.changes |= dict.fromkeys([(label, "", value) for value in gone], False)
        for label in self._budgets.keys() - self._labels.keys() - {"origin"}:
            self._labels[label] = Admission(label, self._budgets[label], after=after)
        for label, admission in self._labels.items():
            admission.bound(self._budgets[label], after)
        for admission in self._origins.values():
            admission.bound(self._budgets["origin"], after)

    def judge(self, label: str, value: str, success: bool) -> Verdict:
        """The verdict on a value of any label but `origin`."""
        verdict = self._labels[label].judge(value, success)
        if verdict.fresh:
            self.changes[label, "", value] = True
        return verdict

    def admitted(self, label: str, value: str) -> bool:
        """Whether a value of any label but `origin` has earned its place. Any thread may ask."""
        return value in self._labels[label].places

    def declare(self, label: str, values: Iterable[str]) -> None:
        """Replace the values of a label that are admitted whatever the budget."""
        for there, changed in zip((True, False), self._labels[label].declare(values), strict=True):
            self.changes |= dict.fromkeys([(label, "", value) for value in changed], there)

    def origin(self, key: str, origin: str, success: bool) -> Verdict:
        """The verdict on an origin of a key."""
        verdict = self._origins_of(key).judge(origin, success)
        if verdict.fresh:
            self.changes["origin", key, origin] = True
        return verdict

    def origins(self, key: str) -> KeysView[str]:
        """The origins of a key that are admitted."""
        return self._origins_of(key).places.keys()

    def give_back(self, held: dict[str, set[str]], origins: Callable[[str], Collection[str]] | None) -> Gone:
        """Give back the places of values that are in no series any more; return these values by label. `held` has the
        values that are in a series, by label; `origins` gives the origins that are in a series of a key. It is None if
        no family has the label `origin`: origins then stay as long as their key.
        """
        gone = {label: admission.give_back(held[label]) for label, admission in self._labels.items()}
        lost = [(label, "", value) for label, values in gone.items() for value in values]
        for key in self._origins.keys() & gone["key"]:
            lost += [("origin", key, value) for value in self._origins.pop(key).places]
        if origins:
            for key, admission in self._origins.items():
                lost += [("origin", key, value) for value in admission.give_back(origins(key))]
        self.changes |= dict.fromkeys(lost, False)
        found: Gone = {}
        for label, _, value in lost:
            found.setdefault(label, set()).add(value)
        return found

    @property
    def places(self) -> list[Place]:
        """All places that use up a budget."""
        places = [(label, "", value) for label, admission in self._labels.items() for value in admission.places]
        return places + [
            ("origin", key, value) for key, admission in self._origins.items() for value in admission.places
        ]

    @property
    def used(self) -> dict[str, tuple[int, int]]:
        """The number of places used and the budget, by label; for `origin`, of the key that uses the most."""
        order = {label: place for place, label in enumerate(self._budgets)}
        labels = sorted(self._labels.items(), key=lambda item: order.get(item[0], len(order)))
        used = {label: (len(admission.places), admission.budget) for label, admission in labels}
        most = max((len(admission.places) for admission in self._origins.values()), default=0)
        return used | {"origin": (most, self._budgets["origin"])}

    def restore(self, places: Iterable[Place]) -> None:
        """Admit the values that were admitted before a restart. Those of labels that are not declared any more are
        left out.
        """
        for label, key, value in places:
            if admission := self._origins_of(key) if label == "origin" else self._labels.get(label):
                admission.keep(value)

    def _origins_of(self, key: str) -> Admission:
        if key not in self._origins:
            self._origins[key] = Admission("origin", self._budgets["origin"], after=self._after)
        return self._origins[key]
