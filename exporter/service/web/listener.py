"""A listener: an ASGI application on an address, served by uvicorn in a thread of its own.

Any application can have one; an `Access` says by TLS who may connect, and a `Guard` before it who is answered.
"""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn

from exporter.errors import ExporterError
from exporter.service.web.access import Access
from exporter.service.web.answers import App
from exporter.service.web.connections import ClientLimits, Connection
from exporter.service.web.handshake import Handshake, Pending

log = logging.getLogger(__name__)

# Longer than scrapers wait from one scrape to the next: a kept connection is how they are told apart.
_KEEP_ALIVE_SECONDS = 300
# Of a request, without its body.
_LONGEST_HEAD = 1 << 14
# Connections that wait to be accepted: at most so many. They are taken one by one, so that the ceiling holds.
_BACKLOG = 1024
_ACCEPTED_AT_ONCE = 1


class _QuietServer(uvicorn.Server):
    """Uvicorn, without its ten looks a second at whether it should end: an idle exporter is idle."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or []:
            listening.listen(_BACKLOG)  # uvicorn's setting would also be how many are accepted at once

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


class Listener:
    """The address is bound at once: ExporterError where it can't be. `ended` is called where it ends by itself."""

    def __init__(
        self, app: App, host: str, port: int, access: Access, limits: ClientLimits, ended: Callable[[], object]
    ) -> None:
        self._access = access
        self._ended = ended
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(_BACKLOG)  # from now on, connections wait for `start` instead of being refused
        except OSError as error:
            raise ExporterError(f"can't listen on {host}:{port}: {error.strerror}") from None
        bound_host, bound_port = self._socket.getsockname()[:2]
        scheme = "https" if access.web.tls else "http"
        self.url = f"{scheme}://{f'[{bound_host}]' if ':' in bound_host else bound_host}:{bound_port}"
        if access.web.tls:  # half of them may be shaking hands
            limits = limits._replace(connections=max(1, limits.connections // 2))
        self._connection = type("LimitedConnection", (Connection,), {"limits": limits})
        self._shaking_hands: Pending = {}
        settings = uvicorn.Config(
            app,
            log_config=None,
            log_level="error",  # a client that sends rubbish would fill the log with warnings
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,  # anybody can write one
            lifespan="off",
            ws="none",
            http=self._accept,  # type: ignore[arg-type]
            h11_max_incomplete_event_size=_LONGEST_HEAD,
            backlog=_ACCEPTED_AT_ONCE,
            loop="asyncio",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=1,
        )
        self._server = _QuietServer(settings)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether it serves, or has not ended yet."""
        return self._thread.is_alive()

    @property
    def connections(self) -> list[Connection]:
        """The open connections, without those in a TLS handshake."""
        return [each for each in self._server.server_state.connections if isinstance(each, Connection)]

    def start(self) -> None:
        """Serve, until `end`."""
        self._thread.start()

    def end(self) -> None:
        """Finish what is being answered, a second at the most, and end."""
        self._server.end()

    def _accept(self, **uvicorns: Any) -> asyncio.Protocol:
        connection: Connection = self._connection(**uvicorns)
        tls = self._access.web.tls  # as it is now: certificates are replaced
        return Handshake(connection, tls, self._shaking_hands) if tls else connection

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except (Exception, SystemExit) as error:
            log.error("the web server failed: %s: %s", type(error).__name__, error)
        finally:
            if not self._server.should_exit:
                self._ended()
