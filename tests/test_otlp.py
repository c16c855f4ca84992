"""Single requests of a running exporter, sent to a strict receiver: across `kill -9`, failures and reloads."""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import impatient
from tests.beside import PARSED, Beside, line
from tests.command import COMMAND, call
from tests.exporter import Exporter
from tests.otlp_receiver import GOOD, Answer, Attributes, Receiver, receiver
from tests.process import Process
from tests.waiting import eventually

NOW = int(time.time()) - 60
RUN = ("run", "--config.file", "config.yaml")


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def sending(tmp_path: Path, collector: Receiver) -> Beside:
    beside = Beside(tmp_path)
    configure(beside, collector.url)
    beside.log.touch()
    return beside


def configure(beside: Beside, url: str) -> None:
    beside.configure(requests={"otlp": {"endpoint": url}}, start_at="beginning")


def write(beside: Beside, first: int, last: int) -> None:
    """Write the requests whose ids are these numbers."""
    beside.write("".join(line(msec=NOW + n / 100, request_id=f"r{n}") for n in range(first, last)))


@pytest.mark.parametrize("point", ["after-send", "after-place", "in-commit"])
def test_each_request_arrives_wherever_the_exporter_is_killed(
    sending: Beside, collector: Receiver, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it could not note as sent comes again with the same id; what the state does not know has no id yet."""
    with Exporter(*RUN, cwd=sending.folder) as exporter:
        write(sending, 0, 3)
        exporter.scrape()  # which commits them
        eventually(lambda: len(collector.ids()) == 3)
    with monkeypatch.context() as patch:
        patch.setenv("GATEWAY_EXPORTER_FAULT", point)
        write(sending, 3, 6)
        killed = Process([COMMAND, *RUN, "--web.listen-address", "127.0.0.1:0"], sending.folder)
        eventually(lambda: not killed.running)
    write(sending, 6, 8)
    with Exporter(*RUN, cwd=sending.folder) as exporter:
        eventually(lambda: len(collector.ids()) == 8)
        exporter.eventually('gateway_exporter_otlp_rows_total{result="sent"}', 8)
    assert collector.ids() == [f"r{n}" for n in range(8)]
    assert collector.repeats == (3 if point == "after-send" else 0)


def test_the_first_request_has_the_same_id_when_it_is_repeated(
    sending: Beside, collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exporter is killed before it could note anything as sent."""
    write(sending, 0, 3)
    with monkeypatch.context() as patch:
        patch.setenv("GATEWAY_EXPORTER_FAULT", "after-send")
        killed = Process([COMMAND, *RUN, "--web.listen-address", "127.0.0.1:0"], sending.folder)
        eventually(lambda: not killed.running)
    with Exporter(*RUN, cwd=sending.folder):
        eventually(lambda: collector.repeats)
    assert collector.ids() == ["r0", "r1", "r2"]


def test_each_request_arrives_once_by_its_id_across_kills_at_any_moment(sending: Beside, collector: Receiver) -> None:
    """While the receiver fails in every way."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    failures: list[Answer] = [None, (503, {}), (429, {"Retry-After": "0"}), (502, {}), (413, {})] * 3
    rng.shuffle(failures)

    def answer(_: list[Attributes]) -> Answer:
        return failures.pop() if failures and rng.random() < 0.5 else GOOD

    collector.answer = answer
    written = 0
    for _ in range(4):
        exporter = Exporter(*RUN, cwd=sending.folder, command=impatient.command())
        try:
            for _ in range(rng.randrange(1, 4)):
                more, before = rng.randrange(1, 300), len(collector.requests)
                write(sending, written, written + more)
                written += more
                exporter.scrape()
                if rng.random() < 0.7:
                    eventually(lambda before=before: len(collector.requests) > before)  # type: ignore[misc]
        finally:
            exporter.stop(signal.SIGKILL)
    with Exporter(*RUN, cwd=sending.folder, command=impatient.command()) as exporter:
        eventually(lambda: len(collector.records) == written)
        exporter.eventually("gateway_exporter_otlp_lag_rows", 0)
        sent = exporter.scrape()['gateway_exporter_otlp_rows_total{result="sent"}']
    assert sorted(collector.ids()) == sorted(f"r{n}" for n in range(written))
    assert sorted(int(uid.rpartition("-")[2]) for uid in collector.records) == [*range(1, written + 1)]
    assert sent == written


def test_a_reload_changes_the_receiver_and_switches_it_off(sending: Beside, collector: Receiver) -> None:
    """It goes on at the same place, also after a time without it."""
    collector.answer = lambda _: (429, {"Retry-After": "3600"})
    with receiver() as other, Exporter(*RUN, cwd=sending.folder) as exporter:
        write(sending, 0, 2)
        exporter.scrape()
        refused = f"Requests can't be sent on: {collector.url}: answered 429"
        eventually(lambda: refused in exporter.get("/").text)
        configure(sending, other.url)
        reload(exporter)
        eventually(lambda: other.ids() == ["r0", "r1"])
        sending.configure(requests={})
        reload(exporter)
        write(sending, 2, 3)
        exporter.eventually(PARSED, 3)
        assert "Requests are sent" not in exporter.get("/").text
        configure(sending, other.url)
        reload(exporter)
        exporter.scrape()
        eventually(lambda: other.ids() == ["r0", "r1", "r2"])
        eventually(lambda: f"Requests are sent to <code>{other.url}</code>: none waits" in exporter.get("/").text)
    assert other.repeats == 0


def reload(exporter: Exporter) -> None:
    assert requests.post(f"{exporter.url}/-/reload", timeout=60).text == "The config was reloaded.\n"


def test_without_it_nothing_of_it_is_loaded(sending: Beside) -> None:
    sending.configure(requests={})
    write(sending, 0, 1)
    with Exporter(*RUN, cwd=sending.folder) as exporter:
        exporter.eventually(PARSED, 1)
        maps = Path(f"/proc/{exporter.process.pid}/maps").read_text("utf-8")
    assert "_upb" not in maps
    assert "sqlite" in maps


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (200, ""),
        (422, ""),
        (404, "answered 404 (this is the receiver's reason); the endpoint needs its whole path: /v1/logs of a"),
        (401, "answered 401 (this is the receiver's reason); set headers_file, token_file"),
        (400, "answered 400 (this is the receiver's reason); `run` tries again, and rows wait"),
    ],
)
def test_check_asks_the_receiver_unless_offline(
    sending: Beside, collector: Receiver, status: int, problem: str
) -> None:
    """With a request without rows, which Loki answers with 422."""
    collector.answer = lambda _: (status, {})
    said = call("check", str(sending.config))
    assert said.code == 0
    notes = [note for note in said.stderr.splitlines() if "requests.otlp" in note]
    assert [f"config.yaml: requests.otlp: {collector.url}: {problem}" in note for note in notes] == [True] * bool(
        problem
    )
    assert collector.requests == [[]]
    assert "requests.otlp" not in call("check", str(sending.config), "--offline").stderr
    assert collector.requests == [[]]
