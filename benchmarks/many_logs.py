"""What reading many logs costs: the CPU time of looks and reads by the number of logs, and of a running exporter.

python -m benchmarks.many_logs [LOGS]

One new line in each of n logs, and in one of n. Reading is to cost by the logs that changed: with four times as many,
four times as much; a look at those that did not change is to cost little beside it. Then `run` reads a line a second
from each of LOGS (5,000) logs, and is scraped every five seconds: the share of a core that it takes.
"""

import os
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from benchmarks.measure import cpu_seconds
from benchmarks.program import running
from exporter.inputs.logs.file_input import FileInput

LINE = b'{"status":200,"request":"GET /a HTTP/1.1","request_time":0.5,"remote_addr":"192.0.2.1"}\n'
SIZES = (500, 1000, 2000, 4000)
SECONDS = 30


class Silent:
    """A ledger that nobody reads."""

    def __getattr__(self, _: str) -> object:
        return lambda *_: None


def cpu(source: FileInput, rounds: int, logs: list[Path]) -> float:
    """CPU seconds of a look and all there is to read, with a new line in each of some logs."""
    spent = 0.0
    for _ in range(rounds):
        for log in logs:
            with log.open("ab") as out:
                out.write(LINE)
        begun = time.process_time()
        source.scan()
        read = 0
        while (chunk := source.read()) or source.pending:
            read += chunk.count(b"\n")
        spent += time.process_time() - begun
        if read != len(logs):
            raise RuntimeError(f"{read} lines of {len(logs)}")
    return spent / rounds


def reading(folder: Path, size: int) -> tuple[float, float]:
    """CPU seconds with a line in each log, and with a line in one."""
    logs = [folder / f"host-{n}.log" for n in range(size)]
    for log in logs:
        log.write_bytes(LINE * 20)
    source = FileInput(str(folder / "*.log"), Silent(), "end")  # type: ignore[arg-type]
    source.scan()
    while source.read() or source.pending:
        pass
    every, single = cpu(source, 5, logs), cpu(source, 20, logs[:1])
    source.close()
    return every, single


def share(folder: Path, size: int) -> float:
    """The share of a core that `run` takes with a line a second in each log."""
    logs = folder / "logs"
    logs.mkdir()
    files = [os.open(logs / f"host-{n}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND) for n in range(size)]
    config = folder / "config.yaml"
    config.write_text("inputs: [{path: logs/*.log, format: nginx-json, name: many}]\nstate: {path: state.db}\n")
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            begun = time.monotonic()
            for n, file in enumerate(files):
                os.write(file, LINE)
                if n % 50 == 49:
                    done.wait(max(0.0, begun + n / size - time.monotonic()))
            done.wait(max(0.0, begun + 1 - time.monotonic()))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with running(folder, "--config.file", str(config)) as exporter:
            time.sleep(10)
            begun, before = time.monotonic(), cpu_seconds(exporter.pid)
            counted = _lines(exporter.url)
            while time.monotonic() < begun + SECONDS:
                time.sleep(5)
                lines = _lines(exporter.url) - counted
            seconds = time.monotonic() - begun
            print(f"{lines:,} lines were counted in {seconds:.0f} s")
            return (cpu_seconds(exporter.pid) - before) / seconds
    finally:
        done.set()
        writer.join()
        for file in files:
            os.close(file)


def _lines(url: str) -> int:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("gateway_exporter_lines_total{"))


def main() -> None:
    """Run from the command line."""
    import resource  # noqa: PLC0415

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    last = 0.0
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            every, single = reading(Path(folder), size)
        ratio = f", {every / last:.2f} times that of half as many" if last else ""
        print(
            f"{size:,} logs: a line in each {1000 * every:.1f} ms of CPU{ratio}; a line in one {1000 * single:.2f} ms"
        )
        last = every
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with tempfile.TemporaryDirectory() as folder:
        print(f"run, {size:,} logs with a line a second each: {share(Path(folder), size):.0%} of a core")


if __name__ == "__main__":
    main()
