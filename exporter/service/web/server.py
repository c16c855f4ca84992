"""HTTP: /metrics, /-/healthy, /-/ready, /-/reload, the status page, and the `pages` of single requests.

All connections share one event loop, so a slow or silent client delays nobody. What a page needs from the pipeline is
computed in the pipeline's thread; callers that wait for the same page share one answer.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TypeVar

from exporter.errors import ExporterError
from exporter.metrics.exposition import OPENMETRICS, TEXT
from exporter.metrics.zero_hold import Visitor
from exporter.service.pipeline import Pipeline
from exporter.service.web.access import Access, Guard
from exporter.service.web.answers import HTML, PLAIN, Page, Receive, Scope, Send, answer
from exporter.service.web.connections import ClientLimits, Connection
from exporter.service.web.listener import Listener
from exporter.service.web.preferences import weight
from exporter.service.web.rounds import Rounds
from exporter.service.web.scrapes import Held, Scrape, Scrapes
from exporter.service.web.status import snapshot
from exporter.service.web.status_page import page, page_policy

Reload = Callable[[], "Future[str]"]

log = logging.getLogger(__name__)

T = TypeVar("T")

# A pipeline that takes longer to answer is not healthy.
_PATIENCE_SECONDS = 10.0
# How long the server may take to stop, and how often that is checked.
_END_SECONDS = 3.0
_STEP_SECONDS = 0.02


class App:
    """The ASGI application over one pipeline."""

    def __init__(
        self,
        pipeline: Pipeline,
        reload: Reload | None,
        limits: ClientLimits,
        pages: Mapping[str, Page] | None,
        runbook: Callable[[], str],
    ) -> None:
        self._pipeline = pipeline
        self._reload = reload
        self._scrapes = Scrapes(pipeline)
        self._held = Held(limits.held_bytes)
        self._alive = Rounds[None, None](lambda _: self._ask(lambda: None))
        self._page = Rounds[None, bytes](lambda _: self._ask(lambda: page(snapshot(pipeline), runbook()).encode()))
        self._page_headers = {"content-security-policy": page_policy()}
        self._pages: dict[str, Page] = {
            "/metrics": self._metrics,
            "/-/healthy": self._healthy,
            "/-/ready": self._ready,
            "/-/reload": self._reloaded,
            "/": self._status,
        }
        self._pages |= pages or {}

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer one request that a `Guard` let through."""
        ask = self._pages.get(scope["path"])
        allowed = ("POST", "PUT") if scope["path"] == "/-/reload" else ("GET", "HEAD")
        if ask is None:
            named = ", ".join(path for path in self._pages if "." not in path)  # not the files of pages
            await answer(send, 404, PLAIN, f"Not found. There is {named}.\n".encode())
        elif scope["method"] not in allowed:
            allow = {"allow": ", ".join(allowed)}
            await answer(send, 405, PLAIN, f"Only {allowed[0]} is answered here.\n".encode(), allow)
        else:
            begun = time.monotonic()
            await ask(scope, send)
            taken = time.monotonic() - begun
            address = scope["state"]["connection"].address[0]
            log.debug("%s %s of %s: %.3f s", scope["method"], scope["path"], address, taken)

    async def _metrics(self, scope: Scope, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        accept = headers.get("accept", "")
        openmetrics = weight(accept, "application/openmetrics-text")
        is_open = openmetrics > 0 and openmetrics >= weight(accept, "text/plain", "text/*", "*/*")
        packed = weight(headers.get("accept-encoding", ""), "gzip") > 0
        content_type = OPENMETRICS if is_open else TEXT
        more = {"vary": "accept, accept-encoding"} | ({"content-encoding": "gzip"} if packed else {})
        if scope["method"] == "HEAD":  # nothing is rendered: new series stay held at 0 for the next real scrape
            await answer(send, 200, content_type, b"", more)
            return
        connection: Connection = scope["state"]["connection"]
        declared = "x-prometheus-scrape-timeout-seconds" in headers
        connection.is_scraper = connection.is_scraper or declared
        query = scope["query_string"].decode("latin-1")
        visitor = Visitor(*connection.address, headers.get("user-agent", ""), query, declared, time.monotonic())
        body = await self._scrapes.ask(Scrape(visitor, is_open, packed))
        with self._held.by(connection, body):
            await answer(send, 200, content_type, body, more)

    async def _healthy(self, _: Scope, send: Send) -> None:
        try:
            await asyncio.wait_for(self._alive.ask(None), _PATIENCE_SECONDS)
        except TimeoutError:
            await answer(send, 503, PLAIN, b"The pipeline does not answer.\n")
        else:
            await answer(send, 200, PLAIN, b"Healthy.\n")

    async def _ready(self, _: Scope, send: Send) -> None:
        if self._pipeline.ready:
            await answer(send, 200, PLAIN, b"Ready.\n")
        else:
            await answer(send, 503, PLAIN, b"Not ready: the logs are still being caught up with.\n")

    async def _reloaded(self, _: Scope, send: Send) -> None:
        if self._reload is None:
            await answer(send, 404, PLAIN, b"There is no config to reload: the exporter was started without one.\n")
            return
        try:
            reloaded = asyncio.wrap_future(self._reload())
            message = await asyncio.shield(reloaded)  # goes on even if the client disconnects
        except ExporterError as error:
            await answer(send, 500, PLAIN, f"The config was not reloaded, the old one stays: {error}\n".encode())
        else:
            await answer(send, 200, PLAIN, message.encode() + b"\n")

    async def _status(self, _: Scope, send: Send) -> None:
        await answer(send, 200, HTML, await self._page.ask(None), self._page_headers)

    def _ask(self, question: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.wrap_future(self._pipeline.ask(question))


class Server:
    """Serves a pipeline over HTTP, and further `pages`. `runbook` returns where the runbook is.

    If it ends by itself, it has `failed`, and stops the pipeline: nobody could see what that counts.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        host: str,
        port: int,
        reload: Reload | None = None,
        limits: ClientLimits | None = None,
        access: Access | None = None,
        pages: Mapping[str, Page] | None = None,
        runbook: Callable[[], str] = lambda: "",
    ) -> None:
        self.failed = False
        self._pipeline = pipeline
        limits, access = limits or ClientLimits(), access or Access()
        app = App(pipeline, reload, limits, pages, runbook)
        guard = Guard(app, access, any_host=("/metrics",), changes=("/-/reload",))
        self.listener = Listener(guard, host, port, access, limits, self._fail)
        self.url = self.listener.url

    def start(self) -> None:
        """Serve, until `stop`."""
        self.listener.start()

    def stop(self) -> None:
        """Finish the present answers, then end. Runs the pipeline's callbacks meanwhile, as the answers need them."""
        self.listener.end()
        until = time.monotonic() + _END_SECONDS
        while self.listener.alive and time.monotonic() < until:
            self._pipeline.run_callbacks(_STEP_SECONDS)

    def _fail(self) -> None:
        self.failed = True
        self._pipeline.stop()
