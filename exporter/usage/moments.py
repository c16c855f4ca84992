"""Moments, as the report writes them: RFC 3339, in UTC."""

from datetime import UTC, datetime


def shown(at: float) -> str:
    """Epoch seconds as `2026-03-01T12:00:00Z`; with milliseconds where there are any."""
    moment = datetime.fromtimestamp(round(at, 3), UTC)
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")
