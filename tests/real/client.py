"""A client that knows every byte it sends and gets."""

import json
import socket
import ssl
import struct
from contextlib import closing
from typing import Any, NamedTuple

Headers = dict[str, str | bytes]

# What a WebSocket's client says, and its server says back.
PING = b"ping"

# The tests' certificate is signed by nobody.
_TRUSTING = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_TRUSTING.check_hostname = False
_TRUSTING.verify_mode = ssl.CERT_NONE

_RESET = struct.pack("ii", 1, 0)


class Exchange(NamedTuple):
    """One connection's bytes."""

    request: bytes
    response: bytes = b""

    @property
    def status(self) -> int:
        """The status of the answer, 0 where there was none."""
        return int(self.response[9:12]) if self.response.startswith(b"HTTP/1.") else 0

    @property
    def sent_body(self) -> bytes:
        return self.request.partition(b"\r\n\r\n")[2]

    @property
    def body(self) -> bytes:
        return self.response.partition(b"\r\n\r\n")[2]


def rpc(*methods: str) -> bytes:
    """A JSON-RPC request; a batch where there are several methods."""
    calls = [{"jsonrpc": "2.0", "id": n, "method": method, "params": []} for n, method in enumerate(methods)]
    asked: Any = calls if len(calls) > 1 else calls[0]
    return json.dumps(asked).encode()


def request(method: str, path: str, headers: Headers | None = None, body: bytes = b"") -> bytes:
    """The bytes of a request, after which the connection is closed."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: gateway.example", b"Connection: close"]
    if body:
        lines += [b"Content-Type: application/json", f"Content-Length: {len(body)}".encode()]
    for name, value in (headers or {}).items():
        lines = [line for line in lines if not line.startswith(name.encode() + b":")]
        lines.append(name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()))
    return b"\r\n".join([*lines, b"", body])


def send(port: int, data: bytes, tls: bool = False) -> Exchange:
    """Send bytes as they are; read the answer to its end."""
    with closing(_connection(port, tls)) as connection:
        connection.sendall(data)
        return Exchange(data, _rest(connection))


def upgrade(port: int, path: str, headers: Headers, tls: bool = False) -> Exchange:
    """A WebSocket: shake hands, send a few bytes, get them back, see it end."""
    data = request("GET", path, {**headers, "Connection": "Upgrade", "Upgrade": "websocket"} | _HANDSHAKE)
    with closing(_connection(port, tls)) as connection:
        connection.sendall(data)
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = connection.recv(4096)
            assert more, f"no handshake: {answer!r}"
            answer += more
        connection.sendall(PING)
        return Exchange(data + PING, answer + _rest(connection))


class Leaver:
    """A client that sends a request and does not stay for the answer."""

    def __init__(self, port: int, data: bytes) -> None:
        self.exchange = Exchange(data)
        self._connection = _connection(port)
        self._connection.sendall(data)

    def leave(self) -> None:
        """Close the connection the way a killed process does."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._connection.close()


_HANDSHAKE: Headers = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


def _connection(port: int, tls: bool = False) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=60)
    return _TRUSTING.wrap_socket(plain) if tls else plain


def _rest(connection: socket.socket) -> bytes:
    received = b""
    try:
        while more := connection.recv(65536):
            received += more
    except ConnectionResetError:
        pass
    return received
