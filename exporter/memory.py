"""Memory: what is freed goes back to the system, although glibc would keep it for later. Other C libraries keep less,
and have none of these functions.
"""

import ctypes
import gc

_libc = ctypes.CDLL(None)
_mallopt, _malloc_trim = getattr(_libc, "mallopt", None), getattr(_libc, "malloc_trim", None)
# Of malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGE = 2 << 20


def keep_little() -> None:
    """From now on, a buffer of 2 MiB or more goes back when it is freed: each thread would keep up to twice the largest
    one, a snapshot of the state for example.
    """
    if _mallopt:
        _mallopt(_M_MMAP_THRESHOLD, _LARGE)
        _mallopt(_M_TRIM_THRESHOLD, _LARGE)


def give_back() -> None:
    """Give back the pages of this process that nothing uses. It takes up to a few milliseconds; any thread may ask."""
    if _malloc_trim:
        _malloc_trim(0)


def collect_rarely() -> None:
    """Set how often garbage is collected. Series and cells are many, live long and are never in cycles: a collection
    finds nothing, and takes a fifth of what a new cell takes.
    """
    gc.set_threshold(400_000, 50, 1000)
