"""The state file: each blob is there wholly or not at all, one process holds it, and nothing in it is guessed at."""

import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from exporter import state
from exporter.state import State, StateError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "state.db"


def reopened(path: Path) -> list[bytes]:
    """What a new process finds."""
    opened = State(path)
    opened.close()
    return opened.blobs


@contextmanager
def no_file_grows() -> Iterator[None]:
    """As on a full disk: nothing more can be written to any file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_committed_is_found_in_its_order(path: Path) -> None:
    """A snapshot, and the deltas since."""
    opened = State(path)
    assert (opened.blobs, opened.wants_snapshot) == ([], True)
    opened.replace(b"snapshot")
    opened.commit(b"first")
    opened.commit(b"second")
    opened.close()
    assert reopened(path) == [b"snapshot", b"first", b"second"]


def test_a_snapshot_takes_the_place_of_all(path: Path) -> None:
    """Nothing older is read again."""
    opened = State(path)
    opened.replace(b"old")
    opened.commit(b"delta")
    opened.replace(b"new")
    opened.close()
    assert reopened(path) == [b"new"]


def test_a_snapshot_is_asked_for_when_deltas_are_many_or_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many: as told; large: more than the snapshot, and than a MiB."""
    monkeypatch.setattr(state, "_MOST_DELTAS", 3)
    opened = State(path)
    opened.replace(b"x" * 10)
    wants = []
    for _ in range(3):
        opened.commit(b"delta")
        wants.append(opened.wants_snapshot)
    assert wants == [False, False, True]
    opened.replace(b"x" * (1 << 20))
    opened.commit(b"x" * (1 << 20))
    assert not opened.wants_snapshot
    opened.commit(b"x")
    assert opened.wants_snapshot
    opened.close()


def test_only_the_owner_can_read_it(path: Path) -> None:
    """Nor what SQLite keeps beside it."""
    opened = State(path)
    opened.replace(b"snapshot")
    modes = {file.name: file.stat().st_mode & 0o077 for file in path.parent.iterdir()}
    assert {"state.db", "state.db-wal", "state.db.lock"} <= modes.keys()
    assert set(modes.values()) == {0}
    opened.close()


def test_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    """An older exporter can't know what a newer one wrote."""
    State(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=2")
    with pytest.raises(StateError, match=r"was written by a newer version: its format is 2, this one knows 1"):
        State(path)
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (2,)


def test_another_programs_database_is_refused_and_left_as_it_is(path: Path) -> None:
    """A path that was mistaken costs nobody their data."""
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (id)")
    with pytest.raises(StateError, match="is another program's database"):
        State(path)
    assert [*sqlite3.connect(path).execute("SELECT name FROM sqlite_schema")] == [("theirs",)]


@pytest.mark.parametrize("damage", ["no database", "torn page"])
def test_a_damaged_file_is_kept_aside_and_said(path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    """A new one is begun; what was in the old one can still be looked at."""
    opened = State(path)
    opened.replace(b"x" * 20_000)
    opened.close()
    content = path.read_bytes()
    broken = b"no database" * 1000 if damage == "no database" else content[:4096] + b"\xff" * 4096 + content[8192:]
    path.write_bytes(broken)
    opened = State(path)
    assert (opened.damaged, opened.blobs, opened.wants_snapshot) == (True, [], True)
    (aside,) = path.parent.glob("state.db.damaged-*")
    assert aside.read_bytes() == broken
    assert "is damaged" in caplog.text
    assert aside.name in caplog.text
    opened.replace(b"anew")
    opened.close()
    assert reopened(path) == [b"anew"]


def test_a_second_process_is_refused_and_told_of_the_first(path: Path) -> None:
    """By its process id; the first one goes on, and when it lets go the next may come."""
    first = State(path)
    with pytest.raises(StateError, match=f"state.db is in use by process {os.getpid()}; one state file serves one"):
        State(path)
    first.replace(b"mine")
    first.close()
    assert reopened(path) == [b"mine"]


def test_a_lock_that_was_removed_is_held_again(path: Path) -> None:
    """Or, where another process holds it by now, told: then nothing is committed."""
    first = State(path)
    lock = path.with_name("state.db.lock")
    lock.unlink()
    first.look()
    with pytest.raises(StateError, match="is in use by process"):
        State(path)
    lock.unlink()
    second = State(path)
    with pytest.raises(StateError, match="is in use by process"):
        first.look()
    second.close()
    first.look()
    first.close()


def test_a_place_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """One line says which file, and why."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"state\.db\.lock can't be written: File exists"):
        State(tmp_path / "file" / "state.db")


@pytest.mark.parametrize("also", [(), ("-wal", "-shm")])
def test_a_file_that_was_removed_is_begun_anew(
    path: Path, also: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """With a snapshot, as nothing of it is there any more. It is said."""
    opened = State(path)
    opened.replace(b"snapshot")
    opened.commit(b"delta")
    for end in ("", *also):
        path.with_name(path.name + end).unlink()
    opened.look()
    assert opened.wants_snapshot
    assert "was removed" in caplog.text
    opened.replace(b"all of it")
    opened.look()
    opened.commit(b"more")
    opened.close()
    assert reopened(path) == [b"all of it", b"more"]


def test_on_a_full_disk_commits_fail_and_then_heal(path: Path) -> None:
    """Nothing of a commit that failed is found later, and the next one works."""
    opened = State(path)
    opened.replace(b"snapshot")
    opened.commit(b"before")
    with no_file_grows():
        for blob in (b"small", b"x" * 100_000):
            with pytest.raises(sqlite3.Error):
                opened.commit(blob)
            with pytest.raises(sqlite3.Error):
                opened.replace(blob)
    opened.commit(b"after")
    opened.close()
    assert reopened(path) == [b"snapshot", b"before", b"after"]


def test_a_file_that_was_removed_while_the_disk_is_full_is_begun_anew_when_there_is_room(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A new file that could not be finished is not taken for one that is there. It is said once."""
    opened = State(path)
    opened.replace(b"snapshot")
    path.unlink()
    with no_file_grows():
        for _ in range(2):
            opened.look()
            with pytest.raises(sqlite3.Error):
                opened.replace(b"all of it")
    opened.look()
    assert opened.wants_snapshot
    assert caplog.text.count("was removed") == 1
    opened.replace(b"all of it")
    opened.close()
    assert reopened(path) == [b"all of it"]


def test_a_process_that_dies_within_a_commit_leaves_nothing_of_it(path: Path) -> None:
    """What was there before is there, wholly, whichever write it was."""
    for begun, way in enumerate((State.commit, State.replace)):
        opened = State(path)
        opened.replace(b"snapshot")
        opened.close()
        if (child := os.fork()) == 0:
            with suppress(BaseException):
                dying = State(path)
                state._FAULT, state._times = "in-commit", "1"
                way(dying, b"x" * 100_000)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 9, begun
        assert reopened(path) == [b"snapshot"]
