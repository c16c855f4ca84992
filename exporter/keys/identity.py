"""Identity: raw API key → public name. The only module that handles raw keys; it stores none.

The public name is the registry's `id`, else `k_` and 16 hex digits of HMAC-SHA-256 with the deployment's secret.
Without the secret, nobody can find the key of a name, or check a guess.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from exporter.globs import match

# Schemes of an Authorization header that are followed by the key itself.
_SCHEMES = ("bearer", "token", "apikey", "api-key", "key")
# In other schemes, the part that is the same in every request.
_NAMED = re.compile(r'(?>AWS4-HMAC-SHA256 .*?Credential=|Digest .*?username=")([^/",\s]+)', re.IGNORECASE)
# What gateways log instead of a key.
_HIDDEN = re.compile(
    r"[\[<(*_«]*+(?:redacted|filtered|masked|hidden|none|null|undefined)[\])>*_»]*+|[*x•.]{3,}", re.IGNORECASE
)


class KeyEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The registry's entry of a key. `created` and `expires` have a time zone."""

    id: str = ""
    hash: str = ""
    name: str = ""
    owner: str = ""
    plan: str = ""
    created: datetime | None = None
    expires: datetime | None = None
    enabled: bool = True
    class_: str = ""

    @property
    def public(self) -> str:
        """The value of the `key` label."""
        return self.id or self.hash


class Identity:
    """Maps raw keys to public names, with the deployment's `secret` and key registry."""

    def __init__(self, secret: bytes, registry: tuple[KeyEntry, ...] = ()) -> None:
        self._secret = secret
        self.update(registry)

    def update(self, registry: tuple[KeyEntry, ...]) -> None:
        """Replace the registry."""
        self._by_hash = {entry.hash: entry for entry in registry if entry.hash}
        # Only keys that the gateway logs by name: otherwise a client could send another key's id as its own key.
        self._named = {entry.id for entry in registry if not entry.hash}
        self.entries = {entry.public: entry for entry in registry}

    def hash(self, raw: str) -> str:
        """`k_` and 16 hex digits."""
        return "k_" + hmac.new(self._secret, raw.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]

    def public(self, raw: str) -> str:
        """The public name of a key as logged: a raw key, an Authorization header, or the gateway's name of the key."""
        raw = bare_key(raw)
        if not raw:
            return ""
        if raw in self._named:
            return raw
        hashed = self.hash(raw)
        entry = self._by_hash.get(hashed)
        return entry.public if entry else hashed

    def registered(self, hashed: str) -> str:
        """The registry's name of the key with a hash; "" if it has none."""
        entry = self._by_hash.get(hashed)
        return entry.public if entry else ""

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that differ between secrets and do not reveal them."""
        return hmac.new(self._secret, b"gateway-exporter identity", hashlib.sha256).hexdigest()[:8]


def as_logged(raw: str, key_hash: Mapping[str, str]) -> str:
    """A raw key as a gateway logs it. `key_hash` has the pattern of keys that it logs hashed, by hash function."""
    return next(
        (hashlib.new(name, raw.encode()).hexdigest() for name, keys in key_hash.items() if match(keys, raw)), raw
    )


def bare_key(raw: str) -> str:
    """The key in an `Authorization` or API-key header: without the scheme; of Basic, the user name.

    "" if there is none, or the gateway has hidden it.
    """
    raw = raw.strip()
    scheme, _, rest = raw.partition(" ")
    scheme = scheme.lower()
    if scheme in _SCHEMES:
        raw = rest.strip()
    elif scheme == "basic":
        try:
            user, _, password = base64.b64decode(rest.strip(), validate=True).decode("utf-8", "replace").partition(":")
            raw = user or password
        except (binascii.Error, ValueError):
            raw = rest.strip()
    else:
        named = _NAMED.match(raw)
        raw = named[1] if named else raw
    return "" if _HIDDEN.fullmatch(raw) else raw
