"""Finished objects of a cloud's log, in a folder that is kept in step with a bucket: each is read once."""

import gzip
import random
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard

from exporter.inputs.logs import discovery, objects
from exporter.inputs.logs.file_input import FileInput
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


def open_descriptors(folder: Path) -> list[str]:
    """The files below a folder that this process holds open."""
    held = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            held.append(str(descriptor.readlink()))
    return sorted(path for path in held if path.startswith(str(folder)))


def read_on(source: FileInput) -> list[bytes]:
    """The lines until nothing more comes, sorted."""
    lines: list[bytes] = []
    while found := read_all(source):
        lines += found.split(b"\n")[:-1]
    return sorted(lines)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is thought to write to an object any more, however new it is; each scan looks at all of them."""
    monkeypatch.setattr(discovery, "_LOOK_UP_SECONDS", -1.0)
    for name in ("TICK", "_UNENDED", "_BROKEN"):
        monkeypatch.setattr(objects, name, -(10**18))


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("end", [".gz", ".zst"])
def test_an_object_is_closed_when_it_was_read(tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More objects than are open at a time are all read, at any depth; after a restart none is opened again."""
    monkeypatch.setattr("exporter.inputs.logs.following.MOST", 4)
    for n in range(11):
        put(tmp_path / ("a/" * (n % 4)) / f"{n:02}.log{end}", b"%02d\n" % n)
    put(tmp_path / f"empty.log{end}", b"")
    told = Told()
    source = FileInput(str(tmp_path / "**" / f"*.log{end}"), told)
    found: list[bytes] = []
    for _ in range(4):
        found += read_on(source)
        assert len(open_descriptors(tmp_path)) <= 4
    assert sorted(found) == [b"%02d" % n for n in range(11)]
    assert (open_descriptors(tmp_path), source.readable, source.lag_bytes()) == ([], True, 0)
    positions = source.positions()
    source.close()
    opened = len(told.events)
    source = FileInput(str(tmp_path / "**" / f"*.log{end}"), told)
    source.restore(positions)
    put(tmp_path / f"b/new.log{end}", b"new\n")
    assert read_on(source) == [b"new"]
    assert [event[0] for event in told.events[opened:]].count("opened") == 2  # it, and the empty one
    assert open_descriptors(tmp_path) == []
    source.close()


def test_more_objects_than_can_be_open_are_left_out_at_the_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `start_at: end`, none of them is taken for a later one."""
    monkeypatch.setattr("exporter.inputs.logs.following.MOST", 2)
    for n in range(5):
        put(tmp_path / f"{n}.log.gz", b"%d\n" % n)
    source = FileInput(str(tmp_path / "*.log.gz"), Told(), "end")
    assert read_on(source) == []
    assert open_descriptors(tmp_path) == []
    put(tmp_path / "5.log.gz", b"5\n")
    assert read_on(source) == [b"5"]
    source.close()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_an_object_that_is_written_in_place_is_read_once(tmp_path: Path, seed: int, restarts: bool) -> None:
    """Its tool pauses anywhere, for so long that it is closed; it may hold several members, of which some are whole."""
    rng = random.Random(seed)
    lines = [b"%03d %d" % (n, rng.getrandbits(256)) for n in range(400)]
    members = [b"\n".join(lines[n : n + 100]) + b"\n" for n in range(0, 400, 100)]
    packed = b"".join(map(gzip.compress, members))
    told = Told()
    path = tmp_path / "a.log.gz"
    source = FileInput(str(tmp_path / "*.log.gz"), told)
    found: list[bytes] = []
    cuts = sorted(rng.sample(range(len(packed)), 6))
    for start, end in zip([0, *cuts], [*cuts, len(packed)], strict=True):
        with path.open("ab") as out:
            out.write(packed[start:end])
        for _ in range(3):
            found += read_on(source)
        if restarts:
            positions = source.positions()
            source.close()
            source = FileInput(str(tmp_path / "*.log.gz"), told)
            source.restore(positions)
    found += read_on(source)
    assert found == lines, f"seed {seed}"
    assert [event for event in told.events if event[0] == "lost"] == []
    source.close()


@pytest.mark.usefixtures("quiet")
def test_the_last_line_of_an_object_counts_without_a_line_feed(tmp_path: Path) -> None:
    """It can't be continued. An object that can't be unpacked to its end is reported, once."""
    told = Told()
    put(tmp_path / "a.log.gz", b"1\n2")
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(b"3\n4\n")[:-6])
    source = FileInput(str(tmp_path / "*.log.gz"), told)
    assert read_on(source) == [b"1", b"2", b"3", b"4"]
    assert read_on(source) == []
    assert [event for event in told.events if event[0] == "loss"] == [("loss", "damaged")]
    source.close()


@pytest.mark.usefixtures("quiet")
def test_objects_that_are_taken_away_are_forgotten(tmp_path: Path) -> None:
    """A bucket keeps its objects for some days. While the whole folder is away, all are remembered."""
    for n in range(300):
        put(tmp_path / f"{n}.log.gz", b"%d\n" % n)
    source = FileInput(str(tmp_path / "*.log.gz"), Told())
    for _ in range(4):
        read_on(source)
    assert len(source.positions()) == 300
    away = tmp_path.with_name("away")
    tmp_path.rename(away)
    tmp_path.mkdir()
    assert read_on(source) == []
    tmp_path.rmdir()
    away.rename(tmp_path)
    assert read_on(source) == []
    for n in range(250):
        (tmp_path / f"{n}.log.gz").unlink()
    assert read_on(source) == []
    assert len(source.positions()) == 250  # those that are there, and the last 200 in case they come back
    source.close()
