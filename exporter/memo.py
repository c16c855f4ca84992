"""Memo: a function's answers, kept. Hot path: a hit costs one look-up in C."""

from collections.abc import Callable, Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# Of a text that is kept: characters, or bytes.
_LONGEST = 1000


class Memo(dict[K, V]):
    """`memo[x]` is `function(x)`, asked once for each `x` while at most `size` answers are kept.

    When it is full it is emptied: what is in use comes back at the price of one call each, and a
    log full of random values costs no more than that call. Long texts are not kept, so that memory
    has a ceiling in bytes, too.
    """

    __slots__ = ("_function", "_size")

    def __init__(self, function: Callable[[K], V], size: int = 10_000) -> None:
        super().__init__()
        self._function = function
        self._size = size

    def __missing__(self, key: K) -> V:
        value = self._function(key)
        if not isinstance(key, (str, bytes)) or len(key) <= _LONGEST:
            if len(self) >= self._size:
                self.clear()
            self[key] = value
        return value
