"""Gateways that send their log by syslog: it counts as the same log in a file does."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process import free_port
from tests.real import gateways
from tests.real.client import Headers, rpc
from tests.real.gateway_exporter import GatewayExporter
from tests.real.gateways import Gateway
from tests.real.kinds import KINDS, Kind
from tests.real.session import Session, public, raw_key

NGINX = KINDS[0]
HAPROXY = next(kind for kind in KINDS if kind.name == "haproxy-raw")
HEADERS: Headers = {"X-Api-Key": raw_key("one")}

_RING = """    log ring@gateway len 8192 format {format} local0
ring gateway
    format {format}
    maxlen 8192
    size 65536
    timeout connect 5s
    timeout server 10s
    server exporter 127.0.0.1:{port} log-proto {framing}
"""


def nginx(server: str) -> gateways.Start:
    return gateways.nginx("gateway_exporter", more=f"access_log syslog:server={server} gateway_exporter;")


def haproxy(port: int, framing: str = "", format_: str = "rfc5424") -> gateways.Start:
    """By UDP; with a framing, by TCP from a ring."""
    ring = _RING.format(format=format_, port=port, framing=framing)
    return gateways.haproxy("raw", ring if framing else f"    log 127.0.0.1:{port} len 8192 local0")


def udp(port: int) -> str:
    return f"syslog+udp://127.0.0.1:{port}"


def tcp(port: int) -> str:
    return f"syslog+tcp://127.0.0.1:{port}"


def check(gateway: Gateway, kind: Kind, exporter: GatewayExporter) -> None:
    """Some requests, one with a log line of more than 1,024 bytes: all are counted, exactly."""
    session = Session(gateway, kind)
    session.send("GET", "/v1/models", HEADERS, key=public("one"))
    session.send("GET", "/v1/models?long=" + "x" * 1500, HEADERS, key=public("one"))
    session.send("POST", "/v1/rpc", HEADERS, rpc("eth_call"), calls=("eth_call",), key=public("one"))
    session.send("GET", "/limited", HEADERS, key=public("one"))
    session.send("GET", "/limited", HEADERS, key=public("one"), error="rate_limit_exceeded")
    session.check(exporter)


@pytest.mark.parametrize("more", ["", ",nohostname,tag=edge_1"])
def test_nginx_by_udp(
    start_gateway: Callable[..., Gateway], start_exporter: Callable[..., GatewayExporter], more: str
) -> None:
    """`access_log syslog:server=…`, with and without its options for the header."""
    port = free_port()
    exporter = start_exporter(udp(port), NGINX.format)
    check(start_gateway(nginx(f"127.0.0.1:{port}{more}")), NGINX, exporter)


def test_nginx_by_a_unix_socket(
    tmp_path: Path, start_gateway: Callable[..., Gateway], start_exporter: Callable[..., GatewayExporter]
) -> None:
    """`access_log syslog:server=unix:…`."""
    exporter = start_exporter(f"syslog+unix://{tmp_path}/socket", NGINX.format)
    check(start_gateway(nginx(f"unix:{tmp_path}/socket")), NGINX, exporter)


def test_haproxy_by_udp(start_gateway: Callable[..., Gateway], start_exporter: Callable[..., GatewayExporter]) -> None:
    """`log 127.0.0.1:PORT len 8192`."""
    port = free_port()
    exporter = start_exporter(udp(port), HAPROXY.format)
    check(start_gateway(haproxy(port)), HAPROXY, exporter)


@pytest.mark.parametrize(("framing", "format_"), [("octet-count", "rfc5424"), ("legacy", "rfc3164")])
def test_haproxy_by_tcp(
    start_gateway: Callable[..., Gateway],
    start_exporter: Callable[..., GatewayExporter],
    framing: str,
    format_: str,
) -> None:
    """A ring with a server, in both framings."""
    port = free_port()
    exporter = start_exporter(tcp(port), HAPROXY.format)
    check(start_gateway(haproxy(port, framing, format_)), HAPROXY, exporter)
