"""Attempts: the providers a request was sent to, and the outcome of each attempt. Cold path: once for each new
combination.

Gateways write lists as `502, 200`, and after nginx's internal redirects as `502 : 200`. The lists `attempts`,
`attempt_outcomes`, `upstream_status` and `attempt_circuits` belong together, entry by entry.
"""

import re
from itertools import pairwise
from typing import Any

from exporter.formats.values import entries_of
from exporter.memo import Memo
from exporter.model.fields import ATTEMPT_OUTCOMES
from exporter.model.record import AccessRecord, Attempt

# The outcome of an item that is not an attempt.
_IGNORED = "ignored"
# The maximum number of attempts per request: more are a mistake in the log.
_MOST = 50
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
# What the other lists hold; anything else is left out, as it may be a key.
_STATUS = re.compile(r"-?\d{1,4}", re.ASCII)
_CIRCUITS = ("open", "closed", "half_open", "half-open")
_BY_STATUS = {
    **dict.fromkeys(("401", "403", "407"), "auth"),
    **dict.fromkeys(("408", "504", "522", "524"), "timeout"),
    "429": "rate_limit_exceeded",
    **dict.fromkeys(("460", "499"), "client_abort"),
}
_BY_CLASS = {"1": "success", "2": "success", "3": "success", "4": "client_error", "5": "server_error"}
_REFUSED = ("blocked", "rate_limit_exceeded", "auth")
# The outcome of the last attempt, by the request's error type.
_BY_ERROR = {
    **{"": "success", "rpc_error": "success", "blocked": "other"},
    **dict.fromkeys(("upstream_error", "server_error"), "server_error"),
}


# The fields that attempts are read from; these with their texts, the provider and the error type of the request.
_READ = ("attempts", "attempt_outcomes", "upstream_status", "attempt_circuits", "retries", "empty")
_Asked = tuple[tuple[tuple[str, str], ...], str, str]


def attempts_of(fields: dict[str, Any], provider: str, error_type: str) -> tuple[Attempt, ...]:
    """The attempts in a log's line, in their order; () if it has none.

    An attempt's outcome is taken from `attempt_outcomes`, else from its status. Without either, it is the request's for
    the last attempt and `other` for those before. If `retries` is a list like `attempts`, it has the number of retries
    at each provider.
    """
    if "attempts" not in fields and "retries" not in fields:
        return ()
    # Many kinds of requests were attempted alike.
    asked = (tuple([(name, fields[name]) for name in _READ if name in fields]), provider, error_type)
    size = sum([len(word) for _, word in asked[0]], len(provider))
    return _ATTEMPTS[asked] if size <= _LONGEST else _attempts(asked)


def _attempts(asked: _Asked) -> tuple[Attempt, ...]:
    fields, provider, error_type = dict(asked[0]), *asked[1:]
    items = _items(fields, provider, error_type)
    unsaid = ["other"] * (len(items) - 1) + [_BY_ERROR.get(error_type, error_type)]
    return tuple(
        Attempt(name, _outcome(outcome, status) or otherwise, circuit)
        for (name, outcome, status, circuit, _), otherwise in zip(items, unsaid, strict=False)
    )


# Not kept for long texts, so that memory is bounded in bytes.
_ATTEMPTS: Memo[_Asked, tuple[Attempt, ...]] = Memo(_attempts, 1000)
_LONGEST = 1000


def attempt_details(fields: dict[str, Any], record: AccessRecord) -> list[tuple[str, str, str, str, int]]:
    """Of each attempt of a record: provider, outcome, status, circuit, and its place in the log's lists; -1 if it is
    only counted there. `fields` are those that the record was made of.
    """
    items = _items(fields, record.provider, record.error_type) if record.attempts else []
    return [
        (attempt.provider, attempt.outcome, status, attempt.circuit, place)
        for attempt, (_, _, status, _, place) in zip(record.attempts, items, strict=True)
    ]


def step_details(fields: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Of each item in the log's lists that is no attempt: its provider, its circuit, and its place."""
    items = _logged(fields, "", "") if "attempts" in fields else []
    return [(name, circuit, place) for name, outcome, _, circuit, place in items if outcome == _IGNORED]


def _items(fields: dict[str, Any], provider: str, error_type: str) -> list[tuple[str, str, str, str, int]]:
    """The attempts as they are logged: name, outcome, status, circuit, place in the lists."""
    return [item for item in _logged(fields, provider, error_type) if item[1] != _IGNORED][:_MOST]


def _logged(fields: dict[str, Any], provider: str, error_type: str) -> list[tuple[str, str, str, str, int]]:
    listed = _entries(fields, "attempts")
    tried = listed or _retried(fields, provider, error_type)
    if not tried:
        return []
    outcomes, statuses, circuits = (
        _padded(_entries(fields, name), len(tried), at_end=bool(listed))
        for name in ("attempt_outcomes", "upstream_status", "attempt_circuits")
    )
    statuses = [status if _STATUS.fullmatch(status) else "" for status in statuses]
    circuits = [circuit if circuit in _CIRCUITS else "" for circuit in circuits]
    retries = _padded(_entries(fields, "retries"), len(listed), at_end=True) if listed else [""] * len(tried)
    return [
        attempt
        for place, (more, item) in enumerate(
            zip(retries, zip(tried, outcomes, statuses, circuits, strict=True), strict=True)
        )
        for attempt in (*[(item[0], "other", "", item[3], -1)] * _count(more), (*item, place))
    ]


def failovers(attempts: tuple[Attempt, ...]) -> list[tuple[str, str, str]]:
    """(from, to, reason) of each attempt that was followed by one at another provider. Cancelled attempts do not count:
    they lost a race.
    """
    return [
        (failed.provider, following.provider, failed.outcome)
        for failed, following in pairwise(attempts)
        if failed.provider != following.provider and failed.outcome not in ("success", "cancelled")
    ]


def _retried(fields: dict[str, Any], provider: str, error_type: str) -> list[str]:
    """Attempts at one provider, by the number of retries. A request that the gateway answered itself has none."""
    retries = fields.get("retries", "")
    silent = fields.get("upstream_status", "") in ("", "0")
    answered = silent and (error_type in _REFUSED or not provider or fields.get("empty") == "true")
    if not _COUNT.fullmatch(retries) or (retries == "0" and answered):
        return []
    return [provider] * (1 + _count(retries))


def _count(retries: str) -> int:
    return min(int(retries), _MOST) if _COUNT.fullmatch(retries) else 0


def _entries(fields: dict[str, Any], name: str) -> list[str]:
    written = fields.get(name)
    return _LISTED[written] if written else []


def _listed(written: str) -> list[str]:
    return ["" if entry == "-" else entry for entry in entries_of(written.strip())]


_LISTED: Memo[str, list[str]] = Memo(_listed, 1000)


def _padded(entries: list[str], length: int, at_end: bool) -> list[str]:
    """The entries, filled up to one for each attempt. If only the number of retries is known, entries are the last."""
    missing = [""] * (length - len(entries))
    return (entries + missing)[:length] if at_end else (missing + entries)[-length:]


def _outcome(word: str, status: str) -> str:
    """An attempt's outcome by the log's word or its status; "" if neither is known."""
    if word in ATTEMPT_OUTCOMES:
        return word
    return _BY_STATUS.get(status) or (_BY_CLASS.get(status[:1], "") if len(status) == 3 and status.isdecimal() else "")
