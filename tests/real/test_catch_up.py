"""Two hours of a log that are counted at once, under a real Prometheus with our rules: nobody is told of a storm."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.alerts.built import ALERTS
from tests.process import free_port
from tests.real.gateway_exporter import IDENTITY, GatewayExporter
from tests.real.monitoring import JOB, Monitoring, Webhook, told_at_once
from tests.real.session import raw_key

KEY = raw_key("one")
HOURS = 2
# What is over minutes, and would be taken for now's. The exporter's own alerts keep their times: one that is down is.
OF_RECORDS = sorted({rule["alert"] for rule in ALERTS if rule["labels"]["category"] != "exporter"})


def line(at: float, status: int) -> str:
    """A request of nginx's log, a slow one where it failed."""
    fields = {"msec": round(at, 3), "status": status, "method": "GET", "uri": "/v1/models", "scheme": "https"}
    about = {"api_key": KEY, "request_time": 3.0 if status >= 500 else 0.02, "remote_addr": "203.0.113.24"}
    return json.dumps(fields | about | {"bytes_sent": 100}) + "\n"


def outage(now: float) -> str:
    """One request every five seconds. In the first quarter of an hour all failed; of the others, one in ten got 401."""
    begun, over = now - HOURS * 3600, now - HOURS * 3600 + 900
    times = [begun + 5 * n for n in range(HOURS * 720)]
    return "".join(line(at, 500 if at < over else 401 if n % 10 == 0 else 200) for n, at in enumerate(times))


def test_a_catch_up_is_no_storm_and_a_restart_does_not_forget_that_it_was_one(
    tmp_path: Path,
    start_exporter: Callable[..., GatewayExporter],
    monitor: Callable[[str], Monitoring],
    webhook: Webhook,
) -> None:
    """By the counters alone an outage is on and a key is attacked: both were over long ago."""
    log, address = tmp_path / "access.json", f"127.0.0.1:{free_port()}"
    entry = {"id": "acme-prod", "hash": IDENTITY.hash(KEY), "name": "Acme", "owner": "acme", "plan": "pro"}
    (tmp_path / "keys.yaml").write_text(yaml.safe_dump([entry]), encoding="utf-8")
    alerts = told_at_once(webhook.url, *OF_RECORDS) | {"spend": {"daily": 500, "key_daily": 100}}
    config: dict[str, Any] = {
        "keys": "keys.yaml",
        "plans": {"pro": {"limits": [{"window": "1mo", "requests": 1_000_000}]}},
        "state": {"path": "state.db"},
        "alerts": alerts,
    }

    def start() -> GatewayExporter:
        return start_exporter(log, "nginx-json", address, **config)

    log.write_text("".join(line(time.time(), status) for status in (200, 401, 500)), encoding="utf-8")
    exporter = start()
    prometheus = monitor(address).prometheus

    def evaluated(times: int) -> None:
        """Wait until Prometheus has scraped so many times more, and rules have seen it."""
        before = prometheus.value("count_over_time(up[1h])") or 0
        prometheus.eventually("count_over_time(up[1h])", lambda scrapes: scrapes >= before + times)

    def fired() -> set[str]:
        return prometheus.label("alertname", 'max_over_time(ALERTS{alertstate="firing"}[1h])')

    prometheus.eventually("count(count_over_time(gateway_errors_total[1h]) >= 3)", lambda series: series == 2)
    with log.open("a", encoding="utf-8") as out:
        out.write(outage(time.time()))
    prometheus.eventually("sum(gateway_requests_total)", lambda counted: counted == 3 + HOURS * 720)
    evaluated(10)
    # What the rules would see without their guard.
    assert (prometheus.value('sum(increase(gateway_errors_total{type="auth"}[5m]))') or 0) > 100
    assert (prometheus.value('sum(increase(gateway_errors_total{type="server_error"}[5m]))') or 0) > 150
    assert fired() == {"GatewayWatchdog"}

    exporter.stop()
    start()
    prometheus.eventually(f'up{{job="{JOB}"}}', lambda up: up == 1)
    evaluated(10)
    assert fired() == {"GatewayWatchdog"}
    assert {name for name, *_ in webhook.names()} == {"GatewayWatchdog"}
