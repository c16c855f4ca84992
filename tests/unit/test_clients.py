"""Clients of the web server: none of them, whatever it sends or does not read, keeps a scraper from its answer."""

import gc
import gzip
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from exporter.model import catalog
from exporter.service.web.connections import ClientLimits, Connection
from tests.unit.serving import Client, Serving, get
from tests.waiting import eventually

SCRAPER = "X-Prometheus-Scrape-Timeout-Seconds: 10"
MB = 1 << 20


@pytest.fixture
def serving(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Serving]:
    with Serving(tmp_path, getattr(request, "param", ClientLimits())) as made:
        yield made


def limits(**some: Any) -> pytest.MarkDecorator:
    """For a test: a server with these limits."""
    return pytest.mark.parametrize("serving", [ClientLimits(**some)], indirect=True, ids=[""])


# --- what is left of one


def test_a_connection_that_has_ended_is_freed_without_garbage_collection(serving: Serving) -> None:
    """Answered or not, and also if the client has reset it: garbage is rarely collected."""
    gc.collect()
    gc.disable()
    try:
        for request in (b"", b"GET /", get("/-/ready"), get()):
            serving.client(request).leave()
        for leave in (Client.leave, Client.reset):
            client = serving.client(get("/-/ready"))
            client.answer()
            leave(client)
        eventually(lambda: not any(issubclass(type(it), Connection) for it in gc.get_objects()))
    finally:
        gc.enable()


# --- who waits is served together


def test_one_rendering_serves_all_who_wait(serving: Serving) -> None:
    """Those who come while it is made share the next one."""
    first = serving.client(get())
    serving.until_asked(1)
    others = [serving.client(get()) for _ in range(50)]
    serving.until_asked(51)
    assert serving.questions == 1
    serving.answer()
    assert first.answer()[0] == 200
    serving.answer()
    assert len({client.answer()[2] for client in others}) == 1
    assert (serving.questions, serving.renderings) == (0, 2)


def test_nobody_who_has_left_is_rendered_for(serving: Serving) -> None:
    """Nor is anything done for them if all have."""
    gone = [serving.client(get()) for _ in range(200)]
    serving.until_asked(200)
    for client in gone:
        client.leave()
    serving.until_asked(0)
    serving.client(get("/-/ready")).answer()  # by then the server has taken its question back
    serving.pipeline.run_callbacks()
    assert serving.renderings == 0
    here = serving.client(get())
    serving.answer()
    assert here.answer()[0] == 200
    assert (serving.questions, serving.renderings) == (0, 1)


def test_each_of_a_round_gets_the_form_that_it_asked_for(serving: Serving) -> None:
    """Text or OpenMetrics, packed or plain: of one rendering."""
    first = serving.client(get())
    serving.until_asked(1)
    openmetrics, packed = "Accept: application/openmetrics-text", "Accept-Encoding: gzip"
    asked = [(), (packed,), (openmetrics,), (openmetrics, packed)]
    clients = [serving.client(get("/metrics", *headers)) for headers in asked]
    serving.until_asked(5)
    serving.answer()
    first.answer()
    serving.answer()
    answers = [client.answer() for client in clients]
    bodies = [
        gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body for _, headers, body in answers
    ]
    assert (bodies[0], bodies[2]) == (bodies[1], bodies[3])
    assert [body.endswith(b"# EOF\n") for body in bodies] == [False, False, True, True]
    assert [headers.get("content-encoding") for _, headers, _ in answers] == [None, "gzip", None, "gzip"]
    assert serving.renderings == 2


@pytest.mark.parametrize(("path", "status"), [("/-/healthy", 200), ("/", 200)])
def test_other_pages_share_an_answer_too(serving: Serving, path: str, status: int) -> None:
    """A hundred that ask for health or the status page are two questions to the pipeline."""
    serving.pipeline.store.set(catalog.BUILD_INFO, "1", to=1)
    first = serving.client(get(path))
    serving.until_asked(1)
    others = [serving.client(get(path)) for _ in range(99)]
    serving.until_asked(100)
    assert serving.questions == 1
    serving.answer()
    serving.answer()
    assert [client.answer()[0] for client in (first, *others)] == [status] * 100


def test_head_is_answered_without_a_rendering_and_is_no_visit(serving: Serving) -> None:
    """It is given no zero: nothing is asked of the pipeline."""
    client = serving.client(get(method="HEAD", path="/metrics"))
    status, headers, body = client.answer()
    assert (status, headers["content-type"], body) == (200, "text/plain; version=0.0.4; charset=utf-8", b"")
    assert (serving.questions, serving.renderings) == (0, 0)
    assert serving.pipeline.zero_hold._scrapers == {}


def test_what_goes_wrong_with_a_page_is_logged_without_its_message(
    serving: Serving, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key may stand in it. The client's connection is closed, the next one is answered."""

    secret = KeyError("sk-" + "live")

    def fail(*_: object) -> None:
        raise secret

    with monkeypatch.context() as broken:
        broken.setattr(serving.pipeline, "_scrape", fail)
        client = serving.client(get())
        serving.answer()
        eventually(lambda: client.closed)
    assert "a page could not be answered: KeyError" in caplog.text
    assert "sk-live" not in caplog.text
    assert serving.client(get("/-/ready")).answer()[0] == 503


# --- who is silent or slow is closed


def test_a_silent_connection_is_closed_and_a_kept_one_is_not(serving: Serving) -> None:
    """Seconds after it was opened, or minutes after its last answer."""
    kept = serving.client(get("/-/ready"))
    kept.answer()
    silent = serving.client()
    eventually(lambda: len(serving.connections) == 2)
    serving.pass_time(11)
    eventually(lambda: silent.closed)
    kept.send(get("/-/ready"))
    assert kept.answer()[0] == 503


@pytest.mark.parametrize(
    "begin",
    [
        lambda client: client.send(b"GET /metrics HTTP/1.1\r\n"),
        lambda client: client.send(get("/-/reload", "Content-Length: 1000000", method="POST")),
        lambda client: (client.send(get("/-/ready")), client.answer(), client.send(b"GET / HTTP/1.1\r\n")),
    ],
    ids=["headers", "body", "second request"],
)
def test_who_sends_a_request_slowly_is_closed(serving: Serving, begin: Callable[[Client], object]) -> None:
    """However often another byte comes: the whole has its time."""
    client = serving.client()
    begin(client)

    def closed_after_one_more() -> bool:
        serving.pass_time(2)
        try:
            client.send(b"a: b\r\n")
        except OSError:
            return True
        return client.closed

    eventually(closed_after_one_more)


@limits(answer_seconds=0.2)
def test_who_does_not_take_the_answer_is_closed(serving: Serving) -> None:
    """Nothing of it is left behind."""
    serving.pipeline.store.set(catalog.BUILD_INFO, "x" * 16 * MB, to=1)
    serving.client(get())
    serving.answer()
    eventually(lambda: not serving.connections)
    serving.until_asked(0)


@limits(held_bytes=24 * MB)
def test_old_answers_are_not_kept_for_slow_readers_when_there_are_many(serving: Serving) -> None:
    """A new one takes the place of the oldest; a scraper's is given up last."""
    serving.pipeline.store.set(catalog.BUILD_INFO, "x" * 10 * MB, to=1)
    readers = []
    for headers in ((SCRAPER,), (), (), ()):
        readers.append(serving.client(get("/metrics", *headers)))
        serving.answer()
        eventually(
            lambda: (
                serving.questions == 0 and sum(connection.flow.write_paused for connection in serving.connections) > 0
            )
        )
        eventually(lambda: len(serving.connections) == min(2, len(readers)))
    assert [_takes_all(reader) for reader in readers] == [True, False, False, True]


@limits(connections=6)
def test_past_the_ceiling_the_longest_idle_connection_is_closed_and_scrapers_last(serving: Serving) -> None:
    """A scraper keeps its connection through a flood, and whoever comes is answered."""
    scraper = serving.client(get("/metrics", SCRAPER))
    serving.answer()
    scraper.answer()
    flood = [serving.client() for _ in range(50)]
    eventually(lambda: [client.closed for client in flood] == [True] * 45 + [False] * 5)
    assert serving.client(get("/-/ready")).answer()[0] == 503
    eventually(lambda: [client.closed for client in flood] == [True] * 46 + [False] * 4)
    scraper.send(get("/metrics", SCRAPER))
    serving.answer()
    assert scraper.answer()[0] == 200


def test_a_web_server_that_dies_stops_the_pipeline(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would see what it counts."""

    async def fail(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("exporter.service.web.listener._QuietServer.main_loop", fail)
    with Serving(tmp_path, ClientLimits()) as serving:
        eventually(serving.pipeline._done)
        assert serving.server.failed
    assert "the web server failed: OSError: [Errno 24] Too many open files" in caplog.text


def test_a_web_server_that_is_stopped_has_not_failed(serving: Serving) -> None:
    """It ends because it was asked to."""
    serving.client(get("/-/ready")).answer()
    serving.server.stop()
    assert (serving.server.failed, serving.pipeline._done()) == (False, False)


def test_what_connections_build_on_is_the_uvicorn_that_is_required() -> None:
    """Its protocol is no public interface: another version has to be tried before it is allowed."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    required = project["dependencies"]
    assert [requirement for requirement in required if requirement.startswith("uvicorn")] == ["uvicorn>=0.54,<0.55"]
    assert uvicorn.__version__.startswith("0.54.")


def _takes_all(client: Client) -> bool:
    try:
        return bool(client.answer())
    except (AssertionError, OSError):
        return False
