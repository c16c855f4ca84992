"""Many clients and few file descriptors, tried on the real command."""

import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.beside import PARSED, Beside, line
from tests.command import COMMAND, run
from tests.exporter import Exporter
from tests.waiting import eventually

MB = 1 << 20


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    made = Beside(tmp_path)
    made.write("")
    return made


@contextmanager
def clients(exporter: Exporter, count: int, said: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many connections that say something and read nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    host, port = exporter.url.removeprefix("http://").split(":")
    try:
        with ExitStack() as stack:
            made = []
            for _ in range(count):
                made.append(stack.enter_context(socket.create_connection((host, int(port)), timeout=60)))
                made[-1].sendall(said)
            yield made
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def descriptors(exporter: Exporter) -> int:
    """How many it has open."""
    return len([*Path(f"/proc/{exporter.process.pid}/fd").iterdir()])


def memory(exporter: Exporter, what: str = "VmRSS") -> int:
    """Bytes of it in memory."""
    status = Path(f"/proc/{exporter.process.pid}/status").read_text(encoding="utf-8")
    return int(status.split(f"{what}:")[1].split()[0]) * 1024


@pytest.mark.parametrize("limit", [256, 1024])
def test_beside_1200_silent_connections_a_scrape_is_answered(beside: Beside, limit: int) -> None:
    """They have an eighth of the descriptors; the rest is for logs."""
    with beside.exporter(descriptors=limit) as exporter, clients(exporter, 1200):
        beside.write(line())
        exporter.eventually(PARSED, 1)
        eventually(lambda: descriptors(exporter) < limit // 8 + 32)


def test_120_that_read_nothing_of_a_large_exposition_take_little_memory(beside: Beside) -> None:
    """They share one answer of 12 MB, also where each comes after the one before was rendered for."""
    beside.configure(metrics={"scrape_interval": "1ms", "budgets": {"key": 10_000}})
    with beside.exporter() as exporter:
        beside.write("".join(line(key=f"sk-{n:06}") for n in range(7_000)))
        eventually(lambda: f"{PARSED} 7000\n" in exporter.get().text)
        assert len(exporter.get(**{"Accept-Encoding": "identity"}).content) > 12_000_000
        before = memory(exporter)
        with clients(exporter, 60, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):
            exporter.get()
            with clients(exporter, 60, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):
                exporter.get()
                exporter.get()
                assert memory(exporter) - before < 50 * MB


@pytest.mark.parametrize("heads", [0, 14])
def test_1500_that_leave_take_no_memory_and_fill_no_log(beside: Beside, heads: int) -> None:
    """Before their request is whole, with 14 KB of it, or in the middle of the answer."""
    said = b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: %01000d\r\n" % (n, n) for n in range(heads))
    with beside.exporter() as exporter:
        beside.write("".join(line(key=f"sk-{n:06}") for n in range(1_000)))
        exporter.eventually(PARSED, 1_000)
        before = memory(exporter)
        for _ in range(1_500):
            with clients(exporter, 1, said if heads else said + b"\r\n") as (client,):
                if not heads:
                    client.recv(100)
        exporter.get()
        assert memory(exporter) - before < 15 * MB
        assert "socket" not in exporter.said


def test_with_more_logs_than_descriptors_it_serves_what_it_can_and_says_so(beside: Beside) -> None:
    """In the log once, on the status page, and by `check` before; the limit is raised as far as it may be."""
    logs = [beside.folder / f"{n}.json" for n in range(100)]
    for log in logs:
        log.write_text("", encoding="utf-8")
    beside.configure(inputs=[{"path": "*.json", "format": "nginx-json", "name": "edge"}])
    with beside.exporter(descriptors=64) as exporter:
        for n, log in enumerate(logs):  # each its own: what holds the same is a copy
            log.write_text(line(request_id=n), encoding="utf-8")
        parsed = 'gateway_exporter_lines_total{input="edge",result="parsed"}'
        eventually(lambda: exporter.scrape().get(parsed, 0) > 10)
        assert exporter.scrape()['gateway_exporter_input_readable{input="edge"}'] == 0
        assert exporter.get("/-/healthy").ok
        assert "logs can't be opened: no file descriptor is left (limit 64)" in exporter.get("/").text
        with clients(exporter, 100):
            assert exporter.get("/-/healthy").ok
        assert exporter.said.count("no file descriptor is left for logs (limit 64)") == 1
        assert "Too many open files" not in exporter.said
        assert exporter.stop() == 0


def test_check_says_when_there_are_more_logs_than_descriptors(beside: Beside) -> None:
    """By the limit that `run` raises its own to."""
    for n in range(100):
        (beside.folder / f"{n}.json").touch()
    beside.configure(inputs=[{"path": "*.json", "format": "nginx-json", "name": "edge"}])
    assert "descriptors" not in run("check", str(beside.config)).stderr
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 64 && exec "$@"', "sh", COMMAND, "check", str(beside.config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "inputs: 101 logs, but of 64 file descriptors about 16 are for logs" in done.stderr


def test_the_soft_limit_of_open_files_is_raised_to_the_hard_one(beside: Beside) -> None:
    """So that a shell's 1,024 are no ceiling."""
    with beside.exporter() as exporter:
        soft, hard = resource.prlimit(exporter.process.pid, resource.RLIMIT_NOFILE)
        assert soft == hard


_DYING = """
import sys
from exporter import cli
from exporter.service.web import listener

async def fail(*_):
    raise OSError(24, "Too many open files")

listener._QuietServer.main_loop = fail
sys.exit(cli.main(sys.argv[1:]))
"""


def test_a_web_server_that_dies_ends_the_process_with_exit_code_1(beside: Beside) -> None:
    """Restarted by whoever looks after it, instead of counting for nobody; what was read is committed."""
    beside.write(line())
    command = ["run", "--config.file", str(beside.config), "--web.listen-address", "127.0.0.1:0"]
    done = subprocess.run(
        [sys.executable, "-c", _DYING, *command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == "gateway-exporter: the web server has failed; metrics can no longer be served"
