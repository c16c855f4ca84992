"""The parameters of an API's query: their names, and whole numbers."""

import re
from collections.abc import Collection, Iterable

from exporter.errors import UsageError, unknown

# As large as a number may be that nothing else limits.
LARGEST = 1 << 62
_WORD = re.compile(r"\w{1,40}", re.ASCII)


def quoted(name: str) -> str:
    """A name that a client chose, if it is a plain word."""
    return name if _WORD.fullmatch(name) else "…"


def check_names(names: Iterable[str], allowed: Collection[str]) -> None:
    """UsageError with the first name that is not allowed."""
    for name in names:
        if name not in allowed:
            raise UsageError(unknown("parameter", quoted(name), allowed))


def whole(name: str, written: str, default: int, most: int = LARGEST) -> int:
    """A whole number as it was written; the default of "". UsageError if it is none, or more than `most`."""
    if not written:
        return default
    if not (written.isdecimal() and len(written) < 20 and int(written) <= most):
        raise UsageError(f"{name}: must be a whole number of at most {most}")
    return int(written)
