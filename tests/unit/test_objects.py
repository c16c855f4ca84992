"""Finished objects of a cloud's log, in a folder that is kept in step with a bucket: each is read once."""

import gzip
from pathlib import Path

import pytest
import zstandard

from exporter.inputs.files import FileInput
from tests.unit.test_files import Told, read_all


def put(path: Path, text: bytes) -> None:
    """As a tool that syncs does: the object appears under its name when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name("part")
    part.write_bytes(gzip.compress(text) if path.suffix == ".gz" else zstandard.compress(text))
    part.rename(path)


@pytest.mark.parametrize("end", [".gz", ".zst"])
def test_each_object_is_read_once(tmp_path: Path, end: str) -> None:
    """Whatever its name and its date, over restarts, and when it is fetched again or taken away."""
    pattern, told = str(tmp_path / "*" / f"*.log{end}"), Told()
    for name, text in (("1/api_20260121T1250Z_b", b"1\n2\n"), ("1/api_20260121T1250Z_a", b"3\n"), ("2/api", b"4\n5")):
        put(tmp_path / f"{name}.log{end}", text)
    source = FileInput(pattern, told)
    assert sorted(read_all(source).split()) == [b"1", b"2", b"3", b"4"]
    put(tmp_path / f"1/api_20260121T1245Z.log{end}", b"6\n")
    put(tmp_path / f"3/api.log{end}", b"7\n")
    assert sorted(read_all(source).split()) == [b"6", b"7"]
    assert read_all(source) == b""
    positions = source.positions()
    source.close()
    (tmp_path / f"1/api_20260121T1250Z_b.log{end}").unlink()
    put(tmp_path / f"1/api_20260121T1250Z_a.log{end}", b"3\n")
    put(tmp_path / f"4/api.log{end}", b"8\n")
    source = FileInput(pattern, told)
    source.restore(positions)
    assert read_all(source) == b"8\n"
    assert read_all(source) == b""
    assert [event for event in told.events if event[0] in ("lost", "loss")] == []
    source.close()


def test_objects_that_are_there_at_the_first_start_can_be_left_out(tmp_path: Path) -> None:
    """With `start_at: end`, those that come later are read from their beginning."""
    put(tmp_path / "a.log.gz", b"1\n")
    source = FileInput(str(tmp_path / "*.log.gz"), Told(), "end")
    assert read_all(source) == b""
    put(tmp_path / "b.log.gz", b"2\n")
    assert read_all(source) == b"2\n"
    source.close()
