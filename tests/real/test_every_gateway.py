"""What every gateway's log tells is counted exactly: the same requests through each of them."""

import time
from collections.abc import Callable

import pytest
import yaml

from tests import command
from tests.real.client import Headers, request, rpc, send
from tests.real.gateway_exporter import IDENTITY, GatewayExporter
from tests.real.gateways import PATIENCE_SECONDS, Gateway
from tests.real.kinds import KINDS, Kind
from tests.real.session import SECRET_MARK, Session, public, raw_key
from tests.real.upstream import Upstream

Running = tuple[Session, GatewayExporter]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def running(
    request: pytest.FixtureRequest,
    start_gateway: Callable[..., Gateway],
    start_exporter: Callable[..., GatewayExporter],
) -> Running:
    """A session with each gateway, and the exporter beside its log."""
    kind: Kind = request.param
    gateway = start_gateway(kind.start)
    return Session(gateway, kind), start_exporter(gateway.log, kind.format)


def in_header(name: str, kind: Kind) -> tuple[Headers, str]:
    """A key in X-Api-Key; its public name where the log has the header."""
    return {"X-Api-Key": raw_key(name)}, public(name) if kind.x_api_key else ""


def test_requests_are_counted_by_key_method_and_origin(running: Running) -> None:
    """Each request counts under the key it carries, wherever it carries it, its method and its origin."""
    session, exporter = running
    begun = time.time()
    kind = session.kind
    headers, key = in_header("one", kind)
    swap = "swap.example" if kind.origin else kind.client
    session.send("POST", "/v1/rpc", headers, rpc("eth_call"), calls=("eth_call",), key=key)
    session.send(
        "POST",
        "/v1/rpc",
        headers | {"Origin": "https://swap.example"},
        rpc("eth_call"),
        calls=("eth_call",),
        key=key,
        origin=swap,
    )
    batch = ("eth_call", "eth_chainId", "eth_call")
    session.send("POST", "/v1/rpc", headers, rpc(*batch), calls=batch, key=key)
    session.send("GET", f"/v1/models?limit=5&apikey={raw_key('query')}", key=public("query"))
    path = f"/v2/{raw_key('path')}"
    session.send(
        "POST", path, {}, rpc("eth_blockNumber"), calls=("eth_blockNumber",), key=public("path"), method="POST /v2/:key"
    )
    bearer: Headers = {"Authorization": f"Bearer {raw_key('bearer')}"}
    session.send("GET", "/v1/models", bearer, key=public("bearer") if kind.authorization else "")
    session.send("GET", "/v1/models")
    session.check(exporter)
    last = exporter.samples()["gateway_exporter_last_record_timestamp_seconds", (("input", "gateway"),)]
    assert begun - 1 <= last <= time.time() + 1  # some log whole seconds


def test_refused_and_failed_requests_have_one_error_type(running: Running, upstream: Upstream) -> None:
    """A request that fails counts once as a request and once as an error, with the type its status means."""
    session, exporter = running
    kind = session.kind
    headers, key = in_header("one", kind)
    stranger, _ = in_header("stranger", kind)
    session.send("GET", "/v1/models", headers, key=key)
    session.send("GET", "/v1/models", headers | {"X-Answer": "429"}, key=key, error="rate_limit_exceeded")
    session.send("GET", "/nowhere", headers | {"X-Answer": "404"}, key=key, error="client_error", method="other")
    unknown = "unknown" if kind.x_api_key else ""
    session.send(
        "GET",
        "/v1/models",
        stranger | {"X-Answer": "401"},
        key=unknown,
        error="auth",
        origin="other" if unknown else "",
    )
    own = "upstream_error" if kind.knows_upstream else "server_error"
    session.send("GET", "/v1/models", headers | {"X-Answer": "500"}, key=key, error=own)
    dead = session.send("GET", "/dead", headers, key=key, error="upstream_error", method="other")
    assert str(dead.status) == kind.dead
    late = session.send("GET", "/slow", headers | {"X-Answer": "hang"}, key=key, error="timeout", method="other")
    assert late.status == 504
    upstream.release()
    if kind.limits:
        session.send("GET", "/limited", headers, key=key)
        refused = session.send("GET", "/limited", headers, key=key, error="rate_limit_exceeded")
        assert refused.status == 429
    session.check(exporter)
    if kind.durations:
        seconds = sum(
            v for (name, _), v in exporter.settled().items() if name == "gateway_request_duration_seconds_sum"
        )
        # A gateway may take a request for some milliseconds older than it is.
        assert PATIENCE_SECONDS * 0.9 < seconds < session.seconds + 0.1


def test_a_client_that_leaves_is_no_failure_of_the_gateway(running: Running, upstream: Upstream) -> None:
    """An aborted request is a client_abort, and its duration is not observed."""
    session, exporter = running
    kind = session.kind
    headers, key = in_header("one", kind)
    session.send("POST", "/v1/rpc", headers, rpc("eth_call"), calls=("eth_call",), key=key)
    data = request("POST", "/v1/rpc", headers | {"X-Answer": "hang"}, rpc("eth_call"))
    # Caddy 2.6 writes no status: that its upstream took longer than nothing tells it from an empty answer.
    begun = time.monotonic()
    left = session.leave(data, lambda: upstream.arrived.is_set() and time.monotonic() - begun > 0.2)
    session.note(
        left, "POST", "/v1/rpc", calls=("eth_call",), timed=False, key=key, status=kind.abort, error="client_abort"
    )
    session.check(exporter)


def test_a_websocket_is_one_request_without_a_duration(running: Running) -> None:
    """A WebSocket session counts once, as ws and 101, and its lifetime is in no latency."""
    session, exporter = running
    headers, key = in_header("one", session.kind)
    session.upgrade("/ws", headers, key=key, protocol="ws", status="101")
    session.check(exporter)


def test_tls_makes_https_and_wss(running: Running) -> None:
    """Requests over TLS count as https and wss, where the log tells TLS at all."""
    session, exporter = running
    kind = session.kind
    headers, key = in_header("one", kind)
    https, wss = ("https", "wss") if kind.protocol else ("", "ws")
    session.send("POST", "/v1/rpc", headers, rpc("eth_call"), tls=True, calls=("eth_call",), key=key, protocol=https)
    session.upgrade("/ws", headers, tls=True, key=key, protocol=wss, status="101")
    session.send("POST", "/v1/rpc", headers, rpc("eth_call"), calls=("eth_call",), key=key)
    session.check(exporter)


def test_garbage_counts_once_and_shows_nothing(running: Running) -> None:
    """Bytes that are no request, such as TLS on a plain port, are one failed request each, under no name they chose."""
    session, exporter = running
    kind = session.kind
    session.send("GET", "/v1/models")
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(128, 160)) + b"\r\n\r\n"
    for data in (b"GARBAGE\r\n\r\n", hello):
        exchange = send(session.gateway.port, data)
        assert exchange.status == 400
        if kind.garbage is not None:
            exchange = exchange._replace(request=b"")  # no log counts its bytes
            session.note(exchange, "", "", protocol=kind.garbage, error="client_error")
    session.send("GET", "/v1/models")
    session.check(exporter)


def test_odd_headers_are_read_as_they_were_sent(running: Running) -> None:
    """Quotes, braces, backslashes and bytes that are no UTF-8 in headers cost no line and change no other field."""
    session, exporter = running
    kind = session.kind
    raw = raw_key("odd") + '"a{b|c}\\x22\\#'
    odd: Headers = {
        "X-Api-Key": raw,
        "User-Agent": b'caf\xe9 "web3" {a|b} \\x22 \\',
        "Origin": b'null"\xe9\\',
        "Referer": "https://shop.example/a?q=%22",
        "Cookie": b'"\xfe\xff"',
    }
    key = IDENTITY.hash(raw) if kind.x_api_key else ""
    origin = "shop.example" if kind.referer else ""
    session.send("POST", "/v1/rpc", odd, rpc("eth_call"), calls=("eth_call",), key=key, origin=origin)
    session.send("GET", "/v1/models")
    session.check(exporter)


def test_the_commands_for_people_know_the_log(running: Running) -> None:
    """`init` recognises the gateway's log, and `explain` shows every line of it without a raw key."""
    session, _ = running
    headers, key = in_header("one", session.kind)
    for path in ("/v1/models", f"/v1/models?apikey={raw_key('query')}", f"/v2/{raw_key('path')}"):
        session.send("POST", path, headers, rpc("eth_call"), key=key)
    log = str(session.gateway.log)
    proposed = command.run("init", log)
    format_ = session.kind.format
    preset = format_ if isinstance(format_, str) else format_["preset"]
    assert yaml.safe_load(proposed.stdout)["inputs"][0]["format"] == preset
    explained = command.run("explain", log)
    assert explained.code == 0
    assert explained.stdout.count("gateway_requests_total") == len(session.sent)
    for done in (proposed, explained):
        assert SECRET_MARK not in (done.stdout + done.stderr).replace(log, "")
