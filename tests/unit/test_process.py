"""The tests' own processes: none outlives a start that fails."""

import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests import process
from tests.process import Process, free_port


def test_a_process_that_does_not_start_in_time_is_ended() -> None:
    """Whoever waited gets the error, and the process is gone."""
    started = Process(["sleep", "600"])
    with pytest.raises(AssertionError, match="not within 0 s: it serves"):
        started.started(lambda: False, "it serves", seconds=0)
    assert not started.running


def test_a_process_that_ends_by_itself_is_not_waited_for() -> None:
    """The error says what it has said."""
    ended = Process([sys.executable, "-c", "import sys; sys.exit('no such config')"])
    with pytest.raises(AssertionError, match="ended with 1: no such config"):
        ended.started(lambda: False, "it serves")


def test_a_free_port_is_none_that_the_system_gives_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is started on it, seconds later or once more, finds it free."""
    monkeypatch.setattr(process, "_RANGE", tmp_path / "range")
    (tmp_path / "range").write_text("32768\t60999\n", encoding="ascii")
    ports = [free_port() for _ in range(50)]
    assert [port for port in ports if port >= 32768] == []
    with closing(socket.create_server(("127.0.0.1", ports[0]))):
        pass


def test_a_free_port_is_chosen_once() -> None:
    """By this process or another one."""
    port = free_port()
    asked = f"from tests import process; print(process._is_free({port}))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert (process._is_free(port), done.stdout) == (False, "False\n")
