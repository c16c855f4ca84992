"""Patterns of names in price tables and credits: `*` and `?` are wildcards."""

from exporter.globs import is_glob, match


def fits(word: str, pattern: str) -> bool:
    """Whether a word matches a pattern; "" matches all."""
    return not pattern or word == pattern or (is_glob(pattern) and match(pattern, word))


def best_pattern(word: str, patterns: dict[str, float]) -> str | None:
    """The pattern that equals the word, else the longest that matches; None if none does."""
    if word in patterns:
        return word
    return max((pattern for pattern in patterns if is_glob(pattern) and fits(word, pattern)), key=len, default=None)
