"""Rotation: whatever happens to a log, while the exporter runs or not, each line that is still there counts once.

A model writes, rotates and destroys logs at random, and knows what should be read (`histories`).
"""

import shutil
from pathlib import Path

import pytest

from tests.unit.histories import play

SEED = 20261121
LINE = b"#Fields: the same first line in many files\n"


@pytest.mark.parametrize(
    ("header", "count"), [(LINE, 300), (LINE * 30, 300), (b"", 100)], ids=["short", "long", "none"]
)
def test_random_histories_lose_and_repeat_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: bytes, count: int
) -> None:
    """Lines and half lines, rotations of all kinds, several at once, packing, copies, restarts, crashes, in any order;
    logs that begin alike, with fewer bytes than a file is known by, and with more.
    """
    for n in range(count):
        folder = tmp_path / str(n)
        folder.mkdir()
        play(folder, SEED + n, monkeypatch, header)
        shutil.rmtree(folder)
