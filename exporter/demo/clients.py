"""What all sample clients have in common."""

import json
from datetime import timedelta
from random import Random
from typing import Any, ClassVar

from msgspec import Struct


class Client(Struct, frozen=True, kw_only=True):
    """A holder of an API key. `share` is its part of all lines (0 to 1), `failures` the share of each failing status.

    `created` and `expires` are relative to the start of the demo. A client that is not `registered` has only a key.
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
        """The log line of a random request that ended at `ended` (epoch seconds)."""
        raise NotImplementedError


def one_of(rng: Random, weights: dict[str, float]) -> str:
    """A random name, by weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def outcome(rng: Random, failures: dict[int, float]) -> int:
    """A random status: each failure by its share, else 200."""
    return rng.choices([*failures, 200], [*failures.values(), max(0.0, 1 - sum(failures.values()))])[0]


def duration(rng: Random, usual: float, status: int) -> float:
    """A random duration in seconds: refusals are quick, timeouts take 30 s, others about the `usual` time."""
    if status in (401, 429):
        return 0.001
    if status in (408, 504):
        return 30 + rng.random() / 100
    return usual * rng.lognormvariate(0, 0.4)


def json_line(**fields: Any) -> str:
    """A line of the log."""
    return json.dumps(fields, separators=(",", ":")) + "\n"
