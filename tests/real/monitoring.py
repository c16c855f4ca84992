"""Prometheus, Alertmanager and somebody who is told: the real servers, with the rules that the command makes."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import requests
import yaml

from tests.command import run
from tests.process import Process, free_port
from tests.real.gateways import program
from tests.waiting import eventually

_SECONDS = 60.0
JOB = "gateway-exporter"

# Everything by the second, and little traffic is enough. Rules, windows and thresholds are those of a deployment.
QUICK: dict[str, Any] = {"interval": "1s", "min_requests": 20, "min_failures": 2, "job": JOB}


def told_at_once(webhook: str, *alerts: str) -> dict[str, Any]:
    """A section `alerts` whose named alerts wait a second, and whose notifications go to a webhook at once."""
    everybody = dict.fromkeys(("warning", "watchdog"), "webhook")
    return QUICK | {
        "overrides": {name: {"for": "1s"} for name in alerts},
        "notify": {
            "receivers": {"webhook": {"webhook": {"url": webhook}}},
            "routes": everybody,
            "grouping": {"wait": "1s", "interval": "1s", "repeat": "1h"},
        },
    }


class Webhook:
    """Who is told: keeps each alert of each notification."""

    def __init__(self) -> None:
        alerts: list[dict[str, Any]] = []
        self.alerts = alerts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                alerts.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def told(self, name: str, severity: str, status: str) -> dict[str, Any]:
        """Wait until it is told of an alert in a state; that alert."""

        def found() -> dict[str, Any] | None:
            fitting = (alert for alert in self.alerts if alert["status"] == status)
            wanted = {"alertname": name, "severity": severity}
            return next((alert for alert in fitting if wanted.items() <= alert["labels"].items()), None)

        try:
            alert = eventually(found, f"{name} ({severity}) is {status}", _SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}; told were {self.names()}") from None
        assert alert
        return alert

    def names(self) -> set[tuple[str, str, str]]:
        """Name, severity and status of all it was told."""
        return {(alert["labels"]["alertname"], alert["labels"]["severity"], alert["status"]) for alert in self.alerts}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Alertmanager:
    """Alertmanager, with the config that the command has made in a folder."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._api = f"http://127.0.0.1:{self.port}/api/v2/alerts"
        command = [program("prometheus-alertmanager"), "--config.file", "rules/alertmanager.yml"]
        command += ["--storage.path", "alertmanager", "--cluster.listen-address="]
        self.process = Process([*command, "--web.listen-address", f"127.0.0.1:{self.port}"], folder)
        self.process.listens(self.port)

    def post(self, *labels: dict[str, str]) -> None:
        """Alerts, as Prometheus would send them."""
        requests.post(
            self._api, json=[{"labels": alert_labels} for alert_labels in labels], timeout=_SECONDS
        ).raise_for_status()

    def silences(self, name: str) -> None:
        """Wait until an alert is there, and is kept silent because of another."""

        def inhibited() -> bool:
            alerts = requests.get(self._api, timeout=_SECONDS).json()
            return any(alert["labels"]["alertname"] == name and alert["status"]["inhibitedBy"] for alert in alerts)

        eventually(inhibited, f"{name} is kept silent", _SECONDS)


class Prometheus:
    """Prometheus, which scrapes every second and evaluates the rules that the command has made. `scrapes` are its jobs,
    each with the settings that it has beside its name.
    """

    def __init__(self, folder: Path, scrapes: dict[str, dict[str, Any]], alertmanagers: tuple[str, ...] = ()) -> None:
        self.port = free_port()
        (folder / "prometheus.yml").write_text(
            yaml.safe_dump(
                {
                    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                    "rule_files": ["rules/*.rules.yml"],
                    "scrape_configs": [{"job_name": job, **settings} for job, settings in scrapes.items()],
                    "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]},
                }
            ),
            encoding="utf-8",
        )
        command = [program("prometheus"), "--config.file", "prometheus.yml", "--storage.tsdb.path", "data"]
        # What fires before Alertmanager is discovered is lost until it is sent again. What was not sent again four
        # times as long is taken for resolved, so a busy machine needs more than a second.
        command += ["--rules.alert.resend-delay", "5s"]
        self.process = Process([*command, "--web.listen-address", f"127.0.0.1:{self.port}"], folder)
        self.process.listens(self.port)
        self._api = f"http://127.0.0.1:{self.port}"
        ready = f"{self._api}/-/ready"
        self.process.started(lambda: requests.get(ready, timeout=_SECONDS).ok, "Prometheus is ready", _SECONDS)

    def value(self, query: str) -> float | None:
        """What a query gives now: the value of its one series, None where it has none."""
        found = self._query(query)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def label(self, name: str, query: str) -> set[str]:
        """The values of a label of what a query gives now."""
        return {series["metric"][name] for series in self._query(query)}

    def _query(self, query: str) -> list[dict[str, Any]]:
        answer = requests.get(f"{self._api}/api/v1/query", params={"query": query}, timeout=_SECONDS)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def failures(self) -> dict[str, str]:
        """What went wrong with the last scrape of each job that was scraped; "" of a good one."""
        answer = requests.get(f"{self._api}/api/v1/targets", timeout=_SECONDS)
        answer.raise_for_status()
        targets = answer.json()["data"]["activeTargets"]
        return {target["scrapePool"]: target["lastError"] for target in targets if target["health"] != "unknown"}

    def eventually(self, query: str, fits: Callable[[float], bool]) -> None:
        """Wait until a query's value fits."""
        eventually(
            lambda: (value := self.value(query)) is not None and fits(value), f"{query}: {self.value(query)}", _SECONDS
        )


class Monitoring:
    """All of them beside one exporter."""

    def __init__(self, folder: Path, webhook: Webhook, exporter: str) -> None:
        made = run("alerts", "--config.file", str(folder / "config.yaml"), "--out", str(folder / "rules"))
        assert made.code == 0, made.stderr
        self.webhook = webhook
        self.alertmanager = Alertmanager(folder)
        try:
            scrapes = {JOB: {"static_configs": [{"targets": [exporter]}]}}
            self.prometheus = Prometheus(folder, scrapes, (f"127.0.0.1:{self.alertmanager.port}",))
        except BaseException:
            self.alertmanager.process.end()
            raise

    def end(self) -> None:
        try:
            self.prometheus.process.end()
        finally:
            self.alertmanager.process.end()
