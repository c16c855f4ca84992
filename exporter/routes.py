"""Routes: a request's path → its template, the key in it, the chain it means. Origins: where a call came from.

No path may make a series of its own, and no key may stand in a label. So a configured template
decides, and where none fits, every part of the path that looks made up becomes `:id`.
"""

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

# Where gateways of blockchain nodes put the key in the path: Alchemy, Infura, Ankr and their like.
_KEY_PLACES = re.compile(r"(?:/(?:ws|rpc|eth|mainnet|testnet))*/v[23]/?$|/ws/?$|/(?:rpc|key)/?$")
_KEY_PARAMETERS = ("apikey", "api_key", "api-key", "key", "token", "access_token", "dkey", "auth")

# A part of a path that is a word of the API: a version, or letters in words, with one digit at most at an end.
_VERSION = re.compile(r"v\d{1,2}(?:\.\d{1,2})*(?:(?:alpha|beta|rc)\d{0,2})?")
_WORD = re.compile(r"[A-Za-z]{1,24}\d?(?:[-_.:~@][A-Za-z]{1,24}\d?){0,5}")
# … and what words do not look like: many consonants in a row, capitals here and there, key prefixes.
_UNLIKELY = re.compile(
    r"[bcdfghjklmnpqrstvwxzBCDFGHJKLMNPQRSTVWXZ]{6}|[a-z][A-Z]{2,}[a-z]|(?:[a-z][A-Z]){2}|[A-Z][a-z][A-Z][a-z][A-Z]"
    r"|^(?:sk|pk|rk|ak|key|tok|gw|api)[-_]|^[a-fA-F]{8,}$"
)
_LONGEST = 120


class Target(NamedTuple):
    """What a request's path says. `key` is public already; `chain` and `key` may be ""."""

    route: str
    key: str = ""
    chain: str = ""


class Request(NamedTuple):
    """A whole request line. All "" where it was garbage."""

    http_method: str
    target: Target
    version: str


NO_TARGET = Target("")


def _looks_made_up(part: str) -> bool:
    if _VERSION.fullmatch(part):
        return False
    return not _WORD.fullmatch(part) or bool(_UNLIKELY.search(part))


class _Template:
    """`/v1/scores/:identity`: parts in braces or behind a colon stand for anything; `*` for the rest of the path."""

    def __init__(self, template: str) -> None:
        self.route = template
        pattern = ""
        self.key_group = 0
        for n, part in enumerate(template.strip("/").split("/")):
            name = part[1:] if part.startswith(":") else part[1:-1] if part.startswith("{") and part.endswith("}") else ""
            if part == "*":
                pattern += r"/.*"
            elif name:
                pattern += "/([^/]+)"
                self.key_group = pattern.count("(") if name in ("key", "apikey", "api_key") else self.key_group
            else:
                pattern += "/" + re.escape(part)
        self.pattern = re.compile(pattern + "/?")


class Routes:
    """Finds the route, the key and the chain of a path.

    `templates` are tried in order. `chains` maps a chain to patterns of paths (with `/` first) or host
    names. `identify` makes a raw key public.
    """

    def __init__(self, identify: Callable[[str], str], templates: Iterable[str] = (), chains: dict[str, list[str]] | None = None) -> None:
        self._identify = identify
        self._templates = [_Template(template) for template in templates]
        patterns = [(chain, pattern) for chain, patterns in (chains or {}).items() for pattern in patterns]
        self._paths = [(re.compile(translate(p)), chain) for chain, p in patterns if p.startswith("/")]
        self._hosts = [(re.compile(translate(p.lower())), chain) for chain, p in patterns if not p.startswith("/")]
        self._parts: dict[str, str] = {}

    def request(self, line: str) -> Request:
        """Read `GET /path?query HTTP/1.1`; anything else is no request."""
        words = line.split(" ")
        if len(words) not in (2, 3) or not words[0].isalpha() or not words[0].isascii():
            return Request("", NO_TARGET, "")
        return Request(words[0], self.target(words[1]), words[2] if len(words) == 3 else "")

    def target(self, path: str) -> Target:
        """Read a request target: a path, or a whole URL as proxies write it."""
        if path[:1] != "/":
            if "://" not in path:
                return NO_TARGET if not path or path == "*" else Target("/:id")
            path = "/" + path.split("://", 1)[1].partition("/")[2]
        path, _, query = path.partition("?")
        key = self._key_in(query) if query else ""
        chain = next((chain for pattern, chain in self._paths if pattern.match(path)), "") if self._paths else ""
        for template in self._templates:
            found = template.pattern.fullmatch(path)
            if found:
                if template.key_group:
                    key = self._identify(found[template.key_group])
                return Target(template.route, key, chain)
        return self._folded(path, key, chain)

    def chain_of_host(self, host: str) -> str:
        """The chain a host name means, "" where it means none."""
        host = host.lower().partition(":")[0]
        return next((chain for pattern, chain in self._hosts if pattern.match(host)), "")

    def _key_in(self, query: str) -> str:
        for name, value in parse_qsl(query[:2000], errors="replace"):
            if name.lower() in _KEY_PARAMETERS and value:
                return self._identify(value)
        return ""

    def _folded(self, path: str, key: str, chain: str) -> Target:
        """The default template: made-up parts are `:id`; the one at a key's place is `:key`, and is the key."""
        known = self._parts
        route = ""
        for part in path.strip("/").split("/"):
            shown = known.get(part)
            if shown is None:
                if _looks_made_up(part) and part:
                    shown = ":id"
                    if _KEY_PLACES.search(route + "/"):
                        key = key or self._identify(part)
                        shown = ":key"
                else:
                    shown = part
                    if len(known) < 5000:
                        known[part] = part
            route += "/" + shown
        return Target(route if len(route) <= _LONGEST else route[: route.rindex("/", 0, _LONGEST)] + "/*", key, chain)


def origin_host(url: str) -> str:
    """The host of an Origin or Referer header; "" where there is none, or it is opaque (`null`)."""
    try:
        return (urlsplit(url).hostname or "")[:100] if "://" in url else ""
    except ValueError:
        return ""


def client_network(address: str) -> str:
    """The client's network: /24 of an IPv4 address, /48 of an IPv6 one. Of a list, its first address; "" of nonsense."""
    first = address.partition(",")[0].strip()
    parts = first.partition(":")[0].split(".")
    if len(parts) == 4 and all(part.isdigit() and len(part) <= 3 for part in parts):
        return f"{parts[0]}.{parts[1]}.{parts[2]}.0/24"
    groups = first.lstrip("[").partition("]")[0].lower().split(":")
    if len(groups) > 2 and all(len(group) <= 4 and all(digit in "0123456789abcdef" for digit in group) for group in groups):
        head = (groups[: groups.index("")] if "" in groups else groups)[:3]
        return ":".join(group.lstrip("0") or "0" for group in head) + "::/48"
    return ""
