"""Reads whole files once, from start to end: plain, `.gz` or `.zst`."""

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from exporter.errors import InputError
from exporter.inputs.disk.content import PACKED, UNPACKING, unpacked
from exporter.inputs.lines import CHUNK, Lines
from exporter.model.fields import LONGEST_LINE


def whole_lines(
    path: str, too_long: Callable[[str], object] = lambda _: None, longest_line: int = LONGEST_LINE
) -> Iterator[tuple[bytes, int]]:
    """Chunks of whole lines, each with the number of bytes of the file read so far (compressed bytes, if packed).

    `-` is standard input. A last line without a line feed counts. Calls `too_long(path)` for each line of more than
    `longest_line` bytes, which is left out. Raises InputError if the file can't be read.
    """
    lines = Lines()
    try:
        with _raw(path) as raw:
            opened = unpacked(path, raw)
            while data := opened.read(CHUNK):
                whole, dropped = lines.feed(data, longest_line)
                if dropped:
                    too_long(path)
                if whole:
                    yield whole, raw.tell() if raw.seekable() else 0
    except UNPACKING as error:
        raise InputError(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}") from None
    if rest := lines.finish():
        yield rest, 0


def head(path: str, size: int) -> bytes:
    """The whole lines in about the first `size` bytes of a file, which must not be standard input."""
    found = b""
    for chunk, _ in whole_lines(path):
        found += chunk
        if len(found) >= size:
            break
    return found


def newest(path: str, size: int) -> bytes:
    """The whole lines in the last `size` bytes of a file that is not packed; b"" if it has at most twice as many."""
    end = Path(path).stat().st_size
    if path.endswith(PACKED) or end <= 2 * size:
        return b""
    with Path(path).open("rb") as file:
        file.seek(end - size)
        text = file.read(size)
    return text[text.find(b"\n") + 1 : text.rfind(b"\n") + 1]


def _raw(path: str) -> BinaryIO:
    return io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False)) if path == "-" else Path(path).open("rb")
