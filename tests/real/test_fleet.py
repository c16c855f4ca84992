"""Five gateways with an exporter each: one Prometheus has the fleet's numbers, and so has the VictoriaMetrics to which
it writes them; rules and dashboards are answered there as well.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from dashboards.build import documents
from exporter.config.load import load
from exporter.config.served import served
from exporter.keys.identity import Identity
from tests.command import run
from tests.dashboards.asked import filled, of_panels, of_variables, variables
from tests.exporter import Exporter
from tests.process import Process, free_port
from tests.real.gateways import program
from tests.real.monitoring import JOB
from tests.waiting import eventually

SECONDS = 60.0
GATEWAYS = ("gw-1", "gw-2", "gw-3", "gw-4", "gw-5")
SECRET = "one secret for the whole fleet"
# Gateway n logs n × so many requests; the fourth of each five fails.
EACH = 20
TOTAL = EACH * sum(range(1, len(GATEWAYS) + 1))


class Database:
    """What answers Prometheus' query API on a port."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def asks(self, query: str, **at: float) -> list[dict[str, Any]]:
        """The series of an instant query, or of a range query if `at` has a start."""
        kind = "query_range" if "start" in at else "query"
        parameters: dict[str, str | float] = {"query": query, **at}
        answer = requests.get(f"{self.url}/api/v1/{kind}", params=parameters, timeout=SECONDS)
        assert answer.ok, (query, answer.text)
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def values(self, query: str, **at: float) -> dict[str, float]:
        """The values of an instant query, by labels."""
        found = self.asks(query, **at)
        return {json.dumps(series["metric"], sort_keys=True): float(series["value"][1]) for series in found}


class Fleet:
    """The exporters, Prometheus with the rules, and VictoriaMetrics."""

    def __init__(self, folder: Path, started: ExitStack) -> None:
        self.config = folder / GATEWAYS[0] / "config.yaml"
        self._folders = [folder / name for name in GATEWAYS]
        targets = [self._gateway(place, started) for place in self._folders]
        rules = ["alerts", "--config.file", str(self.config), "--out", str(folder / "rules")]
        assert run(*rules).code == 0
        self.prometheus, self.victoria = Database(free_port()), Database(free_port())
        command = [program("victoria-metrics"), f"-httpListenAddr={self.victoria.url.removeprefix('http://')}"]
        # Show samples of the last seconds, too. Five years of hours are more than this version reads of a series; later
        # ones read up to 100,000 of a subquery.
        command += [f"-storageDataPath={folder / 'victoria'}", "-search.latencyOffset=0s", "-retentionPeriod=1"]
        command += ["-search.maxPointsPerTimeseries=50000"]
        self._start(command, self.victoria, started)
        settings = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules/*.rules.yml"],
            "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": targets}]}],
            "remote_write": [{"url": f"{self.victoria.url}/api/v1/write"}],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        command = [program("prometheus"), f"--config.file={folder / 'prometheus.yml'}"]
        command += [f"--storage.tsdb.path={folder / 'data'}"]
        self._start(
            [*command, f"--web.listen-address={self.prometheus.url.removeprefix('http://')}"], self.prometheus, started
        )

    def _gateway(self, place: Path, started: ExitStack) -> str:
        place.mkdir()
        (place / "secret").write_text(SECRET, encoding="utf-8")
        (place / "secret").chmod(0o600)
        registry = [{"hash": Identity(SECRET.encode()).hash("raw-key"), "id": "acme", "owner": "acme", "plan": "all"}]
        (place / "keys.yaml").write_text(yaml.safe_dump(registry), encoding="utf-8")
        config = {
            "inputs": [{"path": "access.json", "format": "nginx-json", "labels": {"gateway": place.name}}],
            "identity": {"secret_file": "secret"},
            "keys": "keys.yaml",
            "plans": {"all": {"limits": [{"window": "1mo", "requests": 1000}]}},
            "metrics": {"scrape_interval": "1s"},
            "start_at": "beginning",
            "state": {"path": "state.db"},
            "alerts": {"interval": "1s", "scope_labels": []},
        }
        (place / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        (place / "access.json").touch()
        exporter = started.enter_context(Exporter("run", "--config.file", str(place / "config.yaml")))
        return exporter.url.removeprefix("http://")

    def _start(self, command: list[str], database: Database, started: ExitStack) -> None:
        process = Process(command)
        started.callback(process.kill)
        ready = f"{database.url}/api/v1/query?query=1"
        process.listens(int(database.url.rpartition(":")[2]))
        eventually(lambda: requests.get(ready, timeout=SECONDS).ok, "it answers queries", SECONDS)

    def log(self) -> None:
        """Requests of one key at all gateways, some more at each."""
        for number, place in enumerate(self._folders, 1):
            with (place / "access.json").open("a", encoding="utf-8") as log:
                for n in range(EACH * number):
                    line = {"msec": time.time(), "status": 503 if n % 5 == 4 else 200, "method": "GET", "uri": "/v1/x"}
                    line |= {
                        "api_key": "raw-key",
                        "request_time": 0.01,
                        "bytes_sent": 100,
                        "remote_addr": "203.0.113.9",
                    }
                    log.write(json.dumps(line) + "\n")


def _equal(found: Callable[[], dict[str, float]], expected: dict[str, float]) -> bool:
    return found() == expected


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The fleet after its requests: they are counted, and written on."""
    with ExitStack() as started:
        fleet = Fleet(tmp_path_factory.mktemp("fleet"), started)
        up = f'sum(up{{job="{JOB}"}})'
        eventually(lambda: fleet.prometheus.values(up) == {"{}": 5.0}, "all are scraped", SECONDS)
        fleet.log()
        for database in (fleet.prometheus, fleet.victoria):
            counted = partial(database.values, "sum(gateway_requests_total)")
            eventually(partial(_equal, counted, {"{}": TOTAL}), "all is counted", SECONDS)
        recorded = "fleet:gateway_requests:rate5m > 0"
        eventually(lambda: fleet.victoria.asks(recorded), "rules are evaluated and written on", SECONDS)
        yield fleet


def test_sums_are_the_fleets(fleet: Fleet) -> None:
    """Exact in both: of all gateways and of each; the limit that they share is used by all together."""
    for database in (fleet.prometheus, fleet.victoria):
        assert database.values("sum(gateway_requests_total)") == {"{}": TOTAL}
        assert database.values("sum by (gateway) (gateway_requests_total)") == {
            f'{{"gateway": "{name}"}}': EACH * number for number, name in enumerate(GATEWAYS, 1)
        }
        assert database.values('sum(gateway_errors_total{key="acme"})') == {"{}": TOTAL / 5}
        used = 'sum(gateway_limit_used{key="acme",unit="requests",window="1mo"})'
        assert database.values(used) == {"{}": TOTAL}
        assert database.values("count(count by (fingerprint) (gateway_exporter_identity_info))") == {"{}": 1}


def test_recorded_series_are_the_same(fleet: Fleet) -> None:
    """Each series that a rule records, with its value at a time, is in VictoriaMetrics as Prometheus has it."""
    recorded = '{__name__=~".+:.+"}'
    at = time.time() - 2

    def same() -> bool:
        ours = fleet.prometheus.values(recorded, time=at)  # a rule may still be about to record one
        several = len({name for name in ours if "fleet:gateway_" in name}) > 5
        # VictoriaMetrics keeps twelve digits.
        return several and fleet.victoria.values(recorded, time=at) == pytest.approx(ours, rel=1e-11)

    eventually(same, "it has the same series", SECONDS)


def test_every_dashboard_is_answered(fleet: Fleet) -> None:
    """No query is an error, and none that has data in Prometheus has none in VictoriaMetrics."""
    asked = []
    for dashboard in documents(served(load(fleet.config).config)):
        values = variables(dashboard)
        asked += [(panel, filled(panel.query, values)) for panel in of_panels(dashboard) + of_variables(dashboard)]
    assert len(asked) > 100

    def silent() -> list[str]:
        now = time.time()
        found = []
        for panel, query in asked:
            at = {"time": now} if panel.instant else {"start": now - 60, "end": now, "step": 5}
            if fleet.prometheus.asks(query, **at) and not fleet.victoria.asks(query, **at):
                found.append(f"{panel}: {query}")
        return found

    eventually(lambda: silent() == [], "a rate needs some samples first", SECONDS)


def test_vmalert_takes_the_recording_rules(fleet: Fleet) -> None:
    """Where VictoriaMetrics evaluates them by itself. Debian's is too old for `keep_firing_for`, which alerts have."""
    rules = fleet.config.parents[1] / "rules" / "recording.rules.yml"
    done = subprocess.run(
        [program("vmalert"), "-dryRun", f"-rule={rules}"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
