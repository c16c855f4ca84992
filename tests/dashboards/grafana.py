"""A server that answers as Grafana's HTTP API does where dashboards are uploaded.

Statuses and bodies after Grafana's documentation, "Folder HTTP API" and "Dashboard HTTP API".
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "glsa_a-token-of-the-tests"
Json = dict[str, Any]


class Grafana:
    """Keeps what it was given, by uid."""

    def __init__(self) -> None:
        self.folders: dict[str, str] = {}
        self.dashboards: dict[str, Json] = {}
        self.provisioned: set[str] = set()
        grafana = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = grafana.answer(self.path, self.headers.get("Authorization", ""), told)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, authorization: str, told: Json) -> tuple[int, Json]:
        if authorization != f"Bearer {TOKEN}":
            return 401, {"message": "Invalid API key"}
        if path == "/api/folders":
            if told["uid"] in self.folders:
                return 409, {"message": "a folder with the same UID already exists"}
            self.folders[told["uid"]] = told["title"]
            return 200, {"uid": told["uid"], "title": told["title"], "version": 1}
        if path == "/api/dashboards/db":
            return self._save(told)
        return 404, {"message": "Not found"}

    def _save(self, told: Json) -> tuple[int, Json]:
        dashboard = told["dashboard"]
        uid = dashboard["uid"]
        if told["folderUid"] not in self.folders:
            return 400, {"message": "folder not found"}
        if uid in self.provisioned:
            return 400, {"message": "Cannot save provisioned dashboard"}
        if uid in self.dashboards and not told["overwrite"]:
            return 412, {"message": "A dashboard with the same uid already exists", "status": "name-exists"}
        version = self.dashboards.get(uid, {"version": 0})["version"] + 1
        self.dashboards[uid] = dashboard | {"version": version}
        return 200, {"status": "success", "uid": uid, "version": version, "url": f"/d/{uid}/{uid}", "id": 1}
