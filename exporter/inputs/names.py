"""Decides which input a file belongs to, by its path: each file is read by one input.

A path comes before a pattern, so that a log that a pattern matches can have a separate input. If several patterns
match, the first one in the config reads the file.
"""

import glob
from fnmatch import fnmatchcase


def is_pattern(path: str) -> bool:
    """Whether a path names several files. As a sort key it gives the order in which files belong to inputs."""
    return glob.has_magic(path)


def covers(pattern: str, path: str) -> bool:
    """Whether a pattern matches a path, as `glob` does, or is that path."""
    if not is_pattern(pattern):
        return pattern == path
    wanted, parts = pattern.split("/"), path.split("/")
    return len(wanted) == len(parts) and all(map(_fits, wanted, parts))


def _fits(pattern: str, name: str) -> bool:
    """As in a shell, only a pattern that begins with a dot matches a hidden file."""
    return fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))
