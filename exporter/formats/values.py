"""What a logged value means: text, number, duration, time. Pure functions over one raw value.

A raw value is what a decoder found: `str`, `int`, `float`, `bool`, `None`, or `bytes` of a text log.
Gateways write "nothing" as an empty string, `-`, `-1` or null; all of these are absent here.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

Raw = str | int | float | bool | bytes | None
Number = int | float

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
PICKS = ("first", "last", "sum", "count")

_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_GO_PART = re.compile(r"(\d+(?:\.\d*)?)(h|ms|us|µs|μs|ns|m|s)")
_GO_DURATION = re.compile(rf"(?:{_GO_PART.pattern})+")
_LIST = re.compile(r"\s*(?:,|\s:\s)\s*")
_HEX_BYTES = re.compile(rb"\\x([0-9A-Fa-f]{2})")
_HASH_BYTES = re.compile(rb"#([0-9A-Fa-f]{2})")
_MONTHS = {name: n for n, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_CLF_TIME = re.compile(r"(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d)(\.\d+)?(?: ([+-]\d\d)(\d\d))?")


def _unhex(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)])


# How text logs write the bytes they can't write: nginx `\x22`, HAProxy `#22`.
ESCAPES: dict[str, Callable[[bytes], bytes]] = {
    "": lambda raw: raw,
    "nginx": lambda raw: _HEX_BYTES.sub(_unhex, raw) if b"\\" in raw else raw,
    "haproxy": lambda raw: _HASH_BYTES.sub(_unhex, raw) if b"#" in raw else raw,
}


def text(raw: Raw) -> str:
    """The value as text; "" where it is absent. Bytes that are no UTF-8 become U+FFFD."""
    if raw is None or raw == "-" or raw == b"-":
        return ""
    if isinstance(raw, bytes):
        return raw.decode("utf-8", "replace")
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    return raw if isinstance(raw, str) else str(raw)


def number(raw: Raw) -> Number | None:
    """A count or an amount ≥ 0, None where it is absent. HAProxy's leading `+` is allowed."""
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
    return raw if 0 <= raw < 1e18 else None


def seconds(raw: Raw, scale: float = 1.0) -> float | None:
    """A duration in seconds: a number times `scale`, or Go's `1m30.5s`, whose unit is its own."""
    value = number(raw)
    if value is not None:
        return value * scale
    written = text(raw).strip()
    if written and _GO_DURATION.fullmatch(written):
        return sum(float(amount) * _GO_UNITS[unit] for amount, unit in _GO_PART.findall(written))
    return None


def picked(raw: Raw, pick: str) -> Raw:
    """One value of nginx's `0.101, 0.045` (a retry each; ` : ` after an internal redirect).

    `sum` adds what is there and leaves out `-`; `count` is the number of entries.
    """
    entries = _LIST.split(text(raw)) if text(raw) else []
    if pick == "count":
        return len(entries)
    if pick == "sum":
        found = [value for value in map(number, entries) if value is not None]
        return sum(found) if found else None
    return (entries[0] if pick == "first" else entries[-1]) if entries else None


def timestamp(raw: Raw, scale: float = 1.0, zone: tzinfo | None = None) -> float | None:
    """Epoch seconds of a number (times `scale`), an ISO 8601 date, or `03/Mar/2026:14:05:09 +0000`.

    A date without a zone is in `zone`, by default the machine's.
    """
    value = number(raw)
    if value is not None:
        return value * scale
    written = text(raw)
    try:
        clf = _CLF_TIME.fullmatch(written)
        if clf:
            day, month, year, hour, minute, second, fraction, hours, minutes = clf.groups()
            offset = f"{hours}:{minutes}" if hours else ""
            written = f"{year}-{_MONTHS[month]:02}-{day}T{hour}:{minute}:{second}{fraction or ''}{offset}"
        date = datetime.fromisoformat(written)
    except (ValueError, KeyError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=zone) if zone else date.astimezone()
    return date.astimezone(UTC).timestamp()


def elapsed(start: Raw, end: Raw, scale: float = 1.0) -> float | None:
    """Seconds between two times, each a number or a date; None where one is absent or they are reversed."""
    begun, ended = timestamp(start, scale), timestamp(end, scale)
    return None if begun is None or ended is None or ended < begun else ended - begun
