"""Whether a regular expression takes linear time on every text. Cold path: once for each pattern of a config.

A backtracking matcher may try every way in which the pattern can read the start of a text. If no text leads to a place
of the pattern (see `automaton`) in two ways, there are never more ways than places, and time is linear. If one does,
the two ways can usually be gone again and again, and time is quadratic or worse; then the text is the proof.

An atomic group, or what is under a possessive quantifier, is left once, by the first way out that is found: of two
ways that part inside, one is never left. The automaton has more ways than there are, so a pattern may be refused that
is harmless, never the reverse.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations, product
from typing import NamedTuple

from exporter.formats.automaton import Automaton, Edge, Groups
from exporter.formats.characters import some

_MOST_PAIRS = 200_000


class _Pair(NamedTuple):
    """Two ways that read the same text to different places. In the first `shared` atomic groups both are since before
    they parted; the first `one_stays` and `other_stays` groups around its place are left by a way no more. With
    `later`, the other begins further on in the text, or is about to.
    """

    one: int
    other: int
    shared: int = 0
    one_stays: int = 0
    other_stays: int = 0
    later: bool = False


def _parted(automaton: Automaton, one: Edge, other: Edge) -> _Pair:
    """The pair of two edges from the same place."""
    ours, theirs = automaton.inside[one.to], automaton.inside[other.to]
    shared = min(one.kept, other.kept)
    if one.kept == other.kept:
        shared = sum(a == b for a, b in zip(ours, theirs, strict=False))
    return _Pair(one.to, other.to, shared, _stays(ours, one, other), _stays(theirs, other, one), other.to == 0)


def _stays(groups: Groups, one: Edge, other: Edge) -> int:
    """How many groups around a place are left no more, as the other edge leaves or passes them at once."""
    passed = [n for n, group in enumerate(groups, 1) if n > one.kept and other.passed >> group & 1]
    return max([other.kept + 1 if one.kept > other.kept else 0, *passed])


def _gone_on(pair: _Pair, one: Edge, other: Edge) -> _Pair | None:
    """A pair one character later; None where an atomic group does not let both go there."""
    if one.kept < pair.one_stays or other.kept < pair.other_stays:
        return None
    shared = min(one.kept, other.kept, pair.shared)
    if max(one.kept, other.kept) < pair.shared:
        return None
    one_stays, other_stays = pair.one_stays, pair.other_stays
    if one.kept < pair.shared:
        other_stays = max(other_stays, shared + 1)
    if other.kept < pair.shared:
        one_stays = max(one_stays, shared + 1)
    return _Pair(one.to, other.to, shared, one_stays, other_stays, pair.later)


def two_ways(pattern: str | bytes, how: str) -> str | None:
    """A text that leads to one place of the pattern in two ways; None where it takes linear time on every text.

    `how` it is used: see Automaton. re.error where it is no pattern; OverflowError where it is too large to tell.
    """
    automaton = Automaton(pattern, how)
    start = _Pair(0, 0)
    # Of each pair a text that leads to it. A pair of one place is a single way.
    reached = {start: ""}
    open_ = [start]
    for here in open_:
        for pair, chars in _next(automaton, here):
            text = reached[here] + _shown(chars)
            if pair is None:
                return text
            if pair not in reached:
                reached[pair] = text
                open_.append(pair)
        if len(open_) > _MOST_PAIRS:
            raise OverflowError
    return None


def _next(automaton: Automaton, here: _Pair) -> Iterator[tuple[_Pair | None, int]]:
    """The pairs one character later, and what is read on the way; None where the two ways meet."""
    if here.one == here.other:
        for edge in automaton.edges[here.one]:
            yield _Pair(edge.to, edge.to), edge.chars
        steps: Iterable[tuple[Edge, Edge]] = ((one, other) for other, one in combinations(automaton.edges[here.one], 2))
    else:
        steps = product(automaton.edges[here.one], automaton.edges[here.other])
    for one, other in steps:
        chars = one.chars & other.chars
        pair = some(chars) and (
            _parted(automaton, one, other) if here.one == here.other else _gone_on(here, one, other)
        )
        if pair and not (pair.later and pair.one in automaton.ends):
            yield None if pair.one == pair.other else pair, chars


def _shown(chars: int) -> str:
    """One of some characters, the easiest to read."""
    for code in (*range(ord("a"), ord("z") + 1), *range(ord("0"), ord("9") + 1), *range(32, 127), *range(256)):
        if chars >> code & 1:
            return chr(code)
    return "?"
