"""Small files that only their owner can read, and that last: whenever the process or the machine stops, a file is there
as a whole, the old or the new one.
"""

import os
from contextlib import suppress
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Write a file in place of the one that is there, if any. OSError if that fails; the old one then stays."""
    new = path.with_name(f"{path.name}.new")
    _write(new, content)
    new.replace(path)
    _sync_folder(path)


def create(path: Path, content: bytes) -> None:
    """Write a file unless there is one: of several processes, one creates it. If that runs as root, the file belongs to
    the owner of its folder. OSError if it can't be written.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}")
    _write(new, content)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(new, owner.st_uid, owner.st_gid)
    with suppress(FileExistsError):
        os.link(new, path)
    new.unlink()
    _sync_folder(path)


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)  # left behind by a process that was killed
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Write the folder of a file to the disk: names are in it."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
