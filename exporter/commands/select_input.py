"""Which config and input a command works with, where its arguments leave that open."""

import sys
from pathlib import Path

from exporter.commands.suggest_config import distinct, recognise
from exporter.config.inputs import InputConfig
from exporter.config.load import Config, Loaded
from exporter.config.metrics import MetricsConfig
from exporter.errors import UsageError, unknown
from exporter.inputs.names import covers, is_pattern


def without_config(logs: list[str]) -> Loaded:
    """A config for `run LOG…`: formats recognised, logs read from their start, nothing kept."""
    inputs: list[InputConfig] = []
    for path in distinct(logs):
        best = recognise(path)
        print(f"{path}: read as {best.preset} ({best.share:.0%} of the lines looked at)", file=sys.stderr)
        name = Path(path).name
        if any(one.name == name for one in inputs):
            name = path
        inputs.append(InputConfig(path=path, name=name, format=best.spec))
    metrics = MetricsConfig(scrape_interval="1s")  # somebody looks, and does not wait long to see more than zeros
    return Loaded(config=Config(inputs=inputs, metrics=metrics, start_at="beginning"))


def input_for(path: str, config: Config, name: str | None) -> InputConfig:
    """The input a log belongs to: the named one; else the one that would read it; else the only one there is."""
    if name:
        named = [one for one in config.inputs if one.name == name]
        if not named:
            raise UsageError(f"--input: {unknown('input', name, [one.name for one in config.inputs])}")
        return named[0]
    inputs = sorted(config.inputs, key=lambda one: is_pattern(one.path))
    fitting = [one for one in inputs if covers(_resolved(one.path), _resolved(path))]
    if fitting or len(inputs) == 1:
        return (fitting or inputs)[0]
    names = ", ".join(one.name for one in config.inputs)
    raise UsageError(f"{path}: no input's path fits it; say which with --input (there are: {names})")


def _resolved(path: str) -> str:
    """A path whose folder has one name only: no `..`, no link. The last part stays: it is what a pattern is about."""
    return str(Path(path).parent.resolve() / Path(path).name)
