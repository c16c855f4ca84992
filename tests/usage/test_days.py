"""Days, weeks and months of a key in a time zone, over the ends of summer time and of a month, against `replay`."""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from exporter.http_client import Server as Asked
from exporter.model.catalog import CATALOG
from exporter.usage.counters import Counters
from exporter.usage.division import divide
from exporter.usage.prometheus import Prometheus
from exporter.usage.scope import Granularity, Scope, Terms
from exporter.usage.steps import Timeline, step_edges, whole
from tests.command import call
from tests.exporter import samples
from tests.usage.history import Exporter
from tests.usage.server import Server, blocks, record

SEED = 11
# Summer time ends there on the first day of the month, a Sunday.
ZONE = ZoneInfo("America/New_York")
BEGIN = datetime(2026, 10, 30, 10, 17, 5, tzinfo=ZONE).timestamp()
END = datetime(2026, 11, 3, 9, 41, 50, tzinfo=ZONE).timestamp()
MIDNIGHTS = step_edges(BEGIN, END, "day", ZONE)
REQUESTS = "gateway_requests_total"
TERMS = Terms(families={name: family.labels for name, family in CATALOG.items()}, timezone=ZONE.key)


class History:
    """An exporter's days in a Prometheus, and its log."""

    def __init__(self, folder: Path) -> None:
        quiet = (*MIDNIGHTS, BEGIN, END)
        exporter = Exporter(Random(SEED), "one", BEGIN - 7200, END + 600, keys="ab", quiet=quiet, scrape=60)
        blocks(folder, [*(line for _, line in sorted(exporter.lines)), "# EOF\n"])
        record(folder, BEGIN - 7200, END + 600)
        self._log, self._config = folder / "access.log", folder / "config.yaml"
        with self._log.open("w", encoding="utf-8") as out:
            for at, key, amount in sorted(exporter.logged):
                out.write((json.dumps({"t": at, "s": 200, "m": "m", "key": key}) + "\n") * amount)
        format_ = {"json": {"time": "t", "status": "s", "rpc_method": "m", "key": "key"}}
        config: dict[str, Any] = {"inputs": [{"path": str(self._log), "format": format_}], "keys": "keys.yaml"}
        (folder / "keys.yaml").write_text(yaml.safe_dump([{"id": key} for key in "ab"]), encoding="utf-8")
        self._config.write_text(yaml.safe_dump(config), encoding="utf-8")
        self.server = Server(folder)

    def logged(self, key: str, begin: float, end: float) -> float:
        """What `replay` counts of a key in a time."""
        times = ("--since", f"{begin:.3f}", "--until", f"{end:.3f}")
        done = call("replay", "--config.file", str(self._config), *times, str(self._log))
        assert done.code == 0, done.stderr
        found = samples(done.stdout).items()
        return sum(value for name, value in found if name.startswith(f"{REQUESTS}{{") and f'key="{key}"' in name)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    made = History(tmp_path_factory.mktemp("days"))
    yield made
    made.server.close()


def test_a_day_may_have_25_hours() -> None:
    """Or 23: each step begins at a midnight of the zone."""
    assert [round((end - begin) / 3600) for begin, end in pairwise(MIDNIGHTS)] == [24, 24, 25, 24, 24]
    first, last = (datetime(2026, 3, day, 12, tzinfo=ZONE).timestamp() for day in (7, 9))
    march = step_edges(first, last, "day", ZONE)
    assert [round((end - begin) / 3600) for begin, end in pairwise(march)] == [24, 23, 24]


@pytest.mark.parametrize(("granularity", "steps"), [("day", 5), ("week", 2), ("month", 2)])
def test_every_step_is_that_of_the_log(history: History, granularity: Granularity, steps: int) -> None:
    """To the request."""
    prometheus = Prometheus(Asked(url=history.server.url, timeout=60))
    scope = Scope(begin=BEGIN, end=END, keys=("a",), granularity=granularity)
    counters = Counters(prometheus, TERMS.families, {}, divide(prometheus, {}, BEGIN, END))
    timeline = Timeline(prometheus, scope, TERMS, counters)
    found = whole(timeline.grown(REQUESTS))
    prometheus.close()
    edges = [BEGIN, *timeline.edges[1:-1], END]
    parts = zip(timeline.edges, pairwise(edges), strict=False)
    assert found == {step: history.logged("a", *part) for step, part in parts}, f"seed {SEED}"
    assert len(found) == steps
