"""Golden logs: what each preset makes of its gateway's log, to the byte. See tests/golden.py."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from exporter import clock
from exporter.formats.spec import presets
from tests.command import call
from tests.golden import FOLDERS, NAMES, expected, preset_of, spec_of
from tests.keeping import Keeping
from tests.unit.reading import Reading, told

# When the logs are read: lines without a time count in the windows of limits that run then.
_NOW = 1_795_700_000.0


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_a_log_gives_exactly_its_records(folder: Path) -> None:
    """The whole record of each line is exact: nothing is missing, nothing is made up."""
    found = Reading(spec_of(folder), (folder / "access.log").read_bytes())
    records = [told(record) for record in found.records] + [{"rejected": reason} for reason, _ in found.rejected]
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    assert lines == expected(folder / "records.jsonl", lines)


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_a_log_gives_exactly_its_metrics(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`replay` prints what metrics.prom holds, on whatever day."""
    monkeypatch.setattr(clock, "time", SimpleNamespace(time=lambda: _NOW))
    done = call("replay", "--config.file", str(folder / "config.yaml"), str(folder / "access.log"))
    assert done.code == 0, done.stderr
    assert done.stdout == expected(folder / "metrics.prom", done.stdout)


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_a_log_gives_exactly_its_chains(folder: Path, tmp_path: Path) -> None:
    """The attempts and steps of its requests, as they are kept, with their times as far as the gateway logs them."""
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    keeping = Keeping(tmp_path, json.dumps(config["inputs"][0]["format"]))
    keeping.meter.count(keeping.decoder.decode((folder / "access.log").read_bytes()))
    keeping.meter.fold()
    keeping.log.close()
    rows = [{name: row[name] for name in ("status", "attempts", "steps")} for row in reversed(keeping.rows())]
    chains = [row for row in rows if len(row["attempts"]) > 1 or row["steps"] or _is_timed(row)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chains)
    if lines:
        assert lines == expected(folder / "chains.jsonl", lines)
    else:
        assert not (folder / "chains.jsonl").exists()


def _is_timed(row: dict[str, Any]) -> bool:
    return any(attempt["seconds"] is not None for attempt in row["attempts"])


def test_there_is_a_log_for_every_preset() -> None:
    """No preset goes without a test."""
    assert {preset_of(folder) for folder in FOLDERS} == set(presets())
