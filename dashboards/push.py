"""Dashboards into a running Grafana, over its HTTP API.

Grafana's documentation, "HTTP API": `POST /api/folders`, `POST /api/dashboards/db`, service account tokens.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from dashboards.build import FOLDER
from dashboards.grafana import Json
from exporter.errors import ExporterError, UsageError
from exporter.http_client import HttpClient, Server

TOKEN = "GRAFANA_TOKEN"
_FOLDER_UID = "gateway-exporter"
_SECONDS = 30


def token(file: str | None) -> str:
    """The token of a service account: from a file, or from the environment. UsageError where there is none."""
    where = f"--token.file: {file}" if file else TOKEN
    try:
        found = (Path(file).read_text(encoding="utf-8") if file else os.environ.get(TOKEN, "")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{where} can't be read: {getattr(error, 'strerror', 'it is not text')}") from None
    if not file and not found:
        raise UsageError(f"--push needs a token of a Grafana service account: --token.file FILE, or {TOKEN}")
    if not re.fullmatch(r"[!-~]+", found):
        raise UsageError(f"{where} holds no token: one is a single word of letters, digits and signs")
    return found


class Grafana:
    """A running Grafana. ExporterError says what it answered where it did not do what it was asked."""

    def __init__(self, url: str, secret: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"--push: {url!r} is not the address of a Grafana; use http://host:3000 or https://host")
        self._url = url.rstrip("/")
        self._client = HttpClient(Server(url=self._url, timeout=_SECONDS))
        self._headers = {"Authorization": f"Bearer {secret}"}

    def push(self, dashboards: list[Json]) -> Iterator[str]:
        """Make the folder if it is not there, and replace dashboards of the same uid; says what became of each."""
        self._ask("/api/folders", {"uid": _FOLDER_UID, "title": FOLDER}, there=(409, 412))
        for dashboard in dashboards:
            body = {"dashboard": dashboard | {"id": None}, "folderUid": _FOLDER_UID, "overwrite": True}
            answer = self._ask("/api/dashboards/db", body | {"message": "gateway-exporter dashboards --push"})
            version, url = answer.get("version", "?"), answer.get("url", f"/d/{dashboard['uid']}")
            yield f"{dashboard['title']}: version {version}, {self._url}{url}"

    def _ask(self, path: str, body: Json, there: tuple[int, ...] = ()) -> Json:
        """Post, and read the answer; statuses in `there` say that it is there already."""
        answer = self._client.ask("POST", path, json=body, headers=self._headers)
        try:
            said = answer.json()
        except ValueError:
            said = None
        if answer.status_code in there:
            return {}
        if not answer.ok or answer.is_redirect or not isinstance(said, dict):
            message = said.get("message", "") if isinstance(said, dict) else "the answer is not Grafana's"
            raise ExporterError(f"{self._url}{path}: {answer.status_code} {answer.reason}: {message}")
        return said
