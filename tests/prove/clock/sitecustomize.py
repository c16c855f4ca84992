"""A clock that jumps: on PYTHONPATH, it moves the `time.time` of a process by the seconds in the file `clock`."""

import time
from contextlib import suppress
from pathlib import Path

_true = time.time
_CLOCK = Path("clock")


def _jumped() -> float:
    with suppress(OSError, ValueError):
        return _true() + float(_CLOCK.read_text(encoding="ascii"))
    return _true()


time.time = _jumped
