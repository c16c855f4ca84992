"""What a command works with: the secret for key names, the input that a log belongs to."""

import logging
from pathlib import Path

from exporter.config.config import Config
from exporter.config.inputs import InputConfig
from exporter.config.load import Loaded
from exporter.errors import UsageError, unknown
from exporter.inputs.disk.names import covers, is_pattern
from exporter.keys.secret import own_secret

log = logging.getLogger(__name__)


def with_secret(loaded: Loaded) -> Loaded:
    """The config with the secret for key names, which is created on first use if the config gives it a file."""
    if not loaded.secret and loaded.secret_file:
        if loaded.config.state.path and Path(loaded.config.state.path).exists():
            log.warning(
                "%s is missing although there is a state: a new secret is created, and hashed names of keys are others "
                "from now on; put the old file back, if you have it",
                loaded.secret_file,
            )
        loaded.secret = own_secret(loaded.secret_file)
    return loaded


def named_input(config: Config, name: str) -> InputConfig:
    """The input of a name. UsageError if there is none."""
    for input_ in config.inputs:
        if input_.name == name:
            return input_
    raise UsageError(f"--input: {unknown('input', name, [input_.name for input_ in config.inputs])}")


def input_for(path: str, config: Config, name: str | None) -> InputConfig:
    """The input that a log belongs to: the named one, else the one whose path matches it, else the only one."""
    if name:
        return named_input(config, name)
    inputs = sorted(config.inputs, key=lambda input_: is_pattern(input_.path))
    fitting = [input_ for input_ in inputs if covers(_resolved(input_.path), _resolved(path))]
    if fitting or len(inputs) == 1:
        return (fitting or inputs)[0]
    names = ", ".join(input_.name for input_ in config.inputs)
    raise UsageError(f"{path}: no input's path matches it; choose one with --input (inputs: {names})")


def _resolved(path: str) -> str:
    """The path with its folder resolved (no `..`, no links). The last part stays as it is: patterns match it."""
    return str(Path(path).parent.resolve() / Path(path).name)


def distinct(paths: list[str]) -> list[str]:
    """The paths, if they are different files. UsageError if two are the same: its lines would count twice."""
    seen: dict[str, str] = {}
    for path in paths:
        real = str(Path(path).resolve())
        if real in seen:
            raise UsageError(f"{path} and {seen[real]} are the same file; give each log once")
        seen[real] = path
    return paths
