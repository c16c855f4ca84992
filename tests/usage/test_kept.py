"""What no series says, filled from the single requests of an exporter: exactly, or not at all."""

import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from exporter.demo.cast import CLIENTS
from tests.command import call
from tests.usage.live import Live

INDEXER = next(client.key for client in CLIENTS if client.name == "Indexer")
ENDPOINTS, STATUSES = "breakdown.byEndpoint[].averageLatency", "breakdown.byStatusCode[].averageLatency"
PEAK, PEAKS = "usage.peakLatency", "timeSeries[].peakLatency"


def report(live: Live, folder: Path, only_a: bool, **requests: Any) -> dict[str, Any]:
    """Of one key by the minute, as the first exporter's machine reports it; `only_a`: without the second exporter."""
    config = yaml.safe_load((live.folder / "a" / "config.yaml").read_text(encoding="utf-8"))
    match = {"instance": f"127.0.0.1:{live.ports[0]}"} if only_a else {}
    config["usage"] = {"prometheus": {"url": live.url, "match": match}}
    config["requests"] |= {"path": str(live.folder / "a" / "requests")} | requests
    for section, name in (("identity", "secret_file"), ("pricing", "models")):
        config[section][name] = str(live.folder / "a" / config[section][name])
    config["keys"] = str(live.folder / "a" / config["keys"])
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    times = ("--from", f"{live.begin:.3f}", "--to", f"{live.end:.3f}")
    done = call(
        "usage", "--config.file", str(path), "--key", "indexer", "--granularity", "minute", "--format", "json", *times
    )
    assert done.code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def logged(live: Live) -> list[dict[str, Any]]:
    """The key's requests in the first exporter's log that have a latency."""
    lines = (live.folder / "a" / "rpc.access.json").read_text(encoding="utf-8").splitlines()
    parsed = [json.loads(line) for line in lines if INDEXER in line and line.endswith("}")]
    return [
        request
        for request in parsed
        if live.begin <= request["msec"] < live.end and request["status"] not in (101, 499)
    ]


def averages(rows: list[dict[str, Any]], label: str) -> dict[str, float]:
    return {row[label]: row["averageLatency"] for row in rows if row["averageLatency"] is not None}


def test_latencies_are_those_of_the_log(live: Live, tmp_path: Path) -> None:
    """Of a key by status, by endpoint, and the slowest of each minute and of all, though the exporter was killed."""
    found = report(live, tmp_path, only_a=True)
    by_status, by_method, by_minute = (defaultdict[Any, list[float]](list) for _ in range(3))
    for line in logged(live):
        took = 1000 * line["request_time"]
        by_status[str(line["status"])].append(took)
        by_minute[line["msec"] // 60].append(took)
        if isinstance(body := json.loads(line.get("request_body", "null")), dict):
            by_method[body["method"]].append(took)
    assert averages(found["breakdown"]["byStatusCode"], "statusCode") == {
        status: round(fmean(took), 3) for status, took in by_status.items()
    }
    endpoints = averages(found["breakdown"]["byEndpoint"], "endpoint")
    assert {name: endpoints[name] for name in by_method} == {
        name: round(fmean(took), 3) for name, took in by_method.items()
    }
    assert len(by_method) > 2
    assert found["usage"]["peakLatency"] == round(max(map(max, by_status.values())), 3)
    assert [step["peakLatency"] for step in found["timeSeries"] if step["peakLatency"] is not None] == [
        round(max(took), 3) for _, took in sorted(by_minute.items())
    ]
    assert set(found["sources"].values()) == {"single requests that this exporter keeps"}
    assert {ENDPOINTS, STATUSES, PEAK, PEAKS} <= found["sources"].keys()
    assert not found["sources"].keys() & found["reasons"].keys()


def test_what_another_exporter_counted_is_not_guessed(live: Live, tmp_path: Path) -> None:
    """Its requests are in Prometheus' series and not here: null, with the numbers of both."""
    found = report(live, tmp_path, only_a=False)
    assert averages(found["breakdown"]["byStatusCode"], "statusCode") == {}
    assert {step["peakLatency"] for step in found["timeSeries"]} == {None}
    assert found["sources"] == {}
    counted = found["usage"]["totalRequests"]
    for place in (ENDPOINTS, STATUSES, PEAK, PEAKS):
        assert f"; of {counted:,} requests that were counted, " in found["reasons"][place]
        assert found["reasons"][place].endswith(" are kept here: others were counted by another exporter, or late")


def test_what_is_not_kept_yet_is_said(live: Live, tmp_path: Path) -> None:
    """The section is new: the exporter has not kept anything."""
    found = report(live, tmp_path, only_a=True, path="nowhere")
    assert found["reasons"][PEAK].endswith("; single requests are kept here for a part of this time only: none yet")
