"""Clocks that are wrong: the log's, and the wall clock, which is ahead for a while and then goes back."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.clock import Clock
from exporter.config.load import load
from exporter.limits.calendar import WINDOWS
from exporter.limits.stored_use import UseParts
from exporter.metrics.exposition import Renderer
from exporter.metrics.zero_hold import Visitor
from exporter.model.catalog import CATALOG
from exporter.service.assembly import Assembly
from exporter.service.pipeline import Pipeline
from tests.counted import Counting, of
from tests.exporter import Samples, samples

CONFIG = "inputs: [{path: a.log, format: nginx-json, name: edge}]\n"
LINE = {"status": 200, "rpc_method": "m", "api_key": "k", "request_time": 9.0}
LAST_USED = "gateway_key_last_used_timestamp_seconds"
SLOWEST = "gateway_request_duration_max_seconds"
DAY = 86_400.0
WENT_BACK = "the clock went back by %.0f seconds: limits, last uses and other latest times are set back with it"


def test_a_time_ahead_of_the_wall_clock_was_now(tmp_path: Path) -> None:
    """One line of a machine whose clock was wrong hides neither silence nor a key's last use, and goes from the
    slowest request as any other does.
    """
    counted = Counting(tmp_path, CONFIG)
    before = time.time()
    found = counted.count(LINE | {"msec": before + DAY})
    now = time.time()
    (used,) = of(found, LAST_USED).values()
    assert before <= used <= now
    assert counted.meter.last_time is not None
    assert before <= counted.meter.last_time <= now
    slowest, minute = counted.assembly.context.slowest, int(now // 60)
    slowest.update_gauges(minute)
    assert [*of(counted.samples(), SLOWEST).values()] == [9]
    slowest.update_gauges(minute + 2)
    assert of(counted.samples(), SLOWEST) == {}


def test_a_line_from_the_future_has_the_price_of_now(tmp_path: Path) -> None:
    """And so have those that were counted with it."""
    now = time.time()
    raised = time.strftime("%Y-%m-%d", time.gmtime(now + 30 * DAY))
    (tmp_path / "prices.yaml").write_text(
        f"- {{model: m, per_request: 1}}\n- {{model: m, per_request: 1000, from: {raised}}}\n", encoding="utf-8"
    )
    config = "inputs: [{path: a, format: {json: {time: t, status: s, model: m}}}]\npricing: {models: prices.yaml}\n"
    counted = Counting(tmp_path, config)
    line = {"s": 200, "m": "m"}
    decoded = counted.decoded([line | {"t": now}, line, line | {"t": now + 400 * DAY}])
    counted.meter.count(decoded)
    counted.meter.fold()
    assert sum(of(counted.samples(), "gateway_cost_total").values()) == 3
    assert [counted.meter.record(row).cost for row in decoded.rows] == [1, 1, 1]


def test_followers_are_asked_once_for_each_time_that_the_clock_goes_back(caplog: pytest.LogCaptureFixture) -> None:
    """A minute is no mistake, wherever it is: clocks differ, and are corrected."""
    times = iter([1000.0, 941.0, 2000.0, 1500.0, 1450.0, 1500.0, 1600.0, 1530.0])
    asked: list[float] = []
    clock = Clock(lambda: next(times))

    def follower(now: float) -> float:
        asked.append(now)
        return 0.0

    clock.add(follower)
    assert [clock.now() for _ in range(8)] == [1000, 941, 2000, 1500, 1450, 1500, 1600, 1530]
    assert asked == [1500, 1530]
    assert caplog.messages == [WENT_BACK % 500, WENT_BACK % 70]


def test_what_is_restored_is_reported_where_it_is_ahead(caplog: pytest.LogCaptureFixture) -> None:
    """A start asks in any case, and says nothing where all is well."""
    for held, said in ((1060.0, []), (1061.0, [WENT_BACK % 61])):
        clock = Clock(lambda: 1000.0)
        clock.add(lambda _, held=held: held)  # type: ignore[misc]
        clock.follow()
        assert caplog.messages == said


# --- the whole exporter

REGISTERED = """
inputs: [{path: a.log, format: nginx-json, name: edge}]
identity: {secret_file: secret}
keys: keys.yaml
plans: {free: {limits: [{window: 1m, requests: 60}]}}
state: {path: state.db}
metrics: {created_timestamps: true}
"""


class Run:
    """An exporter on a machine whose clock says what the test says."""

    def __init__(self, folder: Path, wall: Callable[[], float]) -> None:
        self.folder, self.wall = folder, wall
        (folder / "config.yaml").write_text(REGISTERED, encoding="utf-8")
        (folder / "secret").write_bytes(b"a secret of the tests")
        (folder / "keys.yaml").write_text("- {id: acme, plan: free}\n- {id: zeta, plan: free}\n", encoding="utf-8")
        (folder / "a.log").touch()
        self.pipeline = self._start()

    def _start(self) -> Pipeline:
        self.assembly = Assembly(load(self.folder / "config.yaml"))
        pipeline = self.assembly.pipeline()
        pipeline.open()
        return pipeline

    def write(self, at: float, requests: int = 1, key: str = "acme") -> None:
        line = f'{{"msec": {at}, "status": 200, "rpc_method": "m", "api_key": "{key}", "request_time": 9.0}}\n'
        with (self.folder / "a.log").open("a", encoding="utf-8") as log:
            log.write(line * requests)

    def scrape(self) -> Samples:
        answer = self.pipeline.scrape([Visitor("127.0.0.1", 1, "test")])
        self.pipeline.run_callbacks()
        return samples(b"".join(Renderer().blocks(answer.result(0), openmetrics=True)).decode())

    def restart(self) -> None:
        """As after a kill: what was committed is all there is."""
        self.pipeline.close()
        self.pipeline = self._start()


def used(found: Samples, window: str, key: str = "acme", name: str = "used") -> float:
    return found[f'gateway_limit_{name}{{key="{key}",unit="requests",window="{window}"}}']


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The wall clock: set `now`."""
    held = {"now": time.time() // 3600 * 3600 + 1800.0}  # not at a window's end
    monkeypatch.setattr(time, "time", lambda: held["now"])
    return held


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "over a restart"])
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "while it logs"])
def test_a_clock_that_was_ahead_once_is_followed_back(
    tmp_path: Path, clock: dict[str, float], caplog: pytest.LogCaptureFixture, restarted: bool, busy: bool
) -> None:
    """Nothing that was used is forgotten, what was counted meanwhile is used now, and it is said once."""
    run = Run(tmp_path, lambda: clock["now"])
    right = clock["now"]
    run.write(right, 5)
    assert used(run.scrape(), "1d") == 5
    clock["now"] = right + 400 * DAY
    if busy:
        run.write(clock["now"], 2)
        run.write(clock["now"], 3, "zeta")
    found = run.scrape()
    run.scrape()  # which commits what the first has shown
    assert used(found, "1mo") == (2 if busy else 0)
    assert used(found, "1d", name="reset_timestamp_seconds") > right + 399 * DAY
    if restarted:
        run.restart()
        run.scrape()
    clock["now"] = right + 10
    caplog.clear()
    if restarted:
        run.restart()
    for _ in range(2):
        found = run.scrape()
        assert [used(found, window) for window in ("1m", "1d", "1mo")] == [7 if busy else 5] * 3
        assert used(found, "1mo", "zeta") == (3 if busy else 0)
        assert used(found, "1d", name="reset_timestamp_seconds") <= right + DAY
        ahead = {name for name, value in found.items() if "timestamp" in name and value > right + 60}
        assert all("reset" in name for name in ahead)
        assert not any(value > right + 60 for name, value in found.items() if "_created" in name)
        assert len([message for message in caplog.messages if message.startswith("the clock went back by 345")]) == 1
    run.write(right + 11, 4)
    found = run.scrape()
    assert used(found, "1m") == (11 if busy else 9)
    assert found['gateway_key_last_used_timestamp_seconds{key="acme"}'] == right + 10  # the wall clock's, at most
    clock["now"] = right + 70
    assert (used(run.scrape(), "1m"), used(run.scrape(), "1m", name="used_last")) == (0, 11 if busy else 9)
    clock["now"] = right + 130
    assert used(run.scrape(), "1m", name="used_last") == 0
    clock["now"] = right + 200
    run.restart()
    assert [used(run.scrape(), window) for window in ("1m", "1mo")] == [0, 11 if busy else 9]
    run.pipeline.close()


def test_use_in_windows_that_truly_passed_stays_there(tmp_path: Path, clock: dict[str, float]) -> None:
    """A clock that goes back opens no window again whose time has passed."""
    run = Run(tmp_path, lambda: clock["now"])
    right = clock["now"]
    run.write(right, 5)
    run.scrape()
    clock["now"] = right + 65
    assert used(run.scrape(), "1m", name="used_last") == 5
    clock["now"] = right + 400 * DAY
    run.scrape()
    clock["now"] = right + 66
    found = run.scrape()
    assert (used(found, "1m"), used(found, "1m", name="used_last"), used(found, "1mo")) == (0, 5, 5)
    run.pipeline.close()


def test_a_clock_that_begins_in_1970_costs_no_use(tmp_path: Path, clock: dict[str, float]) -> None:
    """As on a machine without a battery: it starts, and then it is set right."""
    run = Run(tmp_path, lambda: clock["now"])
    right = clock["now"]
    run.write(right, 5)
    run.scrape()
    clock["now"] = 1000.0
    run.restart()
    assert used(run.scrape(), "1mo") == 5
    clock["now"] = right + 20
    found = run.scrape()
    assert [used(found, window) for window in ("1m", "1d", "1mo")] == [5, 5, 5]
    run.write(right + 21)
    assert used(run.scrape(), "1m") == 6
    run.pipeline.close()


def test_a_line_from_the_future_does_not_move_the_windows(tmp_path: Path, clock: dict[str, float]) -> None:
    """It counts now, as the others do."""
    run = Run(tmp_path, lambda: clock["now"])
    right = clock["now"]
    run.write(right, 2)
    run.write(right + 400 * DAY, 3)
    found = run.scrape()
    assert [used(found, window) for window in ("1m", "1mo")] == [5, 5]
    assert used(found, "1mo", name="reset_timestamp_seconds") <= right + 32 * DAY
    run.restart()
    assert used(run.scrape(), "1mo") == 5
    run.pipeline.close()


def test_a_state_of_a_clock_that_was_ahead_is_mended(
    tmp_path: Path, clock: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that an exporter has written that did not follow: the time of its limits, of last uses, of its inputs."""
    run = Run(tmp_path, lambda: clock["now"])
    right = clock["now"]
    run.write(right)
    run.scrape()
    future = int(right + 400 * DAY) // 60 * 60
    windows = {name: {future: {"requests": 4}} for name in WINDOWS}
    poisoned = [float(future), [["acme", False, windows]]]
    monkeypatch.setattr(UseParts, "parts", lambda _: {"limits": poisoned})
    run.assembly.store.own(CATALOG[LAST_USED], "acme").value = future
    run.pipeline.feeds[0].meter.last_time = float(future)
    run.pipeline.commit()
    run.restart()
    found = run.scrape()
    assert [used(found, window) for window in ("1m", "1d", "1mo")] == [4, 4, 4]
    assert found[f'{LAST_USED}{{key="acme"}}'] == right
    assert found['gateway_exporter_last_record_timestamp_seconds{input="edge"}'] == right
    run.pipeline.close()


def test_a_state_that_has_a_last_use_of_every_key_is_read(tmp_path: Path, clock: dict[str, float]) -> None:
    """As they were written before: 0 for a key that was never used. It is shown once."""
    run = Run(tmp_path, lambda: clock["now"])
    for key in ("acme", "zeta", "gone"):
        run.assembly.store.own(CATALOG[LAST_USED], key)
    run.write(clock["now"])
    run.scrape()
    run.restart()
    found = run.scrape()
    assert of(found, LAST_USED) == {("acme",): clock["now"], ("zeta",): 0}
    run.pipeline.close()
