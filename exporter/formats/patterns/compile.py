"""Compiles regular expressions of users so that matching takes linear time on every text. Cold path.

Patterns that are proved to be linear run in Python's `re`; the others in RE2, which is always linear and, with
captures, ten times slower. Those that RE2 does not support (look-around, back-references) are refused.
"""

import re
from functools import cache
from re import _compiler as compiler  # type: ignore[attr-defined]
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

import re2

from exporter.formats.patterns.characters import LINE_FEED, characters
from exporter.formats.patterns.linear import two_ways

_HOW_TO = (
    "let each part end at a character that it can't hold, as [^ ]* before a blank, or make it possessive, as [^ ]*+"
)


# A value between quotes, with a backslash before those in it; and what reads the same, faster, if there is none.
_QUOTED = r'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+'
_UNESCAPED = r'[^"]*+'


class Pattern(NamedTuple):
    """A compiled pattern. `slow` says why it runs in RE2 and how to make it faster; "" if it runs in `re`.

    `quick` is the same pattern, but faster, for lines without a backslash. If a line does not match, it may read beyond
    it, so there are fewer matches than lines.
    """

    regex: Any
    slow: str
    quick: Any = None


@cache
def line_pattern(pattern: str) -> Pattern:
    """A pattern for a line of bytes, which matches only the whole line, and never reads a line feed.

    ValueError if it is not valid, or may take forever.
    """
    # At least two groups, so that findall returns tuples.
    whole = rf"^(?:{pattern})()()\r?$".encode()
    made = _made(pattern.encode(), "match", lambda: _of_one_line(whole), whole)
    if made.slow or _QUOTED not in pattern:
        return made
    return made._replace(quick=_of_one_line(whole, without_backslash=True))


@cache
def search_pattern(pattern: str) -> Pattern:
    """A pattern to search for in a text. ValueError if it is not valid, or may take forever."""
    return _made(pattern, "search", lambda: re.compile(pattern), pattern)


def _made(pattern: str | bytes, how: str, compiled: Any, in_re2: str | bytes) -> Pattern:
    try:
        regex, overlap = compiled(), _overlap(pattern, how)
    except re.error as error:
        raise ValueError(f"is not a valid regular expression: {error}") from None
    if not overlap:
        return Pattern(regex, "")
    options = re2.Options()
    options.log_errors = False
    if isinstance(pattern, bytes):
        options.encoding = re2.Options.Encoding.LATIN1
    try:
        return Pattern(re2.compile(in_re2, options), f"is read ten times slower, as {overlap}; {_HOW_TO}")
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ValueError(f"may take forever, as {overlap}, and RE2 can't run it ({reason}); {_HOW_TO}") from None


def _overlap(pattern: str | bytes, how: str) -> str:
    """Why the pattern may not take linear time; "" if it does."""
    try:
        text = two_ways(pattern, how)
    except (OverflowError, RecursionError):
        return "it is too large to prove it fast"
    return "" if text is None else f"a text such as {text!r} can be read in two ways"


def _of_one_line(whole: bytes, without_backslash: bool = False) -> Any:
    tree = parser.parse(whole, sre.SRE_FLAG_MULTILINE)
    _leave_out_line_feeds(tree, tree.state.flags)
    if without_backslash:
        quoted, unescaped = (parser.parse(part.encode()) for part in (_QUOTED, _UNESCAPED))
        _leave_out_line_feeds(quoted, quoted.state.flags)
        _replace_between_quotes(tree, repr(quoted), unescaped)
    return compiler.compile(tree, sre.SRE_FLAG_MULTILINE)


def _leave_out_line_feeds(items: Any, flags: int) -> None:
    for n, (op, value) in enumerate(items):
        if op is sre.SUBPATTERN:
            _, add, remove, inside = value
            _leave_out_line_feeds(inside, (flags | add) & ~remove)
        elif op in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            chars = characters(op, value, flags, ascii_only=True)
            if chars & LINE_FEED:
                items[n] = _set_of(chars & ~LINE_FEED)
        else:
            for part in _parts(value):
                _leave_out_line_feeds(part, flags)


def _replace_between_quotes(items: Any, quoted: str, unescaped: Any) -> None:
    """Between quotes only: what is read beyond a line is read by few of the lines before it, so time stays linear."""
    for n, (op, value) in enumerate(items):
        if op is sre.SUBPATTERN:
            *group, inside = value
            around = list(items)[max(n - 1, 0) : n + 2 : 2]
            if repr(inside) == quoted and around == [(sre.LITERAL, ord('"'))] * 2:
                items[n] = op, (*group, unescaped)
        for part in _parts(value):
            _replace_between_quotes(part, quoted, unescaped)


def _parts(value: Any) -> list[Any]:
    """The patterns inside an operation's value."""
    if isinstance(value, parser.SubPattern):
        return [value]
    return [part for item in value for part in _parts(item)] if isinstance(value, (tuple, list)) else []


def _set_of(chars: int) -> Any:
    """An operation that reads one of a set of bytes."""
    codes = [code for code in range(256) if chars >> code & 1]
    return (sre.IN, [(sre.LITERAL, code) for code in codes]) if codes else (sre.FAILURE, ())
