"""Files that a command makes: what is written, what is out of date, and what goes."""

from pathlib import Path

import pytest

from exporter.errors import ExporterError
from exporter.generated_files import outdated, report, write

MADE = {"a.json": "ü\n", "sub/b.yaml": "b\n"}


def test_what_was_written_is_up_to_date(tmp_path: Path) -> None:
    """Byte for byte, in folders that were not there."""
    folder = tmp_path / "new" / "folder"
    assert outdated(MADE, folder) == ["a.json", "sub/b.yaml"]
    write(MADE, folder)
    assert outdated(MADE, folder) == []
    assert (folder / "a.json").read_bytes() == "ü\n".encode()
    (folder / "a.json").write_bytes(b"\xff")
    assert outdated(MADE, folder) == ["a.json"]


def test_files_of_an_earlier_run_go_and_others_stay(tmp_path: Path) -> None:
    """Only those that have such names as the command gives; without a pattern, none."""
    write(MADE | {"old.json": "", "mine.txt": ""}, tmp_path)
    assert outdated(MADE, tmp_path) == []
    assert outdated(MADE, tmp_path, "*.json") == ["old.json"]
    write(MADE, tmp_path)
    assert (tmp_path / "old.json").exists()
    write(MADE, tmp_path, "*.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "mine.txt", "sub"]


def test_a_check_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It names what is not up to date, and exits with status 1."""
    assert report(MADE, tmp_path, check=True) == 1
    assert capsys.readouterr() == ("", f"{tmp_path}/a.json: not up to date\n{tmp_path}/sub/b.yaml: not up to date\n")
    assert not any(tmp_path.iterdir())
    assert report(MADE, tmp_path, check=False) == 0
    assert capsys.readouterr() == (f"{tmp_path}: a.json, sub/b.yaml\n", "")
    assert report(MADE, tmp_path, check=True) == 0
    assert capsys.readouterr() == ("", "")


def test_a_folder_that_can_t_be_made_is_one_error(tmp_path: Path) -> None:
    """With its path, and why."""
    (tmp_path / "file").touch()
    with pytest.raises(ExporterError, match=r"/file/below: can't be written: Not a directory$"):
        write(MADE, tmp_path / "file" / "below")
