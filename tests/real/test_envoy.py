"""What only Envoy does: it refuses what it can't buffer, and counts its attempts."""

from collections.abc import Callable

from tests.real.client import Headers, request, rpc, send
from tests.real.counts import attempts, counted
from tests.real.gateway_exporter import GatewayExporter
from tests.real.gateways import Gateway
from tests.real.kinds import KINDS
from tests.real.session import Session, public, raw_key
from tests.waiting import eventually

ENVOY = next(kind for kind in KINDS if kind.name == "envoy-json")
HEADERS: Headers = {"X-Api-Key": raw_key("one")}


def test_a_body_longer_than_the_buffer_is_refused_and_counted(
    start_gateway: Callable[..., Gateway], start_exporter: Callable[..., GatewayExporter]
) -> None:
    """A long body gives its method; one past the listener's limit is a client's error, without a method."""
    gateway = start_gateway(ENVOY.start)
    session, exporter = Session(gateway, ENVOY), start_exporter(gateway.log, ENVOY.format)
    method = "eth_sendRawTransaction"
    body = rpc(method).replace(b"[]", b'["0x' + b"0" * 60_000 + b'"]')
    session.send("POST", "/v1/rpc", HEADERS, body, calls=(method,), key=public("one"))
    session.check(exporter)
    body = rpc(method).replace(b"[]", b'["0x' + b"0" * 1_200_000 + b'"]')
    refused = send(gateway.port, request("POST", "/v1/rpc", HEADERS, body))
    assert refused.status == 413
    error = public("one"), "other", "http", "413", "client_error"
    eventually(lambda: counted(exporter.samples()).errors == {error: 1}, "the refusal is counted")


def test_a_retried_request_counts_once_with_two_attempts(
    start_gateway: Callable[..., Gateway], start_exporter: Callable[..., GatewayExporter]
) -> None:
    """A request that Envoy sent again is one, and each try is an attempt; what it refused itself is none."""
    gateway = start_gateway(ENVOY.start)
    session, exporter = Session(gateway, ENVOY), start_exporter(gateway.log, ENVOY.format)
    session.send("GET", "/limited", HEADERS, key=public("one"))
    session.send("GET", "/limited", HEADERS, key=public("one"), error="rate_limit_exceeded")
    session.send("GET", "/retried", HEADERS, key=public("one"))
    session.send("GET", "/retried", HEADERS | {"X-Answer": "500"}, key=public("one"), error="upstream_error")
    session.check(exporter)
    assert attempts(exporter.settled()) == {("good", "success"): 2, ("good", "other"): 1, ("good", "server_error"): 1}
