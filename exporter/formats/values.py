"""Converts a logged value to text, number, duration or time. Pure functions of one raw value.

Decoders give raw values: `str`, `int`, `float`, `bool`, `None`, or `bytes` of a text log. Gateways write absent values
as an empty string, `-`, `-1` or null. Invalid values are absent, too, but an impossible number (negative, too large) is
NaN, so that it can be counted as a mistake. None of these functions raises.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from math import isnan, nan
from time import time as wall_clock

from exporter.clock import AHEAD

Raw = str | int | float | bool | bytes | None
Number = int | float

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
PICKS = ("first", "last", "sum", "before_last", "count")

# Larger numbers are impossible in every field. The maximum of each field is in `fields.MOST`.
_MOST = 1e20

_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_GO_PART = re.compile(r"(\d{1,18}(?:\.\d*)?) ?(h|ms|us|µs|μs|ns|m|s)", re.ASCII)
_GO_DURATION = re.compile(rf"(?>(?:{_GO_PART.pattern})+)", re.ASCII)
_ENTRY_END = re.compile(r",|\s:\s")
_HEX_BYTES = re.compile(rb"\\x([0-9A-Fa-f]{2})")
_HASH_BYTES = re.compile(rb"#([0-9A-Fa-f]{2})")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CLOCK = r"(\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?"
_ZONE = r" ?(Z|z|UTC|GMT|[+-]\d\d:?\d\d)?(?: [A-Z]{1,5})?"
_CLF_TIME = re.compile(rf"(?P<day>\d\d)/(?P<month>\w{{3}})/(?P<year>\d{{4}})[: ]{_CLOCK}{_ZONE}", re.ASCII)
_DATE_TIME = re.compile(
    rf"(?P<year>\d{{4}})[-/](?P<month>\d\d)[-/](?P<day>\d\d)(?:(?:[Tt ]| - ){_CLOCK}{_ZONE})?", re.ASCII
)
# RFC 9110, section 5.6.7; RFC 5322 has other zones, and days of one digit.
_HTTP_DATE = re.compile(
    rf"(?:\w{{3}}, )?(?P<day>\d\d?) (?P<month>\w{{3}}) (?P<year>\d{{4}}) {_CLOCK}(?= (?:GMT|UTC|[+-]\d)){_ZONE}",
    re.ASCII,
)
_LEAP_SECOND = re.compile(r"(:\d\d:)60(?!\d)", re.ASCII)
_YEARLESS = re.compile(r"(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2}) \d\d:\d\d:\d\d(?:\.\d+)?", re.ASCII)


def _unhex(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)])


# How logs write special bytes: nginx as `\x22`, HAProxy as `#22`; `none`: unchanged, even quotes in JSON. A byte is
# looked for by its number: for bytes, Python makes the message of an error first, which costs more than the rest.
ESCAPES: dict[str, Callable[[bytes], bytes]] = {
    "": lambda raw: raw,
    "none": lambda raw: raw,
    "nginx": lambda raw: _HEX_BYTES.sub(_unhex, raw) if 0x5C in raw else raw,
    "haproxy": lambda raw: _HASH_BYTES.sub(_unhex, raw) if 0x23 in raw else raw,
}


def text(raw: Raw) -> str:
    """The value as text; "" if absent. Bytes that are not valid UTF-8 become U+FFFD."""
    if raw is None or raw in ("-", b"-"):
        return ""
    if isinstance(raw, bytes):
        return raw.decode("utf-8", "replace")
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < _MOST:
        return str(int(raw))
    return raw if isinstance(raw, str) else str(raw)


def number(raw: Raw) -> Number | None:
    """A number ≥ 0; None if absent or -1; NaN if it is negative or too large. HAProxy's leading `+` is allowed."""
    if isinstance(raw, bool) or raw is None:
        return None
    if isinstance(raw, (str, bytes)):
        try:
            raw = int(raw)
        except ValueError:
            try:
                raw = float(raw)
            except ValueError:
                return None
    if 0 <= raw < _MOST:
        return raw
    return None if raw == -1 else nan


def seconds(raw: Raw, scale: float = 1.0) -> float | None:
    """A duration in seconds: a number times `scale`, or Go's `1m30.5s`, which has its own units."""
    value = number(raw)
    if value is not None:
        return value * scale
    written = text(raw).strip()
    if written and _GO_DURATION.fullmatch(written):
        return sum(float(amount) * _GO_UNITS[unit] for amount, unit in _GO_PART.findall(written))
    return None


def entries_of(written: str) -> list[str]:
    """The entries of a list as nginx writes it: `0.101, 0.045`, with ` : ` after an internal redirect. [] if blank."""
    return [entry.strip() for entry in _ENTRY_END.split(written)] if written.strip() else []


def picked(raw: Raw, pick: str) -> Raw:
    """One value of a list (see `entries_of`).

    `sum` is the sum of the entries without `-`, `before_last` that of all except the last; `count` is the number of
    entries.
    """
    entries = entries_of(text(raw))
    if pick == "count":
        return len(entries)
    if pick in ("sum", "before_last"):
        counted = entries if pick == "sum" else entries[:-1]
        found = [value for value in map(number, counted) if value is not None]
        return sum(found) if found else None
    return (entries[0] if pick == "first" else entries[-1]) if entries else None


def listed(entries: list[Raw]) -> str:
    """A list as gateways write it: `a, -, b`. Commas in an entry become spaces."""
    return ", ".join(" ".join(entries_of(text(entry))) or "-" for entry in entries)


def timestamp(raw: Raw, scale: float = 1.0, zone: tzinfo | None = None) -> float | None:
    """Epoch seconds of a number, an ISO 8601 date, `03/Mar/2026:14:05:09 +0000`, or a date of HTTP; None if it is not a
    time after 1970. A leap second belongs to its minute.

    A number is multiplied by `scale` to give seconds; if it is too large for that (after the year 5138), it is in
    milli-, micro- or nanoseconds. A date without a zone is in `zone`, by default the machine's, and see
    `_located`. A date without a year, as Go and syslog write it (`Mar  3 14:05:09`), is in the latest year in which it
    is not after tomorrow.
    """
    # Long, as it has a branch for each way in which a time is written.
    written = text(raw).strip() if isinstance(raw, (str, bytes)) else ""
    if written[3:4] == " " and _YEARLESS.fullmatch(written):
        written = _with_year(written, datetime.now(zone) + timedelta(days=1))
    elif not any(mark in written for mark in "-/ "):
        value = number(raw)
        if not value or isnan(value):
            return None
        value *= scale
        while value >= 1e11:
            value /= 1000
        return float(value)
    try:
        date = datetime.fromisoformat(_as_iso(_LEAP_SECOND.sub(r"\g<1>59", written)))
        if date.tzinfo is None:
            date = _located(date, zone, written.rpartition(" ")[2])
        return max(date.timestamp(), 0.0) or None
    except (ValueError, OverflowError, OSError):
        return None


def dated(date: Raw, clock: Raw) -> Raw:
    """A date and a separate time of day as one text; None if one of them is absent."""
    written = text(date), text(clock)
    return " ".join(written) if all(written) else None


def _located(date: datetime, zone: tzinfo | None, name: str) -> datetime:
    """A date in its zone. Where clocks are set back an hour occurs twice: it is the one whose zone has this name (CET),
    else the second, unless that is still to come.
    """
    first, second = (
        date.replace(tzinfo=zone, fold=fold) if zone else date.replace(fold=fold).astimezone() for fold in (0, 1)
    )
    if first.utcoffset() == second.utcoffset() or second.timestamp() < first.timestamp():  # less: the hour is skipped
        return first
    if name in (first.tzname(), second.tzname()):
        return first if name == first.tzname() else second
    return second if second.timestamp() <= wall_clock() + AHEAD else first


def _as_iso(written: str) -> str:
    """A date in ISO 8601; "" if it is not a date."""
    if written[10:11] == "T" and written[4:5] == "-" and " " not in written:
        return written
    found = next(filter(None, (date.fullmatch(written) for date in (_CLF_TIME, _DATE_TIME, _HTTP_DATE))), None)
    if not found:
        return ""
    clock, fraction, offset = found.groups("")[-3:]
    month = found["month"] if found["month"].isdigit() else f"{_month(found['month']):02}"
    offset = "Z" if offset in ("z", "UTC", "GMT") else offset
    return f"{found['year']}-{month}-{found['day']:0>2}T{clock or '00:00'}{fraction and '.'}{fraction}{offset}"


def _with_year(written: str, latest: datetime) -> str:
    """A date without a year in ISO 8601, in the latest year in which it is not after `latest`; "" if there is none."""
    month, day, clock = written.split()
    for year in range(latest.year, latest.year - 8, -1):  # 29 February may be as far back
        date = f"{year}-{_month(month):02}-{int(day):02}"
        with suppress(ValueError):
            if datetime.fromisoformat(date).date() <= latest.date():
                return f"{date}T{clock}"
    return ""


def _month(name: str) -> int:
    """The month's number, 1 to 12; 0 for any other word."""
    return _MONTHS.index(name) + 1 if name in _MONTHS else 0


def elapsed(start: Raw, end: Raw, scale: float = 1.0, zone: tzinfo | None = None) -> float | None:
    """Seconds between two times, each a number or a date; None if one is absent, or the end is before the start."""
    begun, ended = timestamp(start, scale, zone), timestamp(end, scale, zone)
    return None if begun is None or ended is None or ended < begun else round(ended - begun, 6)
