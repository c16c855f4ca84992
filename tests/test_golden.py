"""Golden logs: a config, a log, and the exposition that the real command must print for them, byte for byte.

A new case is a new folder in tests/golden. To write its `metrics.prom`, or renew all after a change
that is meant, run the tests with UPDATE_GOLDEN=1, and read the difference.
"""

import os
from pathlib import Path

import pytest

from tests.command import run

GOLDEN = Path(__file__).parent / "golden"
FOLDERS = sorted(folder for folder in GOLDEN.iterdir() if folder.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_a_log_gives_exactly_its_metrics(folder: Path) -> None:
    """`replay` prints what metrics.prom holds."""
    done = run("replay", "--config.file", str(folder / "config.yaml"), str(folder / "access.log"))
    assert done.code == 0, done.stderr
    golden = folder / "metrics.prom"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(done.stdout, encoding="utf-8")
    assert done.stdout == golden.read_text(encoding="utf-8")
