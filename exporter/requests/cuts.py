"""Cuts: shorter values that mean the same. Hot path: a log's values rarely repeat, but what is left of them does.

A page behind a referer's host, the last number of an address, and an identifier in a path make a value new without
changing its meaning: its origin or its target. So a new value is cut, and what the cut value means is known already.
For each cut and any text: the cut text means exactly what the text means (`tests/unit/test_cuts.py`).
"""

import re
from collections.abc import Iterable
from itertools import product
from typing import AnyStr

from exporter.globs import is_glob
from exporter.memo import LONGEST
from exporter.requests.identifiers import DIGITAL_WORDS
from exporter.requests.routes import key_parameter

# What the last number of an IPv4 address may be, also with a zero in front. See `routes.client_network`.
_LAST = frozenset((*map(str, range(256)), *(f"0{n}" for n in range(10))))
_DIGITS = frozenset("0123456789")
_WORDS = frozenset(
    "".join(letters) for word in DIGITAL_WORDS for letters in product(*zip(word, word.upper(), strict=True))
)
# An identifier by its first digit: not where a path may have a key, and not a word of APIs such as `2fa`. What follows
# a colon may be a verb.
_WORD = rf"(?:{'|'.join(sorted(DIGITAL_WORDS))})(?![^/?: \n])"
_IDENTIFIER = re.compile(rf"/(?=[0-9])(?<!//)(?<!v[23]/)(?<!ws/)(?<!wss/)(?<!rpc/)(?<!key/)(?!(?i:{_WORD}))[^/?: \n]++")
# Cut paths whose last part was their only identifier, by what is before it: the next one is cut without the pattern.
_MOST_FRONTS = 2000
_fronts: dict[str, str] = {}


def cut_address(address: str) -> str:
    """The address with 0 as its last number. Of a list, of which the first address counts, the last one is cut."""
    network, _, last = address.rpartition(".")
    return f"{network}.0" if last in _LAST else address


def cut_url(url: str) -> str:
    """The URL without its path."""
    return site(url) or url


def site(url: AnyStr) -> AnyStr:
    """A URL up to the first slash behind its eighth character, as the log has it; empty if it has none, or is not one
    of HTTP.
    """
    if isinstance(url, bytes):
        begin = url[: url.find(b"/", 8) + 1]
        return begin if begin.startswith((b"https://", b"http://")) else b""
    begin = url[: url.find("/", 8) + 1]
    return begin if begin.startswith(("https://", "http://")) else ""


def may_cut(templates: Iterable[str], chains: Iterable[str]) -> bool:
    """Whether paths may be cut: no template, and no pattern of a chain's paths, tells identifiers from each other."""
    parts = {part for pattern in (*templates, *chains) for part in pattern.split("/")}
    return not any(part[:1] in _DIGITS or (is_glob(part) and part != "*") or _names_a_key(part) for part in parts)


def _names_a_key(part: str) -> bool:
    return part.strip(":{}") in ("key", "apikey", "api_key") and part[:1] in (":", "{")


def cut_path(path: str) -> str:
    """The path with 0 for parts that are identifiers by their first digit, and without a query that has no key."""
    front, _, last = path.rpartition("/")
    cut = _fronts.get(front)
    if cut and "0" <= last < ":" and not (":" in last or "?" in last or " " in last or "\n" in last or last in _WORDS):
        return cut
    route, with_query, query = path.partition("?")
    if with_query and key_parameter(query):
        return path
    cut = _IDENTIFIER.sub("/0", route)
    if front and cut == f"{front}/0" != route:
        _remember(front, cut)
    return cut


def _remember(front: str, cut: str) -> None:
    if len(front) <= LONGEST:
        if len(_fronts) >= _MOST_FRONTS:
            _fronts.clear()
        _fronts[front] = cut


def cut_request(line: str) -> str:
    """The request line with its path cut."""
    target, space, protocol = line.rpartition(" ")
    if "?" in target:
        route, _, query = target.partition("?")
        if " " not in route or " " in query:
            return line
    return f"{cut_path(target)}{space}{protocol}"
