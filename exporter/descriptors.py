"""File descriptors: how many this process may have, and how they are shared out.

An eighth is reserved for connections, at most 256, so that many logs never shut scrapers out. Some are spare, for files
that are open for a moment. Logs have the rest. The system gives the lowest free number, so a log whose descriptor is
not below `for_logs` has taken a reserved one.
"""

import resource
from contextlib import suppress

_MOST_CONNECTIONS = 256
_LEAST_SPARE, _MOST_SPARE = 16, 64
# About how many are open besides logs and connections: state file, watches, web server.
_OWN = 20
_UNLIMITED = 1 << 20


def raise_limit() -> None:
    """Raise the soft limit to the hard limit, if the system allows it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limit() -> int:
    """The soft limit."""
    return _number(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def hard_limit() -> int:
    """The limit that `raise_limit` raises the soft one to."""
    return _number(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def for_connections(limit: int) -> int:
    """How many connections may be open at once."""
    return min(_MOST_CONNECTIONS, limit // 8)


def for_logs(limit: int) -> int:
    """Logs may have the descriptors below this number."""
    return limit - for_connections(limit) - min(_MOST_SPARE, _LEAST_SPARE + limit // 16)


def most_logs(limit: int) -> int:
    """About how many logs can be open at once."""
    return max(0, for_logs(limit) - _OWN)


def _number(limit: int) -> int:
    return _UNLIMITED if limit == resource.RLIM_INFINITY else limit
