"""Cuts: shorter values that mean the same. Hot path: a log's values rarely repeat, but what is left of them does.

A page behind a referer's host, the last number of an address, and an identifier in a path make a value new without
changing its meaning: its origin or its target. So a new value is cut, and what the cut value means is known already.
For each cut and any text: the cut text means exactly what the text means (`tests/unit/test_cuts.py`).
"""

from collections.abc import Callable, Iterable

from exporter.globs import is_glob
from exporter.requests.identifiers import DIGITAL_WORDS
from exporter.requests.routes import key_parameter

# What the last number of an IPv4 address may be, also with a zero in front. See `routes.client_network`.
_LAST = frozenset((*map(str, range(256)), *(f"0{n}" for n in range(10))))
_DIGITS = frozenset("0123456789")
# The parts behind which a path may have a key, and the empty part, which does not say what is before it.
_BEFORE_A_KEY = frozenset(("", "v2", "v3", "ws", "wss", "rpc", "key", "api-key"))


def cut_address(address: str) -> str:
    """The address with 0 as its last number. Of a list, of which the first address counts, the last one is cut."""
    network, _, last = address.rpartition(".")
    return f"{network}.0" if last in _LAST else address


def cut_url(url: str) -> str:
    """The URL without its path."""
    host_end = url.find("/", 8) + 1
    return url[:host_end] if host_end and url.startswith(("https://", "http://")) else url


def path_cut(templates: Iterable[str], chains: Iterable[str]) -> Callable[[str], str] | None:
    """The function that writes 0 for parts of a path that are identifiers by their first digit, and leaves out a query
    without a key. None if a template, or a pattern of a chain's paths, may tell such parts from each other.
    """
    parts = {part for pattern in (*templates, *chains) for part in pattern.split("/")}
    if any(part[:1] in _DIGITS or (is_glob(part) and part != "*") or _names_a_key(part) for part in parts):
        return None
    return _cut_path


def _names_a_key(part: str) -> bool:
    return part.strip(":{}") in ("key", "apikey", "api_key") and part[:1] in (":", "{")


def _cut_path(path: str) -> str:
    route, with_query, query = path.partition("?")
    parts = route.split("/")
    if parts[0] or (with_query and key_parameter(query)):
        return path
    before = "/"
    for n in range(1, len(parts)):
        part = parts[n]
        # The first comparison is whether it begins with a digit: the colon follows the nine.
        if "0" <= part < ":" and before not in _BEFORE_A_KEY and part.lower() not in DIGITAL_WORDS:
            if ":" in part or "\n" in part:
                return path
            parts[n] = "0"
        before = part
    return "/".join(parts)


def request_cut(cut: Callable[[str], str]) -> Callable[[str], str]:
    """The same for a request line, from the function for paths."""

    def cut_request(line: str) -> str:
        parts = line.split(" ")
        if len(parts) != 3:
            return line
        parts[1] = cut(parts[1])
        return " ".join(parts)

    return cut_request
