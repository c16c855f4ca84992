"""Questions to the pipeline's thread: one that fails ends nothing, and is told, whoever asked."""

from pathlib import Path

import pytest

from exporter.errors import ExporterError
from tests.counted import Counting


@pytest.mark.parametrize(("error", "told"), [(KeyError("a raw key"), True), (ExporterError("bad config"), False)])
def test_a_question_that_fails(tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception, told: bool) -> None:
    """A signal's question has nobody who looks at the answer. What the mistake was about may be secret."""
    pipeline = Counting(tmp_path, "inputs: [{path: a.log, format: nginx-json}]\n").assembly.pipeline()

    def fail() -> None:
        raise error

    failed, next_ = pipeline.ask(fail), pipeline.ask(lambda: "answered")
    pipeline.answer(0.0)
    assert failed.exception() is error
    assert next_.result() == "answered"
    assert ("KeyError" in caplog.text, "in fail" in caplog.text) == (told, told)
    assert "a raw key" not in caplog.text
    pipeline.close()
