"""Globs: patterns in which `*` stands for any text and `?` for one character. Nothing else is special."""

import re
from fnmatch import translate
from functools import lru_cache


def is_glob(pattern: str) -> bool:
    """Whether a pattern has a `*` or a `?`."""
    return "*" in pattern or "?" in pattern


@lru_cache(maxsize=10_000)
def compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression that matches whole texts. Takes time in proportion to the text's length."""
    return re.compile(translate(pattern.replace("[", "[[]")))


def match(pattern: str, text: str) -> bool:
    """Whether a pattern matches the whole text."""
    return compiled(pattern).match(text) is not None
