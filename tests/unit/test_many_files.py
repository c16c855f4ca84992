"""Many logs and many copies: each line once, and what is done grows with what has changed."""

import gzip
import os
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from exporter.inputs.disk.content import Content
from exporter.inputs.disk.fingerprint import Position, Stamp, digest, stamp
from exporter.inputs.lines import CHUNK
from exporter.inputs.logs import file_input, sorting
from exporter.inputs.logs.file_input import FileInput
from exporter.inputs.rotations import choice, copies, known_files
from exporter.inputs.rotations.names import Copy
from tests.cpu import LINEAR, cpu_seconds
from tests.unit.test_files import Told, read_all

HOSTS, ROTATIONS = 20, 14


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture(autouse=True)
def _many_open_files() -> Iterator[None]:
    """A thousand is few, and is what many systems begin with."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Kept:
    """An input over restarts: what is stored is what `pages` gives."""

    def __init__(self, pattern: str, start_at: str = "end", rotated: str = "") -> None:
        self.told = Told()
        self._new: Callable[[], FileInput] = lambda: FileInput(pattern, self.told, start_at, rotated)
        self.source = self._new()

    def restart(self) -> bytes:
        """Store, begin again, and read."""
        stored = stored_of(self.source)
        self.source.close()
        self.told.events.clear()
        self.source = self._new()
        self.source.restore(stored)
        return self.read()

    def read(self) -> bytes:
        return read_all(self.source)

    def settle(self, monkeypatch: pytest.MonkeyPatch) -> bytes:
        """Let go of what was renamed, as after a while without a line."""
        with monkeypatch.context() as patched:
            patched.setattr(file_input, "_LINGER_SECONDS", -1.0)
            return self.read() + self.read()

    def losses(self) -> list[tuple[str, ...]]:
        return [event for event in self.told.events if event[0] in ("loss", "lost")]


def stored_of(source: FileInput) -> list[Position]:
    """What a commit keeps, decoded; it is the same as `positions`."""
    found = [
        position for page in source.pages().values() for position in msgspec.msgpack.decode(page, type=list[Position])
    ]
    assert sorted(found, key=repr) == sorted(source.positions(), key=repr)
    return found


def test_positions_of_the_first_form_are_read(tmp_path: Path) -> None:
    """A state of before has fewer fields; both a log and a finished copy go on from it."""
    log = tmp_path / "a.log"
    log.write_bytes(b"1\n")
    kept = Kept(str(log), "beginning")
    kept.read()
    (tmp_path / "a.log.1").write_bytes(b"old\n")
    found = (tmp_path / "a.log.1").stat()
    old = [*msgspec.to_builtins(stored_of(kept.source)[0])[:10]]
    copy = [str(log), found.st_dev, found.st_ino, 4, digest(b"old\n"), 4, digest(b"old\n"), 4, True, False]
    source = FileInput(str(log), Told())
    source.restore(msgspec.convert([old, copy], list[Position]))
    with log.open("ab") as out:
        out.write(b"2\n")
    assert read_all(source) == b"2\n"


# --- copies are remembered for as long as they are there


def test_more_old_logs_than_two_hundred_are_not_counted_again_after_a_restart(tmp_path: Path) -> None:
    """Twenty hosts with fourteen quiet rotations each, read from their ends."""
    for host in range(HOSTS):
        (tmp_path / f"{host}.log").write_bytes(b"old\n")
        for n in range(1, ROTATIONS + 1):
            (tmp_path / f"{host}.log.{n}").write_bytes(b"%d of host %d\n" % (n, host) * 10)
    kept = Kept(str(tmp_path / "*.log"))
    assert kept.read() == b""
    for host in range(HOSTS):
        with (tmp_path / f"{host}.log").open("ab") as out:
            out.write(b"new of %d\n" % host)
    assert sorted(kept.read().splitlines()) == sorted(b"new of %d" % host for host in range(HOSTS))
    assert (kept.restart(), kept.restart(), kept.losses()) == (b"", b"", [])


def test_more_logs_than_two_hundred_rotate_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read before a rotation is not read again after it and a restart."""
    logs = [tmp_path / f"{n}.log" for n in range(300)]
    for log in logs:
        log.write_bytes(b"first of %s\n" % log.name.encode())
    kept = Kept(str(tmp_path / "*.log"), "beginning")
    assert len(kept.read().splitlines()) == 300
    for log in logs:
        log.rename(f"{log}.1")
        log.write_bytes(b"second of %s\n" % log.name.encode())
    assert len(kept.read().splitlines()) == 300
    assert kept.settle(monkeypatch) == b""
    assert (kept.restart(), kept.restart(), kept.losses()) == (b"", b"", [])


@pytest.mark.parametrize("name", ["a.log", "*.log"])
def test_what_is_remembered_is_bounded_by_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Copies that were deleted are forgotten, but for the last few, also where new logs have their inodes; those that
    are there never.
    """
    monkeypatch.setattr(known_files, "_GONE", 5)
    log = tmp_path / "a.log"
    log.write_bytes(b"0\n")
    kept = Kept(str(tmp_path / name), "beginning")
    kept.read()
    for n in range(1, 31):
        log.rename(tmp_path / f"a.log.{1000 + n}")
        log.write_bytes(b"%d\n" % n)
        kept.read()
        kept.settle(monkeypatch)
        for old in sorted(tmp_path.glob("a.log.*"))[:-3]:
            old.unlink()
    kept.read()
    assert len(kept.source.positions()) <= 1 + 3 + 5 + 1
    assert kept.restart() == b""


def test_a_commit_writes_little_of_what_is_remembered(tmp_path: Path) -> None:
    """One line in one log changes one page."""
    for host in range(50):
        (tmp_path / f"{host}.log").write_bytes(b"old\n")
        for n in range(1, 11):
            (tmp_path / f"{host}.log.{n}").write_bytes(b"%d of host %d\n" % (n, host))
    kept = Kept(str(tmp_path / "*.log"))
    kept.read()
    before = {number: bytes(page) for number, page in kept.source.pages().items()}
    with (tmp_path / "7.log").open("ab") as out:
        out.write(b"new\n")
    kept.read()
    after = {number: bytes(page) for number, page in kept.source.pages().items()}
    assert len([number for number in after if after[number] != before.get(number)]) == 1
    assert sum(map(len, after.values())) / len(after) < sum(map(len, after.values())) / 50


def test_a_copy_that_is_packed_later_is_remembered_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under its new inode, so that it is known for as long as the packed one is there."""
    monkeypatch.setattr(known_files, "_GONE", 0)
    log = tmp_path / "a.log"
    log.write_bytes(b"a line\n" * 5)
    kept = Kept(str(log), "beginning")
    kept.read()
    log.rename(tmp_path / "a.log.1")
    log.write_bytes(b"next\n")
    assert kept.read() == b"next\n"
    kept.settle(monkeypatch)
    (tmp_path / "a.log.1.gz").write_bytes(gzip.compress(b"a line\n" * 5))
    (tmp_path / "a.log.1").unlink()
    assert [kept.restart() for _ in range(3)] == [b""] * 3


# --- logs that come late, writers that come back, links that move


@pytest.mark.parametrize("pattern", ["access.log", "*.log", "access*.log"])
@pytest.mark.parametrize("name", ["access.log.1", "access.log.1.gz", "access.log-20260101", "access-20260101.log.gz"])
@pytest.mark.parametrize("start_at", ["end", "beginning"])
def test_copies_of_a_log_that_is_not_there_yet_are_none_of_ours(
    tmp_path: Path, pattern: str, name: str, start_at: str
) -> None:
    """They were there before the exporter; the log itself is read whole when it comes."""
    text = b"old\n" * 1000
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    kept = Kept(str(tmp_path / pattern), start_at)
    assert kept.read() == b""
    (tmp_path / "access.log").write_bytes(b"new\n")
    assert kept.read() == b"new\n"
    assert kept.restart() == b""


def test_a_renamed_log_that_is_written_to_after_it_was_let_go_is_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever its writer comes back, while it is there; also under another name by then, and after a restart."""
    log = tmp_path / "a.log"
    log.write_bytes(b"1\n")
    kept = Kept(str(tmp_path / "*.log"), "beginning")
    kept.read()
    with log.open("ab", buffering=0) as writer:
        log.rename(tmp_path / "a.log.1")
        log.write_bytes(b"2\n")
        assert kept.read() == b"2\n"
        for n in range(3):
            kept.settle(monkeypatch)
            writer.write(b"late %d\n" % n)
            assert kept.read() == b"late %d\n" % n
        kept.settle(monkeypatch)
        (tmp_path / "a.log.1").rename(tmp_path / "a.log.2")
        log.rename(tmp_path / "a.log.1")
        log.write_bytes(b"3\n")
        writer.write(b"later\n")
        assert sorted(kept.read().split()) == [b"3", b"later"]
        kept.settle(monkeypatch)
        writer.write(b"while it was down\n")
        assert kept.restart() == b"while it was down\n"
    assert (kept.settle(monkeypatch), kept.restart()) == (b"", b"")


def test_a_line_that_comes_just_as_a_renamed_log_is_let_go_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last read and the note of what the file was like."""
    log = tmp_path / "a.log"
    log.write_bytes(b"1\n")
    kept = Kept(str(log), "beginning")
    kept.read()
    writer = log.open("ab", buffering=0)
    log.rename(tmp_path / "a.log.1")
    log.write_bytes(b"2\n")
    assert kept.read() == b"2\n"
    lines = iter([b"late\n"])
    real = stamp

    def written_to(content: Content) -> Stamp:
        writer.write(next(lines, b""))
        return real(content)

    monkeypatch.setattr(copies, "stamp", written_to)
    assert kept.settle(monkeypatch) == b"late\n"
    writer.close()


def test_a_link_that_moved_on_while_it_was_down(tmp_path: Path) -> None:
    """What it pointed at is found beside what it points at now, and those in between; nothing is lost."""
    link = tmp_path / "current.log"

    def point(n: int, text: bytes) -> None:
        (tmp_path / f"a-{n:02}.log").write_bytes(text)
        link.unlink(missing_ok=True)
        link.symlink_to(f"a-{n:02}.log")

    (tmp_path / "a-00.log").write_bytes(b"long before\n")
    point(1, b"one\n" * 100)
    kept = Kept(str(link), "beginning")
    assert kept.read() == b"one\n" * 100
    point(2, b"two\n" * 75)
    assert kept.read() == b"two\n" * 75
    with (tmp_path / "a-02.log").open("ab") as out:
        out.write(b"late\n" * 10)
    point(3, b"three\n")
    point(4, b"four\n" * 3)
    (tmp_path / "a-05.log").write_bytes(b"of another one\n")
    assert kept.restart() == b"late\n" * 10 + b"three\n" + b"four\n" * 3
    assert kept.losses() == []
    assert (kept.restart(), kept.losses()) == (b"", [])


def test_a_file_that_was_read_to_its_end_and_is_gone_is_no_loss(tmp_path: Path) -> None:
    """Of two that went while the exporter was down, only the one that was the log may have had more."""
    log = tmp_path / "a.log"
    log.write_bytes(b"1\n")
    kept = Kept(str(log), "beginning")
    kept.read()
    log.rename(tmp_path / "old")
    log.write_bytes(b"2\n")
    assert kept.read() == b"2\n"
    stored = stored_of(kept.source)
    (tmp_path / "old").unlink()
    log.unlink()
    log.write_bytes(b"3\n")
    kept.source = FileInput(str(log), kept.told)
    kept.source.restore(stored)
    assert kept.read() == b"3\n"
    assert kept.losses() == [("loss", "deleted")]


def test_a_log_that_was_truncated_while_another_one_came_is_not_read_as_it_was(tmp_path: Path) -> None:
    """Before copies are looked for, what is open is checked: what was in it comes first."""
    log = tmp_path / "a.log"
    log.write_bytes(b"line\n" * 500)
    kept = Kept(str(tmp_path / "*.log"), "beginning")
    kept.read()
    with log.open("ab") as out:
        out.write(b"late\n")
    (tmp_path / "a.log.1").write_bytes(log.read_bytes())
    log.write_bytes(b"new\n" * 2000)
    (tmp_path / "b.log").write_bytes(b"other\n")
    assert Counter(kept.read().split()) == {b"late": 1, b"new": 2000, b"other": 1}
    assert kept.losses() == []


def test_one_log_that_cannot_be_read_among_others_is_noticed(tmp_path: Path) -> None:
    """The others are read; when it has gone, all is well."""
    (tmp_path / "a.log").write_bytes(b"1\n")
    (tmp_path / "b.log").symlink_to("b.log")
    kept = Kept(str(tmp_path / "*.log"), "beginning")
    assert (kept.read(), kept.source.readable) == (b"1\n", False)
    (tmp_path / "b.log").unlink()
    assert (kept.read(), kept.source.readable) == (b"", True)


def test_a_log_and_a_copy_of_it_that_come_at_once_count_once(tmp_path: Path) -> None:
    """The copy is recognised by what was read of the log, so that comes first."""
    kept = Kept(str(tmp_path / "access.log*"), "beginning")
    kept.read()
    text = b"".join(b"line %d\n" % n for n in range(300))
    (tmp_path / "access.log").write_bytes(text)
    (tmp_path / "access.log.mine").write_bytes(text)
    assert kept.read() == text


def test_a_log_that_is_replaced_by_a_longer_copy_goes_on_with_its_unfinished_line(tmp_path: Path) -> None:
    """As rsync does, at any moment."""
    text = b"".join(b"row %d\n" % n for n in range(300))
    log = tmp_path / "a.log"
    log.write_bytes(text + b"half")
    kept = Kept(str(log), "beginning")
    assert kept.read() == text
    (tmp_path / "new").write_bytes(text + b"half line\nmore\n")
    (tmp_path / "new").replace(log)
    assert kept.read() == b"half line\nmore\n"
    assert (kept.restart(), kept.losses()) == (b"", [])


def test_a_log_that_comes_is_no_rotation_of_others(tmp_path: Path) -> None:
    """Only what was renamed was rotated."""
    (tmp_path / "a.log").write_bytes(b"1\n")
    kept = Kept(str(tmp_path / "*.log"), "beginning")
    kept.read()
    (tmp_path / "b.log").write_bytes(b"2\n")
    kept.read()
    assert [event for event in kept.told.events if event[0] == "rotated"] == []


def test_a_log_that_was_given_up_and_comes_back_is_known(tmp_path: Path) -> None:
    """It was told as lost; what was counted of it is not counted again."""
    log = tmp_path / "a.log"
    log.write_bytes(b"a line of it\n" * 200)
    (tmp_path / "away").mkdir()
    kept = Kept(str(log), "beginning")
    kept.read()
    stored = stored_of(kept.source)
    log.rename(tmp_path / "away" / "a.log")
    log.write_bytes(b"new\n")
    kept.source = FileInput(str(log), kept.told)
    kept.source.restore(stored)
    assert (kept.read(), kept.losses()) == (b"new\n", [("loss", "deleted")])
    (tmp_path / "away" / "a.log").rename(tmp_path / "a.log.1")
    assert kept.restart() == b""


# --- short files are distinguished


def test_a_new_short_file_that_begins_as_a_finished_one_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few equal bytes are no reason to skip them."""
    log = tmp_path / "a.log"
    log.write_bytes(b"h\n")
    kept = Kept(str(log), "beginning")
    assert kept.read() == b"h\n"
    log.rename(tmp_path / "a.log.1")
    log.write_bytes(b"")
    kept.settle(monkeypatch)
    os.unlink(tmp_path / "a.log.1")  # noqa: PTH108
    log.write_bytes(b"h\nmore\n")
    assert kept.read() == b"h\nmore\n"
    log.rename(tmp_path / "a.log.1")
    kept.settle(monkeypatch)
    log.write_bytes(b"h\nmore\nand more\n")
    assert kept.read() == b"h\nmore\nand more\n"


def test_a_short_log_that_another_log_begins_with_is_no_shorter_copy_of_it(tmp_path: Path) -> None:
    """Only files longer than 1 KiB are identified by their beginning alone."""
    kept = Kept(str(tmp_path / "*.log"), "beginning")
    (tmp_path / "a.log").write_bytes(b"h\nmore\n")
    assert kept.read() == b"h\nmore\n"
    (tmp_path / "b.log").write_bytes(b"h\n")
    assert kept.read() == b"h\n"


def test_a_name_that_is_no_utf_8_is_read_stored_and_shown(tmp_path: Path) -> None:
    """Its bytes are kept; people see them as they are written in Python."""
    path = os.fsdecode(bytes(tmp_path) + b"/caf\xe9.log")
    Path(path).write_bytes(b"1\n")
    kept = Kept(str(tmp_path / "*.log"), "beginning")
    assert kept.read() == b"1\n"
    assert kept.source.files == [f"{tmp_path}/caf\\xe9.log"]
    Path(path).rename(path + ".1")
    Path(path).write_bytes(b"2\n")
    assert kept.restart() == b"2\n"
    assert kept.restart() == b""


# --- costs


def test_the_lines_of_many_logs_come_in_chunks_of_bounded_size(tmp_path: Path) -> None:
    """Small pieces together, large ones in parts; a log with much to read does not keep others waiting."""
    for n in range(100):
        (tmp_path / f"{n:03}.log").write_bytes(b"a line of log %03d\n" % n * 600)
    (tmp_path / "000.log").write_bytes(b"a line of log 000\n" * 50_000)
    source = FileInput(str(tmp_path / "*.log"), Told())
    source.scan()
    chunks = []
    while (chunk := source.read()) or source.pending:
        chunks.append(chunk)
    assert max(map(len, chunks)) <= 2 * CHUNK
    assert sum(chunk.count(b"\n") for chunk in chunks) == 50_000 + 99 * 600
    assert b"log 099" in b"".join(chunks[:40])


def test_a_new_log_beside_many_packed_copies_is_begun_while_it_is_written_to(tmp_path: Path) -> None:
    """A line more before each read does not begin the search for copies again."""
    for n in range(1, 337):
        (tmp_path / f"a.log.{n}.gz").write_bytes(gzip.compress(b"%d old\n" % n))
    kept = Kept(str(tmp_path / "*.log"))
    kept.read()
    log = tmp_path / "a.log"
    written = found = b""
    for n in range(10_000):
        with log.open("ab") as out:
            out.write(b"%d\n" % n)
            written += b"%d\n" % n
        kept.source.scan()
        found += kept.source.read()
        if found:
            break
    while kept.source.pending:
        found += kept.source.read()
    assert found == written


def test_reading_and_answering_go_on_while_copies_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies are inspected a few at a time; other logs are read in between."""
    monkeypatch.setattr(sorting, "_SLICE_SECONDS", 0.0)
    (tmp_path / "b.log").write_bytes(b"old\n" * 300)
    kept = Kept(str(tmp_path / "*.log"))
    kept.read()
    for n in range(1, 401):
        (tmp_path / f"a.log.{n}").write_bytes(b"%d\n" % n)
    (tmp_path / "a.log").write_bytes(b"new\n")
    with (tmp_path / "b.log").open("ab") as out:
        out.write(b"other\n")
    kept.source.scan()
    assert kept.source.read() == b"other\n"
    steps = 0
    while kept.source.pending:
        kept.source.read()
        steps += 1
    assert steps > 400


def test_what_is_known_of_a_copy_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation and a restart open what is new, and no old copy."""
    for n in range(1, 51):
        (tmp_path / f"a.log.{n}.gz").write_bytes(gzip.compress(b"%d old\n" % n))
    log = tmp_path / "a.log"
    log.write_bytes(b"1\n")
    kept = Kept(str(log))
    kept.read()
    opened = []

    real = choice.open_copy

    def counted(copy: Copy) -> object:
        opened.append(copy.path)
        return real(copy)

    monkeypatch.setattr(copies, "open_copy", counted)
    log.rename(tmp_path / "a.log.0")
    log.write_bytes(b"2\n")
    assert kept.read() == b"2\n"
    assert kept.settle(monkeypatch) == b""
    assert kept.restart() == b""
    assert opened == []


def cpu_of(folder: Path, count: int) -> float:
    """CPU seconds in which a line in each of so many logs is read: the least of several tries."""
    folder.mkdir()
    logs = [folder / f"host-{n}.log" for n in range(count)]
    for log in logs:
        log.write_bytes(b"old\n" * 400)
    source = FileInput(str(folder / "*.log"), Told(), "end")
    read_all(source)
    spent = []
    for _ in range(5):
        for log in logs:
            with log.open("ab") as out:
                out.write(b"new\n")
        read: list[bytes] = []
        spent.append(cpu_seconds(lambda into: into.append(read_all(source)), read))
        assert read == [b"new\n" * count]
    source.close()
    return min(spent)


def test_reading_costs_by_the_logs_that_have_grown(tmp_path: Path) -> None:
    """Four times as many logs take about four times as long, not sixteen times."""
    few, many = cpu_of(tmp_path / "few", 250), cpu_of(tmp_path / "many", 1000)
    assert many / few < LINEAR
