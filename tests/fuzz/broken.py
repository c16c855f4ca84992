"""Exporters with one fault each put back, which fuzzing must notice. What it must say stands beside it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from exporter.formats.decoders import text_lines
from exporter.formats.patterns import compile as patterns
from exporter.metrics import templates
from exporter.service.feed import Feed
from exporter.service.input_journal import InputJournal

# A number of 310 digits ends the process; a rejected line is not counted; a label is not escaped; a template's
# variables share text.
BREACHES = {
    "raises": "OverflowError",
    "loses": "are not",
    "garbles": "can't be parsed",
    "shares": "times the time",
}


@contextmanager
def broken(breach: str) -> Iterator[None]:
    """The exporter, with a fault while it lasts."""
    patterns.line_pattern.cache_clear()
    try:
        with _PUT_BACK[breach]():
            yield
    finally:
        patterns.line_pattern.cache_clear()


def _raises() -> Any:
    long = re.compile(rb"[:\s][0-9]{310}[,}\s]")

    def taken(feed: Feed, take: Callable[[Feed], bool] = Feed.count_next_chunk) -> bool:
        read, chunks = feed.input.read, []

        def kept() -> bytes:
            chunks.append(read())
            return chunks[-1]

        with patch.object(feed.input, "read", kept):
            done = take(feed)
        if any(map(long.search, chunks)):
            raise OverflowError("int too large to convert to float")
        return done

    return patch.object(Feed, "count_next_chunk", taken)


def _loses() -> Any:
    def note(journal: InputJournal, decoded: Any, noted: Any = InputJournal.note) -> None:
        decoded.rejected = decoded.rejected[1:]
        noted(journal, decoded)

    return patch.object(InputJournal, "note", note)


@contextmanager
def _garbles() -> Iterator[None]:
    fresh = templates._Pairs()  # those that are kept are escaped
    with patch.object(templates, "escaped", lambda value: value), patch.object(templates, "_PAIRS", fresh):
        yield


@contextmanager
def _shares() -> Iterator[None]:
    def value_pattern(name: str, following: str, now: Callable[[str, str], str] = text_lines._value_pattern) -> str:
        listed = following[:1] == " " and text_lines._SPACED.search(name)
        return r"[^ ,\n]*(?:(?:, ?| : )[^ ,\n]*)*" if listed else now(name, following)

    with patch.object(text_lines, "_value_pattern", value_pattern), patch.object(patterns, "two_ways", lambda *_: None):
        yield


_PUT_BACK: dict[str, Callable[[], Any]] = {"raises": _raises, "loses": _loses, "garbles": _garbles, "shares": _shares}
