"""Points at which the tests of the promises kill the process, as `kill -9` would."""

import os
import signal

# Where the tests of the promises kill the process: the point's name and at which pass.
_FAULT, _, _times = os.environ.get("GATEWAY_EXPORTER_FAULT", "").partition(":")
_passed = 0


def fault(point: str) -> None:
    """Die here, as by `kill -9`, if a test asked for it."""
    global _passed  # noqa: PLW0603
    if point == _FAULT:
        _passed += 1
        if _passed >= int(_times or 1):
            os.kill(os.getpid(), signal.SIGKILL)
