"""A small server behind the gateway. Each request tells it how to answer, in the header X-Answer.

`404` answers with that status; `hang` answers when the test says so; `drop` closes without an answer.
"""

import base64
import hashlib
import json
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

# RFC 6455, section 1.3: proxies check what the server makes of it.
_WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Upstream:
    """The server, in a thread. `arrived` is set when a hanging request is there; `release` lets them go on."""

    def __init__(self) -> None:
        self.arrived = Event()
        self._released = Event()
        upstream = self

        class Handler(_Handler):
            def hang(self) -> None:
                upstream.arrived.set()
                upstream._released.wait(30)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def release(self) -> None:
        """Let hanging requests be answered."""
        self._released.set()

    def close(self) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece: the gateway need not wait for its second

    def hang(self) -> None:
        raise NotImplementedError

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True  # the other side has left: some tests are about that

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = self.headers.get("X-Answer", "200")
        if self.headers.get("Upgrade") == "websocket":
            self._upgrade()
            return
        if told == "drop":
            self.close_connection = True
            return
        if told == "hang":
            self.hang()
            told = "200"
        answer = json.dumps(_answer(body)).encode()
        self.send_response(int(told))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815 - the base class's name

    def _upgrade(self) -> None:
        """A WebSocket that sends back the first bytes it gets, and ends."""
        self.send_response(101)
        accepted = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + _WEBSOCKET).encode()).digest()
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accepted).decode())
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        self.wfile.flush()
        self.connection.sendall(self.connection.recv(1000))
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _answer(body: bytes) -> Any:
    asked = json.loads(body) if body[:1] in (b"{", b"[") else {"id": None}
    if isinstance(asked, list):
        return [{"jsonrpc": "2.0", "id": call["id"], "result": "0x1"} for call in asked]
    return {"jsonrpc": "2.0", "id": asked["id"], "result": "0x1"}
