"""An exporter that soon tries again: `python -m tests.impatient run …` waits a hundredth as long for a receiver."""

import sys
from pathlib import Path

from exporter.cli import main
from exporter.request_log.outbox import sender


def command() -> list[str]:
    """What starts such an exporter, in any folder."""
    return ["env", f"PYTHONPATH={Path(__file__).parents[1]}", sys.executable, "-m", "tests.impatient"]


if __name__ == "__main__":
    sender._FIRST_SECONDS /= 100
    sender._LONGEST_SECONDS /= 100
    sys.exit(main())
