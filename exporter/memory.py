"""Memory: what is freed goes back to the system, although the C library would keep it for later."""

import ctypes

# Of glibc; other C libraries have no such function, and keep less.
_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> None:
    """Give back the pages of this process that nothing uses. It takes up to a few milliseconds; any thread may ask."""
    if _malloc_trim:
        _malloc_trim(0)
