"""Folders that only their owner may enter."""

from pathlib import Path


def make_private_folder(path: Path) -> None:
    """Make a folder with mode 0700, whatever the umask; one that is there stays as it is. OSError if it can't be."""
    if path.is_dir():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return
    path.chmod(0o700)
