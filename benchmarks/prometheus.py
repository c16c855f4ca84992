"""A Prometheus that is given series of days in minutes, and asked what queries cost.

    with Prometheus(folder) as server:
        server.write(raw, begin, end)       # benchmarks/series.py says where they come from
        server.read_samples(query, end)     # of an instant query, as a rule is
        server.query_range(query, end - 86400, end, 300)   # as a panel's is

Samples are those that the query API counts as `totalQueryableSamples` with `stats=all`: what the query reads. It
listens on 127.0.0.1 and is ended with the `with` block.
"""

import shutil
import struct
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
import yaml

from benchmarks.program import free_port
from benchmarks.series import Series

_SECONDS = 600
_BLOCK_SECONDS = 18 * 3600
# Prometheus takes samples that are up to half a block older than its newest.
_SLICE_SECONDS = _BLOCK_SECONDS // 4
_SERIES_A_REQUEST = 2000
_CONFIG = {"global": {"evaluation_interval": "60s"}, "rule_files": ["*.rules.yml"]}


class Prometheus:
    """The server; its data, its config and its rules (`*.rules.yml`) are in a folder."""

    def __init__(self, folder: Path, program: str = "prometheus") -> None:
        found = shutil.which(program)
        if not found:
            raise FileNotFoundError(f"{program} is not installed: make deb")
        self.folder = folder
        (folder / "prometheus.yml").write_text(yaml.safe_dump(_CONFIG), encoding="utf-8")
        self.address = f"http://127.0.0.1:{(port := free_port())}"
        command = [found, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=error"]
        command += [
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-lifecycle",
            "--storage.tsdb.retention.time=10y",
            # The blocks of one that keeps 30 days: compacted to at most a tenth of that, in steps of three.
            f"--storage.tsdb.min-block-duration={_BLOCK_SECONDS}s",
            f"--storage.tsdb.max-block-duration={3 * _BLOCK_SECONDS}s",
        ]
        # Rules and panels may be over the limit: that is what is to be seen.
        command += ["--web.enable-remote-write-receiver", "--query.max-samples=1000000000", "--query.timeout=10m"]
        with (folder / "said").open("ab") as said:
            self._child = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)

    def __enter__(self) -> Self:
        until = time.monotonic() + 120
        while time.monotonic() < until and self._child.poll() is None:
            try:
                if requests.get(f"{self.address}/-/ready", timeout=5).ok:
                    return self
            except requests.ConnectionError:
                pass
            time.sleep(0.2)
        self._end()
        raise RuntimeError(f"prometheus did not start: {(self.folder / 'said').read_text(errors='replace')}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        self._child.terminate()
        self._child.wait()

    @property
    def cpu_seconds(self) -> float:
        """User and system time of the process until now, to the microsecond."""
        # The clock of another process, as clock_getcpuclockid(3) makes it on Linux; /proc has hundredths of a second.
        return time.clock_gettime(~self._child.pid << 3 | 2)

    def write(self, series: Iterable[Series], begin: float, end: float) -> None:
        """Give it samples of each series, by remote write; what it has must be older than an hour before `begin`."""
        written = [(_labels(each.labels), each) for each in series]
        steps = {each.every for _, each in written}
        for begun in range(int(begin), int(end), _SLICE_SECONDS):
            until = min(begun + _SLICE_SECONDS, int(end) + 1)
            samples = {every: _Samples(range(begun, until, every), end) for every in steps}
            for first in range(0, len(written), _SERIES_A_REQUEST):
                some = written[first : first + _SERIES_A_REQUEST]
                body = b"".join(_field(1, labels + samples[each.every].of(each)) for labels, each in some)
                answer = requests.post(
                    f"{self.address}/api/v1/write",
                    data=_uncompressed(body),
                    headers={"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"},
                    timeout=_SECONDS,
                )
                if not answer.ok:
                    raise RuntimeError(f"remote write: {answer.text}")

    def query(self, query: str, at: float) -> list[tuple[dict[str, str], float]]:
        """What an instant query gives: labels and value of each series."""
        found = self._ask("query", query=query, time=at)["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]

    def query_range(self, query: str, begin: float, end: float, step: float) -> None:
        """Have it answer a range query, as a panel's is."""
        self._ask("query_range", query=query, start=begin, end=end, step=step)

    def read_samples(self, query: str, at: float) -> int:
        """How many samples an instant query reads."""
        return int(self._ask("query", query=query, time=at, stats="all")["stats"]["samples"]["totalQueryableSamples"])

    def shown(self, name: str) -> float:
        """The sum of what Prometheus shows of itself under a name."""
        lines = requests.get(f"{self.address}/metrics", timeout=_SECONDS).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name}{{", f"{name} ")))

    def reload(self) -> None:
        """Have it read its rules again."""
        requests.post(f"{self.address}/-/reload", timeout=_SECONDS).raise_for_status()

    def _ask(self, path: str, **parameters: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.address}/api/v1/{path}", data=parameters, timeout=_SECONDS)
        if not answer.ok:
            raise RuntimeError(f"{answer.text}: {parameters.get('query')}")
        data: dict[str, Any] = answer.json()["data"]
        return data


# Remote write: https://prometheus.io/docs/specs/prw/remote_write_spec/, by hand, as its packages are far larger.


def _labels(labels: dict[str, str]) -> bytes:
    pairs = ((_field(1, name.encode()) + _field(2, value.encode())) for name, value in sorted(labels.items()) if value)
    return b"".join(_field(1, pair) for pair in pairs)


class _Samples:
    """The samples of each series at some times: a double, field 1, and a time in milliseconds, field 2."""

    def __init__(self, times: range, end: float) -> None:
        self._before = [(int(end) - at) / 60 for at in times]
        self._parts: list[object] = [
            part for at in times for part in (b"\x12\x10\x09", 0.0, b"\x10" + _number(1000 * at))
        ]
        self._pack = struct.Struct("<" + "3sd7s" * len(times)).pack

    def of(self, series: Series) -> bytes:
        """Encoded."""
        value, growth = series.value, series.growth
        self._parts[1::3] = (
            [value - growth * before for before in self._before] if growth else [value] * len(self._before)
        )
        return self._pack(*self._parts)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _number(len(content)) + content


def _number(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])


def _uncompressed(content: bytes) -> bytes:
    """Snappy's format without compression: one literal. https://github.com/google/snappy/blob/main/format_description.txt"""
    return _number(len(content)) + b"\xfc" + struct.pack("<I", len(content) - 1) + content
