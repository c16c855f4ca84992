"""The gateways and logs that are tried, and what each log tells."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from tests.real import gateways
from tests.real.client import Exchange
from tests.real.gateways import Start


class Kind(Struct, frozen=True, kw_only=True):
    """A gateway with one kind of log, the format it is read with, and what is in it.

    `bytes_in` and `bytes_out` are what the log says of an exchange; None where it says something near it.
    """

    name: str
    start: Start
    format: str | dict[str, Any]
    protocol: str = "http"
    calls: bool = False
    batches: bool = False
    x_api_key: bool = True
    authorization: bool = False
    origin: bool = True
    referer: bool = True
    # Where a request came from that has neither.
    client: str = "127.0.0.0/24"
    durations: bool = True
    limits: bool = True
    bytes_in: Callable[[Exchange], int] | None
    bytes_out: Callable[[Exchange], int] | None
    # Whether these have the bytes of a WebSocket, too.
    websocket_in: bool = True
    websocket_out: bool = True
    # What is logged for bytes that are no request: its protocol, or None where it logs no line.
    garbage: str | None = "http"
    # How a gateway says that its upstream is not there.
    dead: str = "502"
    abort: str = "other"
    # Whether it tells an upstream's 500 from its own.
    knows_upstream: bool = False


def _nothing(_: Exchange) -> int:
    return 0


def _request(exchange: Exchange) -> int:
    return len(exchange.request)


def _response(exchange: Exchange) -> int:
    return len(exchange.response)


def _request_body(exchange: Exchange) -> int:
    return len(exchange.sent_body)


def _response_body(exchange: Exchange) -> int:
    return len(exchange.body)


KINDS = [
    Kind(
        name="nginx-json",
        start=gateways.nginx("gateway_exporter"),
        format="nginx-json",
        calls=True,
        batches=True,
        authorization=True,
        bytes_in=_request,
        websocket_in=False,
        bytes_out=_response,
        abort="499",
        knows_upstream=True,
    ),
    Kind(
        name="nginx-combined",
        start=gateways.nginx("combined"),
        format="nginx-combined",
        protocol="",
        x_api_key=False,
        origin=False,
        durations=False,
        bytes_in=_nothing,
        bytes_out=_response_body,
        garbage="",
        abort="499",
    ),
    Kind(
        name="caddy",
        start=gateways.caddy,
        format="caddy",
        limits=False,
        websocket_out=False,
        bytes_in=_nothing,
        bytes_out=_response_body,
        garbage=None,
    ),
    *(
        Kind(
            name=f"haproxy-{line}",
            start=gateways.haproxy(line),
            format={
                "preset": "haproxy",
                "fields": {"origin": "request_1", "key": "request_2", "rpc_method": "request_3"},
            },
            calls=True,
            referer=False,
            bytes_in=_nothing,
            bytes_out=None,
            dead="503",
        )
        for line in ("raw", "rfc3164")
    ),
    Kind(
        name="envoy",
        start=gateways.envoy(json=False),
        format="envoy",
        client="",
        protocol="",
        x_api_key=False,
        origin=False,
        referer=False,
        bytes_in=_request_body,
        bytes_out=_response_body,
        garbage="",
        dead="503",
    ),
    Kind(
        name="envoy-json",
        start=gateways.envoy(json=True),
        format="envoy-json",
        calls=True,
        authorization=True,
        bytes_in=_request_body,
        bytes_out=_response_body,
        garbage="",
        dead="503",
    ),
]
