"""What a scrape costs with a million samples: how long counting stands still, and what is done beside it.

    python -m benchmarks.checkpoint --samples 1000000

Counters and histograms in turn, by the share of series that changed; CPU time of the thread that does it. Beside it,
what prometheus_client's `generate_latest` takes for the same samples, measured with a tenth of them. Memory is the
growth of the resident set: of the series alone, and after the first scrapes.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, generate_latest

from benchmarks.measure import resident
from exporter.counting.admission import Admissions
from exporter.metrics.exposition import Renderer, take
from exporter.metrics.packing import Packer
from exporter.metrics.series import FamilySeries, Histogram
from exporter.metrics.store import Store
from exporter.model.catalog import CATALOG
from exporter.state.checkpoint import Checkpoint
from exporter.state.database import State

RUNS = 5
COUNTERS = ("gateway_requests_total", "gateway_calls_total", "gateway_errors_total", "gateway_response_bytes_total")
HISTOGRAM = "gateway_request_duration_seconds"
_MILLISECONDS = 1e3


def filled(family: FamilySeries, count: int) -> list[Any]:
    """Series of 500 values of the first label and so many of the second as it takes."""
    others = [sys.intern(label) for label in family.family.labels[2:]]
    made = []
    for n in range(count):
        labels = sys.intern(f"value_{n % 500:016x}"), sys.intern(f"method_{n // 500}"), *others
        series = family.find(labels)
        if isinstance(series, Histogram):
            series += [0.004, 0.2, 0.2, 3.0]
        else:
            series.value = 1_000 + n
        made.append(series)
    family.settle()
    return made


def change(series: Any) -> None:
    """One more request."""
    if isinstance(series, Histogram):
        series.append(0.3)
    else:
        series.value += 1


def cpu(what: Callable[[], object]) -> float:
    """Milliseconds of this thread's CPU time."""
    begun = time.thread_time()
    what()
    return _MILLISECONDS * (time.thread_time() - begun)


def measure(kind: str, families: tuple[str, ...], samples: int, folder: Path) -> None:
    """Measure and print."""
    each = len(CATALOG[families[0]].buckets) + 3 if kind == "histograms" else 1
    store = Store(max_series=samples, families={name: CATALOG[name] for name in CATALOG})
    before = resident(os.getpid())
    every = [series for name in families for series in filled(store.families[name], samples // each // len(families))]
    alone = (resident(os.getpid()) - before) / len(every)
    checkpoint = Checkpoint(State(folder / f"{kind}.db"), store, Admissions(), dict)
    renderer, packer = Renderer(), Packer()
    whole = cpu(checkpoint.commit)
    packer.pack(renderer.blocks(take(store, checkpoint.committed)))
    print(f"{kind}: {len(every):,} series, {len(every) * each:,} samples; the first commit takes {whole:.0f} ms of CPU")
    chance = random.Random(1)
    for share in (1.0, 0.01):
        figures = []
        for _ in range(RUNS):
            for series in every if share == 1 else chance.sample(every, int(len(every) * share)):
                change(series)
            for name in families:
                store.families[name].settle()
            stands = cpu(checkpoint.commit) + cpu(lambda: take(store, checkpoint.committed))
            shown = take(store, checkpoint.committed)
            rendering = cpu(lambda: sum(map(len, renderer.blocks(shown))))  # noqa: B023
            figures.append((stands, rendering, cpu(lambda: packer.pack(renderer.blocks(shown))) - rendering))  # noqa: B023
        stands, rendering, packing = map(statistics.median, zip(*figures, strict=True))
        print(
            f"  {share:.0%} changed: counting stands {stands:.0f} ms; beside it, {rendering:.0f} ms of rendering",
            end="",
        )
        print(f" ({client(samples) / rendering:.0f} times as fast as prometheus_client), {packing:.0f} ms of packing")
    served = (resident(os.getpid()) - before) / len(every)
    print(f"  memory: {alone:.0f} bytes a series, {served:.0f} with what scrapes keep")
    checkpoint.close()


def client(samples: int) -> float:
    """Milliseconds of prometheus_client for so many samples."""
    if not _CLIENT:
        counter = Counter("requests", "-", ("key", "method"), registry=(registry := CollectorRegistry()))
        for n in range(samples // 10):
            counter.labels(f"value_{n % 500:016x}", f"method_{n // 500}").inc(n)
        _CLIENT.append(10 * cpu(lambda: generate_latest(registry)))
    return _CLIENT[0]


_CLIENT: list[float] = []


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.checkpoint", description="Measures what a scrape costs.")
    parser.add_argument("--samples", type=int, default=1_000_000)
    samples = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as folder:
        for kind, families in (("histograms", (HISTOGRAM,)), ("counters", COUNTERS)):
            # A process each: memory that one gives back would be taken by the other.
            alone = get_context("spawn").Process(target=measure, args=(kind, families, samples, Path(folder)))
            alone.start()
            alone.join()


if __name__ == "__main__":
    main()
