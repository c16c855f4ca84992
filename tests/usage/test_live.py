"""Usage, reconcile and their mistakes, as a user runs them beside real exporters and a real Prometheus."""

import csv
import io
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.command import Done, call
from tests.dashboards.traffic import LOGS
from tests.exporter import samples
from tests.usage.live import Live


def usage(live: Live, *arguments: str) -> Done:
    server = ("--config.file", str(live.config), "--prometheus.url", live.url)
    times = () if "--since" in arguments else ("--from", f"{live.begin:.3f}", "--to", f"{live.end:.3f}")
    return call("usage", *server, *times, *arguments)


@pytest.fixture(scope="module")
def report(live: Live) -> dict[str, Any]:
    done = usage(live, "--format", "json")
    assert done.code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def replayed(live: Live) -> dict[str, float]:
    """What `replay` counts in the logs of both exporters."""
    found: Counter[str] = Counter()
    for name in "ab":
        folder = live.folder / name
        done = call("replay", "--config.file", str(folder / "config.yaml"), *(str(folder / log) for log in LOGS))
        assert done.code == 0, done.stderr
        found.update(samples(done.stdout))
    return dict(found)


def total(replayed: dict[str, float], counter: str, part: str = "") -> float:
    return sum(value for name, value in replayed.items() if name.startswith(f"{counter}{{") and part in name)


def test_totals_are_those_of_the_log(report: dict[str, Any], replayed: dict[str, float]) -> None:
    """To the request, the byte, the token and the cent, though both exporters were killed meanwhile."""
    found = report["usage"]
    requests, failed = total(replayed, "gateway_requests_total"), total(replayed, "gateway_errors_total")
    assert (found["totalRequests"], found["failedRequests"]) == (requests, failed)
    assert found["successfulRequests"] == requests - failed
    data = sum(total(replayed, f"gateway_{way}_bytes_total") for way in ("request", "response"))
    assert found["dataTransferred"] == data
    types = {"input", "output", "cache_read", "cache_write", "reasoning"}
    tokens = {type_: total(replayed, "gateway_tokens_total", f'type="{type_}"') for type_ in types}
    assert found["tokens"] == {type_: number for type_, number in tokens.items() if number}
    assert found["cost"] == round(total(replayed, "gateway_cost_total"), 6)
    seconds, timed = (total(replayed, f"gateway_request_duration_seconds_{part}") for part in ("sum", "count"))
    assert found["averageLatency"] == round(1000 * seconds / timed, 3)


def test_increase_says_something_else(live: Live, replayed: dict[str, float]) -> None:
    """Which is why the report does not ask it."""
    increased = live.prometheus.value("sum(increase(gateway_requests_total[1h]))")
    assert increased is not None
    assert abs(increased - total(replayed, "gateway_requests_total")) > 1


@pytest.mark.parametrize(
    ("place", "label", "counter"),
    [
        ("byKey", "key", "gateway_requests_total"),
        ("byStatusCode", "status", "gateway_requests_total"),
        ("byChain", "chain", "gateway_requests_total"),
        ("byEndpoint", "method", "gateway_calls_total"),
        ("byModel", "model", "gateway_model_requests_total"),
        ("byOrigin", "origin", "gateway_origin_requests_total"),
    ],
)
def test_every_list_is_that_of_the_log(
    report: dict[str, Any], replayed: dict[str, float], place: str, label: str, counter: str
) -> None:
    """Each of its rows, and their sum."""
    rows = report["breakdown"][place]
    name = next(iter(rows[0]))
    found = {row[name]: row["requests"] for row in rows if row[name]}
    assert found == {value: total(replayed, counter, f'{label}="{value}"') for value in found}
    assert sum(row["requests"] for row in rows) == total(replayed, counter)
    assert abs(sum(row["percentage"] for row in rows) - 100) < 0.01


def test_errors_and_verbs_add_up(report: dict[str, Any]) -> None:
    """By type, endpoint, status and HTTP method."""
    errors, found = report["errors"], report["usage"]
    for place in ("byType", "byEndpoint", "byStatusCode"):
        assert sum(error["count"] for error in errors[place]) == errors["totalErrors"] == found["failedRequests"]
    assert all(error["description"] for error in errors["byType"])
    assert sum(row["requests"] for row in report["breakdown"]["byMethod"]) == found["totalRequests"]


def test_steps_add_up(report: dict[str, Any]) -> None:
    """The time series of the whole is the whole."""
    for name, whole in (("requests", "totalRequests"), ("failedRequests", "failedRequests")):
        assert sum(step[name] for step in report["timeSeries"]) == report["usage"][whole]


def test_what_is_null_has_a_reason(live: Live) -> None:
    """Of one key: its slowest request, and latency by endpoint, are in no series."""
    found = json.loads(usage(live, "--key", "indexer", "--format", "json").stdout)
    assert found["usage"]["peakLatency"] is None
    assert found["reasons"]["usage.peakLatency"] == (
        "the slowest request is kept by chain and method, not by key or model; "
        "single requests, which would say it, are not kept (`requests` in the config)"
    )
    assert {row["averageLatency"] for row in found["breakdown"]["byEndpoint"]} == {None}
    assert "breakdown.byEndpoint[].averageLatency" in found["reasons"]


def test_one_key_and_one_model(live: Live, report: dict[str, Any]) -> None:
    """A key by either name, the keys of an owner, a model: the same numbers as in the whole."""
    by_key = {row["key"]: row["requests"] for row in report["breakdown"]["byKey"]}
    for name in ("indexer", "Indexer"):
        found = json.loads(usage(live, "--key", name, "--format", "json").stdout)
        assert (found["keys"], found["usage"]["totalRequests"]) == (["indexer"], by_key["indexer"])
    model = report["breakdown"]["byModel"][0]
    found = json.loads(usage(live, "--model", model["model"], "--format", "json").stdout)
    assert found["usage"]["totalRequests"] == model["requests"]
    assert (found["usage"]["cost"], found["usage"]["tokens"]) == (model["cost"], model["tokens"])


def test_lists_are_sorted_and_paged(live: Live, report: dict[str, Any]) -> None:
    """By cost, upwards, the second page."""
    costs = sorted(row["cost"] for row in report["breakdown"]["byKey"])
    asked = ("--sort", "cost", "--order", "asc", "--limit", "5", "--offset", "5", "--format", "json")
    found = json.loads(usage(live, *asked).stdout)
    assert [row["cost"] for row in found["breakdown"]["byKey"]] == costs[5:10]
    assert found["pagination"] == report["pagination"] | {"limit": 5, "offset": 5, "hasMore": True}


def test_csv_has_every_key(live: Live, report: dict[str, Any]) -> None:
    """And of one key every step of time."""
    rows = list(csv.DictReader(io.StringIO(usage(live, "--format", "csv").stdout)))
    assert {row["key"]: int(row["requests"]) for row in rows} == {
        row["key"]: row["requests"] for row in report["breakdown"]["byKey"]
    }
    steps = list(csv.DictReader(io.StringIO(usage(live, "--key", "indexer", "--format", "csv").stdout)))
    assert sum(int(step["requests"]) for step in steps) == sum(
        int(r["requests"]) for r in rows if r["key"] == "indexer"
    )


def test_the_table_is_for_people(live: Live, report: dict[str, Any]) -> None:
    """It says whose usage it is, and the main numbers."""
    text = usage(live).stdout
    assert text.startswith("all keys: ")
    assert f"{report['usage']['totalRequests']:,}" in text
    assert max(map(len, text.splitlines())) < 160


def test_logs_reconcile(live: Live) -> None:
    """Every counter of every key, over both exporters and their restarts; a log that is left out is missed."""
    server = ("--config.file", str(live.config), "--prometheus.url", live.url)
    done = call("reconcile", *server, *live.logs)
    assert (done.code, done.stdout.splitlines()[-1].endswith("keys: no difference")) == (0, True), done.stdout
    done = call("reconcile", *server, *live.logs[:-3])
    assert done.code == 1
    assert "numbers differ" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("an exporter that was away or behind counts late: --to names a time")
    assert call("reconcile", *server, "--tolerance", "0.999", *live.logs).code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--key", "indexr"), "unknown key 'indexr'; did you mean 'indexer'"),
        (("--owner", "nobody"), "unknown owner 'nobody'"),
        (("--since", "400d"), "is past the retention of"),
        (("--since", "soon"), "--since: 'soon' is not a valid time; use 1h, 24h, 7d, 30d, 90d, 1y or all"),
        (("--granularity", "minute", "--from", "2026-01-01", "--since", "1h"), "--since and --from both say"),
    ],
)
def test_a_mistake_is_one_line(live: Live, arguments: tuple[str, ...], words: str) -> None:
    """With what to do."""
    done = usage(live, *(arguments if "--since" in arguments else (*arguments, "--since", "1h")))
    assert done.code in (1, 2)
    assert done.stdout == ""
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_family_that_is_off_is_said(live: Live, tmp_path: Path) -> None:
    """Where its numbers would be."""
    config = (
        live.config.read_text(encoding="utf-8").replace("*/", f"{live.folder}/*/").replace("a/", f"{live.folder}/a/")
    )
    config = config.replace(f"*{live.folder}/a/", "*/")
    path = tmp_path / "config.yaml"
    path.write_text(config.replace("metrics:\n", "metrics:\n  families: {gateway_origin_requests_total: false}\n"))
    done = call("usage", "--config.file", str(path), "--prometheus.url", live.url, "--since", "10m", "--format", "json")
    found = json.loads(done.stdout)
    assert found["breakdown"]["byOrigin"] is None
    assert found["reasons"]["breakdown.byOrigin"] == "gateway_origin_requests_total is switched off in metrics.families"


def test_times_end_now(live: Live) -> None:
    """A time that is said by its length."""
    found = json.loads(usage(live, "--since", "1h", "--format", "json").stdout)
    assert found["usage"]["totalRequests"] > 0
    assert found["to"] <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
