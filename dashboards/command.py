"""The command `dashboards`: write, check or push."""

from pathlib import Path

from dashboards.build import OURS, documents, files
from dashboards.push import Grafana, token
from exporter.config.load import Config
from exporter.config.served import served
from exporter.generated_files import report


def run(config: Config | None, out: Path, check: bool, push: str | None, token_file: str | None) -> int:
    """Do what was asked; the exit code."""
    if not push:
        return report(files(served(config)), out, check, OURS)
    for line in Grafana(push, token(token_file)).push(documents(served(config))):
        print(line, flush=True)
    return 0
