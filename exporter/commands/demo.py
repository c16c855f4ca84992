"""`demo`: count the logs of a sample gateway, with a Prometheus that has our rules if one is installed."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alerts.build import files as rule_files
from exporter.commands.run import serve
from exporter.config.config import Config
from exporter.config.load import load
from exporter.demo import SampleGateway, write_config
from exporter.logs import say

_SCRAPING = """\
global: {{scrape_interval: 5s, evaluation_interval: 15s}}
rule_files: [rules/*.rules.yml]
scrape_configs:
  - job_name: {job}
    static_configs: [{{targets: ["{address}"]}}]
"""


def run(listen: str | None) -> None:
    """Serve the logs of a sample gateway, which runs as long as this does."""
    with tempfile.TemporaryDirectory(prefix="gateway-exporter-demo-") as name:
        folder = Path(name)
        gateway = SampleGateway(folder)
        loaded = load(write_config(folder))
        say("demo: made-up requests of a sample gateway; Ctrl-C ends it and deletes its files")
        gateway.start()
        try:
            address = listen or loaded.config.web.listen
            if address.endswith(":0"):  # Prometheus has to know the port before it is open
                address = _free_address()
            with _prometheus(folder, loaded.config, address):
                serve(loaded, address)
        finally:
            gateway.stop()


@contextmanager
def _prometheus(folder: Path, config: Config, address: str) -> Iterator[None]:
    """Run Prometheus with our rules beside the exporter, which serves on `address`, if the machine has it."""
    program = shutil.which("prometheus")
    if not program:
        say("demo: with `prometheus` on the path, rules and queries are shown, too")
        yield
        return
    (folder / "rules").mkdir()
    for name, text in rule_files(config).items():
        (folder / "rules" / name).write_text(text, encoding="utf-8")
    scraping = _SCRAPING.format(job=config.alerts.job, address=address)
    (folder / "prometheus.yml").write_text(scraping, encoding="utf-8")
    own = _free_address()
    options = ("--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", f"--web.listen-address={own}")
    process = subprocess.Popen((program, *options, "--log.level=error"), cwd=folder, stderr=subprocess.DEVNULL)
    say(f"prometheus: http://{own}/graph   alerts: http://{own}/alerts")
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _free_address() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"
