"""Sorts observations into the buckets of a histogram."""

from array import array
from bisect import bisect_left, bisect_right

# So few observations are sorted one by one: with more, it is faster to look for each bound among them.
_FEW = 10
# So many are sorted at once: the processor's caches hold them.
_PART = 300


def sort(pending: list[float], bounds: tuple[float, ...], numbers: "array[float]", at: int) -> float:
    """Sort pending observations into the buckets of the row that begins at a place. Returns the highest."""
    above = at + len(bounds)
    total = above + 1
    if len(pending) <= _FEW:
        numbers[total] = sum(pending, numbers[total])
        peak = max(pending)
        for value in pending:
            numbers[at + bisect_left(bounds, value)] += 1
        pending.clear()
        return peak
    peak = 0.0
    for start in range(0, len(pending), _PART):
        part = pending[start : start + _PART]
        numbers[total] = sum(part, numbers[total])
        part.sort()
        peak = max(peak, part[-1])
        below = 0
        for n, bound in enumerate(bounds, at):
            through = bisect_right(part, bound, below)
            if through > below:
                numbers[n] += through - below
                below = through
        numbers[above] += len(part) - below
    pending.clear()
    return peak
