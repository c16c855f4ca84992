"""What lasts: counters and positions over every kind of end, and what is served while nothing can be kept."""

import resource
import signal
import time
from pathlib import Path

import pytest

from exporter.model.catalog import CATALOG
from tests.beside import KEY, PARSED, PUBLIC, Beside, line, requests_of
from tests.command import run
from tests.exporter import Exporter, Samples
from tests.waiting import eventually

HEALTHY = "gateway_exporter_checkpoint_healthy"
FAILURES = "gateway_exporter_checkpoint_failures_total"
LAST_RECORD = 'gateway_exporter_last_record_timestamp_seconds{input="access.json"}'
OLDEST_RECORD = 'gateway_exporter_oldest_record_timestamp_seconds{input="access.json"}'
LASTING = tuple(family.name for family in CATALOG.values() if family.type != "gauge" and family.persisted)


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    made = Beside(tmp_path)
    made.write("")
    return made


def lasting(found: Samples) -> Samples:
    """The samples of counters and histograms that go on over restarts."""
    return {name: value for name, value in found.items() if name.startswith(LASTING)}


def limit_files(exporter: Exporter, size: int) -> None:
    """From now on the process can write to no file past a size: as on a full disk."""
    pid = exporter.process.pid
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size if size >= 0 else most, most))


def test_the_last_lines_before_sigterm_are_read_and_committed(beside: Beside) -> None:
    """It ends well, within five seconds; and they are there after a restart, though the log is not."""
    with beside.exporter() as exporter:
        exporter.scrape()
        for _ in range(100):
            beside.write(line() * 100)
        exporter.process.signal(signal.SIGTERM)
        assert exporter.process.wait() == 0
    beside.log.unlink()
    with beside.exporter() as exporter:
        exporter.eventually(PARSED, 10_000)
        exporter.eventually(requests_of(), 10_000)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_goes_on_where_it_was(beside: Beside, number: int) -> None:
    """The first answer has what the last one had, and what was logged meanwhile; a rotation loses nothing."""
    with beside.exporter() as exporter:
        beside.write(line() * 3)
        exporter.eventually(requests_of(), 3)
        before = lasting(exporter.scrape())
        exporter.stop(number)
    beside.write(line() * 2)
    beside.log.rename(beside.folder / "access.json.1")
    beside.write(line() * 4)
    with beside.exporter() as exporter:
        eventually(lambda: exporter.get("/-/ready").status_code == 200)
        after = exporter.scrape()
        assert {name: after[name] for name in (PARSED, requests_of())} == {PARSED: 9, requests_of(): 9}
        assert [name for name, value in before.items() if after[name] < value] == []


def test_an_input_that_is_renamed_while_down_goes_on_where_its_log_was_read_to(beside: Beside) -> None:
    """The config calls it otherwise; it is still the same log. Lines that came meanwhile are counted."""
    with beside.exporter() as exporter:
        beside.write(line() * 3)
        exporter.eventually(requests_of(), 3)
    beside.write(line() * 2)
    beside.configure(inputs=[{"path": "access.json", "name": "edge", "format": "nginx-json"}])
    with beside.exporter() as exporter:
        exporter.eventually(requests_of(), 5)
        exporter.eventually(PARSED.replace("access.json", "edge"), 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("name", ["access.json", "edge"])
def test_a_restart_does_not_forget_that_old_lines_were_just_counted(beside: Beside, number: int, name: str) -> None:
    """Rules must not take them for now's; also where the input is renamed, and a line of now has come since."""
    with beside.exporter() as exporter:
        beside.write(line(msec=1772546709.5))
        exporter.eventually(PARSED, 1)
        beside.write(line(msec=time.time()))
        exporter.eventually(PARSED, 2)
        assert exporter.scrape()[OLDEST_RECORD] == 1772546709.5
        exporter.stop(number)
    beside.configure(inputs=[{"path": "access.json", "name": name, "format": "nginx-json"}])
    with beside.exporter() as exporter:
        exporter.eventually(OLDEST_RECORD.replace("access.json", name), 1772546709.5)


def test_a_new_series_shows_zero_first(beside: Beside) -> None:
    """Counters and histograms alike, wholly; then what was counted by then."""
    with beside.exporter() as exporter:
        exporter.scrape()
        beside.write(line() * 3)
        found = exporter.scrape()
        histogram = [name for name in found if name.startswith("gateway_key_request_duration_seconds")]
        assert len(histogram) == 15
        assert {found[name] for name in (requests_of(), *histogram)} == {0}
        exporter.eventually(requests_of(), 3)


def test_when_series_were_made_is_told_where_it_is_asked_for(beside: Beside) -> None:
    """In OpenMetrics only, and the same after a restart; nowhere unless the config says so."""
    openmetrics = "application/openmetrics-text; version=1.0.0"

    def created(exporter: Exporter) -> list[str]:
        exporter.eventually(requests_of(), 3)
        assert "_created" not in exporter.get().text
        return [line for line in exporter.get(Accept=openmetrics).text.splitlines() if "_requests_created{" in line]

    beside.write(line() * 3)
    beside.configure(start_at="beginning")
    with beside.exporter() as exporter:
        assert created(exporter) == []
    beside.state.unlink()
    begun = time.time()
    beside.configure(metrics={"scrape_interval": "1ms", "created_timestamps": True})
    with beside.exporter() as exporter:
        before = created(exporter)
    assert [line.split("{")[0] for line in before] == ["gateway_requests_created", "gateway_origin_requests_created"]
    assert begun - 1 <= float(before[0].split()[-1]) <= time.time() + 1
    with beside.exporter() as exporter:
        assert created(exporter) == before


def test_while_nothing_can_be_committed_counters_stay_and_gauges_live(beside: Beside) -> None:
    """What is served has been committed. When commits work again, nothing is missing."""
    with beside.exporter() as exporter:
        beside.write(line() * 3)
        exporter.eventually(requests_of(), 3)
        before = exporter.scrape()
        assert (before[HEALTHY], before.get(FAILURES, 0)) == (1, 0)
        limit_files(exporter, 1)
        beside.write(line(msec=1772546999) * 2 + line(key="another"))
        during = exporter.scrape()
        assert during[HEALTHY] == 0
        assert lasting(during) == lasting(before)
        assert during[LAST_RECORD] == 1772546999
        assert exporter.scrape()[FAILURES] > during[FAILURES] > 0
        eventually(lambda: "state.db: commit failed: " in exporter.said)
        limit_files(exporter, -1)
        after = exporter.scrape()
        assert (after[HEALTHY], after[PARSED], after[requests_of()]) == (1, 6, 5)
        eventually(lambda: "state.db: commits succeed again" in exporter.said)


def test_what_was_never_committed_is_counted_again_after_a_kill(beside: Beside) -> None:
    """It was never served either."""
    with beside.exporter() as exporter:
        beside.write(line() * 3)
        exporter.eventually(requests_of(), 3)
        limit_files(exporter, 1)
        beside.write(line() * 2)
        assert exporter.scrape()[requests_of()] == 3
        exporter.stop(signal.SIGKILL)
    with beside.exporter() as exporter:
        exporter.eventually(requests_of(), 5)


def test_no_raw_key_is_in_the_state(beside: Beside) -> None:
    """Wherever in a line it stands; what is kept beside the log is public."""
    with beside.exporter() as exporter:
        beside.write(line() + line(api_key=f"Bearer {KEY}", uri=f"/x/{KEY}?apikey={KEY}", referer=f"https://a.b/{KEY}"))
        beside.write(line(rpc_method=None, method="GET", uri=f"/{KEY}/{KEY}") + f'{{"api_key":"{KEY}"\n')
        exporter.eventually(PARSED, 3)
        kept = b"".join(file.read_bytes() for file in beside.folder.glob("state.db*"))
    assert PUBLIC.encode() in kept
    assert KEY.encode() not in kept
    assert KEY[8:].encode() not in kept


def test_a_second_exporter_on_the_same_state_is_refused(beside: Beside) -> None:
    """With the first one's process id, and exit code 1."""
    with beside.exporter() as exporter:
        done = run("run", "--config.file", str(beside.config), "--web.listen-address", "127.0.0.1:0")
        assert done.code == 1
        assert done.stderr.splitlines()[-1] == (
            f"gateway-exporter: {beside.state} is in use by process {exporter.process.pid};"
            " one state file serves one exporter"
        )


def test_a_damaged_state_is_set_aside_and_the_log_read_from_its_end(beside: Beside) -> None:
    """Nothing can say what of the log was counted: counting it again would be wrong."""
    beside.configure(start_at="beginning")
    with beside.exporter() as exporter:
        beside.write(line() * 3)
        exporter.eventually(PARSED, 3)
        exporter.stop()
    beside.state.write_bytes(b"no database" * 1000)
    with beside.exporter() as exporter:
        beside.write(line() * 2)
        exporter.eventually(PARSED, 2)
        eventually(lambda: "state.db is damaged" in exporter.said)
        exporter.eventually('gateway_exporter_losses_total{input="access.json",reason="state_damaged"}', 1)
    assert len([*beside.folder.glob("state.db.damaged-*")]) == 1


def test_without_a_secret_one_is_made_beside_the_state(beside: Beside) -> None:
    """Readable to its owner alone; names of keys stay as they are over restarts."""
    beside.configure(identity=None)
    keys = set()
    for count in (1, 2):
        with beside.exporter() as exporter:
            beside.write(line())
            exporter.eventually(PARSED, count)
            keys |= {name for name in exporter.scrape() if name.startswith("gateway_key_info")}
    assert len(keys) == 1
    assert PUBLIC not in str(keys)
    made = beside.folder / "key-hash.secret"
    assert (made.stat().st_mode & 0o777, len(made.read_text().strip())) == (0o600, 64)


def test_as_many_logs_can_be_open_as_the_system_allows(beside: Beside) -> None:
    """Each log is an open file, and a thousand, where limits begin, is few."""
    with beside.exporter() as exporter:
        soft, hard = resource.prlimit(exporter.process.pid, resource.RLIMIT_NOFILE)
        assert soft == hard
