"""Logs that are rotated while requests go on: every request is counted once."""

import gzip
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.real.client import Headers, request, rpc, send
from tests.real.gateway_exporter import GatewayExporter
from tests.real.gateways import Gateway
from tests.real.kinds import KINDS
from tests.real.session import Session, public, raw_key
from tests.waiting import eventually

BY_NAME = {kind.name: kind for kind in KINDS}
HEADERS: Headers = {"X-Api-Key": raw_key("one")}
_ROTATIONS = 3


class Busy:
    """A client that sends one request after the other until it is told to stop, and a session that notes them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._enough = Event()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        body = rpc("eth_call")
        while not self._enough.is_set():
            exchange = send(self._session.gateway.port, request("POST", "/v1/rpc", HEADERS, body))
            self._session.note(exchange, "POST", "/v1/rpc", calls=("eth_call",), key=public("one"))

    def wait_for_more(self) -> None:
        """Wait until some more requests were sent."""
        enough = len(self._session.sent) + 30
        eventually(lambda: len(self._session.sent) >= enough, "more requests are sent")

    def stop(self) -> None:
        self._enough.set()
        self._thread.join()


def seen(exporter: GatewayExporter, kind: str, times: int) -> None:
    """Wait until so many rotations of a kind were seen."""
    sample = "gateway_exporter_rotations_total", (("input", "gateway"), ("kind", kind))
    eventually(lambda: exporter.samples().get(sample) == times, f"{times} of {kind}")


@pytest.fixture
def run(
    start_gateway: Callable[..., Gateway], start_exporter: Callable[..., GatewayExporter]
) -> Callable[[str], tuple[Session, GatewayExporter]]:
    """Starts a gateway by the name of its kind, and the exporter beside its log."""

    def start(name: str) -> tuple[Session, GatewayExporter]:
        gateway = start_gateway(BY_NAME[name].start)
        return Session(gateway, BY_NAME[name]), start_exporter(gateway.log, BY_NAME[name].format)

    return start


@pytest.mark.parametrize("name", ["nginx-json", "envoy-json"])
def test_renamed_while_requests_go_on(run: Callable[[str], tuple[Session, GatewayExporter]], name: str) -> None:
    """The log is renamed, and written on until the gateway reopens it: nothing is lost or counted twice."""
    session, exporter = run(name)
    log = session.gateway.log
    busy = Busy(session)
    try:
        for n in range(_ROTATIONS):
            busy.wait_for_more()
            log.rename(log.with_suffix(f".log.{n}"))
            busy.wait_for_more()
            session.gateway.process.signal(signal.SIGUSR1)
            seen(exporter, "rename", n + 1)
        busy.wait_for_more()
    finally:
        busy.stop()
    session.check(exporter)


def test_truncated_after_a_copy(run: Callable[[str], tuple[Session, GatewayExporter]]) -> None:
    """A log that was read, copied and truncated (copytruncate) is read on from its new start."""
    session, exporter = run("nginx-json")
    log = session.gateway.log
    for n in range(_ROTATIONS):
        for _ in range(5):
            session.send("POST", "/v1/rpc", HEADERS, rpc("eth_call"), calls=("eth_call",), key=public("one"))
        session.check(exporter)
        session.gone = len(session.sent)
        shutil.copy(log, log.with_suffix(f".log.{n}"))
        with log.open("r+b") as opened:
            opened.truncate(0)
        seen(exporter, "truncate", n + 1)
    session.send("GET", "/v1/models", HEADERS, key=public("one"))
    session.check(exporter)


def test_caddy_rolls_its_own_log(run: Callable[[str], tuple[Session, GatewayExporter]], tmp_path: Path) -> None:
    """Caddy renames a log that is full, gzips it and starts a new one, all by itself: every request is counted once."""
    session, exporter = run("caddy")
    # Long headers, so that few requests fill the smallest log that Caddy can be told to make, 1 MiB.
    heavy: Headers = {**HEADERS, "X-Filler": "x" * 30_000}
    for _ in range(80):
        exchange = send(session.gateway.port, request("GET", "/v1/models", heavy))
        session.note(exchange, "GET", "/v1/models", key=public("one"))
    session.check(exporter)
    packed = eventually(lambda: [*tmp_path.glob("gateway-*.log.gz")], "Caddy packs the old log")
    assert gzip.decompress(packed[0].read_bytes()).count(b"\n") > 30
