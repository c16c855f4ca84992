"""Damage to the state: whichever bit of its files is flipped, what is restored is exactly right, or it is set aside.

The files are real ones, of many families, inputs and commits.
"""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.config.load import load
from exporter.counting.admission import Admissions
from exporter.metrics.series import Histogram
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.service.assembly import Assembly
from exporter.state.checkpoint import Checkpoint
from exporter.state.database import State

RICH = Path(__file__).parents[1] / "state_of_version_1"
SEED = 1
FLIPS = 80
# SQLite keeps what it trusts most in front: so many bytes of each file are flipped as often as all the others.
FRONT = 100


@contextmanager
def counted(folder: Path) -> Iterator[None]:
    """Count the logs of a folder, and some lines more, a commit each. The files are then as a kill leaves them."""
    pipeline = Assembly(load(folder / "config.yaml"), serving=True).pipeline()
    pipeline.open()
    for n in range(4):
        with (folder / "edge.json").open("a", encoding="utf-8") as log:
            log.write(f'{{"msec":1775554293,"status":200,"rpc_method":"eth_{n}","api_key":"acme"}}\n')
        for feed in pipeline.feeds:
            feed.input.scan()
            while feed.count_next_chunk():
                pass
        assert pipeline.commit()
    yield
    pipeline.close()


class Restored:
    """What a new process makes of a state file."""

    def __init__(self, folder: Path) -> None:
        self.store, self.admissions = Store(hold=True), Admissions()
        self.state = State(folder / "state.db")
        self.checkpoint = Checkpoint(self.state, self.store, self.admissions, lambda: self.parts)
        self.parts: dict[str, Any] = {}
        self.parts = self.checkpoint.restore()

    def content(self) -> Any:
        series = [
            (
                name,
                labels,
                numbers.tolist() if isinstance(series, Histogram) else series.value,
                bool(series.released),
                family.created.get(labels, 0.0),
            )
            for name, family in self.store.families.items()
            if family.family.persisted and not family.family.resets_on_restart
            for (labels, numbers), series in zip(family.rows().each(), family.series.values(), strict=True)
        ]
        return series, self.parts, sorted(self.admissions.places)


@pytest.fixture(params=["ended", "killed", "killed at first"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with the files of a state: of a process that ended, or was killed; or before SQLite had moved anything
    out of its write-ahead log."""
    folder, kept = tmp_path / "rich", tmp_path / "kept"
    shutil.copytree(RICH, folder)
    if request.param == "killed at first":
        (folder / "state.db").unlink()
    else:
        with counted(folder):
            pass
    with counted(folder):
        shutil.copytree(folder, kept)
    if request.param == "ended":
        shutil.rmtree(kept)
        shutil.copytree(folder, kept)
    for file in kept.iterdir():
        if not file.name.startswith("state.db"):
            file.unlink()
    return kept


def test_a_flipped_bit_is_never_taken_for_the_truth(
    kept: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It changes nothing, for this commit and the next; or the state is kept aside, that is said, and nothing is left
    of it in what is counted."""
    right = Restored(shutil.copytree(kept, tmp_path / "right"))
    right.state.close()
    expected = right.content()
    assert len(expected[0]) > 50
    rng = random.Random(SEED)
    sizes = {file: file.stat().st_size for file in sorted(kept.iterdir()) if file.stat().st_size}
    flips = [(file, rng.randrange(8 * min(FRONT, sizes[file]))) for file in rng.choices([*sizes], k=FLIPS)]
    anywhere = rng.choices([*sizes], weights=[*sizes.values()], k=FLIPS)
    flips += [(file, rng.randrange(8 * sizes[file])) for file in anywhere]
    outcomes = set()
    for n, (file, bit) in enumerate(flips):
        print(f"{file.name}, byte {bit // 8}, bit {bit % 8}")
        folder = shutil.copytree(kept, tmp_path / str(n))
        content = bytearray(file.read_bytes())
        content[bit // 8] ^= 1 << bit % 8
        (folder / file.name).write_bytes(content)
        caplog.clear()
        found = Restored(folder)
        if found.state.damaged:
            assert "state.db is damaged (" in caplog.text
            assert [*folder.glob("state.db.damaged-*")]
            assert found.content() == ([], {}, [])
        else:
            assert found.content() == expected
            assert not [*folder.glob("state.db.damaged-*")]
        found.store.add(catalog.LINES, "edge", "ignored")
        assert found.checkpoint.commit()
        found.state.close()
        again = Restored(folder)
        again.state.close()
        assert again.content() == found.content()
        outcomes.add(found.state.damaged)
        shutil.rmtree(folder)
    assert outcomes == {True, False}
