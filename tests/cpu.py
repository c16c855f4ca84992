"""How the time that something takes grows with its size: for tests that must pass on a busy machine, too."""

import gc
import time
from collections.abc import Callable

# Where time grows as the size does, four times the size takes four times the time; where it grows as its square, 16.
LINEAR = 8.0
# Slower memory does not do this.
_CERTAIN = 32.0
_ENOUGH_SECONDS = 0.004


def growth(work: Callable[[int], object], size: int = 60, most: int = 64_000) -> float:
    """How many times more CPU time `work(4 * size)` takes than `work(size)`, where that can be measured; else 0."""
    while (once := _seconds(work, size)) < _ENOUGH_SECONDS:
        if size >= most:
            return 0.0
        size *= 2
    # Caches may disturb one try, hardly all; a size at which memory becomes slower, the next.
    found = _seconds(work, 4 * size) / once
    for times in (1, 1, 4):
        if found < LINEAR or (times > 1 and found > _CERTAIN):
            break
        found = min(found, _seconds(work, 4 * times * size) / _seconds(work, times * size))
    return found


def _seconds(work: Callable[[int], object], size: int) -> float:
    """CPU time of this thread. Garbage is not collected meanwhile: that would take time for what other tests left, the
    more often the more is allocated.
    """
    gc.disable()
    try:
        begun = time.thread_time()
        work(size)
        return time.thread_time() - begun
    finally:
        gc.enable()
