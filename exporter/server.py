"""HTTP: /metrics, /-/healthy, /-/ready, /-/reload and the status page. Uvicorn serves it, in a thread of its own.

All connections share one event loop, so a client that is slow or says nothing holds up nobody. What
a scrape needs of the pipeline is asked of its thread and awaited.
"""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.births import Visitor
from exporter.errors import ExporterError
from exporter.exposition import OPENMETRICS, TEXT
from exporter.packing import Packer, joined
from exporter.pipeline import Pipeline
from exporter.status import page, snapshot

Scope = dict[str, Any]
Reload = Callable[[], "Future[str]"]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

log = logging.getLogger(__name__)

_HTML = "text/html; charset=utf-8"
_PLAIN = "text/plain; charset=utf-8"
# Longer than scrapers wait from one scrape to the next: a kept connection is how they are told apart.
_KEEP_ALIVE_SECONDS = 300
# A pipeline that has not answered for so long is not healthy.
_PATIENCE_SECONDS = 10.0
# How long the server may take to end, and how often it is asked whether it has.
_END_SECONDS = 3.0
_STEP_SECONDS = 0.02


class App:
    """The ASGI application over one pipeline."""

    def __init__(self, pipeline: Pipeline, reload: Reload | None) -> None:
        self._pipeline = pipeline
        self._reload = reload
        self._packer = Packer()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._pages = {
            "/metrics": self._metrics,
            "/-/healthy": self._healthy,
            "/-/ready": self._ready,
            "/-/reload": self._reloaded,
            "/": self._status,
        }

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer one request."""
        answer = self._pages.get(scope["path"])
        allowed = ("POST", "PUT") if scope["path"] == "/-/reload" else ("GET", "HEAD")
        if answer is None:
            await _send(send, 404, _PLAIN, [f"Not found. There is {', '.join(self._pages)}.\n".encode()])
        elif scope["method"] not in allowed:
            await _send(
                send, 405, _PLAIN, [f"Only {allowed[0]} is answered here.\n".encode()], {"allow": ", ".join(allowed)}
            )
        else:
            await answer(scope, send)

    async def _metrics(self, scope: Scope, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        openmetrics = "application/openmetrics-text" in headers.get("accept", "")
        host, port = scope["client"]
        visitor = Visitor(host, port, headers.get("user-agent", ""))
        lines = await asyncio.wrap_future(self._pipeline.scrape(visitor, openmetrics))
        generate = generate_openmetrics if openmetrics else generate_latest
        blocks = [generate(self._registry)]  # it ends with OpenMetrics' # EOF
        if "gzip" in headers.get("accept-encoding", ""):
            packed = await asyncio.get_running_loop().run_in_executor(None, self._packer.pack, [*lines, *blocks])
            more = {"content-encoding": "gzip", "vary": "accept-encoding"}
            await _send(send, 200, OPENMETRICS if openmetrics else TEXT, [packed], more)
        else:
            await _send(send, 200, OPENMETRICS if openmetrics else TEXT, (*joined(lines), *blocks))

    async def _healthy(self, _: Scope, send: Send) -> None:
        try:
            await asyncio.wait_for(asyncio.wrap_future(self._pipeline.ask(lambda: None)), _PATIENCE_SECONDS)
        except TimeoutError:
            await _send(send, 503, _PLAIN, [b"The pipeline does not answer.\n"])
        else:
            await _send(send, 200, _PLAIN, [b"Healthy.\n"])

    async def _ready(self, _: Scope, send: Send) -> None:
        if self._pipeline.ready:
            await _send(send, 200, _PLAIN, [b"Ready.\n"])
        else:
            await _send(send, 503, _PLAIN, [b"Not ready: the logs are still being caught up with.\n"])

    async def _reloaded(self, _: Scope, send: Send) -> None:
        if self._reload is None:
            await _send(send, 404, _PLAIN, [b"There is no config to reload: the exporter was started without one.\n"])
            return
        try:
            said = await asyncio.wrap_future(self._reload())
        except ExporterError as error:
            await _send(send, 500, _PLAIN, [f"The config was not reloaded, the old one stays: {error}\n".encode()])
        else:
            await _send(send, 200, _PLAIN, [said.encode() + b"\n"])

    async def _status(self, _: Scope, send: Send) -> None:
        found = await asyncio.wrap_future(self._pipeline.ask(lambda: snapshot(self._pipeline)))
        await _send(send, 200, _HTML, [page(found).encode()])


class _QuietServer(uvicorn.Server):
    """Uvicorn, without its ten looks a second at whether it should end: an idle exporter is idle."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        self._end, self._loop = asyncio.Event(), asyncio.get_running_loop()
        if not self.should_exit:
            await self._end.wait()

    def end(self) -> None:
        """End `main_loop`, from any thread."""
        self.should_exit = True
        if self._loop and self._end:
            self._loop.call_soon_threadsafe(self._end.set)


class Server:
    """The server's thread. The address is bound at once: ExporterError where it can't be."""

    def __init__(self, pipeline: Pipeline, host: str, port: int, reload: Reload | None = None) -> None:
        self._pipeline = pipeline
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(128)  # from now on, connections wait for `start` instead of being refused
        except OSError as error:
            raise ExporterError(f"can't listen on {host}:{port}: {error.strerror}") from None
        bound_host, bound_port = self._socket.getsockname()[:2]
        self.url = f"http://{f'[{bound_host}]' if ':' in bound_host else bound_host}:{bound_port}"
        settings = uvicorn.Config(
            App(pipeline, reload),
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            lifespan="off",
            ws="none",
            http="h11",
            loop="asyncio",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=1,
        )
        self._server = _QuietServer(settings)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="http", daemon=True
        )

    def start(self) -> None:
        """Serve, until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being answered, a second at the most, and end. The pipeline has to answer meanwhile."""
        self._server.end()
        until = time.monotonic() + _END_SECONDS
        while self._thread.is_alive() and time.monotonic() < until:
            self._pipeline.answer(_STEP_SECONDS)


async def _send(
    send: Send, status: int, content_type: str, body: Iterable[bytes], more: dict[str, str] | None = None
) -> None:
    headers = {"content-type": content_type, **(more or {})}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    for block in body:
        await send({"type": "http.response.body", "body": block, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
