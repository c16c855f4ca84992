"""A regular expression as an automaton: the places where it reads a character, and the edges between them. Cold path.

The edges stand for all ways that a backtracking matcher may go, and for more: conditions such as `$` and look-around
are taken to hold, and many repetitions to be any number.
"""

from collections.abc import Callable, Iterable
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from exporter.formats.characters import ALL, characters, others, some

_MOST_COPIES = 16
_MOST_PLACES = 2_000

Groups = tuple[int, ...]


class _Way(NamedTuple):
    """Into a place or out of it: the characters that can be read then, and what was passed with nothing read, as bits:
    atomic groups by their numbers, and 0 for a condition.
    """

    place: int
    chars: int
    passed: int

    def past(self, other: "_Way") -> "_Way":
        """This way, past something that reads nothing."""
        return _Way(self.place, self.chars & other.chars, self.passed | other.passed)


class _Piece(NamedTuple):
    """A part of the pattern: the ways past it where it reads nothing, into it, and out of it."""

    empty: list[_Way]
    first: list[_Way]
    last: list[_Way]


class Edge(NamedTuple):
    """From a place to another, reading one of `chars`. Of the atomic groups around the former the first `kept` are not
    left; those in `passed`, as bits, are passed with nothing read.
    """

    to: int
    chars: int
    kept: int
    passed: int


_PAST = _Way(0, ALL, 0)
_NOTHING = _Piece([_PAST], [], [])
_CONDITION = _Piece([_Way(0, ALL, 1)], [], [])
_CLASSES = (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN)


class Automaton:
    """Of each place its `edges` and the atomic groups it is `inside`, from the outside in. Place 0 is the start.

    `how` is what for: "match" at one place of a text, "search" for the first match, or find "every" one. `ends` are
    the places after which a search goes no further. re.error where the pattern is none, OverflowError where it is
    too large.
    """

    def __init__(self, pattern: str | bytes, how: str) -> None:
        tree = parser.parse(pattern)
        self.edges: list[list[Edge]] = [[]]
        self.inside: list[Groups] = [()]
        self.ends: set[int] = set()
        self._ascii_only = isinstance(pattern, bytes)
        self._flags = tree.state.flags
        self._widths = tree.state.groupwidths
        self._groups = 0
        self._makers: dict[Any, Callable[[Any, Groups], _Piece]] = {
            sre.BRANCH: lambda value, inside: self._either(value[1], inside),
            sre.SUBPATTERN: self._group,
            sre.ATOMIC_GROUP: self._atomic,
            sre.MAX_REPEAT: self._repeated,
            sre.MIN_REPEAT: self._repeated,
            sre.POSSESSIVE_REPEAT: self._possessive,
            sre.ASSERT: self._condition,
            sre.ASSERT_NOT: self._condition,
            sre.AT: lambda *_: _CONDITION,
            sre.GROUPREF: lambda value, inside: self._repeated((*self._widths[value], [(sre.ANY, None)]), inside),
            sre.GROUPREF_EXISTS: lambda value, inside: self._either([value[1], value[2] or []], inside),
            sre.FAILURE: lambda *_: _Piece([], [], []),
        }
        if how != "match" and not _anchored(tree):
            self.edges[0].append(Edge(0, ALL, 0, 0))
        whole = self._sequence(tree, ())
        self._connect([_PAST], whole.first, ())
        if how == "search":
            self.ends = {way.place for way in whole.last if not way.passed & 1}

    def _sequence(self, items: Iterable[Any], inside: Groups) -> _Piece:
        piece = _NOTHING
        for op, value in items:
            next_ = self._place(op, value, inside) if op in _CLASSES else self._makers[op](value, inside)
            piece = self._joined(piece, next_, inside)
        return piece

    def _joined(self, left: _Piece, right: _Piece, inside: Groups) -> _Piece:
        """The left piece, and then the right one."""
        self._connect(left.last, right.first, inside)
        return _Piece(
            _few(before.past(after) for before in left.empty for after in right.empty),
            _few([*left.first, *(way.past(empty) for empty in left.empty for way in right.first)]),
            _few([*right.last, *(way.past(empty) for empty in right.empty for way in left.last)]),
        )

    def _connect(self, last: list[_Way], first: list[_Way], inside: Groups) -> None:
        for way in last:
            for to, chars, passed in (into.past(way) for into in first):
                if some(chars):
                    self.edges[way.place].append(Edge(to, chars, len(inside), passed))

    def _place(self, op: Any, value: Any, inside: Groups) -> _Piece:
        place = len(self.edges)
        if place > _MOST_PLACES:
            raise OverflowError
        self.edges.append([])
        self.inside.append(inside)
        chars = characters(op, value, self._flags, self._ascii_only)
        return _Piece([], [_Way(place, chars, 0)], [_Way(place, ALL, 0)])

    def _either(self, branches: list[Any], inside: Groups) -> _Piece:
        pieces = [self._sequence(items, inside) for items in branches]
        return _Piece(*(_few(way for piece in pieces for way in piece[n]) for n in range(3)))

    def _group(self, value: Any, inside: Groups) -> _Piece:
        _, add, remove, items = value
        before, self._flags = self._flags, (self._flags | add) & ~remove
        piece = self._sequence(items, inside)
        self._flags = before
        return piece

    def _condition(self, value: Any, inside: Groups) -> _Piece:
        """A way that leads no further; and one that goes on. What stands before was read already."""
        direction, items = value
        first = self._sequence(items, inside).first if direction > 0 else []
        return _CONDITION._replace(first=first)

    def _repeated(self, value: Any, inside: Groups) -> _Piece:
        least, most, items = value
        any_number = most > _MOST_COPIES
        copies = least if least <= _MOST_COPIES else 1
        piece = _NOTHING
        for _ in range(copies - 1 if any_number else copies):
            piece = self._joined(piece, self._sequence(items, inside), inside)
        if any_number:
            rest = self._any_number(items, inside)
            return self._joined(piece, rest if least else _optional(rest), inside)
        rest = _NOTHING
        for _ in range(most - copies):
            rest = _optional(self._joined(self._sequence(items, inside), rest, inside))
        return self._joined(piece, rest, inside)

    def _any_number(self, items: Any, inside: Groups) -> _Piece:
        piece = self._sequence(items, inside)
        self._connect(piece.last, piece.first, inside)
        # The matcher may go round once more for nothing.
        return self._joined(piece, _Piece([_PAST, _PAST], [], []), inside) if piece.empty else piece

    def _atomic(self, items: Any, inside: Groups) -> _Piece:
        self._groups += 1
        passed = _Way(0, ALL, 1 << self._groups)
        piece = self._sequence(items, (*inside, self._groups))
        return piece._replace(empty=[way.past(passed) for way in piece.empty])

    def _possessive(self, value: Any, inside: Groups) -> _Piece:
        _, most, items = value
        piece = self._atomic([(sre.MAX_REPEAT, value)], inside)
        if most is not sre.MAXREPEAT or len(items) != 1 or items[0][0] not in _CLASSES:
            return piece
        # It ends before what it can't read.
        after = _Way(0, others(piece.first[0].chars), 0)
        return _Piece([way.past(after) for way in piece.empty], piece.first, [way.past(after) for way in piece.last])


def _optional(piece: _Piece) -> _Piece:
    return piece._replace(empty=[*piece.empty, _PAST])


def _few(ways: Iterable[_Way]) -> list[_Way]:
    """Each way at most twice: more than one is all that is asked."""
    kept: dict[_Way, int] = {}
    for way in ways:
        kept[way] = min(kept.get(way, 0) + 1, 2)
    return [way for way, times in kept.items() for _ in range(times)]


def _anchored(items: Any) -> bool:
    """Whether a pattern matches at the start of a text only."""
    if not len(items):
        return False
    op, value = items[0]
    if op is sre.BRANCH:
        return all(map(_anchored, value[1]))
    if op is sre.SUBPATTERN:
        return not value[1] & sre.SRE_FLAG_MULTILINE and _anchored(value[3])
    return op is sre.AT and value in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING)
