"""Decides which input a file belongs to, by its path: each file is read by one input.

A path comes before a pattern, so that a log that a pattern matches can have a separate input. If several patterns
match, the first one in the config reads the file.
"""

import glob
from fnmatch import fnmatchcase

from exporter.inputs.disk.content import PACKED


def is_pattern(path: str) -> bool:
    """Whether a path names several files. As a sort key it gives the order in which files belong to inputs."""
    return glob.has_magic(path)


def exactly(path: str) -> str:
    """The pattern that matches this path only; a path without `*`, `?` and `[` is that itself."""
    return glob.escape(path)


def are_objects(pattern: str) -> bool:
    """Whether a pattern names finished objects, as clouds write them: packed files that are read once."""
    return pattern.endswith(PACKED)


def matching(pattern: str) -> list[str]:
    """The paths that a pattern matches; `**` is any number of folders."""
    return glob.glob(pattern, recursive=True)


def covers(pattern: str, path: str) -> bool:
    """Whether a pattern matches a path, as `matching` does, or is that path."""
    if not is_pattern(pattern):
        return pattern == path
    return _cover(pattern.split("/"), path.split("/"))


def _cover(wanted: list[str], parts: list[str]) -> bool:
    if not wanted or (not parts and wanted != ["**"]):
        return not (wanted or parts)
    if wanted[0] != "**":
        return _fits(wanted[0], parts[0]) and _cover(wanted[1:], parts[1:])
    return _cover(wanted[1:], parts) or (bool(parts) and _fits("*", parts[0]) and _cover(wanted, parts[1:]))


def _fits(pattern: str, name: str) -> bool:
    """As in a shell, only a pattern that begins with a dot matches a hidden file."""
    return fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))
