"""Passwords of the web config: bcrypt, one check at a time, beside the event loop, and no password twice.

A check takes some 60 ms of a core, so that nobody can try many; who asks must not be able to use that against others.
"""

import asyncio
import hashlib
import hmac
import os
from collections import Counter
from collections.abc import Mapping

from exporter.memo import Memo

# The most that may wait for a check, in all and of one address; others get 503 and come again.
_MOST_WAITING = 32
_MOST_OF_ADDRESS = 8
# Of bcrypt: it uses no more of a password.
_LONGEST_PASSWORD = 72
_KNOWN = 200


class TooManyError(Exception):
    """Too many passwords wait to be checked."""


class Passwords:
    """Checks passwords. Belongs to one event loop.

    Verdicts are kept by an HMAC with a random key, so that neither passwords nor anything to try them on is in memory.
    """

    def __init__(self) -> None:
        self._secret = os.urandom(32)
        self._checking = asyncio.Lock()
        self._waiting: Counter[str] = Counter()
        # Apart, so that wrong ones push no right one out.
        self._right: Memo[bytes, bool] = Memo(lambda _: True, _KNOWN)
        self._wrong: Memo[bytes, bool] = Memo(lambda _: True, _KNOWN)

    async def right(self, users: Mapping[str, str], name: str, password: bytes, address: str) -> bool:
        """Whether it is the user's password, by their bcrypt hashes. TooManyError where too many wait already."""
        if len(password) > _LONGEST_PASSWORD or b"\0" in password:
            return False
        # A user that is not there takes as long as one that is.
        hashed = users.get(name) or next(iter(users.values()))
        known = self._known_as(name, hashed, password)
        if known in self._right or known in self._wrong:
            return known in self._right
        if self._waiting.total() >= _MOST_WAITING or self._waiting[address] >= _MOST_OF_ADDRESS:
            raise TooManyError
        self._waiting[address] += 1
        try:
            await self._checking.acquire()
        finally:
            self._waiting[address] -= 1
            self._waiting += Counter()  # drops addresses of which none waits
        if known in self._right or known in self._wrong:  # of another who waited
            self._checking.release()
            return known in self._right
        check = asyncio.get_running_loop().run_in_executor(None, _matches, password, hashed)
        check.add_done_callback(lambda _: self._checking.release())  # also where nobody waits for it any more
        right = await asyncio.shield(check) and name in users
        (self._right if right else self._wrong)[known]
        return right

    def _known_as(self, name: str, hashed: str, password: bytes) -> bytes:
        parts = (name.encode(), hashed.encode(), password)
        whole = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.new(self._secret, whole, hashlib.sha256).digest()


def _matches(password: bytes, hashed: str) -> bool:
    import bcrypt  # noqa: PLC0415 - only where there are passwords

    right: bool = bcrypt.checkpw(password, hashed.encode())
    return right
