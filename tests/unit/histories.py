"""Random histories of a log, for `test_histories`: a gateway writes, rotates and destroys logs, while an exporter reads
them, commits, and crashes.
"""

import gzip
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard

from exporter.inputs.disk.fingerprint import Position
from exporter.inputs.logs import file_input, sorting
from exporter.inputs.logs.file_input import FileInput
from tests.unit.test_files import Told

PACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": zstandard.compress}
# How rotated logs are named: a number, or a date, which stands before the extension or after it.
NAMES = ("{}.log.{}", "{}-{}.log", "{}.log-{}")


class Reader:
    """An exporter that commits what it has read together with its positions, and crashes."""

    def __init__(self, pattern: str) -> None:
        self.committed = b""
        self.told = Told()
        self._pattern = pattern
        self._uncommitted = b""
        self._stored = b""
        self.source = FileInput(pattern, self.told)

    def scan(self) -> None:
        self.source.scan()

    def read(self, chunks: int = 1_000_000) -> None:
        while chunks and ((chunk := self.source.read()) or self.source.pending):
            self._uncommitted += chunk
            chunks -= 1

    def commit(self) -> None:
        self.committed += self._uncommitted
        self._uncommitted = b""
        self._stored = msgspec.msgpack.encode(self.source.positions())

    def crash(self) -> None:
        self.source.close()
        self._uncommitted = b""
        self.source = FileInput(self._pattern, self.told)
        if self._stored:
            self.source.restore(msgspec.msgpack.decode(self._stored, type=list[Position]))


class Model:
    """A gateway and its log rotation. A file's bytes are what it should be read as; `due` is what was not destroyed."""

    def __init__(self, folder: Path, rng: random.Random, header: bytes, stem: str) -> None:
        self.stem = stem
        self.log = folder / f"{stem}.log"
        self.log.write_bytes(b"")
        self.folder = folder
        self.rng = rng
        self.due: list[bytes] = [b""]  # the content of each file, in order; the last is the log's
        self.name = rng.choice(NAMES)
        # Whether newer copies have higher numbers, which the times of three show; those of packed ones only if kept.
        self.numbers_rise = self.name == NAMES[0] and rng.random() < 0.5
        # How many old logs are not packed, and whether packing keeps the time of the last change.
        self.packed_after, self.suffix = rng.randrange(3), rng.choice(("", *PACK))
        self.keeps_time = self.numbers_rise or rng.random() < 0.5
        # Whether a log may hold nothing but its header. If that one is truncated or deleted, and the next one begins
        # alike, nobody can tell.
        self.may_be_bare = rng.random() < 0.3
        # The inode of a renamed log that the gateway still writes to, and where its content is among those due.
        self.renamed: tuple[int, int] | None = None
        self.day = 20260101
        self.count = 0
        self.header = header
        self.now = time.time_ns() - 3_600_000_000_000
        self._touch()
        for n in range(3 if self.numbers_rise else 0):
            old = folder / f"{stem}.log.{n + 1}"
            old.write_bytes(b"before the exporter %d\n" % n)
            self._touch(old)

    def write(self) -> None:
        """Some lines, the last of them perhaps half. A new log may begin with the header, and hold nothing else."""
        if self.renamed and self.rng.random() < 0.3:
            self._write_late(*self.renamed)
            return
        text = b""
        if not self.due[-1] and self.rng.random() < 0.5:
            text += self.header
        if not text or not self.may_be_bare or self.rng.random() < 0.7:
            text += self._lines()
        with self.log.open("ab") as out:
            out.write(text)
        self._touch()
        self.due[-1] += text

    def rename(self) -> None:
        self.log.rename(place := self._place())
        # A short one can't always be told when it was packed since; half a line of a silent writer counts as it is.
        is_known = len(self.due[-1]) >= 1024 and self.due[-1].endswith(b"\n") and not self.may_be_bare
        if is_known and not self.numbers_rise:
            self.renamed = place.stat().st_ino, len(self.due) - 1
        else:
            self.renamed = None
        self._begin_next()

    def copy_and_truncate(self) -> None:
        shutil.copy(self.log, place := self._place())
        self._touch(place)
        with self.log.open("r+b") as opened:
            opened.truncate(0)
        self._touch()
        self.due.append(b"")
        self.renamed = None

    def rotate(self) -> None:
        if self.may_be_bare or self.rng.random() < 0.5:
            self.rename()
        else:
            self.copy_and_truncate()

    def rotate_several(self) -> None:
        for _ in range(self.rng.randrange(2, 4)):
            self.write()
            self.rotate()

    def replace(self) -> None:
        """Write a longer copy beside the log, and rename it, as rsync does."""
        text = self._lines()
        copy = self.folder / ".copy"
        copy.write_bytes(self.log.read_bytes() + text)
        copy.replace(self.log)
        self._touch()
        self.due[-1] += text

    def snapshot(self) -> None:
        """Somebody copies the log under a name of their own."""
        if len(self.due[-1]) >= 1024:  # less can't always be told
            shutil.copy(self.log, self.folder / f"{self.stem}.log.of-{self.rng.choice('abc')}")

    def delete(self) -> None:
        """Delete the log once all of it was read: nothing is destroyed."""
        self.log.unlink()
        self._begin_next()

    def expected(self) -> Counter[bytes]:
        return Counter(line for text in self.due for line in text.splitlines())

    def _write_late(self, inode: int, place: int) -> None:
        """Whole lines, into a log that was renamed and not packed since: somebody has not opened the new one yet."""
        text = self._lines().rstrip(b"\n") + b"\n"
        path = next(path for path in self.folder.iterdir() if path.stat().st_ino == inode)
        with path.open("ab") as out:
            out.write(text)
        self._touch(path)
        self.due[place] += text

    def _lines(self) -> bytes:
        text = b""
        for _ in range(self.rng.randrange(1, 30)):
            self.count += 1
            text += b"%d %s %s\n" % (self.count, self.stem.encode(), b"x" * self.rng.choice((3, 50, 300)))
        return text[: -self.rng.randrange(1, 4)] if self.rng.random() < 0.4 else text

    def _begin_next(self) -> None:
        self.log.write_bytes(b"")
        self._touch()
        self.due.append(b"")

    def _touch(self, path: Path | None = None) -> None:
        """Time passes, more of it than the clock of a file system would notice in a quick test."""
        self.now += 2_000_000_000
        os.utime(path or self.log, ns=(self.now, self.now))

    def _place(self) -> Path:
        """The next name for an old log; older ones move on and are packed."""
        if self.name != NAMES[0]:
            self.day += 1
            old = sorted(self.folder.glob(self.name.format(self.stem, "2*")))[::-1]
            self._pack([path for path in old if path.suffix not in PACK])
            return self.folder / self.name.format(self.stem, self.day)
        old = sorted(self.folder.glob(f"{self.stem}.log.[0-9]*"), key=lambda path: int(path.name.split(".")[2]))
        if self.numbers_rise:
            self.day += 1
            self._pack([path for path in old[::-1] if path.suffix not in PACK])
            return self.folder / f"{self.stem}.log.{self.day % 1000}"
        for path in old[::-1]:
            parts = path.name.split(".")
            path.rename(self.folder / ".".join([*parts[:2], str(int(parts[2]) + 1), *parts[3:]]))
        self._pack([self.folder / f"{self.stem}.log.{n + 2}" for n in range(len(old))])
        return self.folder / f"{self.stem}.log.1"

    def _pack(self, paths: list[Path]) -> None:
        for path in paths[self.packed_after :]:
            if path.exists() and self.suffix:
                if self.renamed and path.stat().st_ino == self.renamed[0]:
                    self.renamed = None
                packed = Path(f"{path}{self.suffix}")
                packed.write_bytes(PACK[self.suffix](path.read_bytes()))
                self._touch(packed)
                if self.keeps_time:
                    shutil.copystat(path, packed)
                path.unlink()


def play(folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch, header: bytes) -> None:
    """One random history of one log or two. At its end all that was written and not destroyed was read and committed
    once.
    """
    rng = random.Random(seed)
    models = [Model(folder, rng, header, stem) for stem in rng.choice((["access"], ["access"], ["access", "other"]))]
    pattern = _pattern(models, rng)
    reader = Reader(str(folder / pattern))
    reader.scan()
    reader.commit()
    for _ in range(rng.randrange(3, 25)):
        # Whether a renamed file is let go at once, and whether looking for copies is interrupted at each step.
        monkeypatch.setattr(file_input, "_LINGER_SECONDS", rng.choice((-1.0, 1000.0)))
        monkeypatch.setattr(sorting, "_SLICE_SECONDS", rng.choice((-1.0, 1000.0)))
        model = rng.choice(models)
        step = rng.random()
        if step < 0.3:
            model.write()
        elif step < 0.45:
            model.rotate()
        elif step < 0.5:
            model.rotate_several()
        elif step < 0.52 and pattern == "access.log":
            model.snapshot()
        elif step < 0.54:
            monkeypatch.setattr(file_input, "_LINGER_SECONDS", 1000.0)
            model.replace()
            reader.scan()
            reader.read()
        elif step < 0.57:
            monkeypatch.setattr(file_input, "_LINGER_SECONDS", 1000.0)
            reader.scan()
            reader.read()
            if not model.may_be_bare and (not model.due[-1] or model.due[-1].endswith(b"\n")):
                reader.commit()
                model.delete()
                reader.scan()
        elif step < 0.75:
            reader.scan()
            reader.read(rng.randrange(1, 8))
        elif step < 0.88:
            reader.commit()
        else:
            reader.crash()
    monkeypatch.setattr(file_input, "_LINGER_SECONDS", -1.0)
    for model in models:
        model.rotate()
    _compare(reader, models, seed)


def _pattern(models: list[Model], rng: random.Random) -> str:
    if models[1:]:
        return "*.log"
    return "access.log" if models[0].name == NAMES[1] else rng.choice(("access.log", "access.log*"))


def _compare(reader: Reader, models: list[Model], seed: int) -> None:
    for _ in range(3):
        reader.scan()
        reader.read()
    reader.commit()
    found, expected = Counter(reader.committed.splitlines()), Counter[bytes]()
    for model in models:
        expected += model.expected()
    # Two files that hold nothing but the same header can't be told apart, and a header is no request.
    repeated = [line[:20] for line in found - expected if not line.startswith(b"#")]
    lost = [line[:20] for line in expected - found if not line.startswith(b"#")]
    assert not repeated + lost, f"seed {seed}: repeated {repeated[:9]}, lost {lost[:9]}"
