"""The chain of a request: the attempts at providers and the steps between them, with their times.

Gateways log how long each attempt took, or when each began, ended, or both. A row has these as seconds: `0.2, 0.05`, or
`starts 0, 0.312; ends 0.3, 0.5`, since the first of them. The entries belong to the places in the log's lists.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from exporter.formats.values import Raw, entries_of, number, text, timestamp
from exporter.model.key_shapes import has_key_prefix

_REASON = re.compile(r"[A-Za-z][\w.-]{0,60}", re.ASCII)
# An attempt that takes longer is a mistake in the log.
_LONGEST_SECONDS = 1e6

# --- as rows have it


def logged_durations(scale: float) -> Callable[[Raw], str | None]:
    """The function that writes a list of durations, which are in units of `scale` seconds. Hot path: a list of seconds
    stays as it is, unless it holds anything but numbers, which may be a key.
    """

    def written(raw: Raw) -> str | None:
        logged = text(raw)
        if scale == 1.0 and not logged.strip("0123456789., :-"):
            return logged or None
        return ", ".join(_written(_scaled(entry, scale)) for entry in entries_of(logged)) or None

    return written


def logged_moments(starts: Raw, ends: Raw) -> str | None:
    """Lists of moments, written as seconds since the first of them; None if there are none."""
    lists = {
        name: [timestamp(moment) for moment in entries_of(text(raw))]
        for name, raw in (("starts", starts), ("ends", ends))
    }
    known = [moment for moments in lists.values() for moment in moments if moment is not None]
    if not known:
        return None
    parts = (
        f"{name} {', '.join(_written(None if moment is None else moment - min(known)) for moment in moments)}"
        for name, moments in lists.items()
        if any(moments)
    )
    return "; ".join(parts)


def shown_reasons(logged: str) -> str:
    """The gateway's words for attempts: one for each, `-` for what is no word or holds a raw API key by its prefix."""
    words = [word if _REASON.fullmatch(word) and not has_key_prefix(word) else "-" for word in entries_of(logged)]
    return ", ".join(words) if any(word != "-" for word in words) else ""


def _scaled(entry: str, scale: float) -> float | None:
    found = number(entry)
    return None if found is None or not 0 <= found * scale < _LONGEST_SECONDS else found * scale


def _written(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.6f}".rstrip("0").rstrip(".")


# --- as it is shown


class Link(NamedTuple):
    """An attempt or a step. `place` is the one in the log's lists; of attempts that are only counted there, that of the
    attempt they came before.
    """

    provider: str
    place: int
    is_step: bool = False
    is_counted: bool = False


# When each link began and how long it took, in seconds; None where that is unknown.
_Times = list[tuple[float | None, float | None]]


def shown(
    attempts: str | None, steps: str | None, reasons: str | None, times: str | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The attempts and the steps of a row, each in their order. An attempt's `delay` is the time before it, a step's
    `at` when it was; both in seconds.
    """
    tried = msgspec.json.decode(attempts) if attempts else []
    words = entries_of(reasons or "")
    stepped = [step for step in (msgspec.json.decode(steps) if steps else []) if _at(words, step[-1])]
    links = [*_tried(tried), *(Link(step[0], step[-1], is_step=True) for step in stepped)]
    order = sorted(range(len(links)), key=lambda n: links[n].place)
    found = _times([links[n] for n in order], times or "")
    spans = dict(zip(order, found, strict=True))
    return (
        [
            {"provider": provider, "outcome": outcome, "status": status, "circuit": circuit}
            | {"reason": _at(words, place), "seconds": spans[n][1], "delay": spans[n][0]}
            for n, (provider, outcome, status, circuit, place) in enumerate(tried)
        ],
        [
            {"provider": provider, "step": _at(words, place), "circuit": circuit, "at": spans[n][0]}
            for n, (provider, circuit, place) in enumerate(stepped, len(tried))
        ],
    )


def _tried(attempts: list[list[Any]]) -> list[Link]:
    links: list[Link] = []
    following = len(attempts)
    for provider, *_, place in reversed(attempts):
        following = place if place >= 0 else following
        links.append(Link(provider, following, is_counted=place < 0))
    return links[::-1]


def _at(words: list[str], place: int) -> str:
    return words[place].removeprefix("-") if 0 <= place < len(words) else ""


def _times(links: list[Link], written: str) -> _Times:
    """Of links in the order of the log."""
    if not written.startswith(("starts ", "ends ")):
        return _of_durations(links, _by_place(written))
    lists = dict(part.split(" ", 1) for part in written.split("; "))
    starts, ends = _by_place(lists.get("starts", "")), _by_place(lists.get("ends", ""))
    begun = [None if link.is_counted else starts.get(link.place) for link in links] if starts else _begun(links, ends)
    if ends:
        ended = [None if link.is_step else ends.get(link.place) for link in links]
    else:
        ended = [*begun, None][1:]
    return [(start, _between(start, end)) for start, end in zip(begun, ended, strict=True)]


def _of_durations(links: list[Link], took: dict[int, float]) -> _Times:
    """One after the other. A duration of an attempt that has counted ones before it is that of all of them."""
    found: _Times = []
    begun: float | None = 0.0 if took else None
    is_shared = False
    for link in links:
        seconds = None if link.is_step or link.is_counted else took.get(link.place)
        found.append((None, None) if is_shared else (begun, None if link.is_counted else seconds))
        is_shared = link.is_counted
        if not (link.is_step or link.is_counted):
            begun = None if begun is None or seconds is None else round(begun + seconds, 6)
    return found


def _begun(links: list[Link], ends: dict[int, float]) -> list[float | None]:
    """When links began of which the log has the ends. A step takes no time. An attempt began with the first step at its
    provider since the last attempt there; without one, when the link before it ended.
    """
    begun: list[float | None] = []
    chosen: dict[str, float] = {}
    before: float | None = None
    for link in links:
        ended = ends.get(link.place)
        begun.append(ended if link.is_step else chosen.pop(link.provider, before))
        if link.is_step and ended is not None:
            chosen.setdefault(link.provider, ended)
        before = before if ended is None else ended
    return begun


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None or end < start else round(end - start, 6)


def _by_place(written: str) -> dict[int, float]:
    found = {place: _scaled(entry, 1.0) for place, entry in enumerate(entries_of(written))}
    return {place: seconds for place, seconds in found.items() if seconds is not None}
