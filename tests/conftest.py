"""Which tests are of which sort, told by where they are; see the markers in pyproject.toml."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.certificates import authority

# For all: an authority that signs certificates.
__all__ = ["authority"]

# Also for root, `init` keeps the state beside the config.
os.environ["GATEWAY_EXPORTER_STATE_FOLDER"] = "."

# A shell lets what it starts in the background ignore this signal, and so would all that tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_HERE = Path(__file__).parent

# Where Python may write no bytecode beside its sources, each of a thousand processes would compile them all again.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(_HERE.parent / "build" / "bytecode")
    sys.dont_write_bytecode = False

# In folders and files; what is in none of them is `unit` in a folder, and `command` beside this file.
_REAL = (
    "real",
    "packages",
    "usage",
    "dashboards/test_real.py",
    *(f"alerts/test_{name}.py" for name in ("promtool", "labels", "texts", "grafana", "exceptions", "kubernetes")),
    *(f"alerts/test_{name}.py" for name in ("alertmanager", "receivers")),
)
_PROOF = ("test_promises.py", "test_bounded.py")
_UNIT = ("test_golden.py",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test."""
    for item in items:
        item.add_marker(sort(item.path.relative_to(_HERE)))


def sort(path: Path) -> str:
    """The marker of the tests of a file, given below this folder."""
    name = path.as_posix()
    if name.startswith(_REAL):
        return "real"
    if name.startswith(_PROOF):
        return "proof"
    return "unit" if len(path.parts) > 1 or name in _UNIT else "command"
