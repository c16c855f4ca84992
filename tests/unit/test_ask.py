"""Questions to the pipeline's thread: one that fails ends nothing, and none waits for a log without lines."""

import time
from pathlib import Path
from unittest.mock import patch

import pytest

from exporter.config.load import load
from exporter.errors import ExporterError
from exporter.inputs.lines import SLICE
from exporter.metrics.exposition import Renderer
from exporter.metrics.zero_hold import Visitor
from exporter.service.assembly import Assembly
from tests.counted import Counting
from tests.exporter import samples


@pytest.mark.parametrize(("error", "told"), [(KeyError("a raw key"), True), (ExporterError("bad config"), False)])
def test_a_question_that_fails(tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception, told: bool) -> None:
    """A signal's question has nobody who looks at the answer. What the mistake was about may be secret."""
    pipeline = Counting(tmp_path, "inputs: [{path: a.log, format: nginx-json}]\n").assembly.pipeline()

    def fail() -> None:
        raise error

    failed, next_ = pipeline.ask(fail), pipeline.ask(lambda: "answered")
    pipeline.run_callbacks()
    assert failed.exception() is error
    assert next_.result() == "answered"
    assert ("KeyError" in caplog.text, "in fail" in caplog.text) == (told, told)
    assert "a raw key" not in caplog.text
    pipeline.close()


@pytest.mark.parametrize("filler", [b"\0", b"x"], ids=["zeros", "one line"])
def test_a_flood_without_a_line_is_left_for_questions(tmp_path: Path, filler: bytes) -> None:
    """After each slice of it the thread is free, knows that there is more, and says how much."""
    (tmp_path / "a.log").write_bytes(filler * (3 * SLICE) + b'\n{"status":200}\n')
    pipeline = Counting(
        tmp_path, "inputs: [{path: a.log, format: nginx-json}]\nstart_at: beginning\n"
    ).assembly.pipeline()
    feed = pipeline.feeds[0]
    feed.input.scan()
    left = []
    while feed.count_next_chunk():
        left.append(feed.input.lag_bytes() // SLICE)
    assert left == sorted(left, reverse=True)
    assert [*dict.fromkeys(left)] == [2, 1, 0]
    assert sum(feed.lines(pipeline.store)) > 0
    pipeline.close()


def test_a_backlog_is_seen_while_it_is_read(tmp_path: Path) -> None:
    """From a scraper's second scrape on, the number of lines and the lag are as they are, however much is left."""
    line = b'{"status":200,"request":"GET / HTTP/1.1"}\n'
    (tmp_path / "a.log").write_bytes(line * 50_000)
    config = "inputs: [{path: a.log, format: nginx-json}]\nstart_at: beginning\nstate: {path: state.db}\n"
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    pipeline = Assembly(load(tmp_path / "config.yaml"), serving=True).pipeline()
    pipeline.open()
    feed = pipeline.feeds[0]
    visitor = Visitor("127.0.0.1", 1, "Prometheus", declared=True)
    name = 'gateway_exporter_lines_total{input="a.log",result="parsed"}'
    seen = []
    with patch.object(pipeline, "_count_available", lambda seconds: feed.count_next_chunk()):  # noqa: ARG005
        for _ in range(8):
            found = samples(b"".join(Renderer().blocks(pipeline._scrape([visitor]))).decode())
            seen.append((found[name], found['gateway_exporter_lag_bytes{input="a.log"}']))
    assert seen[0][0] == 0
    assert all(0 <= (50_000 - lines) * len(line) - lag < len(line) for lines, lag in seen[1:])
    assert len({lag for _, lag in seen}) == 8
    pipeline.close()


def test_who_waited_for_another_scrapes_answer_is_sent_the_zeros_too(tmp_path: Path) -> None:
    """However long that took: series are held from what was shown to the other one on."""
    config = "inputs: [{path: a.log, format: nginx-json}]\nstart_at: beginning\n"
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    (tmp_path / "a.log").write_bytes(b'{"status":200,"request":"GET / HTTP/1.1"}\n')
    pipeline = Assembly(load(tmp_path / "config.yaml"), serving=True).pipeline()
    pipeline.zero_hold.interval = 0.0
    pipeline.open()
    asked = time.monotonic()

    def requests(port: int, arrived: float) -> float:
        visitor = Visitor("127.0.0.1", port, f"Prometheus {port}", arrived=arrived)
        found = samples(b"".join(Renderer().blocks(pipeline._scrape([visitor]))).decode())
        return sum(value for name, value in found.items() if name.startswith("gateway_requests_total"))

    assert requests(1, asked) == 0
    assert requests(2, asked) == 0
    assert requests(3, time.monotonic()) == 1
    pipeline.close()
