"""What to look for: a filter, as people and the API give it → SQL.

Conditions on what requests share are answered by the table `kind`, which is small; the others by the rows.
"""

import re
from typing import Any, NamedTuple

from msgspec import Struct

from exporter.errors import UsageError
from exporter.formats.values import number, timestamp
from exporter.model.fields import ERROR_TYPES

# The filters that are compared with what requests share; several values, separated by commas, are alternatives.
_OF_KINDS = ("input", "class", "provider", "model", "requested_model", "method", "route", "chain", "protocol")
_KINDS = "kind IN (SELECT id FROM kind WHERE {})"
_WORDS = "{} IN (SELECT id FROM word WHERE text = ?)"
_STATUS = re.compile(r"[1-5]xx|\d{1,3}|other")
_YES = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_FLAGS = {
    "blocked": "(blocked_reason IS NOT NULL OR error_type IS 'blocked')",
    "unbilled": "unbilled",
    "cached": "cached",
    "failed": "error_type IS NOT NULL",
    "retried": "coalesce(json_array_length(attempts), 0) > 1",
    "redirected": "requested_model IS NOT NULL AND model IS NOT NULL AND requested_model != model",
}

# All filters, with what they mean.
FILTERS = {
    "since": "requests from this time on",
    "until": "requests before this time",
    "key": "the key's public name, or its name in the registry",
    "owner": "the key's owner",
    "provider": "who served, or was tried",
    "model": "the model that served",
    "requested_model": "the model that was asked for",
    "method": "the method, as in metrics",
    "route": "the route",
    "chain": "the blockchain network",
    "protocol": "http, https, ws, wss or grpc",
    "input": "the input of the config",
    "class": "business or internal",
    "status": "a status, or a class such as 4xx",
    "error_type": "how it failed",
    "origin": "the site or network it came from",
    "client": "the client's address, as it is kept",
    "request_id": "the id that the gateway gave it",
    "text": "text in the route or the method",
    "slower_than": "seconds",
    "costlier_than": "money",
    "failed": "true or false",
    "blocked": "true or false: by a policy of the gateway",
    "unbilled": "true or false: nobody pays for it",
    "cached": "true or false: answered from the gateway's cache",
    "retried": "true or false: more than one attempt",
    "redirected": "true or false: another model served than was asked for",
}
# Those that a customer may use: nothing that would tell what customers are not shown.
CUSTOMER_FILTERS = frozenset(FILTERS) - {"input", "class", "provider", "retried", "owner", "key", "error_type"}


class Where(NamedTuple):
    """A condition in SQL, with its values."""

    sql: str
    values: list[Any]


class Filter(Struct, kw_only=True):
    """`since` and `until` are epoch milliseconds, [since, until); `conditions` are all to be true."""

    since: int = 0
    until: int = 1 << 62
    conditions: list[Where] = []

    def add(self, sql: str, *values: Any) -> None:
        """Add a condition."""
        self.conditions.append(Where(sql, list(values)))

    def where(self) -> Where:
        """All conditions except the times."""
        return Where(
            " AND ".join(f"({one.sql})" for one in self.conditions) or "1",
            [value for one in self.conditions for value in one.values],
        )


def filter_of(asked: dict[str, str], allowed: frozenset[str] = frozenset(FILTERS)) -> Filter:
    """The filter that is asked for by name. UsageError if a name or a value is not valid; empty values ask nothing."""
    found = Filter()
    for name, value in asked.items():
        if name not in allowed:
            raise UsageError(f"{name[:40]!r} is not a filter (allowed: {', '.join(sorted(allowed))})")
        if value:
            _add(found, name, value)
    return found


def only_key(found: Filter, key: str) -> None:
    """Restrict a filter to one key's requests, by its public name."""
    found.add(_KINDS.format("key = ?"), key)


def _add(found: Filter, name: str, value: str) -> None:
    # Long, as it has a branch for each kind of filter.
    words = [word.strip() for word in value.split(",") if word.strip()]
    if name in ("since", "until"):
        setattr(found, name, _milliseconds(name, value))
    elif name == "key":
        found.add(_KINDS.format(_either("key = ? OR name_of(key, key_name) = ?", words)), *_twice(words))
    elif name == "owner":
        found.add(_KINDS.format(_either("owner_of(key, key_owner) = ?", words)), *words)
    elif name == "provider":
        tried = "provider = ? OR EXISTS (SELECT 1 FROM json_each(attempts) WHERE json_extract(value, '$[0]') = ?)"
        found.add(_KINDS.format(_either(tried, words)), *_twice(words))
    elif name in _OF_KINDS:
        found.add(_KINDS.format(_either(f"{name} = ?", words)), *words)
    elif name == "status":
        patterns = [_status(word) for word in words]
        found.add(_KINDS.format(_either("status LIKE ?", patterns)), *patterns)
    elif name == "error_type":
        for word in words:
            if word not in ERROR_TYPES:
                raise UsageError(f"error_type: {word[:40]!r} is not one (allowed: {', '.join(ERROR_TYPES)})")
        found.add(_KINDS.format(_either("error_type = ?", words)), *words)
    elif name in ("origin", "client"):
        found.add(_WORDS.format(name), value)
    elif name == "request_id":
        found.add("request_id = ?", value)
    elif name == "text":
        like = "%" + re.sub(r"([\\%_])", r"\\\1", value) + "%"
        found.add(_KINDS.format("route LIKE ? ESCAPE '\\' OR method LIKE ? ESCAPE '\\'"), like, like)
    elif name == "slower_than":
        found.add("duration > ?", int(1e6 * _amount(name, value)))
    elif name == "costlier_than":
        found.add("cost > ?", _amount(name, value))
    else:
        if value not in _YES:
            raise UsageError(f"{name}: {value[:40]!r} is not valid; use true or false")
        sql = _FLAGS[name]
        found.add(_KINDS.format(sql if _YES[value] else f"NOT ({sql})"))


def _either(sql: str, words: list[str]) -> str:
    return " OR ".join([f"({sql})"] * len(words)) or "0"


def _twice(words: list[str]) -> list[str]:
    return [word for word in words for _ in range(2)]


def _status(word: str) -> str:
    if not _STATUS.fullmatch(word):
        raise UsageError(f"status: {word[:40]!r} is not valid; use 404, 4xx or other")
    return word.replace("x", "_")


def _milliseconds(name: str, value: str) -> int:
    seconds = timestamp(value)
    if seconds is None:
        raise UsageError(f"{name}: {value[:40]!r} is not a valid time; use 2026-03-01, 2026-03-01T12:00:00Z or epoch seconds")
    return int(seconds * 1000)


def _amount(name: str, value: str) -> float:
    found = number(value)
    if found is None or not found < 1e15:
        raise UsageError(f"{name}: {value[:40]!r} is not valid; use a number of 0 or more")
    return float(found)
