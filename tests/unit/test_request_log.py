"""The request log: each counted request is a row, once, with public values only, and within its bounds."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from exporter.metrics.store import Store
from exporter.model import catalog
from exporter.request_log import horizon
from exporter.request_log.day_file import Batch, DayFile
from exporter.request_log.deletion import delete
from exporter.request_log.file_names import files_in
from exporter.request_log.key_names import KeyNames
from exporter.request_log.log import RequestLog, RequestLogSettings
from exporter.request_log.schema import KIND_COLUMNS
from tests.counted import of
from tests.keeping import Keeping

FORMAT = (
    "{json: {time: t, status: s, rpc_method: m, http_method: verb, path: path, key: key, client: ip, origin: from, "
    "duration: took, response_bytes: bytes, request_id: id, model: model, requested_model: asked, provider: by, "
    "attempts: tried, upstream_status: statuses, attempt_times: times, attempt_circuits: circuits, "
    "input_tokens: in, output_tokens: out, cost: cost, cached: cached, batch_index: nth, blocked_reason: why}}"
)
NOW = int(time.time()) - 100


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Keeping]:
    made = Keeping(tmp_path, FORMAT)
    yield made
    made.log.close()


def line(n: int = 0, more: dict[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    """A request, `n` seconds after NOW."""
    usual = {"t": float(NOW + n), "s": 200, "verb": "GET", "path": "/v1/things", "key": "sk-raw-key", "id": f"r{n}"}
    return usual | (more or {}) | others


def test_a_row_has_what_was_counted(keeping: Keeping) -> None:
    keeping.keep(
        line(
            0,
            {"ip": "192.0.2.7", "from": "https://app.test", "took": 0.25, "bytes": 120, "model": "m-2", "asked": "m-1"}
            | {"by": "b", "tried": "a, b", "statuses": "503, 200", "times": "0.2, 0.05", "circuits": "open, closed"}
            | {"in": 10, "out": 5, "cost": 0.0123456789},
        )
    )
    [row] = keeping.rows()
    expected = {
        **{"id": 1, "time": NOW * 1000, "input": "in", "class": "business", "method": "GET /v1/things"},
        **{"route": "/v1/things", "status": "200", "error_type": None, "client": "192.0.2.0/24", "origin": "app.test"},
        **{"request_id": "r0", "provider": "b", "model": "m-2", "requested_model": "m-1", "duration": 0.25},
        **{"response_bytes": 120, "input_tokens": 10, "output_tokens": 5, "cost": 0.0123456789, "currency": "USD"},
        **{"unbilled": False, "cached": False, "time_to_first_token": None},
    }
    assert {name: row[name] for name in expected} == expected
    assert row["key"].startswith("k_")
    assert row["attempts"] == [
        {
            "provider": "a",
            "outcome": "server_error",
            "status": "503",
            "circuit": "open",
            "reason": "",
            "seconds": 0.2,
            "delay": 0.0,
        },
        {
            "provider": "b",
            "outcome": "success",
            "status": "200",
            "circuit": "closed",
            "reason": "",
            "seconds": 0.05,
            "delay": 0.2,
        },
    ]


def test_rows_are_requests_and_nothing_else(keeping: Keeping) -> None:
    """Further lines of a batch, and lines that are rejected, have none."""
    samples = keeping.keep(line(0), line(1, s=502), line(2, nth=1), {"t": NOW, "s": "none"}, line(3, s=429))
    assert [row["id"] for row in keeping.rows()] == [3, 2, 1]
    assert sum(of(samples, "gateway_requests_total").values()) == 3
    assert of(samples, catalog.REQUEST_ROWS.name) == {("kept",): 3}


def test_no_raw_key_is_in_its_files(keeping: Keeping) -> None:
    """Neither of the key's field, nor of the path, nor as a request's id."""
    keeping.keep(
        line(key="gw-key-0123456789abcdef"),
        line(1, key="", path="/v1/x?api_key=gw-key-0123456789abcdef"),
        line(2, key="", path="/v2/gw0key0123456789abcdef"),
        line(3, id="sk-proj-0123456789abcdef0123456789"),
    )
    keeping.log.close()
    written = b"".join(path.read_bytes() for path in keeping.folder.iterdir())
    assert b"0123456789abcdef" not in written
    assert keeping.found() == [None, "r2", "r1", "r0"]


def test_costs_are_those_that_are_counted(tmp_path: Path) -> None:
    """By the prices, without those of unbilled routes and cached answers."""
    (tmp_path / "prices.yaml").write_text("[{model: m, per_million_tokens: {input: 3, output: 15}}]", encoding="utf-8")
    more = "pricing: {models: prices.yaml, unbilled: [/free]}"
    keeping = Keeping(tmp_path, FORMAT, more=more)
    of_model = {"model": "m", "in": 1000, "out": 100}
    samples = keeping.keep(
        line(0, of_model),
        line(1, of_model, cost=0.5),
        line(2, of_model, path="/free"),
        line(3, of_model, cached="true"),
        line(4),
    )
    assert [row["cost"] for row in keeping.rows()] == [None, None, None, 0.5, pytest.approx(0.0045)]
    assert keeping.sums().cost == pytest.approx(sum(of(samples, "gateway_cost_total").values()))
    assert keeping.sums().input_tokens == sum(
        value for labels, value in of(samples, "gateway_tokens_total").items() if "input" in labels
    )
    keeping.log.close()


@pytest.mark.parametrize("wrong", [400, -400])
def test_a_clock_that_is_wrong_for_half_an_hour_drops_no_day(monkeypatch: pytest.MonkeyPatch, wrong: int) -> None:
    """Neither at a start nor while it runs; what it agrees on for longer is too old, or still to come."""
    passed, day = 0, 86_400
    monkeypatch.setattr(horizon, "time", SimpleNamespace(monotonic=lambda: passed))
    kept = horizon.Horizon(2 * day)
    found = {}
    for passed in range(0, 4 * 1800, 60):
        jump = wrong * day if 5400 <= passed < 6600 else 0
        found[passed] = kept.days(500 * day + jump)
    assert found[0].first == 0
    assert found[0].last > 1_000_000
    agreed = (498, 501)
    assert {found[passed] for passed in range(1800, 5400, 60)} == {agreed}
    wider = (498, 901) if wrong > 0 else (98, 501)
    assert {found[passed] for passed in range(5400, 7200, 60)} == {wider}
    for passed in range(7200, 7200 + 2 * 1800, 60):
        found[passed] = kept.days(500 * day)
    assert found[passed] == agreed


@pytest.mark.parametrize("wrong", [-400, -2, 0])
def test_a_request_has_the_time_of_its_log_whatever_the_clock_says(keeping: Keeping, wrong: int) -> None:
    """A clock that was behind is set right some day: it must not have changed what it found."""
    keeping.meter.count(keeping.decoded([line(0), line(1)]))
    assert keeping.meter._recorder
    keeping.meter._recorder.move(time.time() + wrong * 86_400)
    keeping.log.write()
    assert [row["time"] for row in keeping.rows()] == [(NOW + 1) * 1000, NOW * 1000]


def test_a_request_of_a_day_to_come_has_the_time_of_reading(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the clock has agreed for long enough: it would be kept until that day, and longer."""
    keeping.keep(line(3 * 86_400))
    keeping.log.close()
    assert [row["time"] for row in keeping.rows()] == [(NOW + 3 * 86_400) * 1000]
    monkeypatch.setattr(horizon, "PATIENCE_SECONDS", 0.0)
    begun = time.time()
    keeping.keep(line(30 * 86_400, id="now"), line(3600, id="elsewhere"))
    keeping.log._tidy(time.time())
    rows = {row["request_id"]: row["time"] / 1000 for row in keeping.rows()}
    assert rows.keys() == {"now", "elsewhere"}
    assert begun - 1 <= rows["now"] <= time.time()
    assert rows["elsewhere"] == NOW + 3600


@pytest.mark.parametrize(
    ("client", "kept", "origin"),
    [
        ("network", "2001:db8:1::/48", "2001:db8:1::/48"),
        ("full", "2001:db8:1:2::3", "2001:db8:1::/48"),
        ("none", None, None),
    ],
)
def test_so_much_of_an_address_is_kept_as_the_config_says(
    tmp_path: Path, client: str, kept: str | None, origin: str | None
) -> None:
    """With none, also not as the origin of a request that has no other."""
    keeping = Keeping(tmp_path, FORMAT, f"client: {client}")
    keeping.keep(line(ip="[2001:db8:1:2::3]:443, 10.0.0.1"))
    keeping.log.close()
    assert [(row["client"], row["origin"]) for row in keeping.rows()] == [(kept, origin)]


def test_a_share_of_successes_and_failures_can_be_kept(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path, FORMAT, "successes: 0, failures: 1")
    samples = keeping.keep(*(line(n, s=200 if n % 4 else 500) for n in range(40)))
    keeping.log.close()
    assert {row["status"] for row in keeping.rows()} == {"500"}
    assert of(samples, catalog.REQUEST_ROWS.name) == {("kept",): 10, ("sampled",): 30}


def test_requests_go_to_the_file_of_their_day_until_it_is_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(horizon, "PATIENCE_SECONDS", 0.0)
    keeping = Keeping(tmp_path, FORMAT, "keep: 2d")
    day = 86_400
    samples = keeping.keep(line(0), line(-day), line(-4 * day), line(-day + 1), line(4 * day), {"s": 200})
    keeping.log.close()
    assert of(samples, catalog.REQUEST_ROWS.name) == {("kept",): 5, ("old",): 1}
    assert len(files_in(keeping.folder)) == 2 + (time.gmtime(NOW).tm_yday != time.gmtime().tm_yday)
    assert keeping.found()[-2:] == [f"r{-day + 1}", f"r{-day}"]
    since_midnight = time.time() - NOW // day * day
    late = RequestLog(settings(keeping.folder, keep=since_midnight - 1), Store(), None)
    assert late.size
    assert keeping.found()[-2:] != [f"r{-day + 1}", f"r{-day}"]
    late.close()


def test_the_loop_has_nothing_of_it_if_requests_are_not_kept(tmp_path: Path, keeping: Keeping) -> None:
    assert "record(" in keeping.meter.loop.source
    (tmp_path / "other").mkdir()
    off = Keeping.__mro__[1](tmp_path / "other", f"inputs: [{{path: a.json, format: {FORMAT}}}]")
    assert "record(" not in off.meter.loop.source
    assert "request_id" not in off.meter.loop.source


@pytest.mark.parametrize("count", [1, 2, 100, 101, 102, 201, 350])
def test_rows_have_their_ids_in_order_however_many_are_inserted_at_once(keeping: Keeping, count: int) -> None:
    """Two batches, each of which SQLite is given the first id of."""
    for _ in range(2):
        keeping.keep(*(line(n) for n in range(count)))
    rows = sorted(keeping.rows(), key=lambda row: row["id"])
    assert [row["id"] for row in rows] == [*range(1, 2 * count + 1)]
    assert [row["request_id"] for row in rows] == [f"r{n}" for n in range(count)] * 2
    assert keeping.log.mark == 2 * count


def test_rows_of_several_days_are_in_their_files(keeping: Keeping) -> None:
    """However their lines are mixed; a time is exact to the millisecond, also at midnight."""
    midnight = NOW // 86_400 * 86_400
    times = [midnight, midnight - 0.001, midnight - 86_400, midnight - 0.0004, midnight + 0.0015, midnight - 1]
    keeping.keep(*(line(n, t=at) for n, at in enumerate(times)))
    found = {row["request_id"]: row["time"] for row in keeping.rows()}
    assert found == {f"r{n}": int(at * 1000 + 0.5) for n, at in enumerate(times)}
    for day in (midnight, midnight - 86_400):
        until = {"since": str(day), "until": str(day + 86_400)}
        expected = [f"r{n}" for n, at in enumerate(times) if day * 1000 <= int(at * 1000 + 0.5) < (day + 86_400) * 1000]
        assert sorted(keeping.found(**until)) == expected


# --- what lasts


def settings(folder: Path, keep: float = 1e7, max_size: int = 1 << 30) -> RequestLogSettings:
    return RequestLogSettings(path=folder, keep=keep, max_size=max_size)


def test_rows_behind_the_mark_are_deleted_at_the_start(keeping: Keeping) -> None:
    """They are not in the state: their lines are read again."""
    keeping.keep(line(0), line(1))
    mark = keeping.log.mark
    keeping.keep(line(2), line(3))
    keeping.log.close()
    again = RequestLog(settings(keeping.folder), Store(), mark)
    assert (again.mark, again.next_id) == (2, 3)
    assert keeping.found() == ["r1", "r0"]


def test_without_a_mark_all_rows_stay(keeping: Keeping) -> None:
    """The state is new: it knows nothing of them, and the logs are read from their ends."""
    keeping.keep(line(0), line(1))
    keeping.log.close()
    again = RequestLog(settings(keeping.folder), Store(), None)
    assert (again.mark, again.next_id) == (2, 3)
    assert keeping.found() == ["r1", "r0"]


def test_a_nearly_full_disk_stops_rows_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    full = RequestLog(settings(tmp_path / "rows"), store, None, reserve=1 << 60)
    assert full.file(20_000) is None
    full.update_gauges(store)
    assert store.series(catalog.REQUEST_LOG_HEALTHY).value == 0
    assert "requests can't be kept" in caplog.text
    assert "are kept for the state" in caplog.text


def test_rows_that_can_not_be_written_are_counted_and_later_ones_kept(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping.keep(line(0))
    with monkeypatch.context() as patch:
        patch.setattr(DayFile, "write", _fail)
        samples = keeping.keep(line(1), line(2))
    assert of(samples, catalog.REQUEST_ROWS.name) == {("kept",): 1, ("dropped",): 2}
    assert sum(of(samples, "gateway_requests_total").values()) == 3
    assert keeping.log.problem == "database or disk is full"
    keeping.keep(line(3))
    assert keeping.found() == ["r3", "r0"]
    assert not keeping.log.problem


def _fail(_: DayFile) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_a_damaged_file_is_set_aside(keeping: Keeping, caplog: pytest.LogCaptureFixture) -> None:
    keeping.keep(line(0))
    keeping.log.close()
    [path] = files_in(keeping.folder).values()
    path.write_bytes(b"no database" * 1000)
    again = RequestLog(settings(keeping.folder), Store(), 1)
    assert again.mark == 1
    assert not files_in(keeping.folder)
    assert "is damaged" in caplog.text


def test_the_oldest_file_goes_when_all_are_too_large(tmp_path: Path) -> None:
    """A day has several files then, so that today's requests stay, too."""
    log = RequestLog(settings(tmp_path, max_size=64 << 20), Store(), None)
    today = int(time.time() // 86_400)
    kinds = ("in", "k", *[None] * (len(KIND_COLUMNS) - 2))
    for n in range(60):
        file = log.file(today)
        assert file
        kind = file.kind(kinds)
        log.add(today, Batch(("time", "kind", "request_id"), [(today * 86_400 + n) * 1000, kind, "x" * 2000] * 1000))
        log.write()
        log._tidy(time.time())
        assert log.size <= 64 << 20
    names = [name.part for name in files_in(tmp_path)]
    assert len(names) > 2
    assert names[0] > 1
    log.close()


# --- deletion


def test_the_requests_of_a_key_or_client_can_be_deleted_while_it_writes(keeping: Keeping) -> None:
    """Also what only they referred to; who comes again afterwards is kept again."""
    keeping.keep(line(0, key="a", ip="192.0.2.1"), line(1, key="b", ip="198.51.100.1"))
    key = keeping.rows()[1]["key"]
    assert delete(keeping.folder, KeyNames(), {"key": key}) == 1
    assert keeping.found() == ["r1"]
    [path] = files_in(keeping.folder).values()
    assert key.encode() not in path.read_bytes()
    keeping.keep(line(2, key="a", ip="192.0.2.1"))
    keeping.keep(line(3, key="a", ip="192.0.2.1"))
    assert [(row["request_id"], row["client"]) for row in keeping.rows(key=key)] == [
        ("r3", "192.0.2.0/24"),
        ("r2", "192.0.2.0/24"),
    ]
    assert delete(keeping.folder, KeyNames(), {"client": "198.51.100.0/24"}) == 1
    assert keeping.found() == ["r3", "r2"]


def test_it_begins_again_when_the_folder_can_be_used(tmp_path: Path) -> None:
    """Rows behind the mark are deleted then, before any is added."""
    before = Keeping(tmp_path, FORMAT)
    before.keep(line(0), line(1), line(2))
    before.log.close()
    held = sqlite3.connect(next(iter(files_in(before.folder).values())), isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    store = Store()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exporter.request_log.schema._PATIENCE_SECONDS", 0)
        again = RequestLog(settings(before.folder), store, 1)
        assert again.problem == "database is locked"
        assert again.file(NOW // 86_400) is None
    held.execute("ROLLBACK")
    held.close()
    assert again.file(NOW // 86_400)
    assert (again.mark, again.next_id) == (1, 2)
    assert before.found() == ["r0"]
    again.close()


def test_old_and_dropped_requests_are_counted_without_those_that_are_none(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(horizon, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(RequestLog, "file", lambda *_: None)
    samples = keeping.keep(line(0), line(1, nth=1), {"t": NOW, "s": "none"}, line(-30 * 86_400))
    assert of(samples, catalog.REQUEST_ROWS.name) == {("dropped",): 1, ("old",): 1}
