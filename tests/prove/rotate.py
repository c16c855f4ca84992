"""Rotation: a log and its old copies, and everything that tools do to them."""

import gzip
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import BinaryIO

import zstandard

# A tool that packs has written half of its file for so long.
_PACKING_SECONDS = 0.01
# A log that was renamed away and has been silent for so long is not waited for any more.
_LET_GO_SECONDS = 15.0


@dataclass
class Old:
    """A log that was rotated away. `writer` is the descriptor that a program still writes to it with, once it is not
    `silent` any more (monotonic time).

    One that held no whole line by then stays as it is: packed while the exporter is down, nothing tells what it was.
    """

    path: Path
    has_lines: bool
    number: int = 0
    ends_in_half_a_line: bool = False
    writer: int | None = None
    silent_until: float = 0.0

    @property
    def packed(self) -> bool:
        """Whether it is compressed."""
        return self.path.suffix in (".gz", ".zst")

    def write(self, data: bytes) -> None:
        """Append what its writer still has to say."""
        assert self.writer is not None
        os.write(self.writer, data)

    def release(self) -> None:
        """Its writer lets go of it."""
        if self.writer is not None:
            os.close(self.writer)
            self.writer = None


class Log:
    """A live log and its old copies, oldest first: numbered (`.1` is the newest), or dated."""

    def __init__(self, path: Path, dated: bool) -> None:
        self.path = path
        self.old: list[Old] = []
        self.rotations = 0
        self._dated = dated
        self._begun = int(time.time())
        self._fd = self._open()

    def write(self, data: bytes) -> None:
        """Append to the live log."""
        os.write(self._fd, data)

    def rename(self) -> Old:
        """Rename it and create a new log. The old log's writer is still there: `release` it."""
        old = self._next()
        self.path.rename(old.path)
        old.writer, self._fd = self._fd, self._open()
        return old

    def copytruncate(self) -> Old:
        """Copy all of it, then truncate it. Nothing is written in between."""
        old = self._next()
        shutil.copyfile(self.path, old.path)
        os.ftruncate(self._fd, 0)
        return old

    def recreate(self) -> None:
        """Delete it and create a new log."""
        self.rotations += 1
        self.path.unlink()
        os.close(self._fd)
        self._fd = self._open()

    def pack(self, old: Old, suffix: str) -> None:
        """Compress an old log as gzip and zstd do: write the new file beside it piece by piece, then delete it."""
        data = old.path.read_bytes()
        times = old.path.stat()
        packed = old.path.with_name(old.path.name + suffix)
        with _packer(suffix)(packed) as out:
            out.write(data[: len(data) // 2])
            out.flush()
            Event().wait(_PACKING_SECONDS)
            out.write(data[len(data) // 2 :])
        os.utime(packed, ns=(times.st_atime_ns, times.st_mtime_ns))
        old.path.unlink()
        old.path = packed

    def prune(self, keep: int) -> None:
        """Delete the oldest copies, as far as nothing in them is still waited for."""
        let_go = time.time() - _LET_GO_SECONDS
        for old in self.old[:-keep]:
            if not old.ends_in_half_a_line and old.writer is None and old.path.stat().st_mtime < let_go:
                old.path.unlink()
                self.old.remove(old)

    def close(self) -> None:
        """Let go of all files."""
        os.close(self._fd)
        for old in self.old:
            old.release()

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _next(self) -> Old:
        """The next old log, with a free name; numbered ones move up by one."""
        self.rotations += 1
        name = self.path.name
        has_lines = b"\n" in self.path.read_bytes()
        if self._dated:
            new = Old(self.path.with_name(f"{name}-{self._begun + self.rotations}"), has_lines)
        else:
            for old in self.old:
                old.number += 1
                moved = self.path.with_name(f"{name}.{old.number}{old.path.suffix if old.packed else ''}")
                old.path.rename(moved)
                old.path = moved
            new = Old(self.path.with_name(f"{name}.1"), has_lines, number=1)
        self.old.append(new)
        return new


class Link:
    """A log whose name is a link to the file that is written to, and is moved on to the next one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.moved = 0
        self._fd = -1
        self.move()

    def write(self, data: bytes) -> None:
        """Append to the file that the link leads to."""
        os.write(self._fd, data)

    def move(self) -> None:
        """Begin the next file, and let the link lead there."""
        self.close()
        self.moved += 1
        target = self.path.with_name(f"linked-{self.moved:03}.txt")
        self._fd = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        new = self.path.with_name("new-link")
        new.symlink_to(target.name)
        new.replace(self.path)

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _packer(suffix: str) -> Callable[[Path], BinaryIO]:
    if suffix == ".gz":
        return lambda path: gzip.open(path, "wb", 1)  # type: ignore[return-value]
    return lambda path: zstandard.open(path, "wb")
