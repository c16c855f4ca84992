"""Connections to the web server. Each has a time limit, so a client that sends nothing, sends its request slowly or
reads its answer slowly is disconnected.

Uvicorn's own timer begins only after a response, and its `limit_concurrency` answers scrapers with 503. So this
adds what it lacks to its protocol, with what it keeps of a connection: `cycle`, `conn`, `connections`.
"""

import asyncio
import logging
from typing import Any, ClassVar, NamedTuple

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

log = logging.getLogger(__name__)


class ClientLimits(NamedTuple):
    """What clients may take: connections in all, seconds to send a request, seconds until the whole answer was read
    (including the wait for it), and bytes of answers that are being sent.
    """

    connections: int = 256
    request_seconds: float = 10.0
    answer_seconds: float = 60.0
    held_bytes: int = 24 << 20


class Connection(H11Protocol):
    """One client. Applications find it as `scope["state"]["connection"]`.

    Applications set `is_scraper`, and `answering`: the task that makes the answer.
    """

    limits: ClassVar[ClientLimits] = ClientLimits()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state | {"connection": self}, _loop)
        self.is_scraper = False
        self.answering: asyncio.Task[None] | None = None
        self._moved_at = self.loop.time()
        self._timed: RequestResponseCycle | str | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for its request. Past the limit of connections, close the one that was idle for longest."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(
            high=1
        )  # with 0, TLS would wait for ever; no more than one block of an answer waits in each connection
        self._time("a request", self.limits.request_seconds)
        others = [other for other in self.connections if isinstance(other, Connection) and other is not self]
        if len(others) >= self.limits.connections:
            longest_idle = min(others, key=lambda other: (other.is_scraper, other._moved_at))
            longest_idle.end("there are too many")

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the answer: nobody is there to read it. Break the cycles of references to the connection, so that it
        is freed at once: garbage is rarely collected.
        """
        self._time(None, 0)
        super().connection_lost(exc)
        if self.answering:
            self.answering.cancel()
        self._unset_keepalive_if_required()
        self.app_state = {}
        self.cycle = self.scope = None  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """A request or a part of one."""
        self._moved_at = self.loop.time()
        super().data_received(data)
        self._time_what_is_awaited()

    def resume_writing(self) -> None:
        """The client has read a block of the answer."""
        self._moved_at = self.loop.time()
        super().resume_writing()

    def on_response_complete(self) -> None:
        """The whole answer was sent."""
        super().on_response_complete()
        self._time_what_is_awaited()

    @property
    def client_names(self) -> set[str] | None:
        """The names in the client's certificate, which was verified; None without one."""
        certificate = self.transport.get_extra_info("peercert")
        return {name for _, name in certificate.get("subjectAltName", ())} if certificate else None

    @property
    def address(self) -> tuple[str, int]:
        """The client's address and port; "" and 0 if it is gone."""
        return self.client or ("", 0)

    def end(self, why: str) -> None:
        """Close it at once, even if something was not sent yet. `why` is logged."""
        log.debug("the connection of %s is closed: %s", self.address[0], why)
        self.connections.discard(self)
        if self.cycle:
            self.cycle.disconnected = True
        self.transport.abort()

    def _time_what_is_awaited(self) -> None:
        if self.cycle and not self.cycle.response_complete:
            self._time(self.cycle, self.limits.answer_seconds)
        elif self.timeout_keep_alive_task and self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]:
            self._time(None, 0)  # uvicorn's own timer runs
        else:
            self._time("a request", self.limits.request_seconds)

    def _time(self, what: RequestResponseCycle | str | None, seconds: float) -> None:
        """Close the connection if it takes longer than this. A wait for the same thing that runs already goes on."""
        if what == self._timed:
            return
        self._timed = what
        if self._timer:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self.end, f"{seconds:g} s were not enough") if what else None
