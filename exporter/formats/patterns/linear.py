"""Proves that a regular expression takes linear time on every text. Cold path: once for each pattern of a config.

A backtracking matcher may try every way in which the pattern can read the start of a text. If no text leads to the same
place of the pattern (see `automaton`) in two ways, there are never more ways than places, and time is linear. If one
does, the two ways can usually be repeated, and time is quadratic or worse; the text is then the proof.

An atomic group, or a possessive quantifier, is left only once, by the first way out: of two ways that separate inside,
only one goes on. The automaton has more ways than the matcher, so a harmless pattern may be refused, but never a
harmful one accepted.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations, product
from typing import NamedTuple

from exporter.formats.patterns.automaton import Automaton, Edge, Groups
from exporter.formats.patterns.characters import some

_MOST_PAIRS = 200_000


class _Pair(NamedTuple):
    """Two ways that read the same text to different places. Both entered the first `common` atomic groups before they
    separated. The first way can't leave the first `first_stays` groups around its place any more; the second way not
    the first `second_stays`. With `later`, the second way starts later in the text, or is about to.
    """

    first: int
    second: int
    common: int = 0
    first_stays: int = 0
    second_stays: int = 0
    later: bool = False


def _parted(automaton: Automaton, first: Edge, second: Edge) -> _Pair:
    """The pair of two edges from the same place."""
    ours, theirs = automaton.inside[first.to], automaton.inside[second.to]
    common = min(first.kept, second.kept)
    if first.kept == second.kept:
        common = sum(a == b for a, b in zip(ours, theirs, strict=False))
    return _Pair(
        first.to, second.to, common, _stays(ours, first, second), _stays(theirs, second, first), second.to == 0
    )


def _stays(groups: Groups, first: Edge, second: Edge) -> int:
    """The number of groups around a place that can't be left any more, as the second edge leaves or passes them."""
    passed = [n for n, group in enumerate(groups, 1) if n > first.kept and second.passed >> group & 1]
    return max([second.kept + 1 if first.kept > second.kept else 0, *passed])


def _gone_on(pair: _Pair, first: Edge, second: Edge) -> _Pair | None:
    """A pair after one more character; None if an atomic group does not allow both edges."""
    if first.kept < pair.first_stays or second.kept < pair.second_stays:
        return None
    common = min(first.kept, second.kept, pair.common)
    if max(first.kept, second.kept) < pair.common:
        return None
    first_stays, second_stays = pair.first_stays, pair.second_stays
    if first.kept < pair.common:
        second_stays = max(second_stays, common + 1)
    if second.kept < pair.common:
        first_stays = max(first_stays, common + 1)
    return _Pair(first.to, second.to, common, first_stays, second_stays, pair.later)


def two_ways(pattern: str | bytes, how: str) -> str | None:
    """A text that leads to the same place of the pattern in two ways; None if every text takes linear time.

    `how` it is used: see Automaton. re.error if the pattern is not valid; OverflowError if it is too large to decide.
    """
    automaton = Automaton(pattern, how)
    start = _Pair(0, 0)
    # By pair: a text that leads to it. A pair with the same place twice is a single way.
    reached = {start: ""}
    open_ = [start]
    for here in open_:
        for pair, chars in _next(automaton, here):
            if pair is None:
                return reached[here] + _shown(chars)
            if pair not in reached:
                reached[pair] = reached[here] + _shown(chars)
                open_.append(pair)
        if len(open_) > _MOST_PAIRS:
            raise OverflowError
    return None


def _next(automaton: Automaton, here: _Pair) -> Iterator[tuple[_Pair | None, int]]:
    """The pairs after one more character, and the characters read; None for a pair if the two ways meet."""
    if here.first == here.second:
        for edge in automaton.edges[here.first]:
            yield _Pair(edge.to, edge.to), edge.chars
        steps: Iterable[tuple[Edge, Edge]] = (
            (first, second) for second, first in combinations(automaton.edges[here.first], 2)
        )
    else:
        steps = product(automaton.edges[here.first], automaton.edges[here.second])
    for first, second in steps:
        chars = first.chars & second.chars
        pair = some(chars) and (
            _parted(automaton, first, second) if here.first == here.second else _gone_on(here, first, second)
        )
        if pair and not (pair.later and pair.first in automaton.ends):
            yield None if pair.first == pair.second else pair, chars


@cache
def _shown(chars: int) -> str:
    """One of the characters, the most readable."""
    for code in (*range(ord("a"), ord("z") + 1), *range(ord("0"), ord("9") + 1), *range(32, 127), *range(256)):
        if chars >> code & 1:
            return chr(code)
    return "?"
