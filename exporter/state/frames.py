"""Frames around the blobs of the state file, so that damage to a blob, or to their order, is noticed.

A frame names the state file that it belongs to, its own number and that of its snapshot, and ends with a checksum.
CRC-32 notices every single flipped bit, and costs a third of a millisecond per MB.
"""

import struct
import zlib
from typing import NamedTuple

from exporter.errors import DamagedError

# The format of the state file and of its blobs. A newer one is refused. Version 1 had no frames.
VERSION = 2

_MAGIC = b"\xc1GWX"  # no blob of version 1 begins like this
_HEADER = struct.Struct("<4sI8sQQ")
_CHECKSUM = struct.Struct("<I")


class Frame(NamedTuple):
    """A blob in its place. `number` goes up by 1; `snapshot` is the number of the snapshot that the blob belongs to."""

    file: bytes
    number: int
    snapshot: int
    body: bytes


def wrapped(frame: Frame) -> bytes:
    """The bytes to write to the file."""
    header = _HEADER.pack(_MAGIC, VERSION, frame.file, frame.number, frame.snapshot)
    return b"".join((header, frame.body, _CHECKSUM.pack(zlib.crc32(frame.body, zlib.crc32(header)))))


def unwrapped(blobs: list[bytes]) -> list[Frame]:
    """The frames of a whole file. Raises DamagedError if one is not what was written, or not in its place."""
    frames = [_frame(n, blob) for n, blob in enumerate(blobs)]
    for n, frame in enumerate(frames):
        if (frame.file, frame.snapshot, frame.number) != (frames[0].file, frames[0].snapshot, frame.snapshot + n):
            raise DamagedError(f"blob {n} is not in its place")
    return frames


def version_of(blob: bytes) -> int:
    """The version that wrote a blob; newer ones keep the meaning of the first eight bytes. 1 if there is no frame."""
    return int.from_bytes(blob[4:8], "little") if blob.startswith(_MAGIC) else 1


def _frame(n: int, blob: bytes) -> Frame:
    whole, checksum = blob[: -_CHECKSUM.size], blob[-_CHECKSUM.size :]
    if len(whole) < _HEADER.size or _CHECKSUM.pack(zlib.crc32(whole)) != checksum:
        raise DamagedError(f"the checksum of blob {n} is wrong")
    magic, version, file, number, snapshot = _HEADER.unpack_from(blob)
    if (magic, version) != (_MAGIC, VERSION):
        raise DamagedError(f"blob {n} is of another format")
    return Frame(file, number, snapshot, whole[_HEADER.size :])
