"""A gateway's admin API, for tests of the key registry."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Gateway:
    """An admin API: answers with `pages`, one for each `page` asked for, or with `status`."""

    def __init__(self) -> None:
        self.pages: list[Any] = [[]]
        self.status = 200
        self.asked: list[tuple[str, dict[str, str]]] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gateway.asked.append((self.path, dict(self.headers)))
                page = int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0])
                answer = gateway.pages[page - 1]
                self.send_response(gateway.status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()
                self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()


@contextmanager
def admin_api() -> Iterator[Gateway]:
    """One on a free port of 127.0.0.1, until the end of the block."""
    made = Gateway()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        made.thread.join()
