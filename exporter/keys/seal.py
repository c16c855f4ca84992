"""Encrypts parts of the state that may hold raw keys, with the secret for key names.

The initialisation vector is an HMAC of the content, as in SIV (RFC 5297): equal content gives equal bytes, so that an
unchanged part of the state is not written again, and manipulated content is refused. The key stream is SHAKE-256 of key
and vector.
"""

import hashlib
import hmac
from typing import Any

import msgspec

_VECTOR = 32


class Seal:
    """Encrypts values of JSON's types and bytes."""

    def __init__(self, secret: bytes) -> None:
        self._signing, self._hiding = (
            hmac.new(secret, f"gateway-exporter {use}".encode(), hashlib.sha256).digest()
            for use in ("seal: vector", "seal: key stream")
        )

    def close(self, value: Any) -> bytes | None:
        """The sealed value; None for None."""
        if value is None:
            return None
        plain = msgspec.msgpack.encode(value)
        vector = hmac.new(self._signing, plain, hashlib.sha256).digest()
        return vector + self._xor(plain, vector)

    def open(self, sealed: Any) -> Any:
        """The value; a value that an older version has not sealed is returned as it is. ValueError if the secret is
        different.
        """
        if not isinstance(sealed, bytes):
            return sealed
        vector = sealed[:_VECTOR]
        plain = self._xor(sealed[_VECTOR:], vector)
        if not hmac.compare_digest(vector, hmac.new(self._signing, plain, hashlib.sha256).digest()):
            raise ValueError("sealed with another secret")
        return msgspec.msgpack.decode(plain)

    def _xor(self, text: bytes, vector: bytes) -> bytes:
        stream = hashlib.shake_256(self._hiding + vector).digest(len(text))
        return (int.from_bytes(text, "little") ^ int.from_bytes(stream, "little")).to_bytes(len(text), "little")
