"""Globs: patterns in which `*` stands for any text and `?` for one character. Nothing else is special."""

import re
from fnmatch import translate
from functools import lru_cache


def is_glob(pattern: str) -> bool:
    """Whether it stands for more than itself."""
    return "*" in pattern or "?" in pattern


@lru_cache(maxsize=10_000)
def compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression whose `match` takes a whole text, in time that grows with the text's length."""
    return re.compile(translate(pattern.replace("[", "[[]")))


def match(pattern: str, text: str) -> bool:
    """Whether the whole text fits."""
    return compiled(pattern).match(text) is not None
