"""Files that a command generates: written into a folder, or compared with what is there."""

import sys
from collections.abc import Mapping
from pathlib import Path

from exporter.errors import ExporterError

Files = Mapping[str, str]


def write(made: Files, folder: Path, ours: str = "") -> None:
    """Write files into a folder, which is created if needed. Files of an earlier run that match the glob `ours` and are
    no longer generated are removed. Raises ExporterError if the folder can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _stray(made, folder, ours):
            (folder / name).unlink()
        for name, content in made.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode())
    except OSError as error:
        raise ExporterError(f"{folder}: can't be written: {error.strerror}") from None


def outdated(made: Files, folder: Path, ours: str = "") -> list[str]:
    """The names of files that are missing in a folder, differ, or are no longer generated."""
    changed = [name for name, content in made.items() if _content(folder / name) != content.encode()]
    return changed + _stray(made, folder, ours)


def report(made: Files, folder: Path, check: bool, ours: str = "") -> int:
    """Write files and print their names; or only `check` the folder, and print files that are not up to date.

    Returns the exit code: 1 if there are such files.
    """
    if check:
        old = outdated(made, folder, ours)
        for name in old:
            print(f"{folder / name}: not up to date", file=sys.stderr)
        return int(bool(old))
    write(made, folder, ours)
    print(f"{folder}: {', '.join(made)}")
    return 0


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _stray(made: Files, folder: Path, ours: str) -> list[str]:
    """Files of an earlier run that this one does not generate."""
    return sorted(path.name for path in folder.glob(ours) if path.name not in made) if ours else []
