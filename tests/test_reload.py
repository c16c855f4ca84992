"""Reload: a changed config is taken while the exporter runs, without losing a line; a bad one changes nothing."""

import html
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.beside import IDENTITY, KEY, LINES, PARSED, PUBLIC, Beside, line, requests_of
from tests.exporter import Exporter
from tests.waiting import eventually

GOOD = "gateway_exporter_config_last_reload_successful"
ACCESS = {"path": "access.json", "format": "nginx-json"}
OTHER = {"path": "other.json", "format": "nginx-json"}
RELOADED = "The config was reloaded."


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    made = Beside(tmp_path)
    made.write("")
    return made


@pytest.fixture
def exporter(beside: Beside) -> Iterator[Exporter]:
    with beside.exporter() as running:
        beside.write(line() * 3)
        running.eventually(requests_of(), 3)
        yield running


def reload(exporter: Exporter) -> tuple[int, str]:
    """The answer of POST /-/reload."""
    answer = requests.post(exporter.url + "/-/reload", timeout=60)
    return answer.status_code, answer.text.strip()


def parsed(name: str) -> str:
    return f'{LINES}{{input="{name}",result="parsed"}}'


def test_sighup_reloads(beside: Beside, exporter: Exporter) -> None:
    """As it is the custom."""
    beside.configure(inputs=[{**ACCESS, "labels": {"gateway": "eu-1"}}])
    exporter.process.signal(signal.SIGHUP)
    eventually(lambda: RELOADED in exporter.said)
    beside.write(line())
    exporter.eventually(requests_of(gateway="eu-1"), 1)
    assert exporter.scrape()[requests_of()] == 3


def test_only_a_post_reloads(exporter: Exporter) -> None:
    """A crawler that follows links does not."""
    assert exporter.get("/-/reload").status_code == 405
    assert reload(exporter) == (200, RELOADED)


def test_an_unchanged_config_changes_nothing(beside: Beside, exporter: Exporter) -> None:
    """All goes on: the next line adds to the series that is there."""
    exporter.scrape()
    assert reload(exporter) == (200, RELOADED)
    assert exporter.scrape()[requests_of()] == 3
    beside.write(line())
    assert exporter.scrape()[requests_of()] == 4


def test_a_new_input_is_read(beside: Beside, exporter: Exporter) -> None:
    """From its end on where it was there before, as at a first start; said."""
    beside.write(line() * 5, "other.json")
    beside.configure(inputs=[ACCESS, OTHER])
    assert reload(exporter) == (200, RELOADED)
    beside.write(line() * 2, "other.json")
    exporter.eventually(parsed("other.json"), 2)
    exporter.eventually(requests_of(), 5)
    eventually(lambda: "from its end" in exporter.said)


def test_an_input_that_was_taken_out_is_read_to_its_end_first(beside: Beside, exporter: Exporter) -> None:
    """Then no more; its gauges go, its counters stay."""
    beside.write(line() * 1000)
    beside.configure(inputs=[OTHER])
    assert reload(exporter) == (200, RELOADED)
    beside.write(line() * 2)
    beside.write(line(), "other.json")
    exporter.eventually(parsed("other.json"), 1)
    found = exporter.scrape()
    assert (found[PARSED], found[requests_of()]) == (1003, 1004)
    told = [name for name in found if name.startswith(("gateway_exporter_input_readable", "gateway_exporter_lag"))]
    assert all('input="other.json"' in name for name in told)
    assert len(told) == 3


def test_what_still_waits_in_an_input_that_is_taken_out_counts_as_it_is(beside: Beside, exporter: Exporter) -> None:
    """A line that waited for another one of its request is no loss."""
    pairs = {"json": {"status": "status", "key": "key"}, "join": {"by": "id", "until": "end"}}
    beside.configure(inputs=[ACCESS, {"path": "pairs.json", "name": "pairs", "format": pairs}])
    assert reload(exporter) == (200, RELOADED)
    beside.write('{"id":"a","status":200}\n{"id":"b","status":200,"end":1}\n', "pairs.json")
    exporter.eventually(parsed("pairs"), 1)
    beside.configure(inputs=[ACCESS])
    assert reload(exporter) == (200, RELOADED)
    exporter.eventually(parsed("pairs"), 2)


def test_an_input_that_was_renamed_goes_on_where_it_was(beside: Beside, exporter: Exporter) -> None:
    """After a restart too. What it is called is a label of the exporter's own metrics only."""
    beside.configure(inputs=[{**ACCESS, "name": "front"}])
    assert reload(exporter) == (200, RELOADED)
    beside.write(line() * 2)
    exporter.eventually(parsed("front"), 2)
    exporter.eventually(requests_of(), 5)
    exporter.stop()
    beside.write(line())
    with beside.exporter() as again:
        again.eventually(requests_of(), 6)


def test_other_labels_routes_and_keys_hold_from_the_next_line_on(beside: Beside, exporter: Exporter) -> None:
    """What was counted stays under its old names."""
    get: dict[str, Any] = {"rpc_method": None, "method": "GET", "uri": "/v1/scores/alice", "api_key": KEY}
    beside.write(line(**get))
    exporter.eventually(requests_of(method="GET /v1/scores/alice"), 1)
    registry = beside.folder / "keys.yaml"
    registry.write_text(yaml.safe_dump([{"id": "acme", "hash": PUBLIC, "name": "Acme"}]), encoding="utf-8")
    beside.configure(keys="keys.yaml", routes=["/v1/scores/:identity"])
    assert reload(exporter) == (200, RELOADED)
    beside.write(line() + line(**get))
    exporter.eventually(requests_of("acme"), 1)
    exporter.eventually(requests_of("acme", method="GET /v1/scores/:identity"), 1)
    found = exporter.scrape()
    assert found[requests_of()] == 3
    assert found['gateway_key_info{class="business",key="acme",name="Acme"}'] == 1
    registry.write_text(yaml.safe_dump([{"id": "acme", "hash": PUBLIC, "name": "Acme & Sons"}]), encoding="utf-8")
    assert reload(exporter) == (200, RELOADED)
    names = [name for name in exporter.scrape() if name.startswith("gateway_key_info") and 'key="acme"' in name]
    assert names == ['gateway_key_info{class="business",key="acme",name="Acme & Sons"}']


def test_lowered_budgets_bind_new_values_only(beside: Beside, exporter: Exporter) -> None:
    """Who has a place keeps it, raised ones give more."""
    beside.configure(metrics={"scrape_interval": "1ms", "budgets": {"key": 1}})
    assert reload(exporter) == (200, RELOADED)
    beside.write(line() + line(key="sk-live-another-0000000000"))
    exporter.eventually(requests_of("unknown"), 1)
    assert exporter.scrape()[requests_of()] == 4
    beside.configure(metrics={"scrape_interval": "1ms", "budgets": {"key": 2}})
    assert reload(exporter) == (200, RELOADED)
    beside.write(line(key="sk-live-another-0000000000"))
    exporter.eventually(requests_of(IDENTITY.hash("sk-live-another-0000000000")), 1)


@pytest.mark.parametrize("by_signal", [False, True])
def test_a_bad_config_is_refused_and_the_old_one_runs_on(beside: Beside, exporter: Exporter, by_signal: bool) -> None:
    """With its message, where whoever asked sees it; the gauge is 0 until a good one comes."""
    assert exporter.scrape()[GOOD] == 1
    good = beside.config.read_text(encoding="utf-8")
    beside.configure(inputs=[{**ACCESS, "format": "ngnix-json"}])
    message = "inputs[0].format: unknown preset 'ngnix-json'; did you mean 'nginx-json'?"
    if by_signal:
        exporter.process.signal(signal.SIGHUP)
    else:
        code, said = reload(exporter)
        assert code == 500
        assert message in said
    eventually(
        lambda: "config reload failed, keeping the previous config: " in exporter.said and message in exporter.said
    )
    exporter.eventually(GOOD, 0)
    assert html.escape(message) in exporter.get("/").text
    beside.write(line())
    exporter.eventually(requests_of(), 4)
    beside.config.write_text(good, encoding="utf-8")
    assert reload(exporter) == (200, RELOADED)
    assert exporter.scrape()[GOOD] == 1
    assert "could not be read again" not in exporter.get("/").text


def test_what_needs_a_restart_is_said_until_there_was_one(beside: Beside, exporter: Exporter) -> None:
    """Each time; and it goes on as it was."""
    beside.configure(state={"path": "other.db"}, web={"listen": "127.0.0.1:1"})
    said = f"{RELOADED} A change of state and web.listen takes effect at a restart."
    assert reload(exporter) == (200, said)
    assert reload(exporter) == (200, said)
    assert not (beside.folder / "other.db").exists()
    (beside.folder / "other").write_text("another secret of the tests", encoding="utf-8")
    beside.configure(state={"path": "state.db"}, web=None, identity={"secret_file": "other"})
    assert reload(exporter) == (200, f"{RELOADED} A change of identity takes effect at a restart.")
    beside.write(line())
    exporter.eventually(requests_of(), 4)


CSV = {
    "path": "access.json",
    "format": {"csv": {"time": "at", "status": "status", "key": "key", "rpc_method": "method"}},
}


def test_what_a_log_said_before_is_known_after_a_reload_and_a_restart(beside: Beside) -> None:
    """The header of CSV: without it, no line could be read. After another format, it is read again from the log."""
    row = f"2026-03-03T14:05:09Z,200,{KEY},eth_call\n"
    series = requests_of().replace('protocol="https",', "")
    beside.configure(inputs=[CSV])
    with beside.exporter() as exporter:
        beside.write("at,status,key,method\n" + row)
        exporter.eventually(series, 1)
        assert reload(exporter) == (200, RELOADED)
        beside.write(row)
        exporter.eventually(series, 2)
    with beside.exporter() as exporter:
        beside.write(row)
        exporter.eventually(series, 3)
        beside.configure(inputs=[ACCESS])
        assert reload(exporter) == (200, RELOADED)
        beside.write(line())
        exporter.eventually(requests_of(), 1)
    beside.configure(inputs=[CSV])
    with beside.exporter() as exporter:
        beside.write(row + "at,status,key,method\n" + row)
        exporter.eventually(series, 5)
        assert f'{LINES}{{input="access.json",result="rejected"}}' not in exporter.scrape()


def test_under_a_writer_no_line_is_lost_and_no_counter_falls(beside: Beside, exporter: Exporter) -> None:
    """Fifty reloads, of all kinds, while lines come and the log is rotated."""
    enough = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not enough.wait(0.001):
            beside.write("".join(line(msec=1_772_546_709 + written + n) for n in range(20)))
            written += 20
            if written % 1000 == 0:
                beside.log.rename(beside.folder / f"access.json-{1_700_000_000 + written}")

    writer = threading.Thread(target=write)
    writer.start()
    last = 0.0
    try:
        for n in range(50):
            labels = {"gateway": "eu-1"} if n % 3 == 0 else {}
            more = [OTHER] if n % 2 else []
            families = {"gateway_response_bytes_total": n % 4 == 0, "gateway_origin_requests_total": n % 5 == 0}
            metrics = {"scrape_interval": "1ms", "families": families}
            beside.configure(inputs=[{**ACCESS, "labels": labels}, *more], routes=[f"/r{n}/:id"], metrics=metrics)
            assert reload(exporter) == (200, RELOADED)
            found = exporter.scrape()
            assert found[PARSED] >= last
            last = found[PARSED]
    finally:
        enough.set()
        writer.join()
    exporter.eventually(PARSED, written + 3)
    exporter.eventually(requests_of(gateway="eu-1"), written + 3 - exporter.scrape()[requests_of()])
    assert [name for name in exporter.scrape() if name.startswith("gateway_exporter_loss")] == []


def test_without_a_config_there_is_none_to_reload(beside: Beside) -> None:
    """`run LOG` says so."""
    beside.write(line(key=KEY))
    with Exporter("run", str(beside.log)) as exporter:
        code, said = reload(exporter)
        assert (code, said) == (404, "There is no config to reload: the exporter was started without one.")
