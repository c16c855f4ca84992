"""Use of limits in the state file: recent changes in one part, the rest in another part that is seldom written.

So with a hundred thousand keys with use this month, and a thousand since the last commit, a commit costs only as much
as the thousand.
"""

from typing import Any

import msgspec
from msgspec import Raw

from exporter.limits.usage import Limits

_LATELY = "limits"
_BEFORE = "limits_before"
# The other part is written when more than this number of keys, or an eighth of all keys, have changed.
_LEAST, _SHARE = 1000, 8

_encode = msgspec.msgpack.Encoder().encode


class UseParts:
    """The parts of a commit that hold the use of limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lately: dict[str, list[Raw]] = {}
        self._before = Raw(_encode([]))

    def parts(self) -> dict[str, Any]:
        """The parts as they are now."""
        changed = self._limits.changed()
        for key in changed or ():
            self._lately[key] = [Raw(_encode(row)) for row in self._limits.rows(key)]
        users = self._limits.users
        if changed is None or len(self._lately) > max(_LEAST, len(users) // _SHARE):
            self._lately.clear()
            self._before = Raw(_encode([row for key in users for row in self._limits.rows(key)]))
        lately = [row for rows in self._lately.values() for row in rows]
        return {_LATELY: self._limits.remember(lately), _BEFORE: self._before}


def restored(parts: dict[str, Any]) -> Any:
    """The argument of `Limits.restore`; recent changes take precedence. None if the state has no use."""
    if _LATELY not in parts:
        return None
    now, lately, *more = parts[_LATELY]
    keys = {key for key, *_ in lately}
    return [now, [*lately, *(row for row in parts.get(_BEFORE, ()) if row[0] not in keys)], *more]
