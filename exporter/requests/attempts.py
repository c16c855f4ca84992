"""Attempts: which providers a request was tried at, and how each try went. Cold path: once for each new combination.

Lists are as gateways write them: `502, 200`, after nginx's internal redirects `502 : 200`. Those of `attempts`,
`attempt_outcomes`, `upstream_status` and `attempt_circuits` belong together, entry by entry.
"""

import re
from itertools import pairwise
from typing import Any

from exporter.model.fields import ATTEMPT_OUTCOMES
from exporter.model.record import Attempt

# An item of a list that tells of something else than an attempt.
_IGNORED = "ignored"
# More in one request are a mistake in the log.
_MOST = 50
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_ENTRY_END = re.compile(r",|\s:\s")
_BY_STATUS = {
    **dict.fromkeys(("401", "403", "407"), "auth"),
    **dict.fromkeys(("408", "504", "522", "524"), "timeout"),
    "429": "rate_limit_exceeded",
    **dict.fromkeys(("460", "499"), "client_abort"),
}
_BY_CLASS = {"1": "success", "2": "success", "3": "success", "4": "client_error", "5": "server_error"}
_REFUSED = ("blocked", "rate_limit_exceeded", "auth")
# What an attempt came to that ended its request, by the request's error type.
_BY_ERROR = {
    **{"": "success", "rpc_error": "success", "blocked": "other"},
    **dict.fromkeys(("upstream_error", "server_error"), "server_error"),
}


def attempts_of(fields: dict[str, Any], provider: str, error_type: str) -> tuple[Attempt, ...]:
    """The attempts that a log tells of, in their order; () where it tells of none.

    An attempt's outcome is what `attempt_outcomes` calls it, else what its status means; without either it is
    the request's for the last one, and `other` before. Where `retries` is a list beside `attempts`, each attempt was
    the last of so many more at its provider.
    """
    listed = _entries(fields, "attempts")
    tried = listed or _retried(fields, provider, error_type)
    if not tried:
        return ()
    details = [
        _padded(_entries(fields, name), len(tried), at_end=bool(listed))
        for name in ("attempt_outcomes", "upstream_status", "attempt_circuits")
    ]
    retries = _padded(_entries(fields, "retries"), len(listed), at_end=True) if listed else [""] * len(tried)
    items = [
        attempt
        for more, item in zip(retries, zip(tried, *details, strict=True), strict=True)
        if item[1] != _IGNORED
        for attempt in (*[(item[0], "other", "", item[3])] * _count(more), item)
    ][:_MOST]
    unsaid = ["other"] * (len(items) - 1) + [_BY_ERROR.get(error_type, error_type)]
    return tuple(
        Attempt(name, _outcome(outcome, status) or otherwise, circuit)
        for (name, outcome, status, circuit), otherwise in zip(items, unsaid, strict=False)
    )


def failovers(attempts: tuple[Attempt, ...]) -> list[tuple[str, str, str]]:
    """From, to and why, for each attempt that another provider was tried after. A cancelled one lost a race."""
    return [
        (failed.provider, following.provider, failed.outcome)
        for failed, following in pairwise(attempts)
        if failed.provider != following.provider and failed.outcome not in ("success", "cancelled")
    ]


def _retried(fields: dict[str, Any], provider: str, error_type: str) -> list[str]:
    """Attempts at one provider, by the number of retries. What was refused at once, or for nobody, reached none."""
    retries = fields.get("retries", "")
    silent = fields.get("upstream_status", "") in ("", "0")
    answered = silent and (error_type in _REFUSED or not provider or fields.get("empty") == "true")
    if not _COUNT.fullmatch(retries) or (retries == "0" and answered):
        return []
    return [provider] * (1 + _count(retries))


def _count(retries: str) -> int:
    return min(int(retries), _MOST) if _COUNT.fullmatch(retries) else 0


def _entries(fields: dict[str, Any], name: str) -> list[str]:
    written = fields.get(name, "").strip()
    entries = [entry.strip() for entry in _ENTRY_END.split(written)] if written else []
    return ["" if entry == "-" else entry for entry in entries]


def _padded(entries: list[str], length: int, at_end: bool) -> list[str]:
    """An entry for each attempt. Of retries that are only numbered, the last is the one that is told of."""
    missing = [""] * (length - len(entries))
    return (entries + missing)[:length] if at_end else (missing + entries)[-length:]


def _outcome(word: str, status: str) -> str:
    """ "" where neither tells."""
    if word in ATTEMPT_OUTCOMES:
        return word
    return _BY_STATUS.get(status) or (_BY_CLASS.get(status[:1], "") if len(status) == 3 and status.isdecimal() else "")
