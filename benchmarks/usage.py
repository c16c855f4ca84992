"""What a report of usage costs Prometheus where a gateway is large: 500 keys, 20 methods, 5 chains, 30 days.

    python -m benchmarks.usage --keys 100

A fifth of the keys has 30 days of recorded hours in a real Prometheus, and raw series, a sample each minute, at the
edges of the time. CPU is that of the process while it answers, the least of three times. What is asked of all keys is
scaled up by their number, though not all of it grows by it; what is asked of one is not.

Bars: one key takes less than 1 s, all keys less than 5 s. The exit code says whether they hold.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from benchmarks.prometheus import Prometheus as Server
from benchmarks.series import Series, Size, series
from exporter.http_client import Server as Asked
from exporter.model.catalog import CATALOG, REQUEST_DURATION_MAX_SECONDS
from exporter.model.growth import FIRST_START, GROWN, HOUR, SETTLED_SECONDS, UNSTEADY
from exporter.usage.ask import Wanted, scope_of
from exporter.usage.prometheus import Prometheus
from exporter.usage.report import Report
from exporter.usage.scope import Terms

_OF_KEYS = 500
_DAYS = 30
_ONE_KEY, _ALL_KEYS = 1.0, 5.0
_TIMES = 3
# Raw series are needed for the last edge, and the time before it in which an exporter must have been seen.
_RAW_SECONDS = 2400


def hours(raw: list[Series], end: float) -> Iterator[str]:
    """What the rules of usage would have recorded of these series, as OpenMetrics: each hour the same."""
    yield from (f"{UNSTEADY} 0 {end - n * HOUR}\n" for n in reversed(range(_DAYS * 24)))
    for recorded in GROWN:
        grown: dict[tuple[str, ...], float] = defaultdict(float)
        for each in raw:
            if each.labels["__name__"] == recorded.counter:
                grown[tuple(each.labels.get(label, "") for label in recorded.labels)] += 60 * each.growth
        for values, amount in grown.items():
            labels = ",".join(f'{name}="{value}"' for name, value in zip(recorded.labels, values, strict=True) if value)
            for n in reversed(range(_DAYS * 24)):
                yield f"{recorded.name}{{{labels}}} {amount:g} {end - n * HOUR}\n"


def peaks(raw: list[Series], end: float) -> Iterator[str]:
    """What is recorded of the busiest minute and of the slowest request, as OpenMetrics."""
    yield from (f"fleet:gateway_requests:rate5m 1 {end - 60 * n}\n" for n in reversed(range(_DAYS * 1440)))
    for each in raw:
        if each.labels["__name__"] == REQUEST_DURATION_MAX_SECONDS.name:
            labels = ",".join(f'{name}="{each.labels[name]}"' for name in ("chain", "method") if name in each.labels)
            series = f"method:{REQUEST_DURATION_MAX_SECONDS.name}:max1h{{{labels}}}"
            yield from (f"{series} {each.value:g} {end - 300 * n}\n" for n in reversed(range(_DAYS * 288)))


def samples(raw: list[Series], end: float) -> Iterator[str]:
    """A sample of each raw series every minute, as OpenMetrics."""
    for each in raw:
        labels = ",".join(f'{name}="{value}"' for name, value in each.labels.items() if name != "__name__")
        for n in reversed(range(_RAW_SECONDS // 60)):
            yield f"{each.labels['__name__']}{{{labels}}} {each.value - n * each.growth:g} {end - 60 * n}\n"


def cost(server: Server, url: str, wanted: Wanted, now: float) -> tuple[float, int, float]:
    """CPU seconds of Prometheus, the number of questions, and the seconds that one waits for a report."""
    prometheus = Prometheus(Asked(url=url, timeout=600))
    terms = Terms(families={name: family.labels for name, family in CATALOG.items()})
    cpu, begun = server.cpu_seconds, time.monotonic()
    Report(prometheus, scope_of(prometheus, {}, wanted, now, "10y"), terms).build()
    return server.cpu_seconds - cpu, prometheus.asked, time.monotonic() - begun


def main() -> int:
    """Print the costs; 1 if a bar is not held."""
    parser = argparse.ArgumentParser(description="What a report of usage costs Prometheus.")
    parser.add_argument("--keys", type=int, default=100, help="keys of 500 that have data (default: 100)")
    keys = parser.parse_args().keys
    now = time.time() // HOUR * HOUR
    recorded_at = now - 600.0
    begin = now - _DAYS * 86400 + HOUR
    raw = [
        Series(each.labels, begin - 86400.0 if each.labels["__name__"] == FIRST_START else each.value, each.growth)
        for each in series(Size(keys=keys))
    ]
    with tempfile.TemporaryDirectory(prefix="usage-") as made:
        folder = Path(made)
        with (folder / "hours.om").open("w", encoding="ascii") as out:
            out.writelines(hours(raw, recorded_at))
            out.writelines(peaks(raw, recorded_at))
            out.writelines(samples(raw, now))
            out.write("# EOF\n")
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=72h"]
        subprocess.run([*command, "hours.om", "data"], cwd=folder, check=True, timeout=1800)
        (folder / "hours.om").unlink()
        with Server(folder) as server:
            asked = {
                "one key, 30 days to the last recorded hour": Wanted(
                    keys=["key-001"],
                    begin=recorded_at - SETTLED_SECONDS - (_DAYS - 1) * 86400,
                    end=recorded_at - SETTLED_SECONDS,
                ),
                "one key, up to now": Wanted(
                    keys=["key-001"], begin=recorded_at - SETTLED_SECONDS - (_DAYS - 1) * 86400, end=now
                ),
                "all keys": Wanted(since=(_DAYS - 1) * 86400.0),
            }
            good = True
            for name, wanted in asked.items():
                cpu, questions, waited = min(cost(server, server.address, wanted, now) for _ in range(_TIMES))
                factor = _OF_KEYS / keys if name == "all keys" else 1.0
                bar = _ALL_KEYS if name == "all keys" else _ONE_KEY
                good &= cpu * factor < bar
                print(
                    f"{name:45}{cpu:7.2f} s of CPU, {cpu * factor:6.2f} s of {_OF_KEYS} keys (bar: {bar:g} s); "
                    f"{questions} questions, {waited:.1f} s to wait",
                    flush=True,
                )
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
