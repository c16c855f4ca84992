"""Which input a file belongs to, by its path: each file is read by one.

A path goes before a pattern, so that one log of many may have an input of its own; among patterns the first in
the config reads what several match.
"""

import glob
from fnmatch import fnmatchcase


def is_pattern(path: str) -> bool:
    """Whether a path names several files. As a sort key it gives the order in which files belong to inputs."""
    return glob.has_magic(path)


def covers(pattern: str, path: str) -> bool:
    """Whether a path is what a pattern matches as `glob` does it, or is the path itself."""
    if not is_pattern(pattern):
        return pattern == path
    wanted, parts = pattern.split("/"), path.split("/")
    return len(wanted) == len(parts) and all(map(_fits, wanted, parts))


def _fits(pattern: str, name: str) -> bool:
    """Hidden files are matched only by what begins with a dot, too."""
    return fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))
