"""How each gateway is started: in the foreground, on free ports, with the configs that deploy/ ships.

All answer alike: `/dead` goes to an upstream that is not there, `/slow` to one that is given 0.3 s,
the second request to `/limited` is refused, everything else goes to the upstream. `port` is HTTP,
`tls_port` HTTPS.
"""

import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from tests.process import Process, free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
PATIENCE_SECONDS = 0.3


class Gateway:
    """A running gateway."""

    def __init__(
        self,
        command: list[str],
        folder: Path,
        ports: tuple[int, int],
        log: Path,
        env: dict[str, str] | None = None,
    ) -> None:
        self.port, self.tls_port = ports
        self.log = log
        self.process = Process([program(command[0]), *command[1:]], folder, stdout="gateway.stdout", env=env)
        self.process.listens(self.port)
        self.process.listens(self.tls_port)

    def end(self) -> None:
        self.process.end()


# Starts a gateway in a folder, in front of an upstream's port, with a certificate (PEM, with its key).
Start = Callable[[Path, int, Path], Gateway]


def program(name: str) -> str:
    """A server's path. Without it the test is skipped; on a build server it fails."""
    beside_python = Path(sys.executable).with_name(name)
    found = str(beside_python) if beside_python.exists() else shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        missing(name)
    return found


def missing(name: str) -> NoReturn:
    """Skip a test for want of a server; on a build server, fail."""
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not installed")
    pytest.skip(f"{name} is not installed")


class _Nobody:
    """A port that refuses connections as long as this lives: bound, and not listening."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]


_nobody = _Nobody()


# --- nginx


def nginx(log_format: str, more: str = "") -> Start:
    """The name of a log_format: `gateway_exporter`, as shipped, `combined`, nginx's own, or one declared in `more`."""

    def start(folder: Path, upstream: int, certificate: Path) -> Gateway:
        ports, log = (free_port(), free_port()), folder / "gateway.log"
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = "".join(f"{name}_temp_path {folder}/{name};" for name in _NGINX_FOLDERS)
        config = folder / "nginx.conf"
        config.write_text(
            f"""
            daemon off; worker_processes 1; {user} pid {folder}/nginx.pid; error_log stderr;
            events {{}}
            http {{
                include {DEPLOY}/nginx/gateway-exporter.conf;
                {more}
                access_log {log} {log_format};
                {temporary}
                client_body_buffer_size 16k;
                limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;
                limit_req_status 429;
                proxy_http_version 1.1;
                upstream pair {{ server 127.0.0.1:{_nobody.port} max_fails=0; server 127.0.0.1:{upstream} backup; }}
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection $http_connection;
                server {{
                    listen 127.0.0.1:{ports[0]};
                    listen 127.0.0.1:{ports[1]} ssl;
                    ssl_certificate {certificate};
                    ssl_certificate_key {certificate};
                    location / {{ proxy_pass http://127.0.0.1:{upstream}; }}
                    location /dead {{ proxy_pass http://127.0.0.1:{_nobody.port}; }}
                    location /retried {{ proxy_pass http://pair; }}
                    location /slow {{ proxy_read_timeout {PATIENCE_SECONDS * 1000:.0f}ms;
                                      proxy_pass http://127.0.0.1:{upstream}; }}
                    location /limited {{ limit_req zone=one; proxy_pass http://127.0.0.1:{upstream}; }}
                }}
            }}
            """
        )
        return Gateway(["nginx", "-p", str(folder), "-c", str(config), "-e", "stderr"], folder, ports, log)

    return start


_NGINX_FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


# --- Caddy


def caddy(folder: Path, upstream: int, certificate: Path) -> Gateway:
    ports, log = (free_port(), free_port()), folder / "gateway.log"
    config = folder / "Caddyfile"
    config.write_text(
        f"""
        {{
            admin off
            auto_https off
        }}
        {(DEPLOY / "caddy" / "Caddyfile").read_text(encoding="utf-8")}
        (site) {{
            bind 127.0.0.1
            import gateway_exporter
            reverse_proxy /dead 127.0.0.1:{_nobody.port}
            reverse_proxy /slow 127.0.0.1:{upstream} {{
                transport http {{
                    response_header_timeout {PATIENCE_SECONDS}s
                }}
            }}
            reverse_proxy 127.0.0.1:{upstream}
        }}
        http://:{ports[0]} {{
            import site
        }}
        https://:{ports[1]} {{
            tls {certificate} {certificate}
            import site
        }}
        """
    )
    env = {"GATEWAY_LOG": str(log), "GATEWAY_LOG_ROLL": "1MiB", "HOME": str(folder)}
    env |= {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return Gateway(["caddy", "run", "--config", str(config)], folder, ports, log, env)


# --- HAProxy


def haproxy(log_line: str, more: str = "") -> Start:
    """HAProxy, which writes no file: its standard output is the log; `raw` lines, or syslog's `rfc3164`. `more` are
    other logs.
    """

    def start(folder: Path, upstream: int, certificate: Path) -> Gateway:
        ports = free_port(), free_port()
        config = folder / "haproxy.cfg"
        config.write_text(
            f"""
global
    log stdout len 8192 format {log_line} local0 info
{more}
defaults
    mode http
    log global
    option abortonclose
    timeout connect 1s
    timeout client 10s
    timeout server 10s
    timeout http-request 5s
    retries 0
frontend gateway
    bind 127.0.0.1:{ports[0]}
    bind 127.0.0.1:{ports[1]} ssl crt {certificate}
{(DEPLOY / "haproxy" / "gateway-exporter.cfg").read_text(encoding="utf-8")}
    stick-table type string size 10 expire 1m store http_req_rate(1m)
    http-request track-sc0 path if {{ path /limited }}
    http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 1 }}
    use_backend dead if {{ path /dead }}
    use_backend slow if {{ path /slow }}
    use_backend pair if {{ path /retried }}
    default_backend good
backend good
    server one 127.0.0.1:{upstream}
backend pair
    retries 1
    option redispatch 1
    server none 127.0.0.1:{_nobody.port}
    server one 127.0.0.1:{upstream}
backend slow
    timeout server {PATIENCE_SECONDS * 1000:.0f}ms
    server one 127.0.0.1:{upstream}
backend dead
    server one 127.0.0.1:{_nobody.port}
"""
        )
        log = folder / "gateway.stdout"
        return Gateway(["haproxy", "-db", "-f", str(config)], folder, ports, log)

    return start


# --- Envoy


def envoy(json: bool) -> Start:
    """Envoy with the JSON log that is shipped, or with its default text log."""

    def start(folder: Path, upstream: int, certificate: Path) -> Gateway:
        ports, log = (free_port(), free_port()), folder / "gateway.log"
        shipped = yaml.safe_load((DEPLOY / "envoy" / "gateway-exporter.yaml").read_text(encoding="utf-8"))
        access_log = shipped["access_log"]
        access_log[0]["typed_config"]["path"] = str(log)
        if not json:
            del access_log[0]["typed_config"]["log_format"]

        def typed(kind: str, **more: object) -> dict[str, object]:
            return {"@type": f"type.googleapis.com/envoy.extensions.filters.http.{kind}", **more}

        bucket = {"max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "60s"}
        always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
        limited = typed(
            "local_ratelimit.v3.LocalRateLimit",
            stat_prefix="limited",
            token_bucket=bucket,
            filter_enabled=always,
            filter_enforced=always,
        )
        routes: list[dict[str, object]] = [
            {"match": {"path": "/dead"}, "route": {"cluster": "dead"}},
            {"match": {"path": "/slow"}, "route": {"cluster": "good", "timeout": f"{PATIENCE_SECONDS}s"}},
            {
                "match": {"path": "/limited"},
                "route": {"cluster": "good"},
                "typed_per_filter_config": {"envoy.filters.http.local_ratelimit": limited},
            },
            {
                "match": {"path": "/retried"},
                "route": {"cluster": "good", "retry_policy": {"retry_on": "5xx", "num_retries": 1}},
            },
            {"match": {"prefix": "/"}, "route": {"cluster": "good"}},
        ]
        manager = {
            "@type": "type.googleapis.com/envoy.extensions.filters.network."
            "http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "gateway",
            "access_log": access_log,
            "delayed_close_timeout": "0.05s",
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "http_filters": [
                *shipped["http_filters"],
                {
                    "name": "envoy.filters.http.local_ratelimit",
                    "typed_config": typed("local_ratelimit.v3.LocalRateLimit", stat_prefix="off"),
                },
                {"name": "envoy.filters.http.router", "typed_config": typed("router.v3.Router")},
            ],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        }
        filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
        pem = {"filename": str(certificate)}
        tls = {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {"tls_certificates": [{"certificate_chain": pem, "private_key": pem}]},
        }
        sockets = [{}, {"transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": tls}}]
        config = folder / "envoy.yaml"
        config.write_text(
            yaml.safe_dump(
                {
                    "static_resources": {
                        "listeners": [
                            {"address": _address(port), "filter_chains": [{"filters": filters, **socket_}]}
                            for port, socket_ in zip(ports, sockets, strict=True)
                        ],
                        "clusters": [_cluster("good", upstream), _cluster("dead", _nobody.port)],
                    }
                }
            )
        )
        command = ["envoy", "-c", str(config), "--disable-hot-restart", "--concurrency", "1", "-l", "warning"]
        return Gateway([*command, "--file-flush-interval-msec", "20"], folder, ports, log)

    return start


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int) -> dict[str, object]:
    endpoint = {"endpoint": {"address": _address(port)}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
