"""The state file: each blob is there wholly or not at all, one process holds it, and nothing in it is guessed at."""

import os
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from exporter import faults
from exporter.errors import StateError
from exporter.state import database as state
from exporter.state.database import State


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


def edit(path: Path, *statements: str) -> None:
    """Change what is in the file."""
    with sqlite3.connect(path) as db:
        for statement in statements:
            db.execute(statement)
    db.close()


def killed(path: Path, *blobs: bytes) -> Path:
    """A folder with the files as they are after these commits and a kill; the state file in it."""
    opened = State(path)
    for n, blob in enumerate(blobs):
        (opened.commit if n else opened.replace)(blob)
    folder = shutil.copytree(path.parent, path.parent.with_name(f"killed after {len(blobs)}"))
    opened.close()
    return folder / path.name


def test_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    """An older exporter can't know what a newer one wrote, but in its frames' first bytes. It says what to do."""
    opened = State(path)
    opened.replace(b"snapshot")
    opened.close()
    edit(path, "PRAGMA user_version=3", "UPDATE blob SET body = x'c14757580300000000'")
    before = path.read_bytes()
    with pytest.raises(StateError) as refused:
        State(path)
    assert str(refused.value) == (
        f"{path} was written by a newer version: its format is 3, this one knows 2. Run that version again; or move "
        "the file away, and counting restarts from zero, at the ends of the logs"
    )
    assert path.read_bytes() == before


def test_a_file_that_was_only_begun_by_a_newer_version_is_refused_too(path: Path) -> None:
    """It may declare its table otherwise."""
    State(path).close()
    edit(path, "PRAGMA user_version=3")
    with pytest.raises(StateError, match="was written by a newer version"):
        State(path)
    edit(path, "ALTER TABLE blob ADD COLUMN more")
    with pytest.raises(StateError, match="was written by a newer version"):
        State(path)


@pytest.mark.parametrize(
    "statement",
    [
        "PRAGMA user_version=3",
        "PRAGMA user_version=0",
        "PRAGMA user_version=1",
        "PRAGMA application_id=7",
        "ALTER TABLE blob RENAME COLUMN body TO bode",
        "DELETE FROM blob",
        "DELETE FROM blob WHERE id = 1",
        "DELETE FROM blob WHERE id = 2",
        "DELETE FROM blob WHERE id = 3",
        "UPDATE blob SET id = 4 - id WHERE id IN (1, 3)",
        "UPDATE blob SET id = 4 WHERE id = 2",
        "UPDATE blob SET body = (SELECT body FROM blob WHERE id = 2) WHERE id = 3",
        "UPDATE blob SET body = x'' WHERE id = 3",
        "UPDATE blob SET body = 'a text that is longer than what a frame begins and ends with' WHERE id = 3",
        "UPDATE blob SET body = 5 WHERE id = 3",
        "INSERT INTO blob (body) SELECT body FROM blob WHERE id = 3",
    ],
)
def test_what_the_file_says_of_itself_is_not_trusted(
    path: Path, statement: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A version, a name, an order that is not as it was written is damage like any other."""
    opened = State(path)
    opened.replace(b"snapshot")
    opened.commit(b"first")
    opened.commit(b"second")
    opened.close()
    if " id = 4 - id" in statement:  # which can't be done at once, as ids are unique
        edit(path, "UPDATE blob SET id = 9 WHERE id = 3", "UPDATE blob SET id = 3 WHERE id = 1")
        edit(path, "UPDATE blob SET id = 1 WHERE id = 9")
    else:
        edit(path, statement)
    opened = State(path)
    opened.close()
    assert (opened.damaged, opened.blobs) == (True, [])
    assert "is damaged" in caplog.text


def test_a_blob_of_another_state_file_is_not_taken_for_its_own(path: Path) -> None:
    """Though it is whole, and its number fits."""
    for name in ("one", "two"):
        opened = State(path.with_name(name))
        opened.replace(b"snapshot")
        opened.commit(name.encode())
        opened.close()
    with sqlite3.connect(path.with_name("one")) as db:
        db.execute("ATTACH ? AS two", (str(path.with_name("two")),))
        db.execute("UPDATE blob SET body = (SELECT body FROM two.blob WHERE id = 2) WHERE id = 2")
    db.close()
    opened = State(path.with_name("one"))
    opened.close()
    assert (opened.damaged, opened.blobs) == (True, [])


def test_a_file_without_its_write_ahead_log_has_lost_commits(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As one that was copied alone, after a kill: what it has is older than what was served."""
    State(path).close()
    first = killed(path, b"snapshot", b"delta")
    assert reopened(first) == [b"snapshot", b"delta"]
    second = killed(path, b"snapshot", b"delta", b"last")
    second.with_name("state.db-wal").unlink()
    opened = State(second)
    opened.close()
    assert (opened.damaged, opened.blobs) == (True, [])
    assert "it ends with commit 2, but 5 were made" in caplog.text


def test_an_older_copy_of_the_file_is_set_aside_unless_the_lock_goes_too(path: Path) -> None:
    """Its counters would fall. Who wants that removes the lock, which knows of the last commit."""
    opened = State(path)
    opened.replace(b"snapshot")
    opened.close()
    copy = path.read_bytes()
    opened = State(path)
    opened.commit(b"delta")
    opened.close()
    path.write_bytes(copy)
    path.with_name("state.db.lock").unlink()
    assert reopened(path) == [b"snapshot"]
    opened = State(path)
    opened.commit(b"delta")
    opened.close()
    path.write_bytes(copy)
    opened = State(path)
    opened.close()
    assert (opened.damaged, opened.blobs) == (True, [])


def test_a_state_that_was_removed_is_begun_without_a_word_of_damage(path: Path) -> None:
    """What the lock knows is of the one before; also where the new one is killed before its first commit."""
    opened = State(path)
    opened.replace(b"snapshot")
    opened.close()
    path.unlink()
    for _ in range(2):
        opened = State(path)
        opened.close()
        assert (opened.damaged, opened.blobs) == (False, [])


def test_all_that_is_set_aside_is_kept(path: Path) -> None:
    """Two of the same second have two names; and what SQLite has not moved out of its write-ahead log stays there."""
    for n in range(3):
        opened = State(path)
        opened.replace(b"snapshot %d" % n)
        opened.set_aside("it is only a test")
        opened.close()
    aside = sorted(path.parent.glob("state.db.damaged-*"))
    found = [file for file in aside if not file.name.endswith("-wal")]
    assert [reopened(file) for file in found] == [[b"snapshot 0"], [b"snapshot 1"], [b"snapshot 2"]]


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
    first.reopen_if_removed()
    with pytest.raises(StateError, match="is in use by process"):
        State(path)
    lock.unlink()
    second = State(path)
    with pytest.raises(StateError, match="is in use by process"):
        first.reopen_if_removed()
    second.close()
    first.reopen_if_removed()
    first.close()


def test_a_place_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """One line says which file, and why."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"state\.db\.lock can't be written: Not a directory"):
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
    opened.reopen_if_removed()
    assert opened.wants_snapshot
    assert "was removed" in caplog.text
    opened.replace(b"all of it")
    opened.reopen_if_removed()
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
            opened.reopen_if_removed()
            with pytest.raises(sqlite3.Error):
                opened.replace(b"all of it")
    opened.reopen_if_removed()
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
                faults._FAULT, faults._times = "in-commit", "1"
                way(dying, b"x" * 100_000)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 9, begun
        assert reopened(path) == [b"snapshot"]
