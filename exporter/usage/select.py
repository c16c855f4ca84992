"""Selectors of PromQL."""

import re
from collections.abc import Iterable

Where = dict[str, tuple[str, ...]]


def selector(name: str, where: Where, *more: str) -> str:
    """A series by name, whose labels have one of the values; `more` are matchers as they are."""
    matchers = [one_of(label, values) for label, values in where.items()]
    inside = ", ".join((*matchers, *filter(None, more)))
    return f"{name}{{{inside}}}" if inside else name


def summed(by: Iterable[str], query: str) -> str:
    """A query, summed by labels."""
    return f"sum by ({', '.join(by)}) ({query})"


def one_of(label: str, values: tuple[str, ...]) -> str:
    """A matcher of a label that has one of the values."""
    if len(values) == 1:
        return f"{label}={quoted(values[0])}"
    return f"{label}=~{quoted('|'.join(map(re.escape, values)))}"


def quoted(text: str) -> str:
    """A string of PromQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
