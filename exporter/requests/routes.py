"""Routes: a request's path → its route, the key in it, its chain. Origins: the site or network a request came from.

The number of routes must stay small, and no route may contain a key. So a configured template decides; if none matches,
every part of the path that looks like an identifier becomes `:id` (see `identifiers`). A new path costs about a
microsecond, which matters for logs with random ids, where every path is new.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus, urlsplit

from exporter.globs import compiled
from exporter.memo import Memo
from exporter.model.key_shapes import could_be_a_key
from exporter.requests.identifiers import AT_KEY_PLACE, NOBODY, PEOPLE, looks_made_up

# Where gateways have the key in the path: /v2/KEY (Alchemy), /ws/v3/KEY (Infura), /rpc/KEY …
_KEY_PLACE = re.compile(
    r"(?:/(?:eth|ethereum|https?|mainnet|rpc|testnet|wss?))*/(?:v[23]|wss?|rpc|key)|/queries/[^/]+/api-key"
)
# … but numbers, and values that start with 0x, are ids.
_NO_KEY = re.compile(r"\d+|0x[0-9a-fA-F]*")
_KEY_PARAMETER = re.compile(
    r"(?:^|[&;])(?:api[-_]?key|key|dkey|token|access_token|auth)=([^&;#]+)",
    re.IGNORECASE,
)
_OCTET = r"(?>25[0-5]|2[0-4]\d|1\d\d|\d\d?)"
_END = r"(?:%\w+)?\]?(?::\d+)?\s*(?:,|$)"
_IPV4 = re.compile(rf"\s*(?:\[?::ffff:)?((?:{_OCTET}\.){{3}}){_OCTET}{_END}", re.IGNORECASE | re.ASCII)
_IPV6 = re.compile(rf"\s*\[?([0-9a-f]{{0,4}}(?::[0-9a-f]{{0,4}}){{2,8}}){_END}", re.IGNORECASE | re.ASCII)
# Verbs such as GET or BASELINE-CONTROL.
_VERB = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")
_LONGEST = 120
# The maximum number of words, and of routes, that are remembered.
_KNOWN = 5000


class Target(str):
    """The route, key and chain of a request's path. `key` is a public name; `chain` and `key` may be "".

    It is a str because the hot loop looks it up on each line, and Python caches the hash of a str.
    """

    __slots__ = ("chain", "key", "route")

    def __new__(cls, route: str, key: str = "", chain: str = "") -> "Target":
        """Create a target."""
        target = super().__new__(cls, f"{route}\0{key}\0{chain}")
        target.route, target.key, target.chain = route, key, chain
        return target

    route: str
    key: str
    chain: str


class Request(NamedTuple):
    """A request line; all parts are "" if it is not valid."""

    http_method: str
    target: Target
    version: str


NO_TARGET = Target("")
NO_REQUEST = Request("", NO_TARGET, "")


def _pattern(group: str, template: str) -> str:
    """A template such as `/v1/scores/:identity` as a named group of a regular expression; its key, if any, is the group
    `<group>_key`.

    Parts in braces or after a colon match any part, `*` any number of them. After a `*`, the first match of the next
    parts is final (an atomic group), so that no path needs backtracking.
    """
    pattern = ""
    parts = template.strip("/").split("/")
    stars = parts.count("*")
    for part in parts:
        name = part[1:] if part.startswith(":") else part[1:-1] if part.startswith("{") and part.endswith("}") else ""
        if part == "*":
            pattern += ")" if 0 < stars < parts.count("*") else ""
            stars -= 1
            pattern += "(?>/.*?" if stars else "/.*"
        elif name in ("key", "apikey", "api_key"):
            pattern += f"/(?P<{group}_key>[^/]+)"
        else:
            pattern += "/[^/]+" if name else "/" + re.escape(part)
    return f"(?P<{group}>{pattern})"


class Routes:
    """Finds the route, the key and the chain of a path.

    `templates` are tried in order. `chains` maps a chain to patterns of paths, which start with `/` and are in
    `chain_paths`, or of host names.
    `identify` turns a raw key into its public name. With `users`, names of people in paths are shown.
    """

    def __init__(
        self,
        identify: Callable[[str], str],
        templates: Iterable[str] = (),
        chains: dict[str, list[str]] | None = None,
        users: bool = False,
    ) -> None:
        # Long, as it compiles the templates, the chains of paths and those of hosts.
        self._identify = identify
        self.templates = tuple(templates)
        self._templates = {f"t{number}": template for number, template in enumerate(self.templates)}
        either = "|".join(_pattern(group, template) for group, template in self._templates.items())
        self._template = re.compile(f"(?:{either})/?") if either else None
        self._with_key = {group for group in self._templates if f"(?P<{group}_key>" in either}
        patterns = [(chain, pattern) for chain, patterns in (chains or {}).items() for pattern in patterns]
        self._paths = [(compiled(p), chain) for chain, p in patterns if p.startswith("/")]
        self.chain_paths = [p for _, p in patterns if p.startswith("/")]
        self._hosts = [(compiled(p.lower()), chain) for chain, p in patterns if not p.startswith("/")]
        self._people = frozenset() if users else PEOPLE
        self._words: set[str] = set()
        self._key_places: Memo[str, bool] = Memo(lambda route: _KEY_PLACE.fullmatch(route) is not None, _KNOWN)
        self._keyless = Memo(Target, _KNOWN)

    def request(self, line: str) -> Request:
        """Read a line such as `GET /path?query HTTP/1.1`; NO_REQUEST if it is not valid."""
        parts = line.split(" ")
        if len(parts) not in (2, 3) or not _VERB.fullmatch(parts[0]):
            return NO_REQUEST
        return Request(parts[0], self.target(parts[1]), parts[2] if len(parts) == 3 else "")

    def target(self, path: str) -> Target:
        """Read a request target: a path, with or without its first slash, a URL as proxies log it, or `*`."""
        # Long, as it has a branch for each form of a target.
        path, _, query = path.partition("?")
        chain = ""
        if path[:1] != "/":
            if "://" in path:
                authority, _, path = path.partition("://")[2].partition("/")
                chain = self.chain_of_host(authority.rpartition("@")[2])
            elif "/" not in path or not path[0].isalnum():
                return NO_TARGET if path in ("", "*") else Target("/:id")
            path = "/" + path
        key = self._key_in(query)
        for pattern, named in self._paths:
            if pattern.match(path):
                chain = named
                break
        if self._template:
            found = self._template.fullmatch(path)
            if found and found.lastgroup:
                if found.lastgroup in self._with_key:
                    key = self._identify(found[f"{found.lastgroup}_key"])
                return self._target_of(self._templates[found.lastgroup], key, chain)
        return self._folded(path, key, chain)

    def chain_of_host(self, host: str) -> str:
        """The chain of a host name, "" if it has none."""
        host = host.lower().partition(":")[0]
        return next((chain for pattern, chain in self._hosts if pattern.match(host)), "")

    def _key_in(self, query: str) -> str:
        key = key_parameter(query)
        return self._identify(unquote_plus(key)) if key else ""

    def _folded(self, path: str, key: str, chain: str) -> Target:
        """The target without a template: identifiers become `:id`, and the one at a key's place becomes `:key`.

        Names after `/users` become `:id`, too. So does a word at a key's place: somebody may have chosen it as their
        key. It does not count as a key, as it may also be a word of the API.
        """
        # Long, as each part of each new path passes here, and a call would take as long as what it does.
        words, people = self._words, self._people
        route = before = ""
        for part in path.split("/"):
            if len(route) > _LONGEST:
                break
            if not part:
                continue
            at_key = self._key_places[route]
            hidden = (at_key and part not in AT_KEY_PLACE) or (before in people and part not in NOBODY)
            before = part.lower()
            if part in words and not hidden:
                route += "/" + part
            elif not looks_made_up(part):
                route += "/:id" if hidden else "/" + part
                if not hidden and len(words) < _KNOWN:
                    words.add(part)
            elif at_key and not _NO_KEY.fullmatch(part):
                key = key or self._identify(part)
                route += "/:key"
            else:
                # Google's way: /v1/models/NAME:generateContent.
                verb = part.rpartition(":")[2] if ":" in part else ""
                route += f"/:id:{verb}" if verb and not looks_made_up(verb) else "/:id"
        if len(route) > _LONGEST:
            route = route[: route.rindex("/", 0, _LONGEST)] + "/*"
        return self._target_of(route or "/", key, chain)

    def _target_of(self, route: str, key: str, chain: str) -> Target:
        return Target(route, key, chain) if key or chain else self._keyless[route]


def key_parameter(query: str) -> str:
    """The value of a query's parameter for a key, as it is written; "" if it has none."""
    found = _KEY_PARAMETER.search(query[:2000]) if query else None
    return found[1] if found else ""


# Nearly all origins; much faster than `urlsplit`.
_PLAIN_URL = re.compile(r"https?://([A-Za-z0-9.-]+)(?::[0-9]*)?(?:/[!-Z^-~]*)?$(?!\n)")


def origin_host(url: str, addresses: bool = False) -> str:
    """The host of an Origin or Referer header; "" if there is none, or it is opaque (`null`). IP addresses are
    shortened to their network, unless `addresses` is set.
    """
    found = _PLAIN_URL.match(url)
    try:
        host = found[1].lower() if found else (urlsplit(url).hostname or "") if "://" in url else ""
    except ValueError:
        return ""
    host = host.rstrip(".")[:100]
    return host if addresses and client_network(host) else _shown_host(host)


@lru_cache(_KNOWN)
def _shown_host(host: str) -> str:
    return client_network(host) or ("" if could_be_a_key(host) else host)


def client_network(address: str) -> str:
    """The network of a client address: /24 for IPv4, /48 for IPv6. Of a list, the first address; "" if not valid."""
    found = _IPV4.match(address)
    if found:
        return f"{found[1]}0/24"
    found = _IPV6.match(address)
    groups = found[1].lower().split(":") if found else []
    if not (len(groups) == 8 or ("" in groups and len(groups) <= 9)):
        return ""
    head = [group.lstrip("0") for group in groups[: groups.index("") if "" in groups else 3]][:3]
    while head and not head[-1]:
        head.pop()
    return ":".join(group or "0" for group in head) + "::/48"
