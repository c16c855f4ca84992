"""HTTP: /metrics, /-/healthy, /-/ready, /-/reload and the status page. Uvicorn serves it, in a thread of its own.

All connections share one event loop, so a client that is slow or says nothing holds up nobody. What
a page needs of the pipeline is asked of its thread and awaited; all who wait for the same share an answer.
"""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import uvicorn

from exporter.errors import ExporterError
from exporter.metrics.exposition import OPENMETRICS, TEXT
from exporter.metrics.zero_hold import Visitor
from exporter.service.connections import Connection, Limits
from exporter.service.pipeline import Pipeline
from exporter.service.rounds import Rounds
from exporter.service.scrapes import Held, Scrape, Scrapes
from exporter.service.status import page, snapshot

Scope = dict[str, Any]
Reload = Callable[[], "Future[str]"]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

log = logging.getLogger(__name__)

T = TypeVar("T")

# An answer is sent in blocks of so many bytes.
_BLOCK = 1 << 16
_HTML = "text/html; charset=utf-8"
_PLAIN = "text/plain; charset=utf-8"
# Longer than scrapers wait from one scrape to the next: a kept connection is how they are told apart.
_KEEP_ALIVE_SECONDS = 300
# A pipeline that has not answered for so long is not healthy.
_PATIENCE_SECONDS = 10.0
# How long the server may take to end, and how often it is asked whether it has.
_END_SECONDS = 3.0
_STEP_SECONDS = 0.02
# Of a request, without its body.
_LONGEST_HEAD = 1 << 14
# Connections that wait to be accepted: at most so many. They are taken one by one, so that the ceiling holds.
_BACKLOG = 1024
_ACCEPTED_AT_ONCE = 1


class App:
    """The ASGI application over one pipeline."""

    def __init__(self, pipeline: Pipeline, reload: Reload | None, limits: Limits) -> None:
        self._pipeline = pipeline
        self._reload = reload
        self._scrapes = Scrapes(pipeline)
        self._held = Held(limits.held_bytes)
        self._alive = Rounds[None, None](lambda _: self._ask(lambda: None))
        self._page = Rounds[None, bytes](lambda _: self._ask(lambda: page(snapshot(pipeline)).encode()))
        self._pages = {
            "/metrics": self._metrics,
            "/-/healthy": self._healthy,
            "/-/ready": self._ready,
            "/-/reload": self._reloaded,
            "/": self._status,
        }

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer one request, as long as somebody is there to take the answer."""
        connection: Connection = scope["state"]["connection"]
        connection.answering = asyncio.current_task()
        try:
            await self._answer(scope, send, connection)
        except asyncio.CancelledError:
            if not connection.cycle.disconnected:
                connection.end("the server ends")
        except Exception as error:
            log.error("a page could not be answered: %s", type(error).__name__)  # no message: secrets
            connection.end("it could not be answered")
        finally:
            connection.answering = None

    async def _answer(self, scope: Scope, send: Send, connection: Connection) -> None:
        answer = self._pages.get(scope["path"])
        allowed = ("POST", "PUT") if scope["path"] == "/-/reload" else ("GET", "HEAD")
        if answer is None:
            await _send(send, 404, _PLAIN, f"Not found. There is {', '.join(self._pages)}.\n".encode())
        elif scope["method"] not in allowed:
            allow = {"allow": ", ".join(allowed)}
            await _send(send, 405, _PLAIN, f"Only {allowed[0]} is answered here.\n".encode(), allow)
        else:
            begun = time.monotonic()
            await answer(scope, send)
            taken = time.monotonic() - begun
            log.debug("%s %s of %s: %.3f s", scope["method"], scope["path"], connection.address[0], taken)

    async def _metrics(self, scope: Scope, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        openmetrics = "application/openmetrics-text" in headers.get("accept", "")
        packed = "gzip" in headers.get("accept-encoding", "")
        content_type = OPENMETRICS if openmetrics else TEXT
        more = {"vary": "accept, accept-encoding"} | ({"content-encoding": "gzip"} if packed else {})
        if scope["method"] == "HEAD":  # nobody is given a zero: nothing is rendered
            await _send(send, 200, content_type, b"", more)
            return
        connection: Connection = scope["state"]["connection"]
        declared = "x-prometheus-scrape-timeout-seconds" in headers
        connection.is_scraper = connection.is_scraper or declared
        query = scope["query_string"].decode("latin-1")
        visitor = Visitor(*connection.address, headers.get("user-agent", ""), query, declared)
        body = await self._scrapes.ask(Scrape(visitor, openmetrics, packed))
        with self._held.by(connection, body):
            await _send(send, 200, content_type, body, more)

    async def _healthy(self, _: Scope, send: Send) -> None:
        try:
            await asyncio.wait_for(self._alive.ask(None), _PATIENCE_SECONDS)
        except TimeoutError:
            await _send(send, 503, _PLAIN, b"The pipeline does not answer.\n")
        else:
            await _send(send, 200, _PLAIN, b"Healthy.\n")

    async def _ready(self, _: Scope, send: Send) -> None:
        if self._pipeline.ready:
            await _send(send, 200, _PLAIN, b"Ready.\n")
        else:
            await _send(send, 503, _PLAIN, b"Not ready: the logs are still being caught up with.\n")

    async def _reloaded(self, _: Scope, send: Send) -> None:
        if self._reload is None:
            await _send(send, 404, _PLAIN, b"There is no config to reload: the exporter was started without one.\n")
            return
        try:
            reloaded = asyncio.wrap_future(self._reload())
            said = await asyncio.shield(reloaded)  # also for one who asks and leaves
        except ExporterError as error:
            await _send(send, 500, _PLAIN, f"The config was not reloaded, the old one stays: {error}\n".encode())
        else:
            await _send(send, 200, _PLAIN, said.encode() + b"\n")

    async def _status(self, _: Scope, send: Send) -> None:
        await _send(send, 200, _HTML, await self._page.ask(None))

    def _ask(self, question: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.wrap_future(self._pipeline.ask(question))


class _QuietServer(uvicorn.Server):
    """Uvicorn, without its ten looks a second at whether it should end: an idle exporter is idle."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for one in sockets or []:
            one.listen(_BACKLOG)  # not how many are accepted at once, which uvicorn's setting gives to both

    async def main_loop(self) -> None:
        self._end, self._loop = asyncio.Event(), asyncio.get_running_loop()
        if not self.should_exit:
            await self._end.wait()

    def end(self) -> None:
        """End `main_loop`, from any thread."""
        self.should_exit = True
        if self._loop and self._end:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._end.set)


class Server:
    """The server's thread. The address is bound at once: ExporterError where it can't be.

    A server that ends by itself has `failed`, and stops the pipeline: nobody would see what it counts.
    """

    def __init__(
        self, pipeline: Pipeline, host: str, port: int, reload: Reload | None = None, limits: Limits | None = None
    ) -> None:
        self.failed = False
        self._pipeline = pipeline
        limits = limits or Limits()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(_BACKLOG)  # from now on, connections wait for `start` instead of being refused
        except OSError as error:
            raise ExporterError(f"can't listen on {host}:{port}: {error.strerror}") from None
        bound_host, bound_port = self._socket.getsockname()[:2]
        self.url = f"http://{f'[{bound_host}]' if ':' in bound_host else bound_host}:{bound_port}"
        settings = uvicorn.Config(
            App(pipeline, reload, limits),
            log_config=None,
            log_level="error",  # a client that sends rubbish would fill the log with warnings
            access_log=False,
            server_header=False,
            date_header=False,
            lifespan="off",
            ws="none",
            http=type("LimitedConnection", (Connection,), {"limits": limits}),
            h11_max_incomplete_event_size=_LONGEST_HEAD,
            backlog=_ACCEPTED_AT_ONCE,
            loop="asyncio",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=1,
        )
        self._server = _QuietServer(settings)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        """Serve, until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being answered, a second at the most, and end. The pipeline has to answer meanwhile."""
        self._server.end()
        until = time.monotonic() + _END_SECONDS
        while self._thread.is_alive() and time.monotonic() < until:
            self._pipeline.run_callbacks(_STEP_SECONDS)

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except (Exception, SystemExit) as error:
            log.error("the web server failed: %s: %s", type(error).__name__, error)
        finally:
            if not self._server.should_exit:
                self.failed = True
                self._pipeline.stop()


async def _send(send: Send, status: int, content_type: str, body: bytes, more: dict[str, str] | None = None) -> None:
    length = {"content-length": str(len(body))} if body else {}
    headers = {"content-type": content_type, **length, **(more or {})}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    whole = memoryview(body)
    for at in range(0, len(body), _BLOCK):
        await send({"type": "http.response.body", "body": whole[at : at + _BLOCK], "more_body": True})
    await send({"type": "http.response.body", "body": b""})  # once all was taken
