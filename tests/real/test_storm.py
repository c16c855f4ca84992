"""Forty keys over quota at once, under a real Prometheus and Alertmanager: one message, and the owner's own."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.process import free_port
from tests.real.gateway_exporter import IDENTITY, GatewayExporter
from tests.real.monitoring import Monitoring, Webhook, told_at_once
from tests.real.session import raw_key

KEYS = {f"key-{n:02}": raw_key(f"storm{n}") for n in range(40)}
OWNED = "key-07"


@pytest.fixture
def acme() -> Iterator[Webhook]:
    made = Webhook()
    yield made
    made.close()


def test_a_storm_of_keys_is_one_message_and_their_owner_gets_his_own(
    tmp_path: Path,
    start_exporter: Callable[..., GatewayExporter],
    monitor: Callable[[str], Monitoring],
    webhook: Webhook,
    acme: Webhook,
) -> None:
    """Those who run the gateway are told of all keys in one alert, which lists ten; and of the owner's key beside it,
    since Alertmanager can't silence for one receiver only.
    """
    log, address = tmp_path / "access.json", f"127.0.0.1:{free_port()}"
    entries = [
        {"id": name, "hash": IDENTITY.hash(key), "name": name, "owner": "acme" if name == OWNED else "", "plan": "free"}
        for name, key in KEYS.items()
    ]
    (tmp_path / "keys.yaml").write_text(yaml.safe_dump(entries), encoding="utf-8")
    alerts = told_at_once(webhook.url, "GatewayLimitReached", "GatewayLimitNear")
    notify: dict[str, Any] = alerts["notify"]
    notify["receivers"]["acme"] = {"webhook": {"url": acme.url}}
    notify["owners"] = {"acme": "acme"}
    # So long Alertmanager waits for what silences others.
    notify["grouping"] |= {"wait": "5s"}
    plans = {"free": {"limits": [{"window": "1mo", "requests": 20}]}}
    log.touch()
    start_exporter(log, "nginx-json", address, keys="keys.yaml", plans=plans, alerts=alerts)
    monitoring = monitor(address)
    monitoring.prometheus.eventually("count(key:gateway_limit:max)", lambda keys: keys == len(KEYS))
    with log.open("a", encoding="utf-8") as out:
        for n, key in enumerate(KEYS.values()):
            fields = {"msec": round(time.time(), 3), "status": 200, "method": "GET", "uri": "/", "scheme": "https"}
            out.write((json.dumps(fields | {"api_key": key, "request_time": 0.02}) + "\n") * (21 + n))

    storm = webhook.told("GatewayManyKeys", "critical", "firing")
    assert storm["labels"]["about"] == "GatewayLimitReached"
    assert storm["annotations"]["summary"] == "40 keys have used up a limit"
    assert storm["annotations"]["description"].startswith(
        "The 10 worst of 40 keys that have used up a limit: key-39 (300%), "
    )
    assert storm["annotations"]["description"].count("%") == 10
    own = acme.told("GatewayLimitReached", "critical", "firing")
    assert own["labels"]["key"] == OWNED
    assert "the limit resets" in own["annotations"]["customer_advice"]
    monitoring.alertmanager.silences("GatewayLimitReached")
    told = [(alert["labels"]["alertname"], alert["labels"].get("key")) for alert in webhook.alerts]
    assert set(told) <= {("GatewayWatchdog", None), ("GatewayManyKeys", None), ("GatewayLimitReached", OWNED)}
    assert {alert["labels"].get("key") for alert in acme.alerts} == {OWNED}
