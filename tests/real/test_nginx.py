"""What only nginx does: bodies on disk, custom log formats, a log read with the wrong format."""

from collections.abc import Callable

import pytest

from tests.real import gateways
from tests.real.client import Headers, rpc
from tests.real.counts import counted
from tests.real.gateway_exporter import GatewayExporter
from tests.real.gateways import Gateway
from tests.real.kinds import KINDS
from tests.real.session import Session, public, raw_key
from tests.waiting import eventually

NGINX = KINDS[0]
HEADERS: Headers = {"X-Api-Key": raw_key("one")}


def test_a_body_too_long_to_log_still_counts(
    start_gateway: Callable[..., Gateway], start_exporter: Callable[..., GatewayExporter]
) -> None:
    """A body in memory gives its method; one that nginx put on disk counts by its path, with all its bytes."""
    gateway = start_gateway(NGINX.start)
    session, exporter = Session(gateway, NGINX), start_exporter(gateway.log, NGINX.format)
    for size, calls in ((10_000, ("eth_sendRawTransaction",)), (60_000, ())):
        body = rpc("eth_sendRawTransaction").replace(b"[]", b'["0x' + b"0" * size + b'"]')
        session.send("POST", "/v1/rpc", HEADERS, body, calls=calls, key=public("one"))
    session.check(exporter)


def test_a_retried_request_counts_once_by_its_last_upstream(
    start_gateway: Callable[..., Gateway], start_exporter: Callable[..., GatewayExporter]
) -> None:
    """nginx logs a status for each upstream it tried; the request is one, and as good as the last of them."""
    gateway = start_gateway(NGINX.start)
    session, exporter = Session(gateway, NGINX), start_exporter(gateway.log, NGINX.format)
    session.send("GET", "/retried", HEADERS, key=public("one"))
    session.send("GET", "/retried", HEADERS | {"X-Answer": "500"}, key=public("one"), error="upstream_error")
    assert b'"upstream_status":"502, 200"' in gateway.log.read_bytes()
    session.check(exporter)


_UNQUOTED = """log_format unquoted escape=json '{"msec":$msec,"status":$status,"method":"$request_method",'
    '"uri":"$request_uri","urt":$upstream_response_time,"scheme":"$scheme","request_time":$request_time,'
    '"api_key":"$http_x_api_key","remote_addr":"$remote_addr","origin":"$http_origin","referer":"$http_referer",'
    '"request_length":$request_length,"bytes_sent":$bytes_sent,"cs":$connection}';"""


def test_json_that_users_write_without_quotes(
    start_gateway: Callable[..., Gateway], start_exporter: Callable[..., GatewayExporter]
) -> None:
    """A log_format whose numbers stand without quotes is no JSON where nginx has none: those lines count too."""
    gateway = start_gateway(gateways.nginx("unquoted", more=_UNQUOTED))
    session, exporter = Session(gateway, NGINX), start_exporter(gateway.log, NGINX.format)
    session.send("GET", "/v1/models", HEADERS, key=public("one"))
    session.send("GET", "/limited", HEADERS, key=public("one"))
    session.send("GET", "/limited", HEADERS, key=public("one"), error="rate_limit_exceeded")
    assert b'"urt":,' in gateway.log.read_bytes()
    session.check(exporter)


@pytest.mark.parametrize(
    ("written", "read", "reason"),
    [
        ("gateway_exporter", "nginx-combined", "no_match"),
        ("combined", "nginx-json", "not_json"),
    ],
)
def test_a_log_read_with_the_wrong_format_is_rejected_loudly(
    start_gateway: Callable[..., Gateway],
    start_exporter: Callable[..., GatewayExporter],
    written: str,
    read: str,
    reason: str,
) -> None:
    """Each line is counted as rejected, with the reason, and the page shows its shape; no request is counted."""
    gateway = start_gateway(gateways.nginx(written))
    session, exporter = Session(gateway, NGINX), start_exporter(gateway.log, read)
    for _ in range(3):
        session.send("GET", f"/v1/models?apikey={raw_key('query')}", HEADERS)
    eventually(lambda: counted(exporter.samples()).lines == {("rejected",): 3}, "three lines are rejected")
    samples = exporter.settled()
    assert not counted(samples).requests
    assert samples.get(("gateway_exporter_rejected_lines_total", (("input", "gateway"), ("reason", reason)))) == 3
    assert reason in exporter.get("/").text
