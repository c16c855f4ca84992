"""Durations as Prometheus writes them: `15s`, `1h30m`, `100ms`."""

import re

PATTERN = r"\A(?=\d)(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?\Z"
_DURATION = re.compile(PATTERN)
_SECONDS = (7 * 86400, 86400, 3600, 60, 1, 0.001)


def seconds(duration: str) -> float:
    """A duration in seconds. Raises ValueError if it is not valid."""
    found = _DURATION.match(duration)
    if not found:
        raise ValueError(f"{duration!r} is not a valid duration; use 15s, 5m, 24h or 1h30m")
    return sum(int(amount) * unit for amount, unit in zip(found.groups(), _SECONDS, strict=True) if amount)


def duration(seconds_: float) -> str:
    """Seconds as a duration: `59m30s`; to the millisecond."""
    left, parts = round(seconds_ * 1000), []
    for letter, unit in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        amount, left = divmod(left, unit)
        if amount:
            parts.append(f"{amount}{letter}")
    return "".join(parts) or "0s"
