"""Families as a config changes them, with the real command: `replay`, reload, restart."""

import os
from pathlib import Path

import pytest

from tests.beside import PUBLIC, Beside, line, requests_of
from tests.command import run
from tests.exporter import Exporter, Samples
from tests.test_reload import RELOADED, reload

FOLDER = Path(__file__).parent / "families"
CALLS, BYTES = "gateway_calls_total", "gateway_response_bytes_total"
DURATIONS, ERRORS = "gateway_request_duration_seconds", "gateway_errors_total"
OWN = {"type": "counter", "help": "Bytes by status.", "labels": ["status"], "adds": "response_bytes"}


def test_a_config_with_changed_and_custom_families_gives_exactly_these_metrics() -> None:
    """Counted by hand; UPDATE_GOLDEN=1 writes them again."""
    done = run("replay", "--config.file", str(FOLDER / "config.yaml"), str(FOLDER / "access.log"))
    assert done.code == 0, done.stderr
    golden = FOLDER / "metrics.prom"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(done.stdout, encoding="utf-8")
    assert done.stdout == golden.read_text(encoding="utf-8")


def test_explain_shows_what_a_line_adds_to_those() -> None:
    """And nothing of what is off."""
    done = run("explain", "--config.file", str(FOLDER / "config.yaml"), str(FOLDER / "access.log"))
    assert done.code == 0, done.stderr
    first = done.stdout.partition("line 2:")[0]
    assert 'gateway_status_request_bytes_total{status="200",gateway="eu-1"}' in first
    assert "gateway_calls_total" not in first


def test_what_can_t_be_is_refused_at_the_start(tmp_path: Path) -> None:
    """In one line, with exit code 2."""
    config = tmp_path / "config.yaml"
    text = "inputs: [{path: a.log, format: nginx-json}]\nmetrics:\n  families:\n    gateway_key_info: off\n"
    config.write_text(text, encoding="utf-8")
    done = run("check", str(config))
    said = "metrics.families.gateway_key_info: can't be changed: only it has the names of keys"
    assert (done.code, done.stderr) == (2, f"gateway-exporter: {config}:4: {said}\n")


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    made = Beside(tmp_path)
    made.write("")
    return made


def configure(beside: Beside, **metrics: object) -> None:
    beside.configure(metrics={"scrape_interval": "1ms", **metrics})


def calls(**dropped: str) -> str:
    labels = {"key": PUBLIC, "method": "eth_call", "protocol": "https", "result": "success"}
    pairs = ",".join(f'{name}="{value}"' for name, value in labels.items() if name not in dropped.values())
    return f"{CALLS}{{{pairs}}}"


def named(found: Samples, family: str) -> list[str]:
    return [name for name in found if name.partition("{")[0].startswith(family)]


def test_a_reload_restarts_what_it_declares_otherwise_and_loses_nothing_else(beside: Beside) -> None:
    """It says so; what is off goes, with its size; what comes is counted from then on. A restart finds the same."""
    with beside.exporter() as exporter:
        beside.write(line() * 3)
        exporter.eventually(calls(), 3)
        exporter.eventually(f'gateway_exporter_series{{family="{BYTES}"}}', 1)
        configure(
            beside,
            families={BYTES: False, CALLS: {"drop": ["protocol"]}, DURATIONS: {"buckets": [0.01, 1.0]}},
            custom_families={"gateway_status_bytes_total": OWN},
        )
        restarted = f"{CALLS} and {DURATIONS}"
        assert reload(exporter) == (
            200,
            f"{RELOADED} Labels or buckets of {restarted} have changed: counting restarts from zero there.",
        )
        assert f"{CALLS}: its labels or buckets have changed; it restarts from zero" in exporter.said
        beside.write(line() * 2)
        exporter.eventually(calls(drop="protocol"), 2)
        _changed(exporter, requests=5, restarted=2)
        assert reload(exporter) == (200, RELOADED)
    beside.write(line())
    with beside.exporter() as exporter:
        exporter.eventually(calls(drop="protocol"), 3)
        _changed(exporter, requests=6, restarted=3)
        assert "restarts from zero" not in exporter.said


def _changed(exporter: Exporter, requests: int, restarted: int) -> None:
    exporter.eventually('gateway_status_bytes_total{status="200"}', 100 * restarted)
    found = exporter.scrape()
    assert found[requests_of()] == requests
    assert named(found, CALLS) == [calls(drop="protocol")]
    bounds = [f'{DURATIONS}_bucket{{le="{bound}",method="eth_call",protocol="https"}}' for bound in ("0.01", "1.0")]
    assert [found[bound] for bound in bounds] == [0, restarted]
    assert named(found, f"{DURATIONS}_bucket")[:2] == bounds
    assert named(found, BYTES) == []
    assert f'gateway_exporter_series{{family="{BYTES}"}}' not in found
    assert found['gateway_exporter_series{family="gateway_status_bytes_total"}'] == 1


def test_an_input_that_goes_is_counted_to_its_end_by_what_was_declared_before(beside: Beside) -> None:
    """Nothing of it is lost for the families that stay, whatever becomes of the others."""
    with beside.exporter() as exporter:
        beside.write(line() * 3)
        exporter.eventually(calls(), 3)
        beside.write(line() * 1000 + line(status=500, rpc_method="eth_chainId"))
        beside.configure(inputs=[{"path": "other.json", "format": "nginx-json"}])
        configure(beside, families={CALLS: {"drop": ["key"]}, ERRORS: False, DURATIONS: False})
        assert reload(exporter)[0] == 200
        exporter.eventually(requests_of(), 1003)
        exporter.eventually(requests_of(status=500, method="other"), 1)
        found = exporter.scrape()
        assert [named(found, name) for name in (CALLS, ERRORS, DURATIONS)] == [[], [], []]


def test_a_family_that_is_on_again_restarts_from_zero(beside: Beside) -> None:
    """What it held before is not known any more: neither by the process nor by the state."""
    with beside.exporter() as exporter:
        beside.write(line() * 3)
        exporter.eventually(calls(), 3)
        configure(beside, families={CALLS: False})
        assert reload(exporter) == (200, RELOADED)
        beside.write(line())
        exporter.eventually(requests_of(), 4)
        assert named(exporter.scrape(), CALLS) == []
    configure(beside)
    with beside.exporter() as exporter:
        beside.write(line() * 2)
        exporter.eventually(calls(), 2)
        configure(beside, families={CALLS: False})
        assert reload(exporter) == (200, RELOADED)
        configure(beside)
        assert reload(exporter) == (200, RELOADED)
        beside.write(line() * 5)
        exporter.eventually(calls(), 5)
        exporter.eventually(requests_of(), 11)


def test_a_restart_with_other_families_says_what_begins_anew(beside: Beside) -> None:
    """The others go on."""
    with beside.exporter() as exporter:
        beside.write(line() * 3)
        exporter.eventually(calls(), 3)
    configure(beside, families={CALLS: {"drop": ["protocol"]}, ERRORS: False})
    with beside.exporter() as exporter:
        beside.write(line() + line(status=500))
        exporter.eventually(calls(drop="protocol"), 1)
        exporter.eventually(requests_of(), 4)
        assert named(exporter.scrape(), ERRORS) == []
        assert f"{CALLS}: its labels or buckets have changed; it restarts from zero" in exporter.said


def test_the_status_page_tells_of_custom_families(beside: Beside) -> None:
    """With what they are for."""
    configure(beside, custom_families={"gateway_status_bytes_total": OWN})
    with beside.exporter() as exporter:
        beside.write(line())
        exporter.eventually(requests_of(), 1)
        assert "<code>gateway_status_bytes_total</code>" in exporter.get("/").text
        assert "Bytes by status." in exporter.get("/").text
