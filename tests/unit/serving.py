"""A web server over a real pipeline, in this process, whose thread a test plays: nothing is answered until it says."""

import socket
import struct
from pathlib import Path
from types import TracebackType

from exporter.service.web.access import Access
from exporter.service.web.connections import ClientLimits, Connection
from exporter.service.web.server import Reload, Server
from tests.counted import Counting
from tests.waiting import DEADLINE_SECONDS, eventually


def get(path: str = "/metrics", *headers: str, method: str = "GET") -> bytes:
    """A request, as it is sent."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: x", *headers, "", "")).encode()


class Client:
    """One connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=DEADLINE_SECONDS)

    def send(self, data: bytes) -> None:
        """Say something."""
        self._socket.sendall(data)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Read an answer: its status, headers and body, which has a length."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self._socket.recv(1)
            assert byte, f"closed after {head!r}"
            head += byte
        first, *lines = head.decode().split("\r\n")[:-2]
        headers = dict(line.lower().split(": ", 1) for line in lines)
        body = b""
        while missing := int(headers.get("content-length", "0")) - len(body):
            piece = self._socket.recv(missing)
            assert piece, "closed within the body"
            body += piece
        return int(first.split(" ")[1]), headers, body

    @property
    def closed(self) -> bool:
        """Whether the server has closed it; what it has sent is dropped."""
        self._socket.setblocking(False)
        try:
            return not self._socket.recv(1 << 20)
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self._socket.settimeout(DEADLINE_SECONDS)

    def leave(self) -> None:
        """Close it."""
        self._socket.close()

    def reset(self) -> None:
        """Close it without a word of farewell: the server sees an error."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


class Serving:
    """`clients` are closed in the end."""

    def __init__(
        self, folder: Path, limits: ClientLimits, access: Access | None = None, reload: Reload | None = None
    ) -> None:
        config = "inputs: [{path: a.log, format: nginx-json}]\n"
        self.pipeline = Counting(folder, config).assembly.pipeline()
        self.server = Server(self.pipeline, "127.0.0.1", 0, reload, limits, access)
        self.clients: list[Client] = []
        self.server.start()

    def __enter__(self) -> "Serving":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self.clients:
            client.leave()
        self.server.stop()
        self.pipeline.close()

    def client(self, said: bytes = b"") -> Client:
        """A new client that says something."""
        host, port = self.server.url.removeprefix("http://").split(":")
        client = Client((host, int(port)))
        self.clients.append(client)
        client.send(said)
        return client

    @property
    def connections(self) -> list[Connection]:
        """Those that the server has."""
        return self.server.listener.connections

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass for the server's timers."""
        loop = eventually(lambda: self.server.listener._server._loop, "it serves")
        assert loop
        now = loop.time
        loop.time = lambda: now() + seconds  # type: ignore[method-assign]
        loop.call_soon_threadsafe(int)  # it wakes

    def until_asked(self, waiting: int) -> None:
        """Wait until so many wait for an answer."""
        eventually(
            lambda: sum(connection.answering is not None for connection in self.connections) == waiting,
            f"{waiting} wait",
        )

    def answer(self) -> None:
        """Answer what the pipeline is asked, once it is; what it is asked because of that has to wait."""
        eventually(lambda: self.questions > 0)
        for _ in range(self.questions):
            if question := self.pipeline._inbox.get_nowait():
                question()

    @property
    def questions(self) -> int:
        """What the pipeline is asked and has not answered."""
        return self.pipeline._inbox.qsize()

    @property
    def renderings(self) -> float:
        """How often the exposition was rendered."""
        return sum(self.pipeline.store.families["gateway_exporter_scrape_duration_seconds"].rows().numbers[:-1])
