"""What a command works with: a config without a file, the secret for key names, the input that a log belongs to."""

import sys
from pathlib import Path

from exporter.commands.describe import summary
from exporter.commands.suggest_config import distinct, recognise, survey_of
from exporter.config.inputs import InputConfig
from exporter.config.load import Config, Loaded
from exporter.config.metrics import MetricsConfig
from exporter.errors import UsageError, unknown
from exporter.inputs.disk.names import covers, is_pattern
from exporter.inputs.syslog.address import is_syslog
from exporter.keys.secret import own_secret
from exporter.service.learning import PLACEHOLDER


def without_config(logs: list[str]) -> Loaded:
    """A config for `run LOG…`: formats are detected, logs are read from their start, no state is kept. That of a pipe
    (`-`) is learned when lines come, see `Learning`.
    """
    inputs: list[InputConfig] = []
    for path in distinct(logs):
        if is_syslog(path):
            raise UsageError(f"{path}: syslog needs a config that names its format (--config.file)")
        if path == "-":
            inputs.append(InputConfig(path=path, name="stdin", format=PLACEHOLDER))
            continue
        best = recognise(path)
        name = Path(path).name
        if any(input_.name == name for input_ in inputs):
            name = path
        inputs.append(InputConfig(path=path, name=name, format=best.spec))
        print(f"{path}: format {best.preset}: {summary(survey_of(inputs[-1]))}", file=sys.stderr)
    metrics = MetricsConfig(scrape_interval="1s")  # a person is watching: show new series after seconds
    return Loaded(config=Config(inputs=inputs, metrics=metrics, start_at="beginning"))


def with_secret(loaded: Loaded) -> Loaded:
    """The config with the secret for key names, which is created on first use if the config gives it a file."""
    if not loaded.secret and loaded.secret_file:
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
