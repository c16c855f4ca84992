"""What only HAProxy does: it buffers the start of a body, and numbers its retries."""

from collections.abc import Callable

from tests.real.client import Headers, rpc
from tests.real.counts import attempts
from tests.real.gateway_exporter import GatewayExporter
from tests.real.gateways import Gateway
from tests.real.kinds import KINDS
from tests.real.session import Session, public, raw_key

HAPROXY = next(kind for kind in KINDS if kind.name == "haproxy-raw")
HEADERS: Headers = {"X-Api-Key": raw_key("one")}


def test_a_body_longer_than_the_buffer_gives_its_method(
    start_gateway: Callable[..., Gateway], start_exporter: Callable[..., GatewayExporter]
) -> None:
    """The method stands before the long params: what HAProxy has of the body is enough."""
    gateway = start_gateway(HAPROXY.start)
    session, exporter = Session(gateway, HAPROXY), start_exporter(gateway.log, HAPROXY.format)
    method = "eth_sendRawTransaction"
    for size in (10_000, 60_000):
        body = rpc(method).replace(b"[]", b'["0x' + b"0" * size + b'"]')
        session.send("POST", "/v1/rpc", HEADERS, body, calls=(method,), key=public("one"))
    session.check(exporter)


def test_a_retried_request_counts_once_with_two_attempts(
    start_gateway: Callable[..., Gateway], start_exporter: Callable[..., GatewayExporter]
) -> None:
    """A request that HAProxy sent to another server is one, and each try is an attempt; what it refused is none."""
    gateway = start_gateway(HAPROXY.start)
    session, exporter = Session(gateway, HAPROXY), start_exporter(gateway.log, HAPROXY.format)
    session.send("GET", "/retried", HEADERS, key=public("one"))
    assert b"/+1 " in gateway.log.read_bytes()
    session.send("GET", "/limited", HEADERS, key=public("one"))
    session.send("GET", "/limited", HEADERS, key=public("one"), error="rate_limit_exceeded")
    session.check(exporter)
    assert attempts(exporter.settled()) == {("pair", "other"): 1, ("pair", "success"): 1, ("good", "success"): 1}
