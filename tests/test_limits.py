"""Limits as people meet them: the real command over a log that crosses every border, and one that grows now."""

import json
import signal
import time
from datetime import datetime
from pathlib import Path

import pytest
import requests

from exporter.config.load import load
from exporter.formats.format import build
from exporter.metrics.exposition import Renderer
from exporter.metrics.zero_hold import Visitor
from exporter.service.assembly import Assembly
from exporter.service.feed import Feed
from tests.command import run
from tests.exporter import Exporter, Samples, samples
from tests.waiting import eventually

CONFIG = """
inputs: [{path: access.json, format: {json: {time: ts, status: status, key: key, path: path, model: model,
  input_tokens: tokens_in, output_tokens: tokens_out, cost: cost, batch_index: item}}}]
keys: keys.yaml
metrics: {scrape_interval: 1ms}
limits: {timezone: Europe/Berlin}
plans:
  free:
    limits:
    - {window: 1m, requests: 3}
    - {window: 1h, requests: 100, tokens: 5000, count_refused: true}
    - {window: 1d, cost: 2.5, scope: gateway}
"""


class Beside:
    """A folder with a config, a key registry and a log."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config.yaml"
        self.log = folder / "access.json"
        self.keys = folder / "keys.yaml"
        self.config.write_text(CONFIG, encoding="utf-8")
        self.keys.write_text("- {id: acme, plan: free}\n- {id: zeta}\n", encoding="utf-8")
        self.log.write_text("", encoding="utf-8")

    def write(self, at: float | str, status: int = 200, key: str = "acme", **more: object) -> None:
        with self.log.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"ts": at, "status": status, "key": key, "path": "/v1/chat", **more}) + "\n")


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    return Beside(tmp_path)


def gauge(found: Samples, name: str, window: str, unit: str = "requests", key: str = "acme") -> float:
    return found[f'gateway_limit_{name}{{key="{key}",unit="{unit}",window="{window}"}}']


def both(found: Samples, window: str, unit: str = "requests", key: str = "acme") -> tuple[float, float]:
    """What was used in the running window and in the last."""
    return gauge(found, "used", window, unit, key), gauge(found, "used_last", window, unit, key)


def test_a_log_over_the_end_of_a_month_fills_the_windows_it_was_written_in(beside: Beside) -> None:
    """March's last night in Berlin, with late lines, refused requests, a batch, tokens and cost, and strangers."""
    beside.write("2026-03-30T23:59:59.9+02:00")
    beside.write("2026-03-31T22:59:59+02:00")
    beside.write("2026-03-31T23:00:00+02:00", model="m", cost=0.25, tokens_in=100, tokens_out=11)
    for second in range(4):
        beside.write(f"2026-03-31T23:59:5{second}.5+02:00", status=429 if second == 3 else 200)
    beside.write("2026-04-01T00:00:00+02:00", model="m", cost=0.5, tokens_in=200, tokens_out=22)
    beside.write("2026-03-31T23:59:59.999+02:00", model="m", cost=1, tokens_in=1000)
    beside.write("2026-04-01T00:00:00.001+02:00", status=401)
    beside.write("2026-04-01T00:00:01+02:00", item=0)
    beside.write("2026-04-01T00:00:01+02:00", item=1)
    beside.write("2026-04-01T00:00:01+02:00", key="nobody")
    beside.write("2026-04-01T00:00:01+02:00", key="zeta")
    beside.write("2026-03-31T21:00:00Z", key="zeta")
    done = run("replay", "--config.file", str(beside.config), str(beside.log))
    assert done.code == 0, done.stderr
    found = samples(done.stdout)
    assert both(found, "1m") == (2, 4)
    assert both(found, "1h") == (3, 6)
    assert both(found, "1d") == (2, 6)
    assert both(found, "1mo") == (2, 7)
    assert both(found, "1h", "tokens") == (222, 1111)
    assert both(found, "1d", "cost") == (0.5, 1.25)
    assert both(found, "1mo", key="zeta") == (1, 1)
    assert (
        gauge(found, "reset_timestamp_seconds", "1mo") == datetime.fromisoformat("2026-05-01T00:00+02:00").timestamp()
    )
    assert {name: value for name, value in found.items() if name.startswith("gateway_limit{")} == {
        'gateway_limit{key="acme",scope="global",unit="requests",window="1m"}': 3,
        'gateway_limit{key="acme",scope="global",unit="requests",window="1h"}': 100,
        'gateway_limit{key="acme",scope="global",unit="tokens",window="1h"}': 5000,
        'gateway_limit{key="acme",scope="gateway",unit="cost",window="1d"}': 2.5,
    }
    assert not any("nobody" in name or "unknown" in name for name in found if name.startswith("gateway_limit"))


def test_beside_a_log_that_grows_the_wall_clock_ends_windows(beside: Beside) -> None:
    """Which minute is running, the exporter says itself; what was written for it is what it shows."""
    with Exporter("run", "--config.file", str(beside.config)) as exporter:
        now = time.time()
        written: dict[float, int] = {}
        for ago in (0, 0, 60, 60, 60, 4_000, 20, 40, 80):
            beside.write(now - ago)
            end = (now - ago) // 60 * 60 + 60
            written[end] = written.get(end, 0) + 1
        exporter.eventually('gateway_exporter_lines_total{input="access.json",result="parsed"}', 9)
        found = exporter.scrape()
        running = gauge(found, "reset_timestamp_seconds", "1m")
        assert now - 5 < running <= time.time() + 60
        assert both(found, "1m") == (written.get(running, 0), written.get(running - 60, 0))
        assert both(found, "1mo", key="zeta") == (0, 0)


class Endless(Feed):
    """A log that is not read to its end until somebody says so."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed.place, feed.spec, feed.input, feed.decoder, feed.meter, feed.journal, feed._seal)
        self.more = True

    def count_next_chunk(self) -> bool:
        return self.more


def test_the_wall_clock_ends_windows_only_when_all_lines_are_read(beside: Beside) -> None:
    """While the exporter catches up, the running window is that of the lines it reads."""
    assembly = Assembly(load(beside.config))
    pipeline = assembly.pipeline()
    feed = Endless(pipeline.feeds[0])
    pipeline.feeds[:] = [feed]
    long_ago = 1_772_535_600
    assembly.context.limits.assign_to(assembly.context.limits.calendar.period(long_ago))

    def reset() -> float:
        scrape = pipeline.scrape([Visitor("127.0.0.1", 1, "test")])
        pipeline.run_callbacks()
        return gauge(samples(b"".join(Renderer().blocks(scrape.result(0))).decode()), "reset_timestamp_seconds", "1m")

    assert reset() == long_ago + 60
    feed.more = False
    before = time.time()
    assert before - 5 < reset() <= time.time() + 60
    pipeline.close()


def test_without_a_registry_lines_are_counted_as_if_there_were_no_limits(beside: Beside) -> None:
    """The hot loop has no trace of them, unless the log has costs: what a key spends is kept without a registry."""

    def loop() -> str:
        assembly = Assembly(load(beside.config))
        return assembly.meter_of(assembly.config.inputs[0], build(assembly.config.inputs[0].spec)).loop.source

    assert "noted" in loop()
    beside.config.write_text(CONFIG.replace("keys: keys.yaml", ""), encoding="utf-8")
    assert "noted" in loop()
    beside.config.write_text(CONFIG.replace("keys: keys.yaml", "").replace(", cost: cost", ""), encoding="utf-8")
    assert "noted" not in loop()


def test_what_was_used_is_used_after_a_restart(beside: Beside) -> None:
    """Even if nobody told the exporter that it would end."""
    beside.config.write_text(CONFIG + "state: {path: state.db}\n", encoding="utf-8")
    for used in (2, 4):
        with Exporter("run", "--config.file", str(beside.config)) as exporter:
            for _ in range(2):
                beside.write(time.time())
            eventually(lambda used=used: sum(both(exporter.scrape(), "1mo")) == used)  # type: ignore[misc]
            exporter.stop(signal.SIGKILL)


def test_a_reloaded_plan_keeps_what_was_used(beside: Beside) -> None:
    """Limits change at once; the month's use goes on."""
    with Exporter("run", "--config.file", str(beside.config)) as exporter:
        for _ in range(5):
            beside.write(time.time())
        exporter.eventually('gateway_exporter_lines_total{input="access.json",result="parsed"}', 5)
        before = exporter.scrape()
        beside.config.write_text(CONFIG.replace("requests: 100,", "requests: 900,"), encoding="utf-8")
        beside.keys.write_text("- {id: acme, plan: free, name: Acme}\n", encoding="utf-8")
        assert requests.post(exporter.url + "/-/reload", timeout=60).status_code == 200
        after = exporter.scrape()
        assert after['gateway_limit{key="acme",scope="global",unit="requests",window="1h"}'] == 900
        assert both(after, "1mo") == both(before, "1mo")
        assert sum(both(after, "1mo")) == 5
        assert not any("zeta" in name for name in after if name.startswith("gateway_limit"))
        beside.write(time.time())
        eventually(lambda: sum(both(exporter.scrape(), "1mo")) == 6)
