"""What to look for: a filter, as people and the API give it → SQL.

Conditions on what requests share are answered by the table `kind`, which is small; the others by the rows.
"""

import csv
import re
from collections.abc import Callable, Sized
from typing import Any, NamedTuple

from msgspec import Struct

from exporter.errors import UsageError
from exporter.formats.values import number, timestamp
from exporter.model.fields import ERROR_TYPES
from exporter.request_log.fields import WORDS

# Filters that are compared with what requests share; several values, separated by commas, are alternatives.
_EQUAL = {
    **{
        name: f"{name} = ?"
        for name in ("input", "class", "model", "requested_model", "method", "route", "chain", "protocol")
    },
    "key": "key = ? OR name_of(key, key_name) = ?",
    "owner": "owner_of(key, key_owner) = ?",
    "provider": "provider = ? OR EXISTS (SELECT 1 FROM json_each(attempts) WHERE json_extract(value, '$[0]') = ?)",
}
# More alternatives than this are refused: SQLite has a limit, too.
_MOST_WORDS = 200
_KINDS = "kind IN (SELECT id FROM kind WHERE {})"
_LABEL = re.compile(r"([A-Za-z_]\w*)=(.*)", re.ASCII | re.DOTALL)
_STATUS = re.compile(r"[1-5]__|\d{1,3}|other")
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
    "user": "who used the gateway, as it is kept",
    "team": "the team of the user or the key",
    "label": "a label of metrics.labels, as NAME=VALUE",
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
# Those that a customer may use: what they are shown, and nothing that would tell more.
CUSTOMER_FILTERS = frozenset(
    (
        *("since", "until", "model", "requested_model", "method", "route", "chain", "protocol", "status", "origin"),
        *("client", "request_id", "text", "slower_than", "costlier_than", "failed", "unbilled", "redirected"),
    )
)


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
            " AND ".join(f"({condition.sql})" for condition in self.conditions) or "1",
            [value for condition in self.conditions for value in condition.values],
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


def alternatives(name: str, value: str) -> list[str]:
    """The values that a filter is given, separated by commas. A value in double quotes may hold commas, as in CSV.
    UsageError if it can't be read.
    """
    try:
        words = next(csv.reader([value], skipinitialspace=True, strict=True))
    except csv.Error:
        raise UsageError(f'{name}: too long, with a line break, or with an odd " (write "a ""b"", c")') from None
    words = [word.strip() for word in words if word.strip()]
    if len(words) > _MOST_WORDS:
        raise UsageError(f"{name}: has {len(words)} values; at most {_MOST_WORDS} can be asked for at once")
    return words


def _add(found: Filter, name: str, value: str) -> None:
    if name in _EQUAL:
        sql, words = _EQUAL[name], alternatives(name, value)
        values = [word for word in words for _ in range(sql.count("?"))]
        found.add(_KINDS.format(_either(sql, words)), *values)
    elif name in _FLAGS:
        if value not in _YES:
            raise UsageError(f"{name}: {value[:40]!r} is not valid; use true or false")
        found.add(_KINDS.format(_FLAGS[name] if _YES[value] else f"NOT coalesce({_FLAGS[name]}, 0)"))
    elif name in ("since", "until"):
        setattr(found, name, _milliseconds(name, value))
    elif name in WORDS:
        words = alternatives(name, value)
        found.add(f"{name} IN (SELECT id FROM word WHERE {_either('text = ?', words)})", *words)
    else:
        _OTHERS[name](found, name, value)


def _add_statuses(found: Filter, name: str, value: str) -> None:
    patterns = [word.replace("x", "_") for word in alternatives(name, value)]
    if not all(_STATUS.fullmatch(word) for word in patterns):
        raise UsageError(f"{name}: {value[:40]!r} is not valid; use 404, 4xx or other")
    found.add(_KINDS.format(_either("status LIKE ?", patterns)), *patterns)


def _add_error_types(found: Filter, name: str, value: str) -> None:
    words = alternatives(name, value)
    for word in words:
        if word not in ERROR_TYPES:
            raise UsageError(f"{name}: {word[:40]!r} is not valid (allowed: {', '.join(ERROR_TYPES)})")
    found.add(_KINDS.format(_either("error_type = ?", words)), *words)


def _add_labels(found: Filter, name: str, value: str) -> None:
    pairs = [_LABEL.fullmatch(word) for word in alternatives(name, value)]
    if not all(pairs):
        raise UsageError(f"{name}: {value[:40]!r} is not valid; use NAME=VALUE")
    values = [text for pair in pairs if pair for text in (f"$.{pair[1]}", pair[2])]
    found.add(_KINDS.format(_either("json_extract(labels, ?) = ?", pairs)), *values)


def _add_text(found: Filter, _: str, value: str) -> None:
    like = "%" + re.sub(r"([\\%_])", r"\\\1", value) + "%"
    found.add(_KINDS.format("route LIKE ? ESCAPE '\\' OR method LIKE ? ESCAPE '\\'"), like, like)


_OTHERS: dict[str, Callable[[Filter, str, str], None]] = {
    "status": _add_statuses,
    "error_type": _add_error_types,
    "label": _add_labels,
    "text": _add_text,
    "request_id": lambda found, _, value: found.add("request_id = ?", value),
    "slower_than": lambda found, name, value: found.add("duration > ?", int(1e6 * _amount(name, value))),
    "costlier_than": lambda found, name, value: found.add("cost > ?", _amount(name, value)),
}


def _either(sql: str, words: Sized) -> str:
    return " OR ".join([f"({sql})"] * len(words)) or "0"


def _milliseconds(name: str, value: str) -> int:
    seconds = timestamp(value)
    if seconds is None:
        raise UsageError(
            f"{name}: {value[:40]!r} is not a valid time; use 2026-03-01, 2026-03-01T12:00:00Z or epoch seconds"
        )
    return int(seconds * 1000)


def _amount(name: str, value: str) -> float:
    found = number(value)
    if found is None or not found < 1e15:
        raise UsageError(f"{name}: {value[:40]!r} is not valid; use a number of 0 or more")
    return float(found)
