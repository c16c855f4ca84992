"""A gateway's admin API, for tests of the key registry."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Gateway:
    """An admin API: answers with `pages`, one for each `page` asked for, or with `status`. It has TLS if it is given a
    certificate and its key.
    """

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.pages: list[Any] = [[]]
        self.status = 200
        # Answers that come before those of `pages`, each once.
        self.in_turn: list[Any] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gateway.asked.append((self.path, dict(self.headers)))
                page = int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0])
                answer = gateway.in_turn.pop(0) if gateway.in_turn else gateway.pages[page - 1]
                self.send_response(gateway.status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()
                self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.server.server_port}"
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()


@contextmanager
def admin_api(certificate: tuple[Path, Path] | None = None) -> Iterator[Gateway]:
    """One on a free port of 127.0.0.1, until the end of the block."""
    made = Gateway(certificate)
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        made.thread.join()
