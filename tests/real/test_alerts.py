"""A person is told: a gateway's log → exporter → Prometheus → rule → Alertmanager → a webhook; and when it is over."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.command import run
from tests.process import free_port
from tests.real.client import request, send
from tests.real.gateway_exporter import IDENTITY, GatewayExporter
from tests.real.gateways import Gateway
from tests.real.kinds import KINDS
from tests.real.monitoring import JOB, Alertmanager, Monitoring, Webhook, told_at_once
from tests.real.session import raw_key
from tests.real.upstream import Upstream
from tests.waiting import eventually

NGINX = KINDS[0]
KEY = raw_key("one")
GRAFANA = "http://localhost:3000/d"


class Site:
    """A gateway, its exporter, and who watches them. One key is registered: acme-prod."""

    def __init__(
        self,
        folder: Path,
        gateway: Gateway,
        start_exporter: Callable[..., GatewayExporter],
        monitor: Callable[[str], Monitoring],
        alerts: dict[str, Any],
        expires: timedelta = timedelta(days=365),
        plans: dict[str, Any] | None = None,
    ) -> None:
        self._folder = folder
        self._gateway = gateway
        self._address = f"127.0.0.1:{free_port()}"
        self._config = {"keys": "keys.yaml", "alerts": alerts, "plans": plans or {}}
        self._plan = next(iter(plans), "") if plans else ""
        self._start_exporter = start_exporter
        self.register(expires)
        self.start()
        self.monitoring = monitor(self._address)
        self.prometheus, self.webhook = self.monitoring.prometheus, self.monitoring.webhook

    def register(self, expires: timedelta) -> None:
        """The key registry, with a date from now."""
        entry = {"id": "acme-prod", "hash": IDENTITY.hash(KEY), "name": "Acme production", "owner": "acme"}
        entry["plan"] = self._plan
        when = (datetime.now(UTC) + expires).isoformat()
        (self._folder / "keys.yaml").write_text(yaml.safe_dump([entry | {"expires": when}]), encoding="utf-8")

    def start(self) -> None:
        """Start the exporter, at the same address each time."""
        self.exporter = self._start_exporter(self._gateway.log, NGINX.format, self._address, **self._config)

    def send(self, path: str, answer: str = "200", times: int = 1, at_once: int = 4) -> None:
        """Requests through the gateway, with the registered key."""
        data = request("GET", path, {"X-Api-Key": KEY, "X-Answer": answer})
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda _: send(self._gateway.port, data), range(times)))

    def known(self, *series: str) -> None:
        """Wait until Prometheus has a rate of each series: from then on it sees what is added."""
        for name in series:
            self.prometheus.eventually(f"sum(count_over_time({name}[1m]))", lambda value: value >= 2)


Start = Callable[..., Site]


@pytest.fixture
def start_site(
    tmp_path: Path,
    start_gateway: Callable[..., Gateway],
    start_exporter: Callable[..., GatewayExporter],
    monitor: Callable[[str], Monitoring],
) -> Start:
    def start(alerts: dict[str, Any], **more: Any) -> Site:
        return Site(tmp_path, start_gateway(NGINX.start), start_exporter, monitor, alerts, **more)

    return start


def test_a_storm_of_failures_is_told_and_its_end(start_site: Start, webhook: Webhook) -> None:
    """Sixty 500s: the budget burns (critical), success is low (warning). Enough good requests, and both are over."""
    site = start_site(told_at_once(webhook.url, "GatewayAvailabilityBurn", "GatewaySuccessRateLow"))
    site.send("/v1/models")
    site.send("/v1/models", answer="500")
    site.known('gateway_requests_total{status="200"}', 'gateway_errors_total{type="upstream_error"}')
    site.send("/v1/models", answer="500", times=60)

    burn = webhook.told("GatewayAvailabilityBurn", "critical", "firing")
    assert burn["labels"]["component"] == "gateway"
    assert burn["annotations"]["summary"].endswith(" times what is allowed")
    assert "take the failing upstream out of use" in burn["annotations"]["recommendation"]
    assert burn["annotations"]["runbook_url"] == "docs/runbook.md#gatewayavailabilityburn"
    assert burn["annotations"]["dashboard_url"] == f"{GRAFANA}/gateway-errors?from=now-6h&to=now"
    low = webhook.told("GatewaySuccessRateLow", "warning", "firing")
    assert re.fullmatch(r"Only [\d.]+% of all requests succeed", low["annotations"]["summary"])

    site.send("/v1/models", times=1500)
    webhook.told("GatewaySuccessRateLow", "warning", "resolved")
    assert ("GatewayExporterAbsent", "critical", "firing") not in webhook.names()


def test_a_slow_method_is_told_with_a_link_to_it(start_site: Start, webhook: Webhook, upstream: Upstream) -> None:
    """Twenty-five requests that take a second each; then a hundred quick ones."""
    site = start_site(told_at_once(webhook.url, "GatewayMethodSlow"))
    site.send("/v1/reports")
    site.known('gateway_request_duration_seconds_count{method="GET /v1/reports"}')
    scraped = site.prometheus.value("count_over_time(up[1h])") or 0
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(site.send, "/v1/reports", answer="hang", times=25, at_once=25)
        assert upstream.arrived.wait(60)
        site.prometheus.eventually("count_over_time(up[1h])", lambda scrapes: scrapes >= scraped + 3)
        upstream.release()
        waiting.result()

    slow = webhook.told("GatewayMethodSlow", "warning", "firing")
    assert slow["labels"]["method"] == "GET /v1/reports"
    assert re.fullmatch(r"GET /v1/reports takes \d+\.\d+s on average", slow["annotations"]["summary"])
    link = f"{GRAFANA}/gateway-errors?from=now-6h&to=now&var-method=GET+%2Fv1%2Freports"
    assert slow["annotations"]["dashboard_url"] == link

    site.send("/v1/reports", times=300)
    webhook.told("GatewayMethodSlow", "warning", "resolved")


def test_a_dead_exporter_is_told_once_until_it_is_back(start_site: Start, webhook: Webhook) -> None:
    """The last exporter: critical, and the warning for that one instance keeps silent beside it."""
    alerts = told_at_once(webhook.url, "GatewayExporterAbsent")
    site = start_site(alerts | {"overrides": alerts["overrides"] | {"GatewayExporterDown": {"for": "2s"}}})
    webhook.told("GatewayWatchdog", "info", "firing")
    site.prometheus.eventually(f'up{{job="{JOB}"}}', lambda up: up == 1)
    site.exporter.process.end()

    absent = webhook.told("GatewayExporterAbsent", "critical", "firing")
    assert absent["labels"]["job"] == JOB
    assert absent["annotations"]["summary"] == f"No exporter of job {JOB} answers"
    assert absent["annotations"]["dashboard_url"] == f"{GRAFANA}/gateway-exporter?from=now-6h&to=now"
    site.monitoring.alertmanager.silences("GatewayExporterDown")
    assert "GatewayExporterDown" not in {name for name, *_ in webhook.names()}

    site.start()
    webhook.told("GatewayExporterAbsent", "critical", "resolved")


def test_an_expiring_key_is_told_with_its_name_and_owner(start_site: Start, webhook: Webhook) -> None:
    """Three days are a warning. Renewed in the registry, it is over."""
    alerts = told_at_once(webhook.url, "GatewayKeyExpiring")
    site = start_site(alerts, expires=timedelta(days=3))

    expiring = webhook.told("GatewayKeyExpiring", "warning", "firing")
    assert (expiring["labels"]["key"], expiring["labels"]["owner"]) == ("acme-prod", "acme")
    said = expiring["annotations"]["summary"]
    assert re.fullmatch(r"Acme production \(acme-prod\) expires in 2d 23h 5\dm \d+s", said)
    assert expiring["annotations"]["dashboard_url"] == f"{GRAFANA}/gateway-key?from=now-6h&to=now&var-key=acme-prod"
    assert KEY not in str(webhook.alerts)

    site.exporter.process.end()
    site.register(timedelta(days=365))
    site.start()
    webhook.told("GatewayKeyExpiring", "warning", "resolved")
    assert ("GatewayKeyExpiring", "critical", "firing") not in webhook.names()


def test_a_critical_silences_its_own_warning_and_no_other(tmp_path: Path, webhook: Webhook) -> None:
    """Of one key's limits, the one that is critical; the other's warning is told."""
    inputs = [{"path": "a.log", "format": "nginx-json"}]
    config = {"inputs": inputs, "alerts": told_at_once(webhook.url)}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    assert run("alerts", "--config.file", "config.yaml", "--out", "rules", cwd=tmp_path).code == 0
    alertmanager = Alertmanager(tmp_path)
    try:
        month = {"alertname": "GatewayLimitNear", "key": "acme-prod", "unit": "requests", "window": "1mo"}
        day = month | {"window": "1d"}
        alertmanager.post(
            month | {"severity": "critical"}, month | {"severity": "warning"}, day | {"severity": "warning"}
        )
        eventually(lambda: len(webhook.alerts) >= 2, "two are told")
        told = {(alert["labels"]["window"], alert["labels"]["severity"]) for alert in webhook.alerts}
        assert told == {("1mo", "critical"), ("1d", "warning")}
    finally:
        alertmanager.process.end()


def test_a_limit_is_told_as_a_warning_and_then_as_a_critical(start_site: Start, webhook: Webhook) -> None:
    """85 of 100 requests: one warning. 95: one critical, and the warning keeps silent beside it."""
    alerts = told_at_once(webhook.url, "GatewayLimitNear")
    site = start_site(alerts, plans={"pro": {"limits": [{"window": "1mo", "requests": 100}]}})
    site.send("/v1/models", times=85)

    near = webhook.told("GatewayLimitNear", "warning", "firing")
    assert (near["labels"]["unit"], near["labels"]["window"]) == ("requests", "1mo")
    assert near["annotations"]["summary"] == "Acme production (acme-prod) has used 85% of its limit of requests a month"
    assert near["annotations"]["description"].startswith(
        "Acme production (acme-prod) has used 85% of 100 requests a month (this alert: 80%). It resets in "
    )
    assert near["annotations"]["dashboard_url"] == f"{GRAFANA}/gateway-limits?from=now-6h&to=now&var-key=acme-prod"
    assert ("GatewayLimitNear", "critical", "firing") not in webhook.names()

    webhook.alerts.clear()
    site.send("/v1/models", times=10)
    webhook.told("GatewayLimitNear", "critical", "firing")
    site.monitoring.alertmanager.silences("GatewayLimitNear")
    assert [
        alert for alert in webhook.alerts if alert["labels"]["severity"] == "warning" and alert["status"] == "firing"
    ] == []
