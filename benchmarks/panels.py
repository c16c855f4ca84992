"""What panels cost a real Prometheus at a large gateway: 500 keys, 20 methods, 5 chains, scraped every 15 seconds.

    python -m benchmarks.panels [--keys 50] [UID…]

A tenth of the keys has two days in it, a sample each minute, and 30 days of the recorded hours. Each query of a page is
asked as the page asks it at first, over 24 hours. Of what it reads, Prometheus' own count (`stats=all`) stands beside
the one that `benchmarks.pages` makes of the query's text, for the same series; its CPU time is that of the process,
user and system. Both are scaled up by the ratio of the samples that such a query reads at the full size to those that
it reads here, both counted from the text.

Bar: no panel takes 3 seconds of CPU. The exit code says whether it holds.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from msgspec import Struct

from benchmarks.pages import KEYS, Gateway, Json, Query, filled, queries
from benchmarks.prometheus import Prometheus
from benchmarks.reads import Reads
from benchmarks.rules import recorded, settled
from benchmarks.series import Size, series
from dashboards.build import documents
from exporter.config.served import Served

_DAY = 86400
_MOST_SECONDS = 3.0
_HOURS = ":increase1h"
# The clock of a process counts in hundredths of a second, so that short queries are asked several times.
_SHORT, _TIMES = 0.1, 5


class Cost(Struct):
    """A panel's, or a page's: samples counted, samples that Prometheus read, CPU seconds."""

    counted: float = 0
    read: float = 0
    full: float = 0
    cpu: float = 0

    def add(self, other: "Cost") -> None:
        """Count another in."""
        self.counted, self.read = self.counted + other.counted, self.read + other.read
        self.full, self.cpu = self.full + other.full, self.cpu + other.cpu


class Measured:
    """A gateway of some keys in Prometheus, and how much larger the full one is."""

    def __init__(self, server: Prometheus, keys: int) -> None:
        self._server = server
        self._end = time.time() // 3600 * 3600
        raw = series(Size(keys=keys))
        made = recorded(raw, self._end)
        hours = [series for series in made if series.labels["__name__"].endswith(_HOURS)]
        server.write(hours, self._end - 30 * _DAY, self._end - 2 * _DAY)
        server.write([*raw, *made], self._end - 2 * _DAY, self._end)
        every = {series.labels["__name__"]: series.every for series in (*raw, *made)}
        self._here = Reads([series.labels for series in (*raw, *made)], every, 60)
        self._few, self._many = Gateway(10), Gateway(20)

    def of(self, query: Query, page: Json) -> Cost:
        """What a query costs."""
        text, span, step = filled(query, page, _DAY, recorded=True)
        counted = self._here.of(text, span, step)
        few, many = self._few.reads.of(text, span, step), self._many.reads.of(text, span, step)
        full = few + (many - few) / 10 * (KEYS - 10)
        before = self._server.cpu_seconds
        read = self._ask(text, span, step)
        cpu = self._server.cpu_seconds - before
        if cpu < _SHORT:
            for _ in range(_TIMES):
                self._ask(text, span, step)
            cpu = (self._server.cpu_seconds - before) / (_TIMES + 1)
        return Cost(counted, read, full, cpu * max(1.0, full / counted if counted else 1.0))

    def _ask(self, text: str, span: int, step: int) -> int:
        if not step:
            return self._server.read_samples(text, self._end)
        return self._server.read_samples(text, self._end, begin=self._end - span, step=step)


def report(name: str, panels: dict[str, Cost], opened: Cost) -> bool:
    """Print a page and its panels that take the most; whether the bar holds."""
    print(_row(name.upper(), opened))
    over = [panel for panel, cost in panels.items() if cost.cpu >= _MOST_SECONDS]
    for panel, cost in sorted(panels.items(), key=lambda panel: -panel[1].cpu):
        if cost.cpu >= _SHORT * _MOST_SECONDS:
            print(_row(f"  {panel}", cost) + (f"  over {_MOST_SECONDS:g} s" if panel in over else ""))
    return not over


def _row(name: str, cost: Cost) -> str:
    return f"{name[:60]:60}{cost.counted / 1e6:9.2f}{cost.read / 1e6:9.2f}{cost.full / 1e6:9.1f}{cost.cpu:8.2f}"


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uids", nargs="*")
    parser.add_argument("--keys", type=int, default=50)
    asked = parser.parse_args()
    held = True
    with tempfile.TemporaryDirectory() as folder, Prometheus(Path(folder)) as server:
        measured = Measured(server, asked.keys)
        settled(server)
        print(f"{asked.keys} keys measured, scaled up to {KEYS}; millions of samples, counted and read, and at {KEYS}:")
        print(f"{'':60}{'counted':>9}{'read':>9}{'full':>9}{'CPU s':>8}", flush=True)
        for page in documents(Served()):
            if asked.uids and page["uid"] not in asked.uids:
                continue
            panels: dict[str, Cost] = {}
            opened = Cost()
            for query in queries(page):
                cost = measured.of(query, page)
                panels.setdefault(query.panel, Cost()).add(cost)
                if query.opened:
                    opened.add(cost)
            held = report(page["uid"], panels, opened) and held
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
