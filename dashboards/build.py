"""From a config to the files that Grafana reads. The same config gives the same bytes."""

import json
from collections.abc import Iterator

import yaml

from dashboards.board import Board, document
from dashboards.grafana import Json, interval
from dashboards.pages import PAGES, labels
from exporter.config.served import Served

FOLDER = "Gateway"
# The files that are dashboards: those that are no longer made go.
OURS = "gateway-*.json"
_MADE = "# Made by `gateway-exporter dashboards`.\n"
# Grafana's provisioning, relative to its folder for that: docs "Provision Grafana".
_DASHBOARDS = {
    "apiVersion": 1,
    "providers": [
        {
            "name": "gateway-exporter",
            "folder": FOLDER,
            "folderUid": "gateway-exporter",
            "type": "file",
            "allowUiUpdates": False,
            "options": {"path": "/var/lib/grafana/dashboards/gateway-exporter"},
        }
    ],
}


def boards(served: Served) -> Iterator[Board]:
    """The dashboards that have something to show."""
    for page in (*PAGES, *([labels.page] if served.declared else [])):
        board = page(served)
        if board.about in served.families and any(row.title for row in board.kept()):
            yield board


def documents(served: Served) -> list[Json]:
    """The dashboards as Grafana reads them."""
    return [document(board, served) for board in boards(served)]


def files(served: Served, kubernetes: bool = False) -> dict[str, str]:
    """Name → content: a dashboard each, and what provisions a Grafana with them. `kubernetes` adds them as ConfigMaps,
    by whose label the sidecar of Grafana's Helm chart finds them.
    """
    made = {
        f"{document['uid']}.json": json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for document in documents(served)
    }
    made["provisioning/dashboards/gateway-exporter.yaml"] = _MADE + yaml.safe_dump(_DASHBOARDS, sort_keys=False)
    sources = yaml.safe_dump(_data_sources(served), sort_keys=False)
    made["provisioning/datasources/gateway-exporter.yaml"] = _MADE + sources
    if kubernetes:
        maps = [_config_map(name, text) for name, text in made.items() if name.endswith(".json")]
        made["configmaps.yaml"] = _MADE + yaml.safe_dump_all(maps, sort_keys=False, allow_unicode=True, width=1000)
    return made


def _data_sources(served: Served) -> Json:
    """Grafana fits the windows of rates to the interval of scrapes."""
    source = {
        "name": "Prometheus",
        "uid": "prometheus",
        "type": "prometheus",
        "access": "proxy",
        "url": "http://localhost:9090",
        "isDefault": True,
        "jsonData": {"httpMethod": "POST", "manageAlerts": True, "timeInterval": interval(served.scrape_interval)},
    }
    return {"apiVersion": 1, "datasources": [source]}


def _config_map(name: str, text: str) -> Json:
    labels = {"app.kubernetes.io/name": "gateway-exporter", "grafana_dashboard": "1"}
    metadata = {"name": f"{name.removesuffix('.json')}-dashboard", "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {name: text}}
