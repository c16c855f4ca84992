"""What is missing on this machine for a valid config. These are notes, not errors: files may be created later."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from stat import S_ISCHR, S_ISDIR, S_ISFIFO

from exporter import descriptors
from exporter.config.config import Config
from exporter.config.labels import fields_of
from exporter.formats.format import build
from exporter.inputs.disk.content import no_file
from exporter.inputs.disk.folders import closed_folder
from exporter.inputs.disk.names import are_objects, is_pattern, matching
from exporter.inputs.overlap import shared_logs
from exporter.inputs.syslog.address import is_syslog, parse_syslog

_OPEN = "syslog is received from other machines, too; whoever can send to it can add to the counters"


def notes(logs: dict[str, str], state: str) -> list[str]:
    """Missing or inaccessible files. `logs` are paths or patterns by input name; `state` is the state file's path."""
    syslog = {name: path for name, path in logs.items() if is_syslog(path)}
    logs = {name: path for name, path in logs.items() if path != "-" and name not in syslog}
    found = [f"input {name}: {note}" for name, path in syslog.items() for note in _syslog(path)]
    found += [f"input {name}: {note}" for name, path in logs.items() for note in _log(path)]
    found += _descriptors(logs.values())
    found += shared_logs(logs)
    return found + [f"state.path: {note}" for note in _state(state)]


def _syslog(address: str) -> list[str]:
    return [] if parse_syslog(address).is_local else [_OPEN]


def exposed(secrets: dict[str, str]) -> list[str]:
    """Secrets that others of this machine can read. `secrets` are paths, "" for none, by the field that names them."""
    found = []
    for name, path in secrets.items():
        with suppress(OSError):
            if Path(path).is_file() and (mode := Path(path).stat().st_mode) & 0o004:
                found.append(f"{name}: {path} can be read by every user (mode {mode & 0o777:o}); use chmod 600")
    return found


def unused_labels(config: Config) -> list[str]:
    """Declared labels that no family has, or that no log has a value for."""
    families = config.families.values()
    formats = [build(input_.spec) for input_ in config.inputs]
    fields = {field for format_ in formats for field in (*format_.fields, *format_.custom_fields)}
    found = []
    for label, field in fields_of(config.metrics.labels).items():
        if not any(label in family.labels for family in families):
            add = f"families: {{gateway_requests_total: {{add: [{label}]}}}}"
            found.append(f"metrics.labels.{label}: no family has this label; add it, as in {add}")
        if field not in fields:
            found.append(f"metrics.labels.{label}: no input's format has the field {field!r}, so it is always empty")
    return found


def _log(pattern: str) -> list[str]:
    paths = paths_of(pattern)
    modes = {path: mode for path in paths if (mode := _mode(path)) is not None}
    if not modes:
        return [_missing(pattern)]
    found = [f"{path} is a folder" for path, mode in modes.items() if S_ISDIR(mode)]
    found += [
        f"{path}: {no_file(str(path)).strerror}" for path, mode in modes.items() if S_ISFIFO(mode) or S_ISCHR(mode)
    ]
    return found + [f"{path} can't be read by this user" for path in paths if not os.access(path, os.R_OK)]


def _missing(pattern: str) -> str:
    closed = closed_folder(pattern) if is_pattern(pattern) else None
    if isinstance(closed, PermissionError):
        return f"{closed.filename} can't be read by this user"
    return f"{pattern} does not exist yet"


def _mode(path: Path) -> int | None:
    """A file's mode; None if it does not exist, 0 if that can't be known, as its folder is closed."""
    try:
        return path.stat().st_mode
    except PermissionError:
        return 0
    except OSError:
        return None


def paths_of(pattern: str) -> list[Path]:
    """The logs that a path or a pattern names; a path also where there is nothing."""
    return [Path(path) for path in (sorted(matching(pattern)) if is_pattern(pattern) else [pattern])]


def _descriptors(patterns: Iterable[str]) -> list[str]:
    logs = sum(len(paths_of(pattern)) for pattern in patterns if not are_objects(pattern))
    limit = descriptors.hard_limit()
    if logs <= (most := descriptors.most_logs(limit)):
        return []
    return [
        f"inputs: {logs} logs, but of {limit} file descriptors about {most} are for logs; raise the open-files limit"
    ]


def _state(name: str) -> list[str]:
    path = Path(name)
    if not name:
        return []
    if S_ISDIR(_mode(path) or 0):
        return [f"{path} is a folder; name a file"]
    folder = next(parent for parent in path.parents if _mode(parent) is not None)  # the exporter creates those below it
    if (mode := _mode(folder)) and not S_ISDIR(mode):
        return [f"{path} can't be created: {folder} is not a folder"]
    denied = [target for target in (folder, path) if _mode(target) is not None and not os.access(target, os.W_OK)]
    return [f"{target} can't be written by this user" for target in denied]
