"""What a scrape costs with 100,000 series: the commit and the rendering, by the share of series that changed.

python -m benchmarks.checkpoint
"""

import random
import statistics
import tempfile
import time
from pathlib import Path

from exporter.counting.admission import Admissions
from exporter.metrics.exposition import render
from exporter.metrics.store import Series, Store
from exporter.model.catalog import CATALOG
from exporter.state.checkpoint import Checkpoint
from exporter.state.database import State

SERIES = 100_000
RUNS = 15
_FAMILY = "gateway_requests_total"


def filled(store: Store) -> list[Series]:
    """Counters of 500 keys and 200 methods."""
    return [
        store.series(
            CATALOG[_FAMILY], f"k_{n % 500:016x}", "business", "ethereum", f"eth_method{n // 500}", "https", "200"
        )
        for n in range(SERIES)
    ]


def main() -> None:
    """Run from the command line."""
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        store = Store()
        every = filled(store)
        state = State(Path(folder) / "state.db")
        checkpoint = Checkpoint(state, store, Admissions(), dict)
        for share in (1.0, 0.1, 0.01):
            commits, renderings = [], []
            for _ in range(RUNS):
                for series in every if share == 1 else rng.sample(every, int(SERIES * share)):
                    series.value += 1
                begun = time.perf_counter()
                checkpoint.commit()
                committed = time.perf_counter()
                render(store)
                commits.append(committed - begun)
                renderings.append(time.perf_counter() - committed)
            print(
                f"{SERIES:,} series, {share:.0%} changed: commit {1000 * statistics.median(commits):.1f} ms,"
                f" rendering {1000 * statistics.median(renderings):.1f} ms (medians of {RUNS})"
            )
        checkpoint.close()


if __name__ == "__main__":
    main()
