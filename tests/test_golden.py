"""Golden logs: what each preset makes of its gateway's log, to the byte. See tests/golden.py."""

import json
from pathlib import Path

import pytest

from exporter.formats.spec import presets
from tests.command import call
from tests.golden import FOLDERS, NAMES, expected, preset_of, spec_of
from tests.unit.reading import Reading, told


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_a_log_gives_exactly_its_records(folder: Path) -> None:
    """The whole record of each line is exact: nothing is missing, nothing is made up."""
    found = Reading(spec_of(folder), (folder / "access.log").read_bytes())
    records = [told(record) for record in found.records] + [{"rejected": reason} for reason, _ in found.rejected]
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    assert lines == expected(folder / "records.jsonl", lines)


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_a_log_gives_exactly_its_metrics(folder: Path) -> None:
    """`replay` prints what metrics.prom holds."""
    done = call("replay", "--config.file", str(folder / "config.yaml"), str(folder / "access.log"))
    assert done.code == 0, done.stderr
    assert done.stdout == expected(folder / "metrics.prom", done.stdout)


def test_there_is_a_log_for_every_preset() -> None:
    """No preset goes without a test."""
    assert {preset_of(folder) for folder in FOLDERS} == set(presets())
