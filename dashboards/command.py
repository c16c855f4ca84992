"""The command `dashboards`: write, check or push."""

import sys
from pathlib import Path

from dashboards.build import documents, files, outdated, write
from dashboards.push import Grafana, token
from dashboards.shown import shown
from exporter.config import Config


def run(config: Config | None, out: Path, check: bool, push: str | None, token_file: str | None) -> int:
    """Do what was asked; the exit code."""
    show = shown(config)
    if push:
        for said in Grafana(push, token(token_file)).push(documents(show)):
            print(said, flush=True)
        return 0
    made = files(show)
    if check:
        old = outdated(made, out)
        for name in old:
            print(f"{out / name}: not up to date", file=sys.stderr)
        return int(bool(old))
    write(made, out)
    print(f"{out}: {', '.join(made)}")
    return 0
