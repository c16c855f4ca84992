"""From a config to the files that Grafana reads. The same config gives the same bytes."""

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from dashboards.board import Board, document
from dashboards.grafana import Json
from dashboards.pages import PAGES
from dashboards.shown import Shown
from exporter.errors import ExporterError

FOLDER = "Gateway"
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
_DATASOURCES = {
    "apiVersion": 1,
    "datasources": [
        {
            "name": "Prometheus",
            "uid": "prometheus",
            "type": "prometheus",
            "access": "proxy",
            "url": "http://localhost:9090",
            "isDefault": True,
            "jsonData": {"httpMethod": "POST", "manageAlerts": True, "timeInterval": "15s"},
        }
    ],
}


def boards(shown: Shown) -> Iterator[Board]:
    """The dashboards that have something to show."""
    for page in PAGES:
        board = page(shown)
        if board.about in shown.families and any(row.title for row in board.kept()):
            yield board


def documents(shown: Shown) -> list[Json]:
    """The dashboards as Grafana reads them."""
    return [document(board, shown) for board in boards(shown)]


def files(shown: Shown) -> dict[str, str]:
    """Name → content: a dashboard each, and what provisions a Grafana with them."""
    made = {
        f"{one['uid']}.json": json.dumps(one, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for one in documents(shown)
    }
    made["provisioning/dashboards/gateway-exporter.yaml"] = _MADE + yaml.safe_dump(_DASHBOARDS, sort_keys=False)
    made["provisioning/datasources/gateway-exporter.yaml"] = _MADE + yaml.safe_dump(_DATASOURCES, sort_keys=False)
    return made


def write(made: dict[str, str], folder: Path) -> None:
    """Put files into a folder, and take out dashboards that are no longer made. ExporterError where that can't be."""
    try:
        for name in _stray(made, folder):
            (folder / name).unlink()
        for name, content in made.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode())
    except OSError as error:
        raise ExporterError(f"{error.filename}: can't be written: {error.strerror}") from None


def outdated(made: dict[str, str], folder: Path) -> list[str]:
    """The names of files that a folder lacks, has otherwise, or has no longer to have."""
    return [
        name
        for name, content in made.items()
        if not (folder / name).is_file() or (folder / name).read_bytes() != content.encode()
    ] + _stray(made, folder)


def _stray(made: dict[str, str], folder: Path) -> list[str]:
    """Dashboards of an earlier run that this one does not make."""
    return sorted(path.name for path in folder.glob("gateway-*.json") if path.name not in made)
