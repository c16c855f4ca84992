"""Connections whose TLS handshake is not done yet. They end by themselves, too, and are bounded apart from the others.

asyncio's own way would count a client only once its handshake is done, and keep the certificates of the start.
"""

import asyncio
import logging
import ssl

from exporter.service.web.connections import Connection

log = logging.getLogger(__name__)

Pending = dict["Handshake", None]


class Handshake(asyncio.Protocol):
    """One client, until `connection` takes it over. `pending` are all of a listener, the oldest first."""

    def __init__(self, connection: Connection, context: ssl.SSLContext, pending: Pending) -> None:
        self._connection = connection
        self._context = context
        self._pending = pending
        self._early = bytearray()
        self._lost: tuple[Exception | None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Shake hands; where too many do, the oldest is closed."""
        self._transport = transport
        transport.pause_reading()  # what comes is for TLS
        if len(self._pending) >= self._connection.limits.connections:
            next(iter(self._pending))._transport.abort()
        self._pending[self] = None
        self._task = asyncio.ensure_future(self._shake_hands())

    def data_received(self, data: bytes) -> None:
        """What the client sent together with the end of its handshake."""
        self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        """It has left."""
        self._lost = (exc,)

    async def _shake_hands(self) -> None:
        seconds = self._connection.limits.request_seconds
        try:
            transport = await asyncio.get_running_loop().start_tls(
                self._transport,
                self,
                self._context,
                server_side=True,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=seconds,
            )
        except OSError as error:  # ssl.SSLError is one
            log.debug("a TLS handshake failed: %s", type(error).__name__)
            self._transport.abort()
            return
        finally:
            self._pending.pop(self, None)
        if transport is None or self._lost:
            self._transport.abort()
            return
        transport.set_protocol(self._connection)
        self._connection.connection_made(transport)
        if self._early:
            self._connection.data_received(bytes(self._early))
