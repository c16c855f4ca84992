"""Who asks: an operator, or a customer by an API key, as one asks the gateway itself.

The key is hashed at once, as its gateway does where the log has the gateway's own hash, and then as the exporter does.
It is kept nowhere, and no answer repeats it.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from exporter.keys.identity import Identity, as_logged
from exporter.service.web.answers import Scope

KEY_HEADER = "x-api-key"
_SCHEME = "bearer"


class Caller(Struct, frozen=True):
    """An operator, who may see everything, or the key that may see what is its own. `key` is its public name."""

    operator: bool = False
    key: str = ""


class RefusedError(Exception):
    """A caller who gets no answer: the HTTP status, why, and headers that belong to it."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers or {}


class Callers:
    """Knows the keys that may ask. `hashes` are the ways in which gateways have hashed the keys in their logs (pattern
    of keys by hash function). `seen` says of a hashed name without an entry in the registry whether a gateway has
    let its key in.
    """

    def __init__(self, identity: Identity, hashes: Iterable[Mapping[str, str]], seen: Callable[[str], bool]) -> None:
        self._identity = identity
        self._hashes = [names for names in hashes if names]
        # Who has read a gateway's log has its hashes of keys: they open nothing.
        sizes = {hashlib.new(name).digest_size * 2 for names in self._hashes for name in names}
        self._logged = re.compile("|".join(f"[0-9a-fA-F]{{{size}}}" for size in sizes) or "(?!)")
        self._seen = seen

    def caller(self, scope: Scope) -> Caller:
        """Who asks. RefusedError (401, 403) if nobody who may."""
        raw = raw_key(scope)
        if raw:
            return Caller(key=self._key(raw))
        if scope["state"]["operator"]:
            return Caller(operator=True)
        raise RefusedError(401, "An API key is needed: Authorization: Bearer KEY, or X-Api-Key: KEY.")

    def _key(self, raw: str) -> str:
        logged = [as_logged(raw, hashes) for hashes in self._hashes]
        names = {self._identity.hash(each): None for each in (*logged, raw)}
        for hashed in names if not self._logged.fullmatch(raw) else ():
            name = self._identity.registered(hashed)
            if name and not self._identity.entries[name].enabled:
                raise RefusedError(403, "This API key is disabled.")
            if name or self._seen(hashed):
                return name or hashed
        raise RefusedError(401, "This API key is not known.")


def raw_key(scope: Scope) -> str:
    """The API key that a request carries; "" if none."""
    headers: dict[bytes, str] = {name: value.decode("latin-1") for name, value in scope["headers"]}
    if key := headers.get(KEY_HEADER.encode(), "").strip():
        return key
    scheme, _, key = headers.get(b"authorization", "").partition(" ")
    return key.strip() if scheme.lower() == _SCHEME else ""
