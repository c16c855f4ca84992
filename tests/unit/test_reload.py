"""A reload reads its files beside the pipeline: whoever asks something meanwhile is answered."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.config.load import Loaded, load
from exporter.counting import meter
from exporter.errors import ConfigError
from exporter.model.catalog import CATALOG, REJECTED_LINES
from exporter.service.assembly import Assembly
from exporter.service.key_watch import KeyWatch
from exporter.service.pipeline import Pipeline
from exporter.service.reload import Reload
from tests.beside import line

CONFIG = "inputs: [{path: a.log, format: nginx-json}]\nkeys: keys.yaml\n"
GOOD = "gateway_exporter_config_last_reload_successful"


class Slow:
    """Reads configs when it may."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = threading.Semaphore(0)
        self.may = threading.Semaphore(0)
        self.threads: list[threading.Thread] = []
        monkeypatch.setattr("exporter.service.reload.load", self._load)

    def _load(self, path: Path) -> Loaded:
        self.threads.append(threading.current_thread())
        self.asked.release()
        assert self.may.acquire(timeout=60)
        return load(path)


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Pipeline, Reload, Slow]]:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    (tmp_path / "keys.yaml").write_text("- {id: a}\n", encoding="utf-8")
    assembly = Assembly(load(path))
    pipeline = assembly.pipeline()
    slow = Slow(monkeypatch)
    keys = KeyWatch(assembly, pipeline)
    yield path, pipeline, Reload(path, assembly, pipeline, keys), slow
    keys.stop()
    pipeline.close()


def test_the_pipeline_answers_while_a_config_is_read(running: tuple[Path, Pipeline, Reload, Slow]) -> None:
    """And takes it when it has been read."""
    _, pipeline, reload, slow = running
    answer = reload()
    assert slow.asked.acquire(timeout=60)
    asked = pipeline.ask(lambda: "healthy")
    pipeline.run_callbacks()
    assert asked.result(0) == "healthy"
    assert not answer.done()
    slow.may.release()
    while not answer.done():
        pipeline.run_callbacks(1.0)
    assert answer.result() == "The config was reloaded."
    assert slow.threads[0] is not threading.current_thread()


def test_configs_are_taken_in_the_order_in_which_they_were_read(running: tuple[Path, Pipeline, Reload, Slow]) -> None:
    """Two reloads at once: the last one's config holds."""
    path, pipeline, reload, slow = running
    first = reload()
    assert slow.asked.acquire(timeout=60)
    second = reload()
    assert not slow.asked.acquire(blocking=False)
    slow.may.release()
    assert slow.asked.acquire(timeout=60)
    path.write_text("inputs: []\n", encoding="utf-8")
    slow.may.release()
    while not (first.done() and second.done()):
        pipeline.run_callbacks(1.0)
    assert first.result() == "The config was reloaded."
    assert isinstance(second.exception(), ConfigError)
    assert pipeline.store.series(CATALOG[GOOD]).value == 0


def test_lines_that_could_not_be_folded_are_rejected_when_their_input_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No later fold can count them, and neither a reload nor a restart counts them twice."""
    path = tmp_path / "config.yaml"
    inputs = "inputs: [{path: a.log, format: nginx-json}, {path: b.log, format: nginx-json}]\nstart_at: beginning\n"
    path.write_text(inputs, encoding="utf-8")
    (tmp_path / "a.log").write_text(line() * 3, encoding="utf-8")
    (tmp_path / "b.log").write_text("", encoding="utf-8")

    def fails(*_: object) -> None:
        raise ValueError("no fold")

    monkeypatch.setattr(meter, "compile_fold", lambda *_: fails)
    assembly = Assembly(load(path))
    pipeline = assembly.pipeline()
    reload = Reload(path, assembly, pipeline, KeyWatch(assembly, pipeline))

    def reloaded() -> dict[str, float]:
        answer = reload()
        while not answer.done():
            pipeline.run_callbacks(1.0)
        assert answer.result() == "The config was reloaded."
        reasons = assembly.store.families[REJECTED_LINES.name].series
        return {name: series.value for (name, reason), series in reasons.items() if reason == "failed"}  # type: ignore[union-attr]

    try:
        pipeline.open()
        path.write_text(inputs.replace("{path: a.log, format: nginx-json}, ", ""), encoding="utf-8")
        assert reloaded() == {"a.log": 3}
        assert [stored.kept for stored in assembly.inputs.elsewhere.former] == [0]
        path.write_text(inputs, encoding="utf-8")
        assert reloaded() == {"a.log": 3}
    finally:
        pipeline.close()
