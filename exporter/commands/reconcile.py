"""`reconcile`: count logs, ask Prometheus for the same time, and print what differs."""

import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from exporter.commands.replay import Replay, count
from exporter.commands.usage import Progress, usage_config
from exporter.config.load import load
from exporter.config.reported import HELD, terms_of
from exporter.durations import seconds
from exporter.errors import InputError
from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.service.assembly import Assembly
from exporter.usage.counters import Counters, MissingError
from exporter.usage.division import Division, divide
from exporter.usage.moments import shown
from exporter.usage.prometheus import Prometheus
from exporter.usage.table import table

# Money and seconds are sums of fractions, added up in another order.
_SAME = 1e-6

ByKey = dict[str, float]


class Compared(Struct):
    """A counter of a key, in the log and in Prometheus."""

    counter: str
    key: str
    logged: float
    found: float

    @property
    def difference(self) -> float:
        """What Prometheus has more."""
        return self.found - self.logged

    def differs(self, tolerance: float) -> bool:
        """Whether the difference is more than a share of what was logged."""
        largest = max(abs(self.logged), abs(self.found))
        return abs(self.difference) > max(tolerance * abs(self.logged), _SAME * min(largest, 1.0) + 1e-9 * largest)


def run(
    config: str,
    url: str | None,
    logs: list[str],
    name: str | None,
    begin: float | None,
    end: float | None,
    tolerance: float,
) -> int:
    """Print the differences by key and family. Returns the exit code: 1 if one is more than the tolerance."""
    loaded = load(Path(config))
    usage = usage_config(loaded.config, url)
    terms = terms_of(loaded.config, usage)
    assembly = Assembly(loaded)
    replay = Replay(begin or 0.0, end)
    count(loaded, assembly, logs, name, replay)
    if replay.times is None:
        raise InputError(f"{', '.join(logs)}: no request of this time, so there is nothing to compare")
    first, last = replay.times
    held = HELD * seconds(loaded.config.metrics.scrape_interval)
    start = first - 1 if begin is None else begin
    stop = min(last + held if end is None else end, time.time())
    prometheus = Prometheus(usage.prometheus.server)
    progress = Progress()
    try:
        progress("how it is divided")
        division = divide(prometheus, terms.match, start, stop)
        counters = Counters(prometheus, terms.families, terms.match, division)
        compared, missing = _compare(assembly.store, counters, progress)
    finally:
        progress.close()
        prometheus.close()
    code = _report(compared, missing, division, tolerance)
    if code and end is None:
        print("an exporter that was away or behind counts late: --to names a time at which it had counted all of it")
    return code


def _compare(store: Store, counters: Counters, progress: Progress) -> tuple[list[Compared], dict[str, str]]:
    compared: list[Compared] = []
    missing: dict[str, str] = {}
    for counter, logged in _logged(store):
        progress(counter)
        try:
            found = _found(counters, counter, store)
        except MissingError as error:
            missing[counter] = str(error)
            continue
        compared += [
            Compared(counter, key, logged.get(key, 0.0), found.get(key, 0.0)) for key in sorted(logged.keys() | found)
        ]
    return compared, missing


def _logged(store: Store) -> Iterator[tuple[str, ByKey]]:
    """What was counted of each counter that records add to, by key ("" where it has none)."""
    for name, served in store.families.items():
        family = served.family
        # Which origins are new depends on what was before the log.
        if not family.adds or family.type == "gauge" or name == catalog.KEY_NEW_ORIGINS.name:
            continue
        names = [f"{name}_sum", f"{name}_count"] if family.type == "histogram" else [name]
        parts: dict[str, ByKey] = {part: defaultdict(float) for part in names}
        at = family.labels.index("key") if "key" in family.labels else None
        served.settle()
        for values, numbers in served.rows().each():
            key = "" if at is None else values[at]
            if family.type == "histogram":
                parts[f"{name}_sum"][key] += numbers[-1]
                parts[f"{name}_count"][key] += sum(numbers[:-1])
            else:
                parts[name][key] += numbers[0]
        yield from parts.items()


def _found(counters: Counters, counter: str, store: Store) -> ByKey:
    family = store.families.get(counter) or store.families[counter.rpartition("_")[0]]
    by = ("key",) if "key" in family.family.labels else ()
    return {(labels[0] if by else ""): amount for labels, amount in counters.grown(counter, by).items()}


def _report(compared: list[Compared], missing: dict[str, str], division: Division, tolerance: float) -> int:
    print(f"{shown(division.begin)} to {shown(division.end)}")
    for line in (*(f"not compared: {counter}: {why}" for counter, why in missing.items()), *division.notes):
        print(line)
    off = [row for row in compared if row.differs(tolerance)]
    if off:
        cells = [[row.counter, row.key or "-", *map(_number, (row.logged, row.found, row.difference))] for row in off]
        print("\n".join(table(["counter", "key", "log", "Prometheus", "difference"], cells)))
    print(_summary(compared, len(off)))
    return int(bool(off))


def _summary(compared: list[Compared], off: int) -> str:
    requests = [row for row in compared if row.counter == catalog.REQUESTS.name]
    logged, found = sum(row.logged for row in requests), sum(row.found for row in requests)
    counters = len({row.counter for row in compared})
    return (
        f"{logged:,.0f} requests in the log, {found:,.0f} in Prometheus; {counters} counters of {len(requests)} keys: "
        + (f"{off} of {len(compared)} numbers differ" if off else "no difference")
    )


def _number(value: float) -> str:
    return f"{round(value):,}" if abs(value - round(value)) < _SAME else f"{value:,.6f}"
