"""What panels cost a real Prometheus at a large gateway: 500 keys, 20 methods, 5 chains, scraped every 15 seconds.

    python -m benchmarks.panels [--keys 50] [UID…]

A tenth of the keys has two days in it, a sample each minute, and 30 days of what is recorded. Each query of a page is
asked as the page asks it over 24 hours, 7 days and 30 days. Its cost is the CPU time of Prometheus' process, user and
system, scaled up by the ratio of the samples that such a query reads at the full size to those that it reads here,
both counted from its text as `benchmarks.pages` does; what does not grow with keys is scaled up too. It takes about
ten minutes.

Bar: no panel takes 3 seconds of CPU. The exit code says whether it holds.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.pages import KEYS, LEADING, RANGES, Gateway, Json, Query, filled, queries
from benchmarks.prometheus import Prometheus
from benchmarks.reads import Reads
from benchmarks.rules import recorded, settled
from benchmarks.series import Size, series
from dashboards.build import documents
from exporter.config.served import Served

_DAY = 86400
_MOST_SECONDS = 3.0
# What takes longer than this is asked again: the least counts, as Prometheus tidies up now and then.
_LONG_SECONDS, _TIMES = 0.3, 3
# Panels that take less are not printed.
_SHOWN_SECONDS = 0.5

# CPU seconds, by range.
Cost = list[float]


class Measured:
    """A gateway of some keys in Prometheus, and how much larger the full one is."""

    def __init__(self, server: Prometheus, keys: int) -> None:
        self._server = server
        self._end = time.time() // 3600 * 3600
        raw = series(Size(keys=keys))
        made = recorded(raw, self._end)
        server.write(made, self._end - 30 * _DAY, self._end - 2 * _DAY)
        server.write([*raw, *made], self._end - 2 * _DAY, self._end)
        every = {series.labels["__name__"]: series.every for series in (*raw, *made)}
        self._here = Reads([series.labels for series in (*raw, *made)], every, 60)
        self._few, self._many = Gateway(LEADING), Gateway(2 * LEADING)

    def of(self, query: Query, page: Json) -> Cost:
        """What a query costs at the full size."""
        return [self._over(query, page, seconds) for seconds in RANGES.values()]

    def _over(self, query: Query, page: Json, seconds: int) -> float:
        text, span, step = filled(query, page, seconds, recorded=True)
        few, many = (gateway.reads.of(text, span, step) for gateway in (self._few, self._many))
        here, full = self._here.of(text, span, step), few + (many - few) / LEADING * (KEYS - LEADING)
        ratio = max(1.0, full / here) if here else 1.0
        cpu = self._ask(text, span, step)
        for _ in range(_TIMES - 1):
            if cpu * ratio > _LONG_SECONDS:
                cpu = min(cpu, self._ask(text, span, step))
        return cpu * ratio

    def _ask(self, text: str, span: int, step: int) -> float:
        before = self._server.cpu_seconds
        if step:
            self._server.query_range(text, self._end - span, self._end, step)
        else:
            self._server.query(text, self._end)
        return self._server.cpu_seconds - before


def report(name: str, panels: dict[str, Cost], opened: Cost) -> bool:
    """Print a page and its panels that take the most; whether the bar holds."""
    print(_row(name.upper(), opened))
    for panel, cost in sorted(panels.items(), key=lambda panel: -max(panel[1])):
        if max(cost) >= _SHOWN_SECONDS:
            print(_row(f"  {panel}", cost) + (f"  over {_MOST_SECONDS:g} s" if max(cost) >= _MOST_SECONDS else ""))
    return all(max(cost) < _MOST_SECONDS for cost in panels.values())


def _row(name: str, cost: Cost) -> str:
    return f"{name[:80]:80}" + "".join(f"{seconds:8.2f}" for seconds in cost)


def _added(one: Cost, other: Cost) -> Cost:
    return [a + b for a, b in zip(one, other, strict=True)]


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
        print(f"{asked.keys} keys measured, scaled up to {KEYS}; CPU seconds over:")
        print(" " * 80 + "".join(f"{name:>8}" for name in RANGES), flush=True)
        for page in documents(Served()):
            if asked.uids and page["uid"] not in asked.uids:
                continue
            panels: dict[str, Cost] = {}
            opened = [0.0] * len(RANGES)
            for query in queries(page):
                cost = measured.of(query, page)
                panels[query.panel] = _added(panels.get(query.panel, [0.0] * len(RANGES)), cost)
                if query.opened:
                    opened = _added(opened, cost)
            held = report(page["uid"], panels, opened) and held
            sys.stdout.flush()
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
