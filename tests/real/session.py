"""What a test sends through a gateway, and what must be counted for it."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypedDict, Unpack

from tests.real.client import PING, Exchange, Headers, Leaver, request, send, upgrade
from tests.real.counts import Sent, counted, differences, expected
from tests.real.gateway_exporter import IDENTITY, GatewayExporter
from tests.real.gateways import Gateway
from tests.real.kinds import Kind
from tests.waiting import eventually

# Every raw key has this in it, so that one search finds any of them where it must not be.
SECRET_MARK = "5ec2e7"


class Told(TypedDict, total=False):
    """What must be counted for a request, where it isn't what the request says by itself."""

    calls: tuple[str, ...]
    timed: bool
    method: str
    protocol: str
    status: str
    key: str
    error: str
    origin: str


def raw_key(name: str) -> str:
    """A key such as clients send, made of a name."""
    return SECRET_MARK + name.encode().hex() + "9f2c41d07a"


def public(name: str) -> str:
    """Its public name."""
    return IDENTITY.hash(raw_key(name))


class Session:
    """A gateway, and what it was sent."""

    def __init__(self, gateway: Gateway, kind: Kind) -> None:
        self.gateway = gateway
        self.kind = kind
        self.sent: list[Sent] = []
        # How many were logged before the log was emptied.
        self.gone = 0
        # How long the client has waited for answers.
        self.seconds = 0.0

    def send(
        self,
        verb: str,
        path: str,
        headers: Headers | None = None,
        body: bytes = b"",
        *,
        tls: bool = False,
        **told: Unpack[Told],
    ) -> Exchange:
        """Send a request, and wait until it is logged. `calls` are the JSON-RPC methods in its body."""
        begun = time.monotonic()
        exchange = send(self.gateway.tls_port if tls else self.gateway.port, request(verb, path, headers, body), tls)
        self.seconds += time.monotonic() - begun
        self.note(exchange, verb, path, **told)
        self.logged()
        return exchange

    def upgrade(self, path: str, headers: Headers, *, tls: bool = False, **told: Unpack[Told]) -> None:
        """Open a WebSocket, use it, see it end."""
        exchange = upgrade(self.gateway.tls_port if tls else self.gateway.port, path, headers, tls)
        assert exchange.status == 101
        if not self.kind.websocket_in:
            exchange = exchange._replace(request=exchange.request.removesuffix(PING))
        if not self.kind.websocket_out:
            exchange = exchange._replace(response=exchange.response.removesuffix(PING))
        told["timed"] = False
        self.note(exchange, "GET", path, **told)
        self.logged()

    def leave(self, data: bytes, arrived: Callable[[], bool]) -> Exchange:
        """Send a request, and leave as soon as it has arrived."""
        leaver = Leaver(self.gateway.port, data)
        eventually(arrived, "the request is at the upstream")
        leaver.leave()
        return leaver.exchange

    def note(self, exchange: Exchange, verb: str, path: str, **told: Unpack[Told]) -> None:
        """Note what must be counted for an exchange: what it was, as far as this kind of log tells."""
        kind = self.kind
        call = Sent(
            key=told.get("key", ""),
            method=told.get("method", f"{verb} {path.partition('?')[0]}".strip()),
            protocol=told.get("protocol", kind.protocol),
            status=told.get("status", str(exchange.status)),
            error=told.get("error", ""),
            origin=told.get("origin") or kind.client,
            timed=told.get("timed", True) and kind.durations,
            bytes_in=kind.bytes_in(exchange) if kind.bytes_in else 0,
            bytes_out=kind.bytes_out(exchange) if kind.bytes_out else 0,
        )
        calls = told.get("calls", ())
        if calls and kind.calls and (kind.batches or len(calls) == 1):
            call.method = "batch" if len(calls) > 1 else calls[0]
            call.calls = calls
        self.sent.append(call)

    def logged(self) -> None:
        """Wait until all are logged: gateways that answer first could log a later request before this one."""
        eventually(
            lambda: (
                self.gateway.log.exists() and self.gateway.log.read_bytes().count(b"\n") >= len(self.sent) - self.gone
            ),
            f"{len(self.sent) - self.gone} requests are logged; the last was answered with {self.sent[-1].status}",
        )

    def check(self, exporter: GatewayExporter, rejected: int = 0) -> None:
        """All that was sent is counted, exactly."""
        wanted = expected(self.sent, rejected)

        def wrong() -> str:
            found = counted(exporter.samples())
            if not self.kind.bytes_out:
                found.bytes_out.clear()
            return differences(found, wanted)

        with suppress(AssertionError):
            eventually(lambda: not wrong(), "what is counted is what was sent")
        told = wrong()
        assert not told, told
