"""The tailer: bytes of growing files → whole lines, whatever the pieces and the rotations."""

import gzip
import os
import queue
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from exporter.errors import InputError
from exporter.inputs.archive import whole_lines
from exporter.inputs.lines import CHUNK, SLICE, Lines
from exporter.inputs.logs import file_input, sorting
from exporter.inputs.logs.file_input import FileInput
from exporter.inputs.pipe import PipeInput
from exporter.model.fields import LONGEST_LINE
from tests.waiting import eventually

TEXT = "one\ntwo €uro\n\nключ 世界 four\r\nlast\n".encode()


class Told:
    """A ledger that remembers what it was told."""

    def __init__(self) -> None:
        self.longest_line = LONGEST_LINE
        self.events: list[tuple[str, ...]] = []

    def rotated(self, kind: str) -> None:
        self.events.append(("rotated", kind))

    def lost(self, path: str, reason: str, size: int) -> None:  # noqa: ARG002
        self.events.append(("lost", reason, str(size)))

    def loss(self, path: str, reason: str) -> None:  # noqa: ARG002
        self.events.append(("loss", reason))

    def resumed(self, path: str, offset: int) -> None:
        self.events.append(("resumed", Path(path).name, str(offset)))

    def too_long(self, path: str) -> None:
        self.events.append(("too_long", Path(path).name))

    def dropped(self, path: str, messages: int) -> None:
        self.events.append(("dropped", path, str(messages)))

    def unreadable(self, path: str, why: str) -> None:
        self.events.append(("unreadable", Path(path).name, why))

    def opened(self, path: str, offset: int) -> None:
        self.events.append(("opened", Path(path).name, str(offset)))


def read_all(source: FileInput) -> bytes:
    found = b""
    source.scan()
    while (chunk := source.read()) or source.pending:
        found += chunk
    return found


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


# --- pieces


@pytest.mark.parametrize("size", range(1, len(TEXT) + 1))
def test_pieces_of_any_size_give_the_same_whole_lines(size: int) -> None:
    """Multibyte lines cut at every possible place come out whole, and only whole."""
    lines, found = Lines(), []
    for at in range(0, len(TEXT), size):
        whole, _ = lines.feed(TEXT[at : at + size])
        assert not whole or whole.endswith(b"\n")
        found.append(whole)
    assert b"".join(found) == TEXT
    assert lines.finish() == b""


def test_random_pieces_of_random_lines_lose_nothing() -> None:
    """Whatever is written in whatever pieces is read once, the unfinished end included."""
    seed = 20261121
    rng = random.Random(seed)
    for _ in range(200):
        text = b"".join(rng.randbytes(rng.randrange(40)) + rng.choice((b"\n", b"")) for _ in range(20))
        lines, found, at = Lines(), b"", 0
        while at < len(text):
            step = rng.randrange(1, 60)
            found += lines.feed(text[at : at + step])[0]
            at += step
        rest = lines.finish()
        assert (found + rest)[: len(text)] == text, f"seed {seed}"


def test_a_line_that_is_too_long_is_dropped_once_and_the_next_one_is_read() -> None:
    """It is reported once, takes no memory, and hides no line behind it."""
    lines = Lines()
    outcomes = [lines.feed(b"x" * 65536) for _ in range(40)]
    assert [dropped for _, dropped in outcomes].count(True) == 1
    assert len(lines.rest) <= LONGEST_LINE
    assert lines.feed(b"tail\nnext\n") == (b"next\n", False)


def test_the_longest_line_that_is_read_can_be_chosen(tmp_path: Path) -> None:
    """A longer one is left out and told, also in a log that is read whole."""
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 140_000 + b"\n" + b"y" * 3_000_000 + b"\nshort\n")
    wanted = {65_536: b"short\n", 1 << 20: b"x" * 140_000 + b"\nshort\n", 1 << 22: log.read_bytes()}
    for longest, expected in wanted.items():
        told = Told()
        told.longest_line = longest
        assert read_all(FileInput(str(log), told)) == expected
        assert told.events.count(("too_long", "a.log")) == 3 - expected.count(b"\n")
        assert b"".join(chunk for chunk, _ in whole_lines(str(log), longest_line=longest)) == expected


# --- growing


def test_a_folder_among_the_logs_is_no_log(tmp_path: Path, told: Told) -> None:
    """`/var/log/nginx/*` with a folder of old logs is ordinary; also one that comes in a log's place."""
    (tmp_path / "old").mkdir()
    (tmp_path / "a.log").write_bytes(b"one\n")
    source = FileInput(str(tmp_path / "*"), told)
    assert read_all(source) == b"one\n"
    (tmp_path / "a.log").unlink()
    (tmp_path / "a.log").mkdir()
    assert read_all(source) == b""
    source.close()


def test_a_folder_at_a_logs_path_is_waited_for(log: Path, told: Told) -> None:
    """What is there instead is reported once; when the log comes, it is read."""
    log.mkdir()
    source = FileInput(str(log), told)
    assert read_all(source) + read_all(source) == b""
    assert (told.events, source.readable) == ([("unreadable", "access.log", "Is a directory")], False)
    log.rmdir()
    log.write_bytes(b"one\n")
    assert (read_all(source), source.readable) == (b"one\n", True)
    source.close()


def test_a_log_that_is_there_is_read_from_its_beginning_or_its_end(log: Path, told: Told) -> None:
    """`start_at` decides for logs that are there at the first look."""
    log.write_bytes(b"old\n")
    beginning, end = FileInput(str(log), told), FileInput(str(log), told, "end")
    assert read_all(beginning) == b"old\n"
    assert read_all(end) == b""
    with log.open("ab") as out:
        out.write(b"new\n")
    assert read_all(beginning) == read_all(end) == b"new\n"
    assert told.events == [("opened", "access.log", "0"), ("opened", "access.log", "4")]


def test_a_half_written_line_waits_for_its_other_half(log: Path, told: Told) -> None:
    """Half a line is no line, however often one looks."""
    source = FileInput(str(log), told)
    log.write_bytes(b"whole\nhal")
    assert read_all(source) == b"whole\n"
    assert read_all(source) == b""
    with log.open("ab") as out:
        out.write(b"f\n")
    assert read_all(source) == b"half\n"


def test_a_missing_log_is_told_once_and_read_from_its_beginning_when_it_comes(log: Path, told: Told) -> None:
    """Also with `start_at: end`: nothing of a log that came later is skipped."""
    source = FileInput(str(log), told, "end")
    assert read_all(source) == read_all(source) == b""
    assert not source.readable
    log.write_bytes(b"first\n")
    assert read_all(source) == b"first\n"
    assert source.readable
    assert told.events == [("unreadable", "access.log", "No such file or directory"), ("opened", "access.log", "0")]


def test_a_pattern_takes_in_new_logs_and_leaves_out_packed_ones(tmp_path: Path, told: Told) -> None:
    """Globs are live; `.gz` and its like are no logs that grow."""
    source = FileInput(str(tmp_path / "*.log*"), told)
    assert read_all(source) == b""
    (tmp_path / "a.log").write_bytes(b"a\n")
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(b"packed\n"))
    assert read_all(source) == b"a\n"
    (tmp_path / "c.log").write_bytes(b"c\n")
    assert read_all(source) == b"c\n"
    assert source.files == [str(tmp_path / "a.log"), str(tmp_path / "c.log")]


# --- rotation


def test_rename_and_create_loses_no_line_also_of_a_writer_that_lingers(log: Path, told: Told) -> None:
    """The old file is read on while its writer still holds it; the new one from its beginning."""
    source = FileInput(str(log), told)
    writer = log.open("ab", buffering=0)
    writer.write(b"1\n2\n")
    assert read_all(source) == b"1\n2\n"
    writer.write(b"3\n")
    log.rename(log.with_suffix(".log.1"))
    log.write_bytes(b"4\n")
    assert read_all(source) == b"3\n4\n"
    writer.write(b"late\n")
    assert read_all(source) == b"late\n"
    assert ("rotated", "rename") in told.events
    writer.close()


def test_several_renames_between_two_looks_count_what_is_still_reachable(log: Path, told: Told) -> None:
    """The file that was open is read to its end even when its name is gone for good."""
    source = FileInput(str(log), told)
    log.write_bytes(b"1\n")
    assert read_all(source) == b"1\n"
    with log.open("ab") as out:
        out.write(b"2\n")
    log.unlink()
    log.write_bytes(b"3\n")
    assert read_all(source) == b"2\n3\n"


def test_a_renamed_log_that_the_pattern_still_matches_is_no_new_log(tmp_path: Path, told: Told) -> None:
    """`access.log*` matches `access.log.1` too: its lines count once."""
    source = FileInput(str(tmp_path / "access.log*"), told)
    log = tmp_path / "access.log"
    log.write_bytes(b"1\n")
    assert read_all(source) == b"1\n"
    log.rename(tmp_path / "access.log.1")
    log.write_bytes(b"2\n")
    assert read_all(source) == b"2\n"
    assert [event for event in told.events if event[0] == "rotated"] == [("rotated", "rename")]


def test_truncation_starts_again_and_tells_what_was_lost(log: Path, told: Told) -> None:
    """Bytes that were seen and not read are reported; the half line that was read counts as a line."""
    source = FileInput(str(log), told)
    log.write_bytes(b"1\nhal")
    assert read_all(source) == b"1\n"
    with log.open("ab") as out:
        out.write(b"f\nunread\n")
    source.scan()
    os.truncate(log, 0)
    with log.open("ab") as out:
        out.write(b"2\n")
    assert read_all(source) == b"hal\n2\n"
    assert told.events[1:] == [("rotated", "truncate"), ("opened", "access.log", "0"), ("lost", "truncated", "9")]


def test_an_unfinished_line_of_a_deleted_log_counts_as_it_is(
    log: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once its writer has been silent for a while, nobody will finish it."""
    source = FileInput(str(log), told)
    log.write_bytes(b"1\nunfinished")
    assert read_all(source) == b"1\n"
    log.unlink()
    assert read_all(source) == b""
    monkeypatch.setattr(file_input, "_LINGER_SECONDS", -1.0)
    assert read_all(source) == b"unfinished\n"
    assert source.lag_bytes() == 0


def test_a_renamed_log_is_let_go_when_its_writer_is_silent(
    log: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file descriptor is kept for ever."""
    monkeypatch.setattr(file_input, "_LINGER_SECONDS", -1.0)
    source = FileInput(str(log), told)
    log.write_bytes(b"1\n")
    read_all(source)
    log.rename(log.with_suffix(".1"))
    before = len(list(Path("/proc/self/fd").iterdir()))
    read_all(source)
    assert len(list(Path("/proc/self/fd").iterdir())) == before - 1


def test_bytes_not_read_yet_are_the_lag(log: Path, told: Told) -> None:
    """`lag_bytes` is what is there and was not read."""
    source = FileInput(str(log), told)
    log.write_bytes(b"12345\n")
    source.scan()
    assert source.lag_bytes() == 6
    source.read()
    assert source.lag_bytes() == 0


def test_right_after_a_restart_what_was_read_before_is_no_lag(log: Path, told: Told) -> None:
    """Before the place is found where a log is read on, and also where it was renamed meanwhile."""
    log.write_bytes(b"12345\n" * 1000)
    before = FileInput(str(log), told)
    read_all(before)
    positions = before.positions()
    before.close()
    for path in (log, log.with_suffix(".1")):
        log.replace(path)
        with path.open("ab") as out:
            out.write(b"67\n")
        source = FileInput(str(log), told)
        source.restore(positions)
        source.scan()
        first = source.lag_bytes()
        read_all(source)
        assert (first, source.lag_bytes()) == ((3, 0) if path == log else (0, 0))
        positions = source.positions()
        source.close()


# --- what is passed over


@pytest.mark.parametrize(
    ("before", "filler", "after", "lines", "events"),
    [
        (b"", b"\0", b"after\n", b"after\n", []),
        (b"before\n", b"\0", b"after\n", b"before\nafter\n", []),
        (b"before\n", b"x", b"\nafter\n", b"before\nafter\n", [("too_long", "access.log")]),
        (b"before\nx", b"\0", b"\nafter\n", b"before\nafter\n", [("too_long", "access.log")]),
    ],
    ids=["zeros first", "zeros", "one line", "zeros within a line"],
)
def test_a_flood_without_a_line_is_passed_over_in_slices(
    log: Path,
    told: Told,
    before: bytes,
    filler: bytes,
    after: bytes,
    lines: bytes,
    events: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No read takes more than a slice of it, and its neighbours come whole. Restarts within it change nothing."""
    monkeypatch.setattr(sorting, "_SLICE_SECONDS", 600.0)  # else the first read may find no place yet: a busy machine
    log.write_bytes(before + filler * (5 * SLICE + 7) + after)
    source = FileInput(str(log), told)
    source.scan()
    found, reads, lag = b"", 0, source.lag_bytes()
    while (chunk := source.read()) or source.pending:
        assert lag - source.lag_bytes() <= SLICE
        lag = source.lag_bytes()
        found += chunk
        reads += 1
        if reads % (SLICE // CHUNK) == 0:
            positions = source.positions()
            source.close()
            source = FileInput(str(log), told)
            source.restore(positions)
            source.scan()
    assert found == lines
    assert reads > 5
    assert [event for event in told.events if event[0] not in ("opened", "resumed")] == events
    source.close()


def test_a_pipe_without_a_line_is_passed_over_in_slices_too(told: Told) -> None:
    """However fast its writer is."""
    reading, writing = os.pipe()
    source = PipeInput(reading, "stdin", told, lambda: None)
    source._waiting = queue.Queue()
    for _ in range(SLICE // CHUNK + 1):
        source._waiting.put(b"x" * CHUNK)
    assert (source.read(), source.pending) == (b"", True)
    assert (source.read(), source.pending) == (b"", False)
    os.write(writing, b"\nline\n")
    eventually(lambda: source.read() == b"line\n")
    os.close(writing)


# --- whole files


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_whole_files_are_read_plain_and_packed_with_a_last_line_that_has_no_end(tmp_path: Path, suffix: str) -> None:
    """`replay` reads what rotation leaves behind."""
    text = b"line\n" * 50_000 + b"last"
    pack: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}
    path = tmp_path / f"access.log{suffix}"
    path.write_bytes(pack[suffix](text))
    assert b"".join(chunk for chunk, _ in whole_lines(str(path))) == text + b"\n"


@pytest.mark.parametrize("name", ["missing.log", "broken.gz", "broken.zst"])
def test_a_file_that_cannot_be_read_is_told_by_name(tmp_path: Path, name: str) -> None:
    """Missing or damaged: one error that names the file."""
    path = tmp_path / name
    if "broken" in name:
        path.write_bytes(b"no archive at all")
    with pytest.raises(InputError, match=name):
        list(whole_lines(str(path)))
