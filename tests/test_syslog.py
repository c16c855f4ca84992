"""Syslog with the real command: over a restart, a kill and reloads, each message counts at most once."""

import signal
import socket
from contextlib import closing
from pathlib import Path

import pytest

from exporter.config.load import load
from exporter.errors import ConfigError
from tests.beside import Beside, line
from tests.command import run
from tests.exporter import Exporter
from tests.process import free_port
from tests.waiting import eventually

PARSED = 'gateway_exporter_lines_total{input="syslog",result="parsed"}'
READABLE = 'gateway_exporter_input_readable{input="syslog"}'


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def beside(tmp_path: Path, port: int) -> Beside:
    found = Beside(tmp_path)
    found.configure(inputs=[{"path": f"syslog+udp://:{port}", "format": "nginx-json"}])
    return found


def send(port: int, count: int) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        for _ in range(count):
            sender.sendto(b"<190>Mar  3 14:05:09 edge nginx: " + line().encode(), ("127.0.0.1", port))


def test_counters_continue_over_a_stop_and_a_kill(beside: Beside, port: int) -> None:
    """What was committed is neither lost nor counted again."""
    with beside.exporter() as exporter:
        send(port, 3)
        exporter.eventually(PARSED, 3)
    with beside.exporter() as exporter:
        send(port, 2)
        exporter.eventually(PARSED, 5)
        exporter.stop(signal.SIGKILL)
    with beside.exporter() as exporter:
        send(port, 1)
        exporter.eventually(PARSED, 6)
        assert f"syslog+udp://127.0.0.1:{port}" in exporter.get("/").text


def test_a_reload_counts_what_has_come_and_can_move_the_input(beside: Beside, port: int) -> None:
    """Removed, added again, moved to another port: nothing that came is lost, and the port is free at once."""
    other = free_port()
    with beside.exporter() as exporter:
        for here, total in ((port, 3), (other, 6), (port, 9)):
            beside.configure(inputs=[{"path": f"syslog+udp://:{here}", "format": "nginx-json"}])
            _reload(exporter)
            send(here, 3)
            exporter.eventually(PARSED, total)


def test_a_port_in_use_is_reported_and_taken_when_it_is_free(beside: Beside, port: int) -> None:
    """The exporter runs all the same, and serves."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("127.0.0.1", port))
        with beside.exporter() as exporter:
            exporter.eventually(READABLE, 0)
            assert f"syslog+udp://127.0.0.1:{port} can't be read: Address already in use" in exporter.said
            other.close()
            exporter.eventually(READABLE, 1)
            send(port, 1)
            exporter.eventually(PARSED, 1)


def _reload(exporter: Exporter) -> None:
    before = exporter.said.count("The config was reloaded")
    exporter.process.signal(signal.SIGHUP)
    eventually(lambda: exporter.said.count("The config was reloaded") > before)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"path": "syslog+udp://5140"}, "inputs[0].path: 'syslog+udp://5140' needs a port from 1 to 65535"),
        ({"path": "syslog+udp://:5140", "rotated": "old/*"}, "inputs[0].rotated: is for logs in files"),
    ],
)
def test_mistakes_are_reported_with_their_place(beside: Beside, given: dict[str, str], problem: str) -> None:
    """File, line and field, and what is right."""
    beside.configure(inputs=[{"format": "nginx-json", **given}])
    with pytest.raises(ConfigError) as error:
        load(beside.config)
    assert problem in str(error.value)


def test_two_ways_to_write_an_address_are_one(beside: Beside) -> None:
    """Each address has one input."""
    paths = ("syslog+udp://:5140", "syslog+udp://localhost:5140")
    beside.configure(inputs=[{"path": path, "name": path, "format": "nginx-json"} for path in paths])
    with pytest.raises(ConfigError, match="each log has one input"):
        load(beside.config)


def test_check_notes_an_address_that_others_can_reach(beside: Beside) -> None:
    """And none that only this machine reaches."""
    paths = ("syslog+udp://0.0.0.0:5140", "syslog+tcp://:5140")
    beside.configure(inputs=[{"path": path, "name": path[7:10], "format": "nginx-json"} for path in paths])
    done = run("check", str(beside.config))
    assert done.code == 0
    assert "input udp: syslog is received from other machines, too" in done.stderr
    assert "input tcp" not in done.stderr
