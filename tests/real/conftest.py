"""An upstream, gateways and exporters for each test. Whatever an exporter has said is searched for raw keys."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.real.gateway_exporter import GatewayExporter
from tests.real.gateways import Gateway, Start, program
from tests.real.monitoring import Monitoring, Webhook
from tests.real.session import SECRET_MARK
from tests.real.upstream import Upstream


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for TLS, with its key in the same file."""
    folder = tmp_path_factory.mktemp("certificate")
    key, signed, both = folder / "key.pem", folder / "signed.pem", folder / "both.pem"
    made = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=gateway.example"]
    command = [program("openssl"), "req", *made, "-keyout", str(key), "-out", str(signed)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    both.write_bytes(signed.read_bytes() + key.read_bytes())
    return both


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture
def start_gateway(tmp_path: Path, upstream: Upstream, certificate: Path) -> Iterator[Callable[[Start], Gateway]]:
    """Starts gateways in front of the upstream; they are ended after the test."""
    with ExitStack() as started:

        def start(how: Start) -> Gateway:
            gateway = how(tmp_path, upstream.port, certificate)
            started.callback(gateway.end)
            return gateway

        yield start
        upstream.release()


@pytest.fixture
def start_exporter(tmp_path: Path) -> Iterator[Callable[..., GatewayExporter]]:
    """Starts exporters; they are ended after the test, and none may have told a raw key."""
    started: list[GatewayExporter] = []

    def start(*args: Any, **config: Any) -> GatewayExporter:
        started.append(GatewayExporter(tmp_path, *args, **config))
        return started[-1]

    yield start
    try:
        said = [exporter.everything_said() if exporter.process.running else exporter.said for exporter in started]
        codes = [exporter.stop() for exporter in started if exporter.process.running]
    finally:
        for exporter in started:
            exporter.process.kill()
    assert all(SECRET_MARK not in text.lower() for text in said)
    assert set(codes) <= {0}


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    webhook = Webhook()
    yield webhook
    webhook.close()


@pytest.fixture
def monitor(tmp_path: Path, webhook: Webhook) -> Iterator[Callable[[str], Monitoring]]:
    """Starts Prometheus and Alertmanager beside an exporter's address; they are ended after the test."""
    started: list[Monitoring] = []

    def start(exporter: str) -> Monitoring:
        started.append(Monitoring(tmp_path, webhook, exporter))
        return started[-1]

    yield start
    for server in started:
        server.end()
