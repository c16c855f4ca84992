"""What a command line or a request to the API asks for, made a scope: times, keys, and what is wrong with them."""

import math
from collections.abc import Collection
from difflib import get_close_matches

from msgspec import Struct

from exporter.durations import duration, seconds
from exporter.errors import UsageError
from exporter.model.growth import HOUR, SETTLED_SECONDS, UNSTEADY
from exporter.usage.division import recorded_until
from exporter.usage.moments import shown
from exporter.usage.prometheus import Prometheus
from exporter.usage.scope import ENTRIES, Granularity, Order, Scope, Sort, granularity_for
from exporter.usage.select import Where, selector

_INFO = "gateway_key_info"


class Wanted(Struct, kw_only=True):
    """As it was written. Times are epoch seconds; `since` is a length in seconds, infinite for all there is. `keys`
    that are known to be `registered` are not looked up.
    """

    keys: list[str] = []
    registered: bool = False
    owner: str = ""
    plan: str = ""
    chain: str = ""
    model: str = ""
    since: float | None = None
    begin: float | None = None
    end: float | None = None
    granularity: Granularity | None = None
    sort: Sort = "requests"
    order: Order = "desc"
    limit: int = ENTRIES
    offset: int = 0


class Key(Struct, frozen=True):
    """A key, as the registry or the log has it."""

    key: str
    name: str
    owner: str
    plan: str


def length(name: str, text: str) -> float:
    """A length of time in seconds: a duration, 1y, or all. UsageError if it is none; `name` is where it was written."""
    if text == "all":
        return math.inf
    try:
        found = _seconds(text)
    except ValueError:
        found = 0.0
    if not found:
        raise UsageError(f"{name}: {text!r} is not a valid time; use 1h, 24h, 7d, 30d, 90d, 1y or all")
    return found


def _seconds(text: str) -> float:
    """A duration, in which a year is Prometheus' one of 365 days."""
    years, letter, rest = text.partition("y")
    if letter and years.isdigit():
        return 365 * 86400.0 * int(years) + (seconds(rest) if rest else 0.0)
    return seconds(text)


def scope_of(prometheus: Prometheus, match: Where, wanted: Wanted, now: float, retention: str) -> Scope:
    """The scope that is asked for. UsageError if it is not possible: a time that is not kept, a key that nobody has."""
    keys = chosen_keys(prometheus, match, wanted, min(wanted.end or now, now))
    begin, end = _times(prometheus, wanted, now, retention, of_all=keys is None)
    return Scope(
        begin=begin,
        end=end,
        keys=keys,
        chain=wanted.chain,
        model=wanted.model,
        granularity=wanted.granularity or granularity_for(end - begin),
        sort=wanted.sort,
        order=wanted.order,
        limit=wanted.limit,
        offset=wanted.offset,
    )


def _times(prometheus: Prometheus, wanted: Wanted, now: float, retention: str, of_all: bool) -> tuple[float, float]:
    """Begin and end. A length of the time of all keys ends with the newest recorded hour: its edges would be costly."""
    kept = _kept(prometheus, retention)
    end = min(wanted.end or now, now)
    if wanted.begin is not None:
        begin = wanted.begin
    else:
        since = 86400.0 if wanted.since is None else wanted.since
        if of_all and wanted.end is None and since >= 6 * HOUR:
            end = recorded_until(prometheus, now) or end
        begin = _first_recorded(prometheus, end, kept) if math.isinf(since) else end - since
    if begin >= end:
        raise UsageError(f"the time is empty: it begins at {shown(begin)} and ends at {shown(end)}")
    if begin < now - kept - SETTLED_SECONDS:
        raise UsageError(
            f"{shown(begin)} is past the retention of {prometheus.url}, which keeps {duration(kept)}: "
            f"begin at {shown(now - kept)} or later, or raise its --storage.tsdb.retention.time"
        )
    return begin, end


def _kept(prometheus: Prometheus, fallback: str) -> float:
    """How many seconds the server keeps samples: what it says, else the config's word."""
    for text in (prometheus.retention().split(" ")[0], fallback):
        try:
            found = _seconds(text)
        except ValueError:
            continue
        if found:
            return found
    return math.inf


def _first_recorded(prometheus: Prometheus, end: float, kept: float) -> float:
    """The begin of the first recorded hour, else a day before the end."""
    back = min(kept, 10 * 365 * 86400.0)
    for series in prometheus.instant(f"min_over_time(timestamp({UNSTEADY})[{duration(back)}:1h])", end):
        return max(series.value - SETTLED_SECONDS - HOUR, end - kept)
    return end - 86400.0


def known_keys(prometheus: Prometheus, match: Where, at: float) -> dict[str, Key]:
    """The keys that exporters knew in the hour before a time, by public name."""
    query = f"max by (key, name, owner, plan) (last_over_time({selector(_INFO, match)}[1h]))"
    found = (series.labels for series in prometheus.instant(query, at))
    keys = (
        Key(labels.get("key", ""), labels.get("name", ""), labels.get("owner", ""), labels.get("plan", ""))
        for labels in found
    )
    return {key.key: key for key in keys}


def chosen_keys(prometheus: Prometheus, match: Where, wanted: Wanted, at: float) -> tuple[str, ...] | None:
    """The public names of the keys that are asked for, by public or display name, owner or plan; None for all."""
    if not (wanted.keys or wanted.owner or wanted.plan):
        return None
    if wanted.registered:
        return tuple(wanted.keys)
    known = known_keys(prometheus, match, at)
    if not known:
        raise UsageError(f"no key was known at {shown(at)}: was an exporter scraped then?")
    if wanted.keys:
        return tuple(dict.fromkeys(key for name in wanted.keys for key in _named(name, known)))
    return _of("owner", wanted.owner, known) if wanted.owner else _of("plan", wanted.plan, known)


def _of(label: str, value: str, known: dict[str, Key]) -> tuple[str, ...]:
    found = tuple(sorted(key.key for key in known.values() if getattr(key, label) == value))
    if not found:
        raise UsageError(_unknown(label, value, {getattr(key, label) for key in known.values()} - {""}))
    return found


def _named(name: str, known: dict[str, Key]) -> list[str]:
    if name in known:
        return [name]
    found = [key.key for key in known.values() if key.name == name]
    if not found:
        raise UsageError(_unknown("key", name, {*known, *(key.name for key in known.values())} - {""}))
    return found


def _unknown(what: str, value: str, known: Collection[str]) -> str:
    near = get_close_matches(value, known, n=3)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"unknown {what} {value!r}{hint} ({len(known)} are known)"
