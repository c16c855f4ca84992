"""Memo: a bounded cache of a function's results. Hot path: a hit costs one look-up in C."""

from collections.abc import Callable, Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# Results for longer texts (characters or bytes) are not kept.
LONGEST = 1000
_TEXTS = (str, bytes)


class Memo(dict[K, V]):
    """`memo[x]` is `function(x)`. At most `size` results are kept.

    A full memo is emptied: values in use come back at the cost of one call each, and a log full of random values costs
    no more than these calls. Results for long texts are not kept, so memory is bounded in bytes too.
    """

    __slots__ = ("_function", "_size")

    def __init__(self, function: Callable[[K], V], size: int = 10_000) -> None:
        super().__init__()
        self._function = function
        self._size = size

    def __missing__(self, key: K) -> V:
        value = self._function(key)
        if key.__class__ not in _TEXTS or len(key) <= LONGEST:  # type: ignore[arg-type] # they have a length
            if len(self) >= self._size:
                self.clear()
            self[key] = value
        return value
