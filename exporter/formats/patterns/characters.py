"""The set of characters that one place of a parsed regular expression reads, as bits. Cold path."""

from collections.abc import Callable
from functools import cache
from re import _constants as sre  # type: ignore[attr-defined]
from typing import Any

# A set has one bit for each of the first 256 characters. The others are of four kinds: spaces, digits, other word
# characters, and the rest; for each kind there are two bits: whether the set has some of it, and all of it.
_LATIN = (1 << 256) - 1
_SPACES, _DIGITS, _LETTERS, _REST = (1 << 256 + kind for kind in range(4))
_SOME = _SPACES | _DIGITS | _LETTERS | _REST
_EVERY = _SOME << 4
ALL = _LATIN | _SOME | _EVERY
LINE_FEED = 1 << 10
# Those of the first 256 that have an upper or lower case outside of the first 256.
_CASES_OUTSIDE = "iksIKSåÅµÿß"


def others(chars: int) -> int:
    """All characters except these."""
    return ~chars & _LATIN | (~chars & _EVERY) >> 4 | (~chars & _SOME) << 4


# What \d, \s and \w read.
_TESTS: dict[str, tuple[Callable[[str], bool], int]] = {
    "DIGIT": (str.isdecimal, _DIGITS),
    "SPACE": (str.isspace, _SPACES),
    "WORD": (lambda char: char.isalnum() or char == "_", _DIGITS | _LETTERS),
}


def some(chars: int) -> bool:
    """Whether a set has any character."""
    return bool(chars & ~_EVERY)


@cache
def _category(name: str, ascii_only: bool) -> int:
    test, kinds = _TESTS[name.rpartition("_")[2]]
    if ascii_only:
        found = sum(1 << code for code in range(128) if test(chr(code)) and code not in range(28, 32))
    else:
        found = sum(1 << code for code in range(256) if test(chr(code))) | kinds | kinds << 4
    return others(found) if "_NOT_" in name else found


@cache
def _both_cases(chars: int) -> int:
    codes = [code for code in range(256) if chars >> code & 1 or (chars & _SOME and chr(code) in _CASES_OUTSIDE)]
    cases = {case for code in codes for case in (chr(code).lower(), chr(code).upper()) if len(case) == 1}
    outside = _LETTERS if cases.intersection(_CASES_OUTSIDE) else 0
    return chars | outside | sum(1 << ord(case) for case in cases if ord(case) < 256)


def characters(op: Any, value: Any, flags: int, ascii_only: bool) -> int:
    """The characters that an operation of the parsed pattern reads."""
    # Long, as it has a branch for each kind of place that `sre` knows.
    if op is sre.ANY:
        return ALL if flags & sre.SRE_FLAG_DOTALL else ALL & ~LINE_FEED
    if op is sre.NOT_LITERAL:
        return others(characters(sre.LITERAL, value, flags, ascii_only))
    if op is sre.IN:
        items = value[1:] if value[0][0] is sre.NEGATE else value
        found = 0
        for item, of_item in items:
            found |= characters(item, of_item, flags, ascii_only)
        return others(found) if items is not value else found
    if op is sre.CATEGORY:
        return _category(str(value), ascii_only or bool(flags & sre.SRE_FLAG_ASCII))
    low, high = (value, value) if op is sre.LITERAL else value
    found = sum(1 << code for code in range(low, min(high, 255) + 1)) | (_SOME if high > 255 else 0)
    if low == high > 255:
        found = next((kinds for test, kinds in _TESTS.values() if test(chr(low))), _REST)
    return _both_cases(found) if flags & sre.SRE_FLAG_IGNORECASE else found
