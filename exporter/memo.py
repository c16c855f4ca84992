"""Memo: a function's answers, kept. Hot path: a hit costs one look-up in C."""

from collections.abc import Callable, Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memo(dict[K, V]):
    """`memo[x]` is `function(x)`, asked once for each `x` while at most `size` answers are kept.

    When it is full it is emptied: what is in use comes back at the price of one call each, and a
    log full of random values costs no more than that call.
    """

    __slots__ = ("_function", "_size")

    def __init__(self, function: Callable[[K], V], size: int = 10_000) -> None:
        super().__init__()
        self._function = function
        self._size = size

    def __missing__(self, key: K) -> V:
        if len(self) >= self._size:
            self.clear()
        value = self[key] = self._function(key)
        return value
