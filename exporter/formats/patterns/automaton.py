"""A regular expression as an automaton: places where a character is read, and edges between them. Cold path.

The edges cover every step of a backtracking matcher, and more: conditions such as `$` and look-around are assumed to be
true, and large numbers of repetitions to be unlimited.
"""

from collections.abc import Callable, Iterable
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from exporter.formats.patterns.characters import ALL, characters, others, some

_MOST_COPIES = 16
_MOST_PLACES = 2_000

Groups = tuple[int, ...]


class _Way(NamedTuple):
    """A way into a place or out of it: the characters that can be read there, and what is passed without reading, as
    bits: atomic groups by their numbers, 0 for a condition.
    """

    place: int
    chars: int
    passed: int

    def past(self, other: "_Way") -> "_Way":
        """This way, continued past a part that reads nothing."""
        return _Way(self.place, self.chars & other.chars, self.passed | other.passed)


class _Piece(NamedTuple):
    """A part of the pattern: the ways past it that read nothing, into it, and out of it."""

    empty: list[_Way]
    first: list[_Way]
    last: list[_Way]


class Edge(NamedTuple):
    """An edge to place `to` that reads one of `chars`. It stays inside the first `kept` atomic groups around its start;
    those in `passed`, as bits, are passed without reading.
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
    """The `edges` of each place, and the atomic groups it is `inside`, from the outside in. Place 0 is the start.

    `how` is how the pattern is used: "match" at one place of a text, "search" for the first match, or find "every"
    match. `ends` are the places where a search stops. re.error if the pattern is not valid, OverflowError if it is too
    large.
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
        """The left piece, followed by the right one."""
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
        """Look-around: reads its text, then continues from where it started. Look-behind reads nothing new."""
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
        # The matcher may repeat once more without reading.
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
        # It ends before a character that it can't read.
        after = _Way(0, others(piece.first[0].chars), 0)
        return _Piece([way.past(after) for way in piece.empty], piece.first, [way.past(after) for way in piece.last])


def _optional(piece: _Piece) -> _Piece:
    return piece._replace(empty=[*piece.empty, _PAST])


def _few(ways: Iterable[_Way]) -> list[_Way]:
    """Each way at most twice: it only matters whether there is more than one."""
    kept: dict[_Way, int] = {}
    for way in ways:
        kept[way] = min(kept.get(way, 0) + 1, 2)
    return [way for way, times in kept.items() for _ in range(times)]


def _anchored(items: Any) -> bool:
    """Whether a pattern matches only at the start of a text."""
    if not len(items):
        return False
    op, value = items[0]
    if op is sre.BRANCH:
        return all(map(_anchored, value[1]))
    if op is sre.SUBPATTERN:
        return not value[1] & sre.SRE_FLAG_MULTILINE and _anchored(value[3])
    return op is sre.AT and value in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING)
