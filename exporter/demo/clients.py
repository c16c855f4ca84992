"""What all clients of the sample gateway have in common."""

import json
from datetime import timedelta
from random import Random
from typing import Any, ClassVar

from msgspec import Struct


class Client(Struct, frozen=True, kw_only=True):
    """Whoever holds an API key. `share` is of all lines; `failures` the share of each status that is no 200.

    `created` and `expires` are counted from the demo's start. Clients that are not `registered` have only a key.
    """

    log: ClassVar[str]

    key: str
    share: float = 0.0
    failures: dict[int, float] = {}
    registered: bool = True
    name: str = ""
    owner: str = ""
    plan: str = ""
    class_: str = "business"
    created: timedelta = timedelta(days=-200)
    expires: timedelta | None = None
    enabled: bool = True

    @property
    def logged_key(self) -> str:
        """The key as the gateway logs it."""
        return self.key

    def line(self, rng: Random, ended: float) -> str:
        """The line of a request that ended at a time."""
        raise NotImplementedError


def one_of(rng: Random, weights: dict[str, float]) -> str:
    """One of the names, by weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def outcome(rng: Random, failures: dict[int, float]) -> int:
    """The status of a request: 200, or a failure, by its share."""
    return rng.choices([*failures, 200], [*failures.values(), max(0.0, 1 - sum(failures.values()))])[0]


def duration(rng: Random, usual: float, status: int) -> float:
    """How long a request takes: refusals are quick, timeouts take their time."""
    if status in (401, 429):
        return 0.001
    if status in (408, 504):
        return 30 + rng.random() / 100
    return usual * rng.lognormvariate(0, 0.4)


def json_line(**fields: Any) -> str:
    """A line of the log."""
    return json.dumps(fields, separators=(",", ":")) + "\n"
