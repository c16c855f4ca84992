"""`usage`: a report of the usage of keys, from what a Prometheus holds."""

import json
import sys
import time
from pathlib import Path

from exporter.config.config import Config
from exporter.config.load import load
from exporter.config.reported import keeper_of, terms_of
from exporter.config.usage import PrometheusConfig, UsageConfig
from exporter.errors import FieldError, UsageError
from exporter.usage.ask import Wanted, scope_of
from exporter.usage.prometheus import Prometheus
from exporter.usage.report import Report
from exporter.usage.table import lines, write_csv

_WHERE = "--prometheus.url URL, or usage.prometheus.url in the config"


def run(config: str, url: str | None, wanted: Wanted, format_: str) -> None:
    """Print the report of what is wanted, as a table, JSON or CSV."""
    loaded = load(Path(config), registry=False).config
    usage = usage_config(loaded, url)
    terms = terms_of(loaded, usage)
    keeper = keeper_of(loaded, loaded.requests.settings if loaded.requests else None)
    prometheus = Prometheus(usage.prometheus.server)
    progress = Progress()
    try:
        progress("keys and times")
        scope = scope_of(prometheus, terms.match, wanted, time.time(), loaded.alerts.retention)
        report = Report(prometheus, scope, terms, progress, keeper).build()
    finally:
        progress.close()
        prometheus.close()
    if format_ == "json":
        print(json.dumps(report, indent=2))
    elif format_ == "csv":
        write_csv(report, sys.stdout)
    else:
        print("\n".join(lines(report)))


def usage_config(config: Config, url: str | None) -> UsageConfig:
    """The config's section `usage`, with another URL if one is given. UsageError if nobody names a server."""
    if not url:
        if config.usage is None:
            raise UsageError(f"which Prometheus? Give {_WHERE}")
        return config.usage
    try:
        if config.usage is None:
            return UsageConfig(prometheus=PrometheusConfig(url=url))
        config.usage.prometheus.url = url
        config.usage.prometheus.__post_init__()
    except FieldError as error:
        raise UsageError(f"--prometheus.url: {error.problem}") from None
    return config.usage


class Progress:
    """Shows on a terminal what is being asked."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def __call__(self, part: str) -> None:
        """Show another part."""
        if self._shown:
            print(f"\rasking Prometheus: {part}\x1b[K", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave an empty line behind."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
