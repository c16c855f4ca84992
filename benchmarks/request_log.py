"""What it costs to keep single requests: CPU seconds (user and system) to count a whole log without and with them.

    python -m benchmarks.logs steady build/bench/steady.log
    python -m benchmarks.request_log build/bench/steady.log

Both run in this process, in turn, from the log's start, with a state on disk, and with all commits that `run` makes.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread

import yaml
from msgspec.structs import replace

from exporter.config.load import load
from exporter.service.assembly import Assembly
from exporter.service.pipeline import Pipeline

FIELDS = {
    **{"time": "msec", "status": "status", "http_method": "method", "path": "uri", "scheme": "scheme"},
    **{"client": "remote_addr", "origin": "origin", "referer": "referer", "key": "api_key", "rpc_method": "rpc_method"},
    **{"chain": "chain", "duration": "request_time", "request_bytes": "request_length", "response_bytes": "bytes_sent"},
    "request_id": "request_id",
}
# The benchmark's logs are old.
YEARS_SECONDS = 1e9


def cpu() -> float:
    """CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def stop_at_the_end(pipeline: Pipeline) -> None:
    """Stop the pipeline when it has read the log."""
    while pipeline.ask(pipeline.feeds[0].input.lag_bytes).result():
        time.sleep(0.5)
    pipeline.stop()


def count(log: Path, folder: Path, keeping: bool) -> None:
    """Count the log, and print how fast."""
    (folder / "secret").write_text("a secret of the benchmark", encoding="utf-8")
    config = {
        "inputs": [{"path": str(log.resolve()), "name": "log", "format": {"json": FIELDS}}],
        "identity": {"secret_file": "secret"},
        "state": {"path": "state.db"},
        "start_at": "beginning",
    } | ({"requests": {}} if keeping else {})
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    assembly = Assembly(load(path), serving=True)
    pipeline = assembly.pipeline()
    if pipeline.request_log:
        pipeline.request_log.settings = replace(pipeline.request_log.settings, keep=YEARS_SECONDS)
    pipeline.open()
    Thread(target=stop_at_the_end, args=(pipeline,), daemon=True).start()
    begun = cpu()
    pipeline.run()
    seconds = cpu() - begun
    lines = sum(pipeline.feeds[0].lines(assembly.store))
    size = pipeline.request_log.size if pipeline.request_log else 0
    pipeline.close()
    print(
        f"{'with' if keeping else 'without'}: {lines / seconds:,.0f} lines/s of a core, {size / lines:.0f} bytes a row"
    )


if __name__ == "__main__":
    for is_keeping in (False, True):
        with tempfile.TemporaryDirectory() as made:
            count(Path(sys.argv[1]), Path(made), is_keeping)
