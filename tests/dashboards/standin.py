"""Families that the catalogue declares and the exporter does not feed yet, from a file beside it.

`not_yet_fed.prom` is the one place that lists them. A family that the exporter learns is taken out of it (a test says
so); when the file is empty, it and this module go.
"""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from exporter.catalog import CATALOG

LINES = Path(__file__).with_name("not_yet_fed.prom").read_text(encoding="utf-8").splitlines()


def family_of(sample: str) -> str:
    """The family of a sample's name, "" where the catalogue has none."""
    return next((name for name in (sample, re.sub(r"_(bucket|sum|count)$", "", sample)) if name in CATALOG), "")


FAMILIES = {family_of(re.match(r"\w+", line)[0]) for line in LINES}  # type: ignore[index]


def exposition(share: float = 1.0) -> str:
    """The samples, counters at a share of their value: 0 to 1."""
    return "".join(_at(line, share) for line in LINES)


def _at(line: str, share: float) -> str:
    series, _, value = line.rpartition(" ")
    counts = CATALOG[family_of(re.match(r"\w+", line)[0])].type != "gauge"  # type: ignore[index]
    return f"{series} {float(value) * share if counts else value}\n"


class StandIn:
    """Serves them on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(exposition().encode())

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
