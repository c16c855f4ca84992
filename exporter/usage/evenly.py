"""Moments that are evenly spaced are one question."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

# Samples have milliseconds: what is asked a millisecond too early does not have them yet.
_SAME_SECONDS = 0.0005


def evenly(moments: Iterable[tuple[T, float]]) -> Iterator[tuple[T, list[float]]]:
    """Moments that ask the same, as few runs of evenly spaced ones."""
    by_question: dict[T, list[float]] = defaultdict(list)
    for question, at in moments:
        by_question[question].append(at)
    for question, times in by_question.items():
        run: list[float] = []
        for at in sorted(times):
            if len(run) > 1 and abs(run[0] + len(run) * round(run[1] - run[0], 3) - at) > _SAME_SECONDS:
                yield question, run
                run = []
            run.append(at)
        yield question, run
