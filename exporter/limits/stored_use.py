"""Use of limits in the state: what changed lately in one part, all else in another that is written seldom.

A hundred thousand keys have used something this month, a thousand since the last commit: it costs what these do.
"""

from typing import Any

import msgspec
from msgspec import Raw

from exporter.limits.usage import Limits

_LATELY = "limits"
_BEFORE = "limits_before"
# The other part is written again when so many keys have changed, or an eighth of all.
_LEAST, _SHARE = 1000, 8

_encode = msgspec.msgpack.Encoder().encode


class UseParts:
    """The parts of a commit in which use is remembered."""

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
    """What `Limits.restore` takes: what changed lately goes before what was before."""
    if _LATELY not in parts:
        return None
    now, lately, *more = parts[_LATELY]
    keys = {key for key, *_ in lately}
    return [now, [*lately, *(row for row in parts.get(_BEFORE, ()) if row[0] not in keys)], *more]
