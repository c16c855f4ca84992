"""Sorts observations into the buckets of a histogram."""

from array import array
from bisect import bisect_left, bisect_right

# So few observations are sorted one by one: with more, it is faster to look for each bound among them.
_FEW = 10


def sort(pending: list[float], bounds: tuple[float, ...], numbers: "array[float]", at: int) -> float:
    """Sort pending observations into the buckets of the row that begins at a place. Returns the highest."""
    above = at + len(bounds)
    numbers[above + 1] = sum(pending, numbers[above + 1])
    if len(pending) <= _FEW:
        peak = max(pending)
        for value in pending:
            numbers[at + bisect_left(bounds, value)] += 1
        pending.clear()
        return peak
    pending.sort()
    peak = pending[-1]
    below = 0
    for n, bound in enumerate(bounds, at):
        through = bisect_right(pending, bound, below)
        if through > below:
            numbers[n] += through - below
            below = through
    numbers[above] += len(pending) - below
    pending.clear()
    return peak
