"""A config without a file, for `run LOG…` and `explain LOG`."""

import sys
from pathlib import Path

from exporter.commands.describe import summary
from exporter.commands.select_input import distinct
from exporter.commands.suggest_config import recognise, sample_of, survey_of
from exporter.config.config import Config
from exporter.config.inputs import InputConfig
from exporter.config.load import Loaded
from exporter.config.metrics import MetricsConfig
from exporter.errors import UsageError
from exporter.inputs.disk.names import exactly
from exporter.inputs.events import printable
from exporter.inputs.syslog.address import is_syslog
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
        name = printable(Path(path).name)
        if any(input_.name == name for input_ in inputs):
            name = printable(path)
        inputs.append(InputConfig(path=exactly(path), name=name, format=best.spec))
        found = summary(survey_of(inputs[-1], sample_of(path)))
        print(f"{printable(path)}: format {best.preset}: {found}", file=sys.stderr)
    metrics = MetricsConfig(scrape_interval="1s")  # a person is watching: show new series after seconds
    return Loaded(config=Config(inputs=inputs, metrics=metrics, start_at="beginning"))
