"""Logs that begin with the same long header, as exports with many columns do: each is a log of its own.

A file is known by its first KiB, so that is not enough here.
"""

import errno
import gzip
import random
import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest

from exporter.inputs.disk.content import Content, open_content
from exporter.inputs.logs import following
from exporter.inputs.rotations import matches
from tests.unit.test_many_files import Kept

HEADER = b"time,status," + b",".join(b"column_%03d" % n for n in range(150)) + b"\n"


def rows(name: bytes, count: int) -> bytes:
    return b"".join(b"%s row %d\n" % (name, n) for n in range(count))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """A log of 100 rows that was read."""
    (tmp_path / "a.csv").write_bytes(HEADER + rows(b"a", 100))
    made = Kept(str(tmp_path / "*.csv"), "beginning")
    assert made.read() == HEADER + rows(b"a", 100)
    return made


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as log:
        log.write(text)


def test_a_shorter_log_is_read(tmp_path: Path, kept: Kept) -> None:
    """It is no beginning of the other one: its rows differ."""
    other = tmp_path / "b.csv"
    other.write_bytes(HEADER + rows(b"b", 3))
    assert kept.read() == HEADER + rows(b"b", 3)
    append(other, b"more\n")
    assert kept.read() == b"more\n"
    assert kept.restart() == b""
    append(other, rows(b"c", 200))
    assert kept.restart() == rows(b"c", 200)


@pytest.mark.parametrize("half", [b"", b"half a "])
def test_a_log_that_began_as_another_one_does_is_read_on_when_it_differs(
    tmp_path: Path, kept: Kept, half: bytes
) -> None:
    """With only the header in it, it could be a copy of the other one that is being made."""
    other = tmp_path / "b.csv"
    other.write_bytes(HEADER)
    assert kept.read() == b""
    append(other, half)
    kept.read()
    append(other, b"row\n")
    found = kept.read()
    assert found.removeprefix(HEADER) == half + b"row\n"
    append(other, b"more\n")
    assert (kept.read(), kept.restart()) == (b"more\n", b"")


def test_what_was_a_copy_is_not_read_again_where_the_log_cannot_be_opened_at_first(
    tmp_path: Path, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while no file descriptor is left."""
    other = tmp_path / "b.csv"
    other.write_bytes(HEADER + rows(b"a", 50))
    assert kept.read() == b""
    append(other, rows(b"b", 2))

    def refuse(path: str) -> Content:
        raise OSError(errno.EMFILE, path)

    with monkeypatch.context() as patched:
        patched.setattr(following, "open_log", refuse)
        assert kept.read() + kept.read() == b""
    append(tmp_path / "c.csv", b"a log that comes\n")
    assert sorted(kept.read().splitlines()) == [b"a log that comes", b"b row 0", b"b row 1"]


def test_a_log_is_read_beside_one_that_holds_only_the_header(tmp_path: Path) -> None:
    """Which may be its copy, until it goes on differently."""
    empty, other = tmp_path / "a.csv", tmp_path / "b.csv"
    empty.write_bytes(HEADER)
    kept = Kept(str(tmp_path / "*.csv"), "beginning")
    assert kept.read() == HEADER
    other.write_bytes(HEADER + rows(b"b", 3))
    assert kept.read() == rows(b"b", 3)
    append(other, b"more\n")
    assert (kept.read(), kept.restart()) == (b"more\n", b"")
    append(empty, rows(b"a", 2))
    assert kept.read() == rows(b"a", 2)
    append(other, b"and more\n")
    append(empty, b"last\n")
    assert sorted(kept.read().splitlines()) == [b"and more", b"last"]
    assert (kept.restart(), kept.losses()) == (b"", [])


@pytest.mark.parametrize("seed", range(10))
def test_two_logs_with_the_same_lines_count_once(tmp_path: Path, seed: int) -> None:
    """Whichever of them is ahead, and over restarts."""
    chance = random.Random(seed)
    text = rows(b"a", 400)
    written = {tmp_path / name: 1500 for name in ("a.log", "b.log")}
    first, second = written
    first.write_bytes(text[:1500])
    kept = Kept(str(tmp_path / "*.log"), "beginning")
    found = kept.read()
    second.write_bytes(text[:1500])
    while min(written.values()) < len(text):
        path = chance.choice([first, second])
        end = written[path] + chance.randrange(1, 400)
        append(path, text[written[path] : end])
        written[path] = min(end, len(text))
        found += chance.choice((lambda: b"", kept.read, kept.read, kept.restart))()
    assert found + kept.read() == text


@pytest.mark.parametrize("text", [rows(b"a", 400), rows(b"a", 3)], ids=["long", "short"])
def test_logs_that_are_copies_at_the_first_look_count_once(tmp_path: Path, text: bytes) -> None:
    """Until one goes on alone. What was rotated before is not read."""
    logs = [tmp_path / name for name in ("a.log", "b.log", "c.log")]
    for log in logs:
        log.write_bytes(text)
        Path(f"{log}.1").write_bytes(b"old " + text)
    kept = Kept(str(tmp_path / "*.log"), "beginning")
    assert kept.read() == text
    append(logs[1], b"more\n")
    assert (kept.read(), kept.restart()) == (b"more\n", b"")


def test_a_copy_that_is_being_made_is_no_log_of_its_own(tmp_path: Path, kept: Kept) -> None:
    """In pieces of any size, and while the original goes on."""
    original, copy = tmp_path / "a.csv", tmp_path / "b.csv"
    whole = original.read_bytes()
    for end in (1500, len(HEADER), len(HEADER) + 5, len(whole) - 1, len(whole)):
        copy.write_bytes(whole[:end])
        assert kept.read() == b""
    append(original, b"more\n")
    assert kept.read() == b"more\n"
    append(copy, b"more\n")
    assert kept.read() == b""


def test_the_next_log_is_read_where_the_last_one_was_packed_while_it_was_down(tmp_path: Path, kept: Kept) -> None:
    """And the logs beside it are not read again."""
    log = tmp_path / "a.csv"
    (tmp_path / "b.csv").write_bytes(HEADER + rows(b"b", 150))
    assert kept.read() == HEADER + rows(b"b", 150)
    append(log, b"last\n")
    Path(f"{log}.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()
    log.write_bytes(HEADER + rows(b"new", 2))
    assert kept.restart() == b"last\n" + HEADER + rows(b"new", 2)
    assert kept.losses() == []


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_rotations_between_two_looks_are_read(
    tmp_path: Path, kept: Kept, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """Each is shorter than the one before; the oldest may be packed meanwhile."""
    log = tmp_path / "a.csv"
    shutil.move(log, f"{log}.1")
    log.write_bytes(HEADER)
    kept.settle(monkeypatch)
    if suffix:
        Path(f"{log}.3.gz").write_bytes(gzip.compress(Path(f"{log}.1").read_bytes()))
        Path(f"{log}.1").unlink()
    else:
        shutil.move(f"{log}.1", f"{log}.3")
    append(log, rows(b"b", 50))
    shutil.move(log, f"{log}.2")
    Path(f"{log}.1").write_bytes(HEADER + rows(b"c", 20))
    log.write_bytes(HEADER + rows(b"d", 5))
    found = kept.read() + kept.settle(monkeypatch)
    assert found.replace(HEADER, b"") == rows(b"b", 50) + rows(b"c", 20) + rows(b"d", 5)
    assert (kept.losses(), kept.restart()) == ([], b"")


def test_packed_rotations_of_the_same_length_are_told_apart(tmp_path: Path, kept: Kept) -> None:
    """By what is in them, not by the length that is stored with it."""
    log = tmp_path / "a.csv"
    parts = [HEADER + rows(name, 50) for name in (b"b", b"c")]
    for number, text in zip("32", parts, strict=True):
        Path(f"{log}.{number}.gz").write_bytes(gzip.compress(text))
    shutil.move(log, f"{log}.4")
    log.write_bytes(HEADER + rows(b"d", 5))
    assert kept.restart() == b"".join(parts) + HEADER + rows(b"d", 5)
    assert (kept.losses(), kept.restart()) == ([], b"")


def test_a_packed_copy_is_not_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size on disk is not that of its content."""
    for name in ("a.log.gz", "b.log.gz"):
        (tmp_path / name).write_bytes(gzip.compress(rows(b"a", 400)))
    kept = Kept(str(tmp_path / "*.log.gz"), "beginning")
    assert kept.read() == rows(b"a", 400)
    opened = Mock(side_effect=open_content)
    monkeypatch.setattr(following, "open_log", opened)
    assert (kept.read(), opened.called) == (b"", False)


def test_a_log_that_was_deleted_and_made_again_while_it_was_down_is_read(tmp_path: Path, kept: Kept) -> None:
    """It is shorter than the deleted one, and another file."""
    new = tmp_path / "new"
    new.write_bytes(HEADER + rows(b"new", 3))
    new.replace(tmp_path / "a.csv")
    assert kept.restart() == HEADER + rows(b"new", 3)


def test_rotations_between_two_looks_are_read_though_a_longer_one_was_deleted(
    tmp_path: Path, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are no beginnings of that one."""
    log = tmp_path / "a.csv"
    log.unlink()
    log.write_bytes(b"")
    kept.settle(monkeypatch)
    log.write_bytes(HEADER + rows(b"b", 50))
    shutil.move(log, f"{log}.2")
    Path(f"{log}.1").write_bytes(HEADER + rows(b"c", 20))
    log.write_bytes(HEADER + rows(b"d", 5))
    found = kept.read() + kept.settle(monkeypatch)
    assert found == b"".join(HEADER + part for part in (rows(b"b", 50), rows(b"c", 20), rows(b"d", 5)))
    assert (kept.losses(), kept.restart()) == ([], b"")


def test_a_copy_that_cannot_be_read_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk may fail at each read: no descriptor is lost."""
    log = tmp_path / "a.csv"
    Path(f"{log}.1").write_bytes(HEADER + rows(b"old", 100))
    log.write_bytes(HEADER + rows(b"a", 50))
    kept = Kept(str(log))
    kept.read()
    shutil.move(f"{log}.1", f"{log}.3")
    Path(f"{log}.2").write_bytes(HEADER + rows(b"new", 10))
    opened: list[Mock] = []

    def failing(path: str) -> Content:
        opened.append(Mock(pread=Mock(side_effect=OSError(errno.EIO, path))))
        return opened[-1]

    monkeypatch.setattr(matches, "open_content", failing)
    kept.restart()
    assert opened
    assert all(content.close.called for content in opened)


def test_each_file_is_compared_with_each_known_one_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 rotations that it never saw, beside 40 that it knows: no file is looked for among all others."""
    log = tmp_path / "a.csv"
    for n in range(40):
        Path(f"{log}-{20250101 + n}").write_bytes(HEADER + rows(b"%d" % n, 100 + n))
    log.write_bytes(HEADER + rows(b"a", 50))
    kept = Kept(str(log))
    kept.read()
    shutil.move(log, f"{log}-20260101")
    for n in range(20):
        Path(f"{log}-{20260102 + n}").write_bytes(HEADER + rows(b"new %d" % n, 10 + n))
    log.write_bytes(HEADER + rows(b"b", 10))
    opened = 0

    def counted(path: str) -> Content:
        nonlocal opened
        opened += 1
        return open_content(path)

    monkeypatch.setattr(matches, "open_content", counted)
    assert kept.restart().count(HEADER) == 21
    assert opened <= 2 * 21 * 41, "a look compares each new file with each known one; there are two"
