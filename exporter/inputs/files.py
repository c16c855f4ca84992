"""Files that grow: whole lines out of them, across rotation.

What is promised, and what is not:

- A file that is renamed away is read to its end, also what its writer still adds to it for a while
  (nginx does, until it is told to reopen), and the file that takes its name is read from its start.
- A file that shrinks was truncated: it is read again from its start. What had been written and not
  read by then is lost, and told: how many bytes, as far as was known.
- A line without its line feed waits for the rest of it. If its file goes away first, it counts as it is.
"""

import glob
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

CHUNK = 1 << 16
LONGEST_LINE = 1 << 20
# A renamed file whose writer has been silent for so long is let go.
_LINGER_SECONDS = 10.0
_COMPRESSED = (".gz", ".zst", ".bz2", ".xz")


class Ledger(Protocol):
    """What an input tells of beside its lines."""

    def rotated(self, kind: str) -> None:
        """`rename` or `truncate`."""

    def lost(self, reason: str, size: int) -> None:
        """Bytes that can't be read any more."""

    def too_long(self, path: str) -> None:
        """A line longer than LONGEST_LINE, left out."""

    def unreadable(self, path: str, why: str) -> None:
        """A log that is missing or not permitted; told once until it can be read again."""

    def opened(self, path: str, offset: int) -> None:
        """A log is read from an offset on."""


class Lines:
    """Puts whole lines together from pieces of any size."""

    def __init__(self) -> None:
        self.rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """The whole lines that are there now, and whether a line that is too long was dropped."""
        dropped = False
        if self._skipping:
            end = data.find(b"\n") + 1
            if not end:
                return b"", False
            data, self._skipping = data[end:], False
        data = self.rest + data
        cut = data.rfind(b"\n") + 1
        self.rest = data[cut:]
        if len(self.rest) > LONGEST_LINE:
            self.rest, self._skipping, dropped = b"", True, True
        return data[:cut], dropped

    def finish(self) -> bytes:
        """The unfinished line at the end, finished; b"" if there is none."""
        rest, self.rest, self._skipping = self.rest, b"", False
        return rest + b"\n" if rest else b""


@dataclass
class _Tail:
    """One open file."""

    path: str
    fd: int
    identity: tuple[int, int]
    offset: int
    seen: int = 0
    lines: Lines = field(default_factory=Lines)
    grown_at: float = field(default_factory=time.monotonic)

    def size(self) -> int:
        return os.fstat(self.fd).st_size

    def close(self) -> None:
        os.close(self.fd)


class FileInput:
    """The logs that a path or a pattern names. `look` finds out what there is, `read` gives lines.

    `start_at` is where logs that are there at the first look are read from: "end" or "beginning".
    Later ones are read from their beginning.
    """

    def __init__(self, pattern: str, ledger: Ledger, start_at: str = "beginning") -> None:
        self.pattern = pattern
        self._ledger = ledger
        self._at_end = start_at == "end"
        self._tails: dict[str, _Tail] = {}
        self._retired: list[_Tail] = []
        self._unreadable: set[str] = set()
        self._unfinished = b""
        self._is_glob = glob.has_magic(pattern)
        self.finished = False

    @property
    def directory(self) -> str:
        """The folder to watch: the nearest one whose name is no pattern."""
        folder = Path(self.pattern).parent
        while glob.has_magic(str(folder)):
            folder = folder.parent
        return str(folder)

    @property
    def readable(self) -> bool:
        """Whether there is a log, and every one of them can be read."""
        return bool(self._tails) and not self._unreadable

    @property
    def files(self) -> list[str]:
        """The logs that are read now."""
        return sorted(self._tails)

    def lag_bytes(self) -> int:
        """Bytes that are there and not read."""
        return sum(max(0, tail.size() - tail.offset) for tail in (*self._tails.values(), *self._retired))

    def owns(self, path: str) -> bool:
        """Whether a file is one of the logs."""
        return path in self._tails

    def look(self) -> None:
        """Open what is new, notice what was renamed, replaced or truncated, let go what is done."""
        paths = self._paths()
        for path in paths:
            self._look_at(path)
        if not paths:
            self._trouble(self.pattern, "no file matches")
        for path, tail in list(self._tails.items()):
            if not Path(path).exists():
                self._retired.append(self._tails.pop(path))
                if os.fstat(tail.fd).st_nlink:
                    self._ledger.rotated("rename")
                if not self._is_glob:
                    self._trouble(path, "No such file or directory")
            else:
                size = tail.size()
                if size < tail.offset:
                    self._truncated(tail)
                tail.seen = size
        self._at_end = False

    def read(self) -> bytes:
        """The next whole lines; b"" when there are none now. At most about CHUNK bytes at once."""
        if self._unfinished:
            unfinished, self._unfinished = self._unfinished, b""
            return unfinished
        for tail in (*self._retired, *self._tails.values()):
            while data := os.read(tail.fd, CHUNK):
                tail.offset += len(data)
                tail.grown_at = time.monotonic()
                whole, dropped = tail.lines.feed(data)
                if dropped:
                    self._ledger.too_long(tail.path)
                if whole:
                    return whole
        return self._let_go()

    def close(self) -> None:
        """Close all files."""
        for tail in (*self._tails.values(), *self._retired):
            tail.close()
        self._tails.clear()
        self._retired.clear()

    def _paths(self) -> list[str]:
        if not self._is_glob:
            return [self.pattern]
        return sorted(
            path for path in glob.glob(self.pattern) if not path.endswith(_COMPRESSED) and Path(path).is_file()
        )

    def _look_at(self, path: str) -> None:
        known = self._tails.get(path)
        try:
            found = Path(path).stat()
            identity = (found.st_dev, found.st_ino)
            if known and known.identity == identity:
                return
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            if not known:
                self._trouble(path, error.strerror or str(error))
            return
        self._unreadable -= {path, self.pattern}
        if known:
            self._retired.append(self._tails.pop(path))
            self._ledger.rotated("rename")
        if self._took_over(path, identity):
            os.close(fd)
            return
        offset = os.lseek(fd, 0, os.SEEK_END) if self._at_end else 0
        self._tails[path] = _Tail(path, fd, identity, offset)
        self._ledger.opened(path, offset)

    def _took_over(self, path: str, identity: tuple[int, int]) -> bool:
        """Whether a path is a known file's new name, which the pattern matches too: it is no new log."""
        for name, tail in self._tails.items():
            if tail.identity == identity:
                self._tails[path] = self._tails.pop(name)
                self._ledger.rotated("rename")
                break
        else:
            for tail in self._retired:
                if tail.identity == identity:
                    self._retired.remove(tail)
                    self._tails[path] = tail
                    break
            else:
                return False
        self._tails[path].path = path
        return True

    def _trouble(self, path: str, why: str) -> None:
        if path not in self._unreadable:
            self._unreadable.add(path)
            self._ledger.unreadable(path, why)

    def _truncated(self, tail: _Tail) -> None:
        self._ledger.rotated("truncate")
        if tail.seen > tail.offset:
            self._ledger.lost("truncated", tail.seen - tail.offset)
        self._unfinished += tail.lines.finish()
        tail.offset = os.lseek(tail.fd, 0, os.SEEK_SET)

    def _let_go(self) -> bytes:
        """Close renamed files that are done; the unfinished line of one, if it has one."""
        now = time.monotonic()
        for tail in self._retired:
            if now - tail.grown_at > _LINGER_SECONDS or os.fstat(tail.fd).st_nlink == 0:
                self._retired.remove(tail)
                tail.close()
                return tail.lines.finish()
        return b""
