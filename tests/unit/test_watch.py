"""Waking up: events where they can be trusted, and the word that they can't where not."""

import errno
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.inputs import watch
from exporter.inputs.watch import Watcher
from tests.counted import Counting
from tests.waiting import DEADLINE_SECONDS, eventually


class Woken:
    """What a watcher called."""

    def __init__(self) -> None:
        self.changed = threading.Event()
        self.grown = threading.Event()
        self.paths: list[str] = []

    def grew(self, path: str) -> None:
        self.paths.append(path)
        self.grown.set()


class Clock:
    """A monotonic clock that stands."""

    now = 1000.0
    scan_takes = 0.0


@pytest.fixture
def woken() -> Woken:
    return Woken()


@pytest.fixture
def watcher(woken: Woken) -> Iterator[Watcher]:
    made = Watcher(woken.changed.set, woken.grew)
    yield made
    made.stop()


def test_a_new_file_and_a_rename_wake(tmp_path: Path, watcher: Watcher, woken: Woken) -> None:
    """Rotation and new logs are noticed at once."""
    assert watcher.watch(str(tmp_path))
    (tmp_path / "a.log").touch()
    assert woken.changed.wait(DEADLINE_SECONDS)
    woken.changed.clear()
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    assert woken.changed.wait(DEADLINE_SECONDS)


def test_growth_wakes_only_while_it_is_listened_for(tmp_path: Path, watcher: Watcher, woken: Woken) -> None:
    """A busy log costs no events: it is looked at anyway."""
    log = tmp_path / "a.log"
    log.touch()
    assert watcher.watch(str(tmp_path))
    log.write_text("unheard\n", encoding="utf-8")
    assert watcher.listen_for_growth()
    assert woken.paths == []
    log.write_text("heard\n", encoding="utf-8")
    assert woken.grown.wait(5)
    assert set(woken.paths) == {str(log)}
    watcher.ignore_growth()
    eventually(watcher.listen_for_growth)
    woken.grown.clear()
    log.write_text("heard again\n", encoding="utf-8")
    assert woken.grown.wait(5)


def test_a_file_system_without_events_has_to_be_looked_at(
    tmp_path: Path, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Network and foreign file systems tell nothing of other machines' writes."""
    monkeypatch.setattr(watch, "_file_system", lambda folder: "nfs4" if folder == str(tmp_path) else "ext4")
    assert not watcher.watch(str(tmp_path))


def test_a_folder_that_is_not_there_has_to_be_looked_for(
    tmp_path: Path, watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    """The log's folder may come later."""
    assert not watcher.watch(str(tmp_path / "none"))
    assert "looking at it often instead" in caplog.text


def test_logs_whose_folder_has_gone_are_looked_at_often(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It may come back: nothing ends, and it is said."""
    folder = tmp_path / "logs"
    folder.mkdir()
    pipeline = Counting(tmp_path, "inputs: [{path: logs/a.log, format: nginx-json}]\n").assembly.pipeline()
    pipeline.open()
    shutil.rmtree(folder)
    assert [pipeline._waker.idle_seconds() for _ in range(3)] == [0.05, 0.25, 0.25]
    assert "cannot watch folders any more (No such file or directory)" in caplog.text
    pipeline.close()


def test_where_no_instance_is_free_the_logs_are_looked_at_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Others may have taken all that the system has: it starts, counts, and warns."""

    def none_left() -> None:
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    monkeypatch.setattr(watch, "Observer", none_left)
    (tmp_path / "a.log").write_bytes(b"")
    pipeline = Counting(tmp_path, "inputs: [{path: a.log, format: nginx-json}]\n").assembly.pipeline()
    pipeline.open()
    assert "inotify instance limit reached): looking at it often instead" in caplog.text
    assert [pipeline._waker.idle_seconds() for _ in range(2)] == [0.25, 0.25]
    (tmp_path / "a.log").write_bytes(b"{}\n")
    pipeline._scan()
    assert pipeline._count_available(60) is False
    pipeline.fold()
    assert sum(pipeline.feeds[0].lines(pipeline.store)) == 1
    pipeline.close()


def test_looking_at_many_logs_takes_a_small_part_of_the_time(tmp_path: Path) -> None:
    """After a look that took long the next one waits, a second at most; and what is quiet is not looked at often."""
    pipeline = Counting(tmp_path, "inputs: [{path: a.log, format: nginx-json}]\n").assembly.pipeline()
    clock = Clock()

    def scan() -> None:
        clock.now += clock.scan_takes

    pipeline.feeds[0].input.scan = scan  # type: ignore[method-assign]
    waits = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(time, "monotonic", lambda: clock.now)
        for clock.scan_takes in (0.001, 0.02, 5.0):
            pipeline._scan()
            pipeline._waker.busy()
            waits.append(pipeline._waker.idle_seconds())
    assert waits == pytest.approx([0.05, 0.2, 1.0])
    pipeline.close()
