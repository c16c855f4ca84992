"""Regular expressions that users write, made so that no text takes them more time than its length allows. Cold path.

What is proved to be linear runs as Python's `re`, the rest in RE2, which is always linear and ten times as slow with
captures. What RE2 does not know, such as look-around and back-references, is then refused.
"""

import re
from functools import cache
from re import _compiler as compiler  # type: ignore[attr-defined]
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

import re2

from exporter.formats.characters import LINE_FEED, characters
from exporter.formats.linear import two_ways

_HOW_TO = (
    "let each part end at a character that it can't hold, as [^ ]* before a blank, or make it possessive, as [^ ]*+"
)


class Pattern(NamedTuple):
    """A compiled pattern. `slow` says why it runs in RE2, and how to write it; "" where it does not."""

    regex: Any
    slow: str


@cache
def line_pattern(pattern: str) -> Pattern:
    """A pattern of a line of bytes; compiled, it matches a line from its start to its end, and never reads a line feed.

    ValueError where it is none, or may take for ever.
    """
    # Two groups at least, so that findall gives tuples.
    whole = rf"^(?:{pattern})()()\r?$".encode()
    return _made(pattern.encode(), "match", lambda: _of_one_line(whole), whole)


@cache
def search_pattern(pattern: str) -> Pattern:
    """A pattern that is looked for in a text. ValueError where it is none, or may take for ever."""
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
        raise ValueError(f"may take for ever, as {overlap}, and RE2 can't run it ({reason}); {_HOW_TO}") from None


def _overlap(pattern: str | bytes, how: str) -> str:
    """What two parts of the pattern can both read; "" where it takes linear time."""
    try:
        text = two_ways(pattern, how)
    except (OverflowError, RecursionError):
        return "it is too large to prove it fast"
    return "" if text is None else f"a text such as {text!r} can be read in two ways"


def _of_one_line(whole: bytes) -> Any:
    tree = parser.parse(whole, sre.SRE_FLAG_MULTILINE)
    _leave_out_line_feeds(tree, tree.state.flags)
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


def _parts(value: Any) -> list[Any]:
    """The patterns in an operation's value."""
    if isinstance(value, parser.SubPattern):
        return [value]
    return [part for item in value for part in _parts(item)] if isinstance(value, (tuple, list)) else []


def _set_of(chars: int) -> Any:
    """The operation that reads one of some bytes."""
    codes = [code for code in range(256) if chars >> code & 1]
    return (sre.IN, [(sre.LITERAL, code) for code in codes]) if codes else (sre.FAILURE, ())
