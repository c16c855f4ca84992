"""What inputs know of each other: a file is read by one of them, and goes on with whoever it belongs to now."""

from itertools import count
from pathlib import Path

import pytest

from exporter.inputs.disk.names import covers, is_pattern
from exporter.inputs.elsewhere import Elsewhere, StoredInput
from exporter.inputs.logs.file_input import FileInput
from tests.unit.test_files import Told, read_all

_SERIAL = count()


def text(lines: int) -> bytes:
    """Lines that are in no other file."""
    return b"".join(b"%030d\n" % next(_SERIAL) for _ in range(lines))


class Inputs:
    """Inputs by path or pattern; `read` gives the lines of each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told = Told()
        self._elsewhere = Elsewhere()
        self._running: dict[str, FileInput] = {}

    def become(self, *patterns: str, start_at: str = "beginning", rotated: str = "") -> None:
        """From now on these are the inputs."""
        before = list(self._running)
        gone = [
            StoredInput(place=(source.pattern, rotated), positions=source.positions(), last_time=None, format=b"")
            for pattern in before
            if pattern not in patterns and (source := self._running.pop(pattern))
        ]
        for pattern in patterns:
            if pattern not in self._running:
                path = str(self.folder / pattern)
                self._running[pattern] = FileInput(path, self.told, start_at, rotated, self._elsewhere)
        self._elsewhere.arrange(self._running, gone, [str(self.folder / pattern) for pattern in before])

    def read(self) -> dict[str, bytes]:
        """What each input reads now; nothing stands for none."""
        found = {}
        for pattern, source in sorted(self._running.items(), key=lambda input_: is_pattern(input_[0])):
            if lines := read_all(source):
                found[pattern] = lines
        return found

    def write(self, name: str, data: bytes) -> bytes:
        """Append."""
        with (self.folder / name).open("ab") as out:
            out.write(data)
        return data

    @property
    def former(self) -> list[StoredInput]:
        """Inputs that were taken out and are remembered."""
        return self._elsewhere.former


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return Inputs(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "path", "is_covered"),
    [
        ("/l/a.log", "/l/a.log", True),
        ("/l/a.log", "/l/b.log", False),
        ("/l/*.log", "/l/a.log", True),
        ("/l/*.log", "/l/.a.log", False),
        ("/l/.*.log", "/l/.a.log", True),
        ("/l/*.log", "/l/m/a.log", False),
        ("/l/*/a.log", "/l/m/a.log", True),
        ("/l/?[0-9].log", "/l/a1.log", True),
        ("/l/?[!0-9].log", "/l/a1.log", False),
        ("/l/**", "/l/m/a.log", True),
        ("/l/**", "/l/.m/a.log", False),
        ("/l/**/*.gz", "/l/a.gz", True),
        ("/l/**/*.gz", "/l/m/n/a.gz", True),
        ("/l/**/*.gz", "/l/m/n/a.log", False),
        ("/l/**/m/**/*.gz", "/l/m/a.gz", True),
        ("/l/a**/*.gz", "/l/ab/m/a.gz", False),
        ("/m/**", "/l/a.gz", False),
    ],
)
def test_a_pattern_covers_what_glob_matches(pattern: str, path: str, is_covered: bool) -> None:
    """It matches part by part; hidden files only by a part that begins with a dot."""
    assert covers(pattern, path) == is_covered


def test_a_log_that_is_rotated_as_its_input_goes_is_looked_for(inputs: Inputs) -> None:
    """By an input that was there before, though nothing new has come; what was added to it is read, and none lost."""
    inputs.write("a.log", text(50))
    inputs.become("a.log", "*.log")
    inputs.read()
    (inputs.folder / "a.log").rename(inputs.folder / "a.log.1")
    more = inputs.write("a.log.1", text(2))
    inputs.write("b.log", text(1))
    inputs.become("*.log")
    assert more in inputs.read()["*.log"]
    new = inputs.write("a.log", text(3))
    assert inputs.read() == {"*.log": new}
    assert [event for event in inputs.told.events if event[0] in ("loss", "lost")] == []


def test_a_short_log_that_was_copied_and_truncated_meanwhile_goes_on(inputs: Inputs) -> None:
    """Though its first KiB says little."""
    inputs.write("a.log", text(3))
    inputs.become("a.log")
    inputs.read()
    inputs.become("other")
    more = inputs.write("a.log", text(2))
    (inputs.folder / "a.log.1").write_bytes((inputs.folder / "a.log").read_bytes())
    (inputs.folder / "a.log").write_bytes(b"")
    new = inputs.write("a.log", text(1))
    inputs.become("a.*", start_at="end")
    assert inputs.read() == {"a.*": more + new}


def test_it_is_no_loss_where_the_log_of_an_input_that_was_out_is_gone(inputs: Inputs) -> None:
    """It was not to be read; where it has gone in the same moment, it is one."""
    inputs.write("a.log", text(50))
    inputs.write("b.log", text(50))
    inputs.become("a.log", "b.log")
    inputs.read()
    inputs.become("b.log")
    (inputs.folder / "a.log").rename(inputs.folder / "a.log.gone")
    (inputs.folder / "b.log").unlink()
    inputs.write("a.log", text(1))
    (inputs.folder / "a.log.gone").unlink()
    inputs.become("*.log")
    inputs.read()
    assert [event for event in inputs.told.events if event[0] in ("loss", "lost")] == [("loss", "deleted")]


def test_what_is_known_is_forgotten_when_its_files_are_gone(inputs: Inputs) -> None:
    """Not before."""
    inputs.write("a.log", text(50))
    inputs.become("a.log")
    inputs.read()
    inputs.become("other")
    inputs.become("other")
    (inputs.folder / "a.log").rename(inputs.folder / "a.log.1")
    inputs.become("other")
    assert [input_.pattern for input_ in inputs.former] == [str(inputs.folder / "a.log")]
    (inputs.folder / "a.log.1").unlink()
    inputs.become("other")
    assert inputs.former == []


def test_copies_that_another_input_has_read_are_left_to_it(inputs: Inputs) -> None:
    """Where two inputs name one folder for their rotated logs."""
    old = inputs.folder / "old"
    old.mkdir()
    inputs.write("a.log", text(50))
    inputs.write("b.log", text(50))
    inputs.become("a.log", "b.log", rotated=str(old / "*"))
    inputs.read()
    (inputs.folder / "b.log").rename(old / "b.log-1")
    late = inputs.write("old/b.log-1", text(1))
    new = inputs.write("b.log", text(1))
    assert inputs.read() == {"b.log": late + new}
    (inputs.folder / "a.log").rename(old / "a.log-1")
    newer = inputs.write("a.log", text(1))
    assert inputs.read() == {"a.log": newer}
