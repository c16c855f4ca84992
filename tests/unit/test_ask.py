"""Questions to the pipeline's thread: one that fails ends nothing, and none waits for a log without lines."""

from pathlib import Path

import pytest

from exporter.errors import ExporterError
from exporter.inputs.lines import SLICE
from tests.counted import Counting


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
