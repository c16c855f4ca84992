"""How the time that something takes grows with its size: for tests that must pass on a busy machine, too."""

import gc
import time
from collections.abc import Callable
from typing import TypeVar

# Where time grows as the size does, four times the size takes four times the time; where it grows as its square, 16.
LINEAR = 8.0
# Memory does not do this.
_CERTAIN = 32.0
_ENOUGH_SECONDS = 0.004
Given = TypeVar("Given")
# Sizes that are compared, as multiples of the first that takes long enough.
_STEPS = ((1, 4), (4, 16), (8, 32))


def growth(work: Callable[[int], object], size: int = 60, most: int = 64_000) -> float:
    """How many times more CPU time `work(4 * size)` takes than `work(size)`, where that can be measured; else 0."""
    while (once := cpu_seconds(work, size)) < _ENOUGH_SECONDS:
        if size >= most:
            return 0.0
        size *= 2
    found = cpu_seconds(work, 4 * size) / once
    # Memory that is new, and from some size on all memory, can take five times the time. The first is left out; the
    # second is seen by one or two of the steps, not by all.
    for less, more in _STEPS:
        if found < LINEAR:
            break
        found = min(found, _least(work, more * size) / _least(work, less * size))
        if found > _CERTAIN:
            break
    return found


def cpu_seconds(work: Callable[[Given], object], given: Given) -> float:
    """CPU time of this thread for a call. Garbage is not collected meanwhile: that would take time for what other tests
    left, the more often the more is allocated.
    """
    gc.disable()
    try:
        begun = time.thread_time()
        work(given)
        return time.thread_time() - begun
    finally:
        gc.enable()


def _least(work: Callable[[int], object], size: int) -> float:
    """CPU time without that of memory that is new."""
    return min(cpu_seconds(work, size) for _ in range(3))
