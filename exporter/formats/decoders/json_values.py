"""What expressions of paths call to take values out of decoded JSON."""

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from exporter.formats.values import Raw, listed

# The maximum number of values that `within` joins into one text.
_MOST_WITHIN = 100


class NoList(msgspec.Struct):
    """An object in place of a list: Lua writes an empty list as `{}`."""


def item(value: Any, index: int) -> Any:
    """An entry of a list, None if it does not exist. A value that is not a list is returned as it is."""
    if value.__class__ is not list:
        return None if value.__class__ is NoList else value
    return value[index] if -len(value) <= index < len(value) else None


def size(value: Any) -> int | None:
    """The length of a list; None if the value is not a list."""
    return len(value) if value.__class__ is list else None


def each(value: Any, read: Callable[[Any], Raw]) -> str | None:
    """The values that `read` gives for each entry of a list, as one text; None if there are none."""
    words = [read(entry) for entry in value] if value.__class__ is list else []
    return listed(words) if any(words) else None


def where(value: Any, read: Callable[[Any], Raw], words: tuple[str, ...]) -> Any:
    """The last entry of a list for which `read` gives one of some words; None if there is none."""
    entries = value if value.__class__ is list else []
    return next((entry for entry in reversed(entries) if read(entry) in words), None)


def within(value: Any, name: str) -> str | None:
    """All values of a name at any depth, as one text, the outermost first; None if there are none."""
    words: list[Raw] = []
    places = deque([value])
    while places and len(words) < _MOST_WITHIN:
        place = places.popleft()
        if place.__class__ is dict:
            word = place.get(name)
            if word.__class__ is str or word.__class__ is int:
                words.append(word)
            places.extend(place.values())
        elif place.__class__ is list:
            places.extend(place)
    return listed(words) or None
