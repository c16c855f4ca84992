"""Whether a log can be read is told as it is now: a folder that is away or closed, and back."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.inputs.elsewhere import Elsewhere
from exporter.inputs.logs.file_input import FileInput
from tests.unit.test_files import Told, read_all


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A folder by a link, with a log."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.log").write_bytes(b"one\n")
    lead(tmp_path / "logs", "real")
    return tmp_path / "logs"


def lead(link: Path, target: str) -> None:
    """Let a link lead somewhere; one that leads to itself is a folder that can't be entered, for root too."""
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as out:
        out.write(text)


def test_a_log_whose_folder_was_closed_is_readable_again_when_it_is_open(logs: Path, told: Told) -> None:
    """It is read all the while, as it is open."""
    source = FileInput(str(logs / "a.log"), told)
    assert read_all(source) == b"one\n"
    lead(logs, "logs")
    append(logs.with_name("real") / "a.log", b"two\n")
    assert (read_all(source), source.readable) == (b"two\n", False)
    lead(logs, "real")
    append(logs / "a.log", b"three\n")
    assert (read_all(source), source.readable, source.unreadable) == (b"three\n", True, {})
    source.close()


def test_a_log_that_was_moved_away_with_its_folder_is_readable_when_it_is_back(logs: Path, told: Told) -> None:
    """Before it is closed, and after."""
    source = FileInput(str(logs / "a.log"), told)
    assert read_all(source) == b"one\n"
    logs.rename(logs.with_name("away"))
    assert (read_all(source), source.readable) == (b"", False)
    logs.with_name("away").rename(logs)
    append(logs / "a.log", b"two\n")
    assert (read_all(source), source.readable, source.unreadable) == (b"two\n", True, {})
    source.close()


@pytest.mark.parametrize("pattern", ["here.log", "h*.log"])
def test_a_log_that_comes_as_a_link_to_one_of_another_input_is_readable(
    tmp_path: Path, told: Told, pattern: str
) -> None:
    """The other one reads it, and each line counts once."""
    (tmp_path / "there.log").write_bytes(b"one\n")
    elsewhere = Elsewhere()
    names = {"there": "there.log", "here": pattern}
    inputs = {name: FileInput(str(tmp_path / path), told, elsewhere=elsewhere) for name, path in names.items()}
    elsewhere.arrange(inputs, [], [])
    assert [read_all(source) for source in inputs.values()] == [b"one\n", b""]
    assert not inputs["here"].readable
    (tmp_path / "here.log").symlink_to("there.log")
    assert [read_all(source) for source in inputs.values()] == [b"", b""]
    assert [(source.readable, source.unreadable) for source in inputs.values()] == [(True, {})] * 2
    for source in inputs.values():
        source.close()


def test_a_pattern_that_matches_nothing_names_the_folder_that_is_closed(logs: Path, told: Told) -> None:
    """Once, also below wildcards; when it is open, the log is read."""
    lead(logs, "logs")
    why = f"no file matches ({logs}: Too many levels of symbolic links)"
    source = FileInput(str(logs / "*.log"), told)
    assert read_all(source) + read_all(source) == b""
    assert told.events == [("unreadable", "*.log", why)]
    lead(logs, "real")
    assert (read_all(source), source.readable) == (b"one\n", True)
    source.close()


def test_why_a_log_can_not_be_read_is_told_as_it_is_now(logs: Path, told: Told) -> None:
    """A folder takes the place of a log that was missing: each reason is told once."""
    source = FileInput(str(logs / "b.log"), told)
    assert read_all(source) + read_all(source) == b""
    (logs / "b.log").mkdir()
    assert read_all(source) + read_all(source) == b""
    assert told.events == [
        ("unreadable", "b.log", "No such file or directory"),
        ("unreadable", "b.log", "Is a directory"),
    ]
    assert source.unreadable == {str(logs / "b.log"): "Is a directory"}
    source.close()


@pytest.mark.parametrize("name", ["a.log", "*.log"])
@pytest.mark.parametrize("calls", [["pread"], ["pread", "fstat"]], ids="+".join)
def test_a_disk_that_fails_for_a_while_stops_one_log_only(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch, name: str, calls: list[str]
) -> None:
    """As a network file system that is away does. It is told once, and the log is read on when it is back."""
    (tmp_path / "a.log").write_bytes(b"one\n")
    source = FileInput(str(tmp_path / name), told)
    assert read_all(source) == b"one\n"
    (tmp_path / "b.log").write_bytes(b"beside\n")
    failing = {(tmp_path / "a.log").stat().st_ino}
    stat = os.stat

    def failing_as(working: Callable[..., object]) -> Callable[..., object]:
        def call(fd: int, *more: int) -> object:
            if stat(fd).st_ino in failing:
                raise OSError(errno.EIO, "Input/output error")
            return working(fd, *more)

        return call

    for call in calls:
        monkeypatch.setattr(os, call, failing_as(getattr(os, call)))
    append(tmp_path / "a.log", b"two\n")
    found = read_all(source) + read_all(source)
    assert (found, source.readable) == (b"beside\n" if name == "*.log" else b"", False)
    assert told.events.count(("unreadable", "a.log", "Input/output error")) == 1
    failing.clear()
    assert (read_all(source), source.readable, source.unreadable) == (b"two\n", True, {})
    source.close()
