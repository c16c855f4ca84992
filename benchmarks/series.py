"""The series of a large gateway: what its exporter shows, by which rules and dashboards are measured.

    raw = series(Size(keys=50))                         # of 500 keys, a tenth
    with Prometheus(folder) as server:                  # benchmarks/prometheus.py
        server.write(raw, begin, end)                   # two days, a sample each minute
        server.read_samples("sum(rate(gateway_requests_total[5m]))", end)

The label sets are the exporter's own: it runs over a log in which each key calls every method on every chain with
success, one in ten of them also fails, and the keys share four models of four providers. `Size` says how many there
are. Keys are registered, with limits a minute, a day and a month. Counters grow by the log's counts every minute;
gauges keep their values, but times of the log, which move on.
"""

import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import yaml
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from benchmarks.program import Exporter, running

JOB, INSTANCE = "gateway-exporter", "gateway-1:9108"
_MODELS = tuple((f"model-{n}", f"provider-{n}") for n in range(4))
_FAILURES = (401, 429, 500, 504)
_ORIGINS = 4
# Times of the log, or of its counting: they move on with the clock.
_MOVING = ("last_used_timestamp_seconds", "record_timestamp_seconds", "checkpoint_timestamp_seconds")
_FORMAT = {
    "json": {
        **{name: name for name in ("time", "status", "path", "key", "rpc_method", "chain", "duration", "origin")},
        **{name: name for name in ("request_bytes", "response_bytes", "model", "provider", "attempts")},
        "http_method": "verb",
        "upstream_status": "upstream_status",
        "time_to_first_token": "first_token",
        "input_tokens": "input_tokens",
        "output_tokens": "output_tokens",
    }
}


class Size(Struct, frozen=True):
    """How many there are of what."""

    keys: int = 500
    methods: int = 20
    chains: int = 5


class Series(Struct, frozen=True):
    """One series: its labels with `__name__`, the value at the end, how much it grows each minute, and the seconds
    between two samples.
    """

    labels: dict[str, str]
    value: float
    growth: float = 0.0
    every: int = 60


def config(folder: Path, size: Size) -> Path:
    """Write the exporter's config and its files. Credits, prices, limits: all that can be counted is."""
    limits = [
        {"window": "1m", "requests": 10_000},
        {"window": "1d", "requests": 10**6},
        {"window": "1mo", "requests": 10**7, "tokens": 10**9, "cost": 1000},
    ]
    keys = [
        {"id": f"key-{n:03}", "name": f"Key {n}", "owner": f"owner-{n % 20}", "plan": "all", "expires": "2099-01-01"}
        for n in range(size.keys)
    ]
    prices = [{"model": model, "type": "chat", "per_million_tokens": {"input": 1, "output": 5}} for model, _ in _MODELS]
    made = {
        "inputs": [{"path": str(folder / "access.log"), "format": _FORMAT}],
        "start_at": "beginning",
        "keys": "keys.yaml",
        "plans": {"all": {"limits": limits}},
        "pricing": {"models": "prices.yaml", "credits": {"default": 20}},
        "state": {"path": str(folder / "state.db")},
        "metrics": {"scrape_interval": "1ms"},  # so that no new series is held at 0 for long
    }
    (folder / "keys.yaml").write_text(yaml.safe_dump(keys), encoding="utf-8")
    (folder / "prices.yaml").write_text(yaml.safe_dump(prices), encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump(made), encoding="utf-8")
    return folder / "config.yaml"


def log(size: Size, at: float) -> Iterator[dict[str, object]]:
    """The log's lines, all of one second."""
    for place, (key, method, chain) in enumerate(product(range(size.keys), range(size.methods), range(size.chains))):
        line: dict[str, object] = {
            **{"time": at, "status": 200, "verb": "POST", "path": "/", "key": f"key-{key:03}"},
            **{"rpc_method": f"eth_method{method}", "chain": f"chain-{chain}", "duration": 0.001 * (1 + place % 700)},
            **{"origin": f"https://app{(key + method % _ORIGINS) % 40}.test", "request_bytes": 300},
            "response_bytes": 900,
        }
        yield line
        if place % 10 == 0:
            yield line | {"status": _FAILURES[place // 10 % len(_FAILURES)]}
    for key, (n, (model, provider)) in product(range(size.keys), enumerate(_MODELS)):
        answer = {
            **{"time": at, "status": 200, "verb": "POST", "path": "/v1/chat/completions", "key": f"key-{key:03}"},
            **{"duration": 2.5, "first_token": 0.4, "model": model, "provider": provider, "attempts": provider},
            **{"upstream_status": "200", "input_tokens": 900, "output_tokens": 300, "request_bytes": 4000},
            "response_bytes": 2000,
        }
        yield answer
        if key % 10 == 0:
            yield answer | {"attempts": f"{_MODELS[n - 1][1]}, {provider}", "upstream_status": "502, 200"}


def exposition(size: Size) -> str:
    """What the exporter shows of that log."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        written = 0
        with (folder / "access.log").open("w", encoding="ascii") as out:
            for line in log(size, time.time()):
                written += 1
                out.write(json.dumps(line) + "\n")
        with running(folder, "--config.file", str(config(folder, size))) as exporter:
            return counted(exporter, written)


def series(size: Size) -> list[Series]:
    """What the exporter shows of that log, as Prometheus keeps it; with `up`."""
    target = {"job": JOB, "instance": INSTANCE}
    return [
        Series({"__name__": "up", **target}, 1.0),
        *(
            Series({"__name__": sample.name, **sample.labels, **target}, sample.value, _growth(family.type, sample))
            for family in text_string_to_metric_families(exposition(size))
            for sample in family.samples
        ),
    ]


def _growth(kind: str, sample: Sample) -> float:
    if kind in ("counter", "histogram"):
        return float(sample.value)
    return 60.0 if sample.name.endswith(_MOVING) else 0.0


def counted(exporter: Exporter, lines: int) -> str:
    """What the exporter shows when it has counted so many lines, and holds no new series at 0 any more. TimeoutError
    if it does not within two minutes.
    """
    until = time.monotonic() + 120
    while time.monotonic() < until and exporter.child.poll() is None:
        time.sleep(0.5)
        try:
            text = _get(f"{exporter.url}/metrics")
        except OSError:
            continue
        read = [line for line in text.splitlines() if line.startswith("gateway_exporter_lines_total{")]
        if sum(float(line.rpartition(" ")[2]) for line in read) == lines and "show 0 until" not in _get(exporter.url):
            return _get(f"{exporter.url}/metrics")
    raise TimeoutError(f"the exporter did not count {lines} lines: {exporter.said.read_text(errors='replace')}")


def _get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as answer:
        text: str = answer.read().decode()
        return text
