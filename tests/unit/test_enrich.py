"""What no single field of a line tells: method, calls, protocol, status and error type."""

from typing import Any

import pytest

from exporter.model.record import AccessRecord
from exporter.requests.body import Body
from exporter.requests.enrich import Enricher
from exporter.requests.routes import Request, Target

CLASSES = {"k_internal": "internal"}


def record(**words: Any) -> AccessRecord:
    return Enricher("business", lambda key: CLASSES.get(key, "")).record(words)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"status": "200"}, ""),
        ({"status": "204"}, ""),
        ({"status": "304"}, ""),
        ({"status": "101"}, ""),
        ({"status": "400"}, "client_error"),
        ({"status": "404"}, "client_error"),
        ({"status": "408"}, "client_error"),
        ({"status": "408", "error": "timeout"}, "timeout"),
        ({"status": "401"}, "auth"),
        ({"status": "403"}, "auth"),
        ({"status": "403", "error": "blocked"}, "blocked"),
        ({"status": "429"}, "rate_limit_exceeded"),
        ({"status": "429", "error": "upstream_error"}, "rate_limit_exceeded"),
        ({"status": "499"}, "client_abort"),
        ({"status": "000"}, "client_abort"),
        ({"status": "0"}, "client_abort"),
        ({"status": "-1"}, "client_abort"),
        ({"status": "-1", "error": "timeout"}, "timeout"),
        ({"status": "500"}, "server_error"),
        ({"status": "500", "upstream_status": "500"}, "upstream_error"),
        ({"status": "503", "upstream_status": "200"}, "server_error"),
        ({"status": "503", "upstream_status": "502, 503"}, "upstream_error"),
        ({"status": "503", "upstream_status": "502, 200"}, "server_error"),
        ({"status": "503", "upstream_status": "200 : 502"}, "upstream_error"),
        ({"status": "502"}, "upstream_error"),
        ({"status": "504"}, "timeout"),
        ({"status": "520"}, "upstream_error"),
        ({"status": "522"}, "timeout"),
        ({"status": "524"}, "timeout"),
        ({"status": "460"}, "client_abort"),
        ({"status": "504", "error": "client_abort"}, "timeout"),
        ({"status": "200", "error": "client_abort"}, "client_abort"),
        ({"status": "200", "error": "nonsense"}, ""),
        ({"status": "200", "rpc_error": "-32005"}, "rpc_error"),
        ({"status": "200", "rpc_error": "true"}, "rpc_error"),
        ({"status": "200", "rpc_error": "0"}, ""),
        ({"status": "200", "rpc_error": "false"}, ""),
        ({"status": "500", "rpc_error": "-32000"}, "server_error"),
        ({"status": "101", "error": "client_abort"}, ""),
        ({"status": "0", "upgrade": "websocket"}, ""),
        ({"status": "0", "empty": "true"}, ""),
        ({"status": "0", "empty": "false"}, "client_abort"),
        ({"status": "502", "empty": "true"}, "upstream_error"),
        ({"status": "403", "upgrade": "websocket"}, "auth"),
        ({"status": "0", "scheme": "grpc"}, ""),
        ({"status": "0", "scheme": "grpc", "error": "client_abort"}, "client_abort"),
        ({"status": "1", "scheme": "grpc"}, "client_abort"),
        ({"status": "4", "scheme": "grpc"}, "timeout"),
        ({"status": "5", "scheme": "grpc"}, "client_error"),
        ({"status": "8", "scheme": "grpc"}, "rate_limit_exceeded"),
        ({"status": "13", "scheme": "grpc"}, "server_error"),
        ({"status": "14", "scheme": "grpc"}, "upstream_error"),
        ({"status": "16", "scheme": "grpc"}, "auth"),
        ({"status": "success"}, ""),
        ({"status": "200", "grpc_status": "0"}, ""),
        ({"status": "200", "grpc_status": "Canceled"}, "client_abort"),
        ({"status": "200", "grpc_status": "CANCELLED"}, "client_abort"),
        ({"status": "200", "grpc_status": "DEADLINE_EXCEEDED"}, "timeout"),
        ({"status": "200", "grpc_status": "PermissionDenied"}, "auth"),
        ({"status": "200", "grpc_status": "8"}, "rate_limit_exceeded"),
        ({"status": "200", "grpc_status": "14"}, "upstream_error"),
        ({"status": "200", "grpc_status": "Unknown", "scheme": "grpc"}, "server_error"),
        ({"status": "200", "grpc_status": "Unknown", "scheme": "https"}, ""),
        ({"status": "404", "grpc_status": "Unimplemented"}, "client_error"),
        ({"status": "200", "grpc_status": "17"}, ""),
    ],
)
def test_error_types(words: dict[str, str], expected: str) -> None:
    """A failed request has one type: of all that fit, the first in the documented order."""
    assert record(**words).error_type == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"status": "200"}, "200"),
        ({"status": "599"}, "599"),
        ({"status": "99"}, "other"),
        ({"status": "600"}, "other"),
        ({"status": "0"}, "other"),
        ({"status": "-1"}, "other"),
        ({"status": "0200"}, "other"),
        ({"status": "٢٠٠"}, "other"),
        ({"status": "500 Internal Server Error"}, "500"),
        ({"status": "0", "upgrade": "WebSocket"}, "101"),
        ({"status": "0", "upgrade": "WebSocket", "empty": "true"}, "101"),
        ({"status": "0", "empty": "true"}, "200"),
        ({"status": "14", "scheme": "grpc"}, "14"),
        ({"status": "17", "scheme": "grpc"}, "other"),
        ({"status": "14", "scheme": "https"}, "other"),
        ({"status": "200", "grpc_status": "OK"}, "200"),
        ({"status": "200", "grpc_status": "Unavailable"}, "14"),
        ({"status": "200", "grpc_status": "unauthenticated"}, "16"),
        ({"status": "503", "grpc_status": "Unavailable"}, "503"),
        ({"status": "200", "grpc_status": "-1"}, "200"),
    ],
)
def test_statuses(words: dict[str, str], expected: str) -> None:
    """A status is 100 to 599, or a gRPC code of a gRPC call; any other is `other`."""
    assert record(**words).status == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, ""),
        ({"scheme": "http"}, "http"),
        ({"scheme": "HTTPS"}, "https"),
        ({"scheme": "on"}, "https"),
        ({"scheme": "TLSv1.3"}, "https"),
        ({"scheme": "HTTP/2.0"}, ""),
        ({"scheme": "ws"}, "ws"),
        ({"scheme": "wss"}, "wss"),
        ({"scheme": "grpc"}, "grpc"),
        ({"scheme": "grpcs"}, "grpc"),
        ({"scheme": "https", "upgrade": "websocket"}, "wss"),
        ({"scheme": "http", "upgrade": "WebSocket"}, "ws"),
        ({"scheme": "https", "upgrade": "h2c"}, "https"),
        ({"upgrade": "websocket"}, "ws"),
        ({"scheme": "https", "status": "101"}, "wss"),
        ({"status": "101"}, "ws"),
        ({"status": "200", "scheme": "https", "grpc_status": "0"}, "grpc"),
        ({"status": "200", "scheme": "https", "grpc_status": "2"}, "https"),
        ({"status": "404", "scheme": "https", "grpc_status": "12"}, "https"),
    ],
)
def test_protocols(words: dict[str, str], expected: str) -> None:
    """Scheme, TLS, upgrade and 101 decide the protocol; if the log has nothing about TLS, it is empty."""
    assert record(**{"status": "200", **words}).protocol == expected


@pytest.mark.parametrize(
    ("words", "method", "calls"),
    [
        ({"http_method": "POST", "path": Target("/v1/chat")}, "POST /v1/chat", None),
        ({"request": Request("GET", Target("/a"), "HTTP/1.1")}, "GET /a", None),
        ({"request": Request("GET", Target("/a"), ""), "path": Target("/b")}, "GET /b", None),
        ({"http_method": "OPTIONS", "path": Target("")}, "OPTIONS", None),
        ({"http_method": "PROPFIND", "path": Target("/a")}, "PROPFIND /a", None),
        ({"http_method": "VERSION-CONTROL", "path": Target("/a")}, "VERSION-CONTROL /a", None),
        ({"http_method": "QUERY", "path": Target("/a")}, "QUERY /a", None),
        ({"http_method": "BREW", "path": Target("/a")}, "/a", None),
        ({}, "", None),
        ({"path": Target("/v2/:key"), "body": Body(("eth_call",))}, "eth_call", None),
        ({"body": Body(("a", "b", "b"))}, "batch", ("a", "b", "b")),
        ({"rpc_method": "b, a,,c "}, "batch", ("a", "b", "c")),
        ({"rpc_method": "a", "body": Body(("z",))}, "a", None),
        ({"rpc_method": "a", "batch_size": "1"}, "a", None),
        ({"rpc_method": "a", "batch_size": "3"}, "batch", ("a",)),
    ],
)
def test_methods(words: dict[str, Any], method: str, calls: tuple[str, ...] | None) -> None:
    """A request's method is its JSON-RPC method, `batch`, or verb and route; each call has its own."""
    found = record(status="200", **words)
    assert (found.method, found.calls) == (method, calls or (method,))


@pytest.mark.parametrize(("index", "requests"), [("", 1), ("0", 1), ("1", 0), ("17", 0)])
def test_batches_of_a_line_each(index: str, requests: int) -> None:
    """Where each item of a batch has a line, the first one is the request and all are calls."""
    found = record(status="200", rpc_method="a", batch_index=index, batch_size="18")
    assert (found.requests, found.calls) == (requests, ("a",))


def test_what_is_no_record() -> None:
    """A line that `only` leaves out is ignored, and so is a TCP connection; one without a status is rejected with that
    reason.
    """
    assert Enricher("business", lambda _: "").record(None) == AccessRecord(ignored=True)
    assert record(status="0", path="") == AccessRecord(ignored=True)
    assert record(status="0", path="", http_method="GET").error_type == "client_abort"
    assert record() == AccessRecord(rejected="no_status")


def test_key_class_and_chain() -> None:
    """A field goes before the path, the path before the host; a key's class before its input's."""
    found = record(
        status="200", key="k_internal", path=Target("/", "k_path", "by_path"), chain="by_field", host="by_host"
    )
    assert (found.key, found.class_, found.chain) == ("k_internal", "internal", "by_field")
    found = record(status="200", path=Target("/", "k_path", "by_path"), host="by_host")
    assert (found.key, found.class_, found.chain) == ("k_path", "business", "by_path")
    assert record(status="200", host="by_host").chain == "by_host"


def test_models() -> None:
    """The model that served is the log's, else the one asked for in the body."""
    found = record(status="200", model="gpt-4o-2024", body=Body(model="gpt-4o"))
    assert (found.model, found.requested_model) == ("gpt-4o-2024", "gpt-4o")
    found = record(status="200", body=Body(model="gpt-4o"))
    assert (found.model, found.requested_model) == ("gpt-4o", "gpt-4o")


@pytest.mark.parametrize("status", ["", "success", "FAILED", "true", "-"])
def test_a_status_that_is_no_number_is_no_success(status: str) -> None:
    """Such a line is rejected: counted as a success it would hide failures, and admit values."""
    assert record(status=status).rejected == "no_status"


@pytest.mark.parametrize("status", [" 200 ", "200.0", "200 OK"])
def test_a_status_as_exports_write_it(status: str) -> None:
    assert record(status=status).status == "200"


def test_a_key_where_a_method_or_a_model_should_be_is_not_shown() -> None:
    """Clients choose these words, and may put a raw key there."""
    key = "sk_live_9f8e7d6c5b4a39281706f5e4d3c2b1a0"
    found = record(status="200", rpc_method=key, model=key, provider=key)
    assert (found.method, found.calls, found.model, found.provider) == ("other", ("other",), "other", "other")


def test_a_verb_is_the_same_in_small_letters() -> None:
    """Some gateways write them so."""
    assert record(status="200", http_method="get").method == "GET"
