"""Rotations by name: what happens to a log, while the exporter runs or not, and what is read then."""

import gzip
import os
import random
import shutil
from pathlib import Path

import msgspec
import pytest
import zstandard

from exporter.inputs.disk.fingerprint import Position
from exporter.inputs.logs import file_input
from exporter.inputs.logs.file_input import FileInput
from tests.unit.histories import PACK, Reader
from tests.unit.test_files import Told, read_all

SEED = 20261121


class Scene:
    """A log, an exporter that has read and committed it, and what it has said since it was started."""

    def __init__(self, folder: Path, text: bytes, name: str = "access.log", rotated: str = "") -> None:
        self.log = folder / "access.log"
        self.folder = folder
        self.told = Told()
        self._pattern, self._rotated = str(folder / name), str(folder / rotated) if rotated else ""
        self._stored = b""
        self.source = self._new()
        self.log.write_bytes(text)
        self.start_text = self.read()
        self.commit()

    def _new(self) -> FileInput:
        return FileInput(self._pattern, self.told, rotated=self._rotated)

    def read(self) -> bytes:
        return read_all(self.source)

    def commit(self) -> None:
        self._stored = msgspec.msgpack.encode(self.source.positions())

    def stop(self) -> None:
        self.source.close()
        self.told.events.clear()

    def start(self) -> bytes:
        self.source = self._new()
        self.source.restore(msgspec.msgpack.decode(self._stored, type=list[Position]))
        return self.read()

    def append(self, text: bytes) -> None:
        with self.log.open("ab") as out:
            out.write(text)

    def move(self, name: str, text: bytes = b"") -> None:
        """Rename the log, and begin a new one."""
        self.log.rename(self.folder / name)
        self.log.write_bytes(text)

    def losses(self) -> list[tuple[str, ...]]:
        return [event for event in self.told.events if event[0] in ("loss", "lost")]


LONG = b"".join(b"%d a line of the log\n" % n for n in range(200))


@pytest.mark.parametrize("text", [LONG, b"short\n"], ids=["long", "short"])
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("name", ["access.log.1", "access.log-20261121", "access-2026-11-21.log", "access.log.old"])
def test_what_was_written_before_a_rotation_while_it_was_down_is_read_from_the_copy(
    tmp_path: Path, name: str, suffix: str, text: bytes
) -> None:
    """Numbered, dated, packed; then the new log from its start. A second start reads nothing again."""
    scene = Scene(tmp_path, text)
    scene.stop()
    scene.append(b"late\n")
    scene.move(name, b"new\n")
    if suffix:
        (tmp_path / f"{name}{suffix}").write_bytes(PACK[suffix]((tmp_path / name).read_bytes()))
        (tmp_path / name).unlink()
    assert scene.start() == b"late\nnew\n"
    scene.commit()
    scene.stop()
    assert (scene.start(), scene.losses()) == (b"", [])


def test_several_rotations_while_it_was_down_are_read_oldest_first(tmp_path: Path) -> None:
    """The rest of the known one, those that were never seen whole, then the log."""
    scene = Scene(tmp_path, LONG)
    scene.stop()
    scene.append(b"a\n")
    scene.move("access.log.3", b"b\n")
    scene.move("access.log.2", b"c\n")
    scene.move("access.log.1", b"d\n")
    assert scene.start() == b"a\nb\nc\nd\n"


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", ["access.log.{}", "access-{}.log"])
def test_copies_whose_numbers_rise_with_time_are_read_in_their_order(tmp_path: Path, name: str, suffix: str) -> None:
    """As Log4j numbers them. The times of their last changes show it."""
    for n in range(3):
        (tmp_path / name.format(n)).write_bytes(b"before the exporter\n")
        os.utime(tmp_path / name.format(n), (1_700_000_000 + n * 60, 1_700_000_000 + n * 60))
    scene = Scene(tmp_path, LONG, rotated="access-*.log*")
    scene.stop()
    for n, (late, text) in enumerate([(b"a\n", b"b\n"), (b"", b"c\n"), (b"", b"d\n")]):
        scene.append(late)
        copy = name.format(n + 9)
        scene.move(copy, text)
        if suffix:
            (tmp_path / f"{copy}.gz").write_bytes(gzip.compress((tmp_path / copy).read_bytes()))
            (tmp_path / copy).unlink()
        os.utime(tmp_path / f"{copy}{suffix}", (1_800_000_000 + n * 60, 1_800_000_000 + n * 60))
    assert (scene.start(), scene.losses()) == (b"a\nb\nc\nd\n", [])


def test_copies_that_were_there_before_the_exporter_are_never_read(tmp_path: Path) -> None:
    """Not at its first start, not after a rotation has renamed and packed them, nor an old one put back later."""
    (tmp_path / "access.log.1").write_bytes(b"history\n")
    scene = Scene(tmp_path, LONG)
    (tmp_path / "access.log.2.gz").write_bytes(gzip.compress(b"history\n"))
    (tmp_path / "access.log.1").unlink()
    scene.move("access.log.1", b"new\n")
    assert scene.read() == b"new\n"
    (tmp_path / "access.log.7").write_bytes(b"from a backup\n")
    scene.commit()
    scene.stop()
    assert scene.start() == b""


@pytest.mark.parametrize("down", [False, True], ids=["running", "down"])
def test_copytruncate_reads_the_rest_from_the_copy(tmp_path: Path, down: bool) -> None:
    """Also when the log has grown past the old offset by the time it is looked at."""
    scene = Scene(tmp_path, LONG)
    if down:
        scene.stop()
    scene.append(b"late\n")
    shutil.copy(scene.log, tmp_path / "access.log.1")
    scene.log.write_bytes(b"new\n" * 2000)
    assert (scene.start() if down else scene.read()) == b"late\n" + b"new\n" * 2000
    assert scene.losses() == []


def test_a_hole_that_a_writer_leaves_after_truncation_is_no_line(tmp_path: Path) -> None:
    """A writer that does not append goes on at its old offset; what is before is NULs."""
    scene = Scene(tmp_path, LONG)
    with scene.log.open("r+b") as writer:
        writer.truncate(0)
        writer.seek(len(LONG))
        writer.write(b"after the hole\n")
    assert scene.read() == b"after the hole\n"
    scene.commit()
    scene.append(b"more\n")
    scene.stop()
    assert scene.start() == b"more\n"


@pytest.mark.parametrize(
    ("down", "told"), [(False, ("lost", "truncated", "7")), (True, ("loss", "truncated"))], ids=["running", "down"]
)
def test_truncated_with_no_copy_is_told(tmp_path: Path, down: bool, told: tuple[str, ...]) -> None:
    """With the number of bytes where both ends were seen."""
    scene = Scene(tmp_path, LONG)
    scene.append(b"unread\n")
    scene.source.scan()
    if down:
        scene.stop()
    scene.log.write_bytes(b"new\n")
    assert (scene.start() if down else scene.read()) == b"new\n"
    assert scene.losses() == [told]


@pytest.mark.parametrize("text", [LONG, b"short\n", b"unfinished"], ids=["long", "short", "unfinished"])
@pytest.mark.parametrize("down", [False, True], ids=["running", "down"])
def test_a_log_that_is_replaced_by_a_longer_copy_is_read_on(tmp_path: Path, text: bytes, down: bool) -> None:
    """As rsync does: it writes another file and renames it."""
    scene = Scene(tmp_path, text)
    if down:
        scene.stop()
    (tmp_path / "copy").write_bytes(text + b" and more\n")
    (tmp_path / "copy").replace(scene.log)
    unfinished = text[text.rfind(b"\n") + 1 :]
    assert (scene.start() if down else scene.read()) == unfinished + b" and more\n"
    assert (scene.read(), scene.losses()) == (b"", [])


def test_deleted_while_it_was_down_is_told(tmp_path: Path) -> None:
    """Nobody knows how much was in it."""
    scene = Scene(tmp_path, LONG)
    scene.stop()
    scene.move("gone", b"new\n")
    (tmp_path / "gone").unlink()
    assert scene.start() == b"new\n"
    assert [event[0] for event in scene.losses()] == ["loss"]


def test_a_log_that_a_power_loss_has_shortened_goes_on_at_its_end(tmp_path: Path) -> None:
    """What is missing was counted, what comes was not."""
    scene = Scene(tmp_path, LONG)
    scene.stop()
    os.truncate(scene.log, 3000)
    assert scene.start() == b""
    scene.append(b"new\n")
    assert (scene.read(), scene.losses()) == (b"new\n", [])


def test_an_unfinished_line_waits_over_a_restart_and_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finished by its writer it is a line; rotated away with nobody to finish it, it counts as it is."""
    scene = Scene(tmp_path, b"1\nhal")
    scene.stop()
    assert scene.start() == b""
    scene.append(b"f\nunfini")
    assert scene.read() == b"half\n"
    scene.commit()
    scene.stop()
    scene.move("access.log.1", b"2\n")
    monkeypatch.setattr(file_input, "_LINGER_SECONDS", -1.0)
    assert scene.start() == b"unfini\n2\n"
    scene.commit()
    scene.stop()
    assert scene.start() == b""


def test_short_logs_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    """The same first line in each of them: the rotated one goes on, the new one is new."""
    scene = Scene(tmp_path, b"#Fields: time status\n")
    scene.stop()
    scene.append(b"a\n")
    scene.move("access.log.1", b"#Fields: time status\nb\n")
    assert scene.start() == b"a\n#Fields: time status\nb\n"


def test_a_line_that_is_too_long_is_left_out_once_over_a_restart(tmp_path: Path) -> None:
    """The rest of it is no line of its own."""
    scene = Scene(tmp_path, b"1\n" + b"x" * 2_000_000)
    scene.stop()
    scene.append(b"x\n2\n")
    assert scene.start() == b"2\n"


def test_a_copy_that_the_pattern_matches_is_no_log(tmp_path: Path) -> None:
    """`access.log*` matches a copy of the log and old logs; no line counts twice."""
    scene = Scene(tmp_path, LONG, "access.log*")
    shutil.copy(scene.log, tmp_path / "access.log.mine")
    shutil.copy(scene.log, tmp_path / "access.log.1")
    assert scene.read() == b""
    scene.commit()
    scene.stop()
    assert scene.start() == b""


def test_a_link_that_is_switched_to_another_file_is_a_rotation(tmp_path: Path) -> None:
    """Both are read to their ends, while it runs and while it is down."""
    days = [tmp_path / f"access-2026112{n}.log" for n in range(3)]
    days[0].write_bytes(LONG)
    link = tmp_path / "access.log"
    link.symlink_to(days[0].name)
    told = Told()
    source = FileInput(str(link), told)
    assert read_all(source) == LONG
    for n in (1, 2):
        with days[n - 1].open("ab") as out:
            out.write(b"late\n")
        if n == 2:
            positions = source.positions()
            source.close()
            source = FileInput(str(link), told)
            source.restore(positions)
        days[n].write_bytes(b"day %d\n" % n)
        link.unlink()
        link.symlink_to(days[n].name)
        assert read_all(source) == b"late\nday %d\n" % n


def test_old_logs_in_another_folder_are_found_where_the_config_says(tmp_path: Path) -> None:
    """`rotated` names them."""
    (tmp_path / "old").mkdir()
    scene = Scene(tmp_path, LONG, rotated="old/*")
    scene.stop()
    scene.append(b"late\n")
    scene.move("old/monday", b"new\n")
    assert scene.start() == b"late\nnew\n"


def test_a_damaged_packed_copy_is_read_as_far_as_it_goes_and_told(tmp_path: Path) -> None:
    """The lines that can be unpacked count."""
    scene = Scene(tmp_path, LONG)
    scene.stop()
    scene.move("access.log.2", b"new\n")
    packed = gzip.compress(random.Random(SEED).randbytes(200_000).hex().encode() + b"\n")
    (tmp_path / "access.log.1.gz").write_bytes(gzip.compress(b"whole\n" * 9) + packed[: len(packed) // 2])
    assert scene.start().startswith(b"whole\n" * 9)
    assert scene.losses() == [("loss", "damaged")]


def test_an_unmounted_log_is_waited_for_and_read_on(tmp_path: Path) -> None:
    """It is not lost as long as nothing has taken its place."""
    scene = Scene(tmp_path, LONG)
    scene.stop()
    scene.log.rename(tmp_path / "elsewhere")
    assert scene.start() == b""
    scene.commit()
    (tmp_path / "elsewhere").rename(scene.log)
    scene.append(b"more\n")
    assert (scene.read(), scene.losses()) == (b"more\n", [])


@pytest.mark.parametrize("text", [LONG, b"a line of a short log\n" * 20], ids=["long", "short"])
@pytest.mark.parametrize("suffix", PACK)
def test_a_copy_that_is_being_packed_is_left_alone(tmp_path: Path, suffix: str, text: bytes) -> None:
    """What it is made of is still there, and is read; when it is whole, it is known."""
    scene = Scene(tmp_path, b"")
    scene.append(text)
    scene.move("access.log.1", b"new\n")
    copy = tmp_path / f"access.log.1{suffix}"
    with (gzip.open if suffix == ".gz" else zstandard.open)(copy, "wb") as out:
        out.write(text[: len(text) // 2])
        out.flush()
        assert scene.read() == text + b"new\n"
        out.write(text[len(text) // 2 :])
    (tmp_path / "access.log.1").unlink()
    scene.append(b"more\n")
    assert scene.read() == b"more\n"
    scene.commit()
    scene.stop()
    assert (scene.start(), scene.losses()) == (b"", [])


@pytest.mark.parametrize("copied", [True, False])
def test_a_log_that_is_truncated_just_as_it_is_found_again(tmp_path: Path, copied: bool) -> None:
    """Before it was read on: what is in a copy is not lost, and without one it is, to the byte."""
    scene = Scene(tmp_path, LONG)
    scene.stop()
    scene.append(b"more\n")
    scene.source = scene._new()
    scene.source.restore(msgspec.msgpack.decode(scene._stored, type=list[Position]))
    scene.source.scan()
    if copied:
        shutil.copyfile(scene.log, tmp_path / "access.log.1")
    scene.log.write_bytes(b"new\n")
    assert scene.read() == (b"more\nnew\n" if copied else b"new\n")
    assert scene.losses() == ([] if copied else [("lost", "truncated", "5")])


def test_a_file_that_begins_like_a_short_finished_one_is_a_new_file(tmp_path: Path) -> None:
    """A few bytes are not enough to know it: it is read from its start, also after a restart."""
    (tmp_path / "a.log").write_bytes(b"h\n")
    reader = Reader(str(tmp_path / "*.log"))
    reader.scan()
    reader.read()
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    reader.scan()
    reader.read()
    (tmp_path / "b.log").write_bytes(b"h\nmore\n")
    reader.scan()
    reader.read()
    reader.commit()
    assert sorted(reader.committed.splitlines()) == [b"h", b"h", b"more"]
    assert not [event for event in reader.told.events if event[0] in ("lost", "loss")]


PING = b"the same line\n"


@pytest.mark.parametrize("header", [b"", b"#Fields: time\n", b"#Fields: " + b"a long name " * 100 + b"\n"])
@pytest.mark.parametrize("text", [b"", PING, PING * 100], ids=["none", "one", "many"])
@pytest.mark.parametrize("looks", ["none", "before", "after"])
def test_a_new_log_that_holds_the_same_as_the_renamed_one_is_read(
    tmp_path: Path, looks: str, text: bytes, header: bytes
) -> None:
    """Whenever it is found, and what is still written to the renamed one, too."""
    scene = Scene(tmp_path, header + text)
    scene.move("access.log.1")
    read = scene.read() if looks == "before" else b""
    scene.append(header + text)
    read += scene.read() if looks == "after" else b""
    with (tmp_path / "access.log.1").open("ab") as out:
        out.write(PING)
    scene.append(PING)
    read += scene.read()
    assert read.count(PING) == (text + PING + PING).count(PING)
    assert scene.losses() == []


@pytest.mark.parametrize("name", ["access.log", "*.log"])
def test_a_renamed_log_is_read_on_after_it_was_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Its writer was silent for a while; a new log that holds the same is another one."""
    scene = Scene(tmp_path, PING, name)
    scene.move("access.log.1")
    monkeypatch.setattr(file_input, "_LINGER_SECONDS", -1.0)
    assert scene.read() == b""
    scene.append(PING)
    assert scene.read() == PING
    with (tmp_path / "access.log.1").open("ab") as out:
        out.write(b"late\n")
    assert (scene.read(), scene.losses()) == (b"late\n", [])
