"""`run`: the exporter as people use it, beside a log that grows, rotates, goes missing and holds rubbish."""

import gzip
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from tests.admin_api import admin_api
from tests.beside import KEY, PARSED, PUBLIC, Beside, line, requests_of
from tests.command import COMMAND, run
from tests.exporter import Exporter
from tests.process import free_port
from tests.waiting import DEADLINE_SECONDS, eventually


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    return Beside(tmp_path)


@pytest.fixture
def exporter(beside: Beside) -> Iterator[Exporter]:
    beside.write("")
    with beside.exporter() as running:
        yield running


def test_a_line_is_in_the_very_next_scrape(beside: Beside, exporter: Exporter) -> None:
    """A scrape reads what is in the log before it answers."""
    beside.write(line())
    exporter.eventually(requests_of(), 1)
    for count in range(2, 6):
        beside.write(line())
        assert exporter.scrape()[requests_of()] == count


def test_renames_and_truncation_while_it_runs_lose_and_repeat_nothing(beside: Beside, exporter: Exporter) -> None:
    """Ten rotations of both kinds, lines before and after each."""
    written = 0
    for n in range(10):
        beside.write(line() * 3)
        written += 3
        exporter.eventually(PARSED, written)
        if n % 2:
            beside.log.rename(beside.log.with_suffix(f".{n}"))
        else:
            os.truncate(beside.log, 0)
            exporter.eventually('gateway_exporter_rotations_total{input="access.json",kind="truncate"}', n // 2 + 1)
        beside.write(line())
        written += 1
        exporter.eventually(PARSED, written)
    assert exporter.scrape()['gateway_exporter_rotations_total{input="access.json",kind="rename"}'] == 5


def test_a_changed_key_registry_is_taken_while_it_runs_and_a_bad_one_refused(beside: Beside) -> None:
    """No restart, no line lost; the mistake is told with file, line and field."""
    beside.configure(keys="keys.yaml")
    registry = beside.folder / "keys.yaml"
    registry.write_text("[]\n", encoding="utf-8")
    beside.write("")
    with beside.exporter() as exporter:
        read_at = "gateway_exporter_key_registry_timestamp_seconds"
        eventually(lambda: exporter.scrape().get(read_at, 0) > 0)
        beside.write(line())
        exporter.eventually(PARSED, 1)
        registry.write_text(f"- {{id: acme, hash: {PUBLIC}, name: Acme}}\n", encoding="utf-8")
        exporter.eventually('gateway_key_enabled{key="acme"}', 1)
        beside.write(line())
        exporter.eventually(PARSED, 2)
        registry.write_text("- {id: acme}\n- {nmae: x}\n", encoding="utf-8")
        eventually(lambda: "key registry refresh failed" in exporter.said)
        found = exporter.scrape()
    counted = {name: value for name, value in found.items() if name.startswith("gateway_requests_total")}
    assert sorted(counted.values()) == [1, 1]
    assert sum('key="acme"' in name for name in counted) == 1
    assert f"{registry}:2: [1]: unknown field '…'; did you mean 'name'? " in exporter.said


def test_keys_come_from_the_gateways_admin_api_and_outlive_it(beside: Beside) -> None:
    """Asked while it runs; at the next start, when it is gone, the last good copy is taken, with its age."""
    beside.write("")
    with admin_api() as gateway:
        fields = {"key": "k", "name": "n"}
        beside.configure(keys={"url": f"{gateway.url}/keys", "fields": fields, "every": "1s", "copy": "keys.copy"})
        gateway.pages = [[{"k": KEY, "n": "Acme"}]]
        with beside.exporter() as exporter:
            exporter.eventually(f'gateway_key_info{{class="business",key="{PUBLIC}",name="Acme"}}', 1)
            gateway.pages = [[{"k": KEY, "n": "Acme Ltd"}]]
            exporter.eventually(f'gateway_key_info{{class="business",key="{PUBLIC}",name="Acme Ltd"}}', 1)
            read_at = exporter.scrape()["gateway_exporter_key_registry_timestamp_seconds"]
    with beside.exporter() as exporter:
        found = exporter.scrape()
        eventually(lambda: "does not answer (Connection " in exporter.said)
        exporter.stop()
        assert KEY not in exporter.said + (beside.folder / "keys.copy").read_text("utf-8")
    assert found[f'gateway_key_info{{class="business",key="{PUBLIC}",name="Acme Ltd"}}'] == 1
    assert abs(found["gateway_exporter_key_registry_timestamp_seconds"] - read_at) < 5


def test_a_missing_log_is_warned_about_once_waited_for_and_a_metric(beside: Beside) -> None:
    """The exporter starts without its log, and reads it from its beginning when it comes."""
    with beside.exporter() as exporter:
        readable = 'gateway_exporter_input_readable{input="access.json"}'
        exporter.eventually(readable, 0)
        beside.write(line())
        exporter.eventually(PARSED, 1)
        assert exporter.scrape()[readable] == 1
        exporter.stop()
        assert exporter.said.count("No such file or directory; waiting for it") == 1


def test_rubbish_is_counted_with_its_reason_and_stops_nothing(beside: Beside, exporter: Exporter) -> None:
    """Every line is parsed, ignored or rejected, exactly once."""
    with beside.log.open("ab") as out:
        out.write(b"no json\n" + b'{"status":200,\n' + b"\n" + b'{"status":{}}\n' + b'{"a":1}\n')
        out.write(b'{"status":200,"ua":"\xff\xfe","request_time":}\n' + line().encode())
    exporter.eventually(PARSED, 2)
    found = exporter.scrape()
    assert "no_status" in exporter.said
    reasons = {
        reason: found.get(f'gateway_exporter_rejected_lines_total{{input="access.json",reason="{reason}"}}')
        for reason in ("not_json", "cut", "wrong_type", "no_status")
    }
    assert reasons == {"not_json": 1, "cut": 1, "wrong_type": 1, "no_status": 1}
    assert found['gateway_exporter_lines_total{input="access.json",result="rejected"}'] == 4
    assert found['gateway_exporter_lines_total{input="access.json",result="ignored"}'] == 1


def test_a_raw_key_is_nowhere_to_be_seen(beside: Beside, exporter: Exporter) -> None:
    """Not in metrics, the status page, what it logs, nor with a key in odd places and in lines that are rejected."""
    beside.write(line() + line(404, uri=f"/v1/x/{KEY}/y?apikey={KEY}", api_key=KEY, referer=f"https://a.b/{KEY}"))
    beside.write(line(api_key=f"Bearer {KEY}") + f'{{"api_key":"{KEY}"\n' + f"{KEY}\n")
    beside.write(line(200, KEY, rpc_method=None, method="GET", uri=f"/{KEY}/{KEY}"))
    exporter.eventually(PARSED, 4)
    pages = exporter.get().text + exporter.get("/").text
    exporter.stop()
    assert PUBLIC in pages
    for part in (KEY, KEY[8:]):
        assert part not in pages
        assert part not in exporter.said


def test_both_formats_plain_and_packed_hold_the_same(beside: Beside, exporter: Exporter) -> None:
    """Text 0.0.4 and OpenMetrics by Accept, gzip by Accept-Encoding; each read back by Prometheus' own parsers."""
    beside.write(line() * 2 + line(500))
    exporter.eventually(PARSED, 3)
    openmetrics = exporter.get(Accept="application/openmetrics-text; version=1.0.0", **{"Accept-Encoding": "identity"})
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert openmetrics.text.endswith("# EOF\n")
    prefers_text = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.6"
    plain = exporter.get(Accept=prefers_text, **{"Accept-Encoding": "gzip;q=0"})
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "content-encoding" not in plain.headers
    families = parse_openmetrics(openmetrics.text)  # type: ignore[no-untyped-call]
    found = {sample.name for family in families for sample in family.samples}
    assert {"gateway_requests_total", "gateway_request_duration_seconds_bucket", "process_open_fds"} <= found
    with requests.get(
        exporter.url + "/metrics", headers={"Accept-Encoding": "gzip"}, stream=True, timeout=60
    ) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = gzip.decompress(packed.raw.read()).decode()
    assert 'gateway_errors_total{key="' in text


def test_promtool_finds_nothing_to_complain_about(beside: Beside, exporter: Exporter) -> None:
    """Prometheus' own linter reads the exposition."""
    beside.write(line() * 2 + line(500) + line(model="gpt-4o", provider="openai"))
    exporter.eventually(PARSED, 4)
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=exporter.get().text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_silent_and_slow_clients_delay_no_scrape(beside: Beside, exporter: Exporter) -> None:
    """Fifty connections that say nothing, and one that never reads its answer, change nothing for the next."""
    beside.write(line())
    host, port = exporter.url.removeprefix("http://").split(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(50)]
    silent[0].sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
    silent[1].sendall(b"GET /metr")
    exporter.eventually(PARSED, 1)
    for connection in silent:
        connection.close()


def test_debug_shows_what_the_product_does_and_nothing_of_libraries(beside: Beside) -> None:
    """Two lines for each scrape, and no other: written into the folder that is watched, a line causes no next one."""
    said = beside.folder / "exporter.log"
    port = free_port()
    arguments = ["--config.file", str(beside.config), "--log.level", "debug"]
    with said.open("wb") as out:
        process = subprocess.Popen(
            [COMMAND, "run", *arguments, "--web.listen-address", f"127.0.0.1:{port}"], stderr=out
        )
    try:
        eventually(lambda: "metrics: " in said.read_text("utf-8"), "it starts")
        for _ in range(scrapes := 30):
            beside.write(line())
            assert requests.get(f"http://127.0.0.1:{port}/metrics", timeout=60).ok
        eventually(lambda: said.read_text("utf-8").count("GET /metrics of 127.0.0.1") == scrapes, "all are shown")
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)
    debug = [text.split(" DEBUG ")[1] for text in said.read_text("utf-8").splitlines() if " DEBUG " in text]
    assert {text.split(" ")[0] for text in debug} == {"took", "GET"}
    assert len(debug) == 2 * scrapes


def test_pages_answer_what_they_are_for(exporter: Exporter) -> None:
    """Health, readiness, the status page; what is not there is told with what is."""
    eventually(lambda: exporter.get("/-/ready").status_code == 200)
    assert exporter.get("/-/healthy").text == "Healthy.\n"
    assert "access.json" in exporter.get("/").text
    missing = exporter.get("/metric")
    assert (missing.status_code, "/metrics" in missing.text) == (404, True)
    assert requests.post(exporter.url + "/metrics", timeout=60).status_code == 405


def test_a_pipe_is_read_to_its_end_and_then_the_exporter_ends(beside: Beside) -> None:
    """`gateway | gateway-exporter run`: standard input is an input like others."""
    beside.config.write_text(
        "inputs: [{path: '-', format: nginx-json}]\nmetrics: {scrape_interval: 1ms}\n", encoding="utf-8"
    )
    with Exporter("run", "--config.file", str(beside.config), stdin=subprocess.PIPE) as exporter:
        exporter.process.stdin.write((line() * 3).encode())
        exporter.process.stdin.flush()
        exporter.eventually('gateway_exporter_lines_total{input="stdin",result="parsed"}', 3)
        exporter.process.stdin.close()
        assert exporter.process.wait() == 0


def test_a_pipe_without_a_config_is_served_at_once_and_its_format_learned() -> None:
    """`tail -F log | gateway-exporter run -`: before the first line there are metrics; then every line counts."""
    parsed = 'gateway_exporter_lines_total{input="stdin",result="parsed"}'
    with Exporter("run", "-", stdin=subprocess.PIPE) as exporter:
        exporter.eventually('gateway_exporter_input_readable{input="stdin"}', 1)
        exporter.process.stdin.write((line() * 3).encode())
        exporter.process.stdin.flush()
        exporter.eventually(parsed, 3)
        assert "stdin: format nginx-json, by its first 3 lines" in exporter.said
        exporter.process.stdin.write((line() * 2).encode())
        exporter.process.stdin.flush()
        exporter.eventually(parsed, 5)
        exporter.process.stdin.close()
        assert exporter.process.wait() == 0


def test_a_pipe_whose_format_no_preset_reads_waits_for_more_and_ends_with_an_error() -> None:
    """A few odd lines at the start are no reason to give up; the end of the pipe is."""
    with Exporter("run", "-", stdin=subprocess.PIPE) as exporter:
        exporter.process.stdin.write(b"starting\n")
        exporter.process.stdin.flush()
        eventually(lambda: "no known format has the first 1 lines; waiting for more" in exporter.said)
        exporter.process.stdin.write(b"started\n")
        exporter.process.stdin.close()
        assert exporter.process.wait() == 1
        assert "stdin: no known format has the first 2 lines; write them to a file" in exporter.said


@pytest.mark.parametrize("arguments", [("run", "{}"), ("init", "{}")])
def test_a_named_pipe_is_refused_with_the_word_for_pipes(beside: Beside, arguments: tuple[str, ...]) -> None:
    """Its lines could be read once only, and a writer may never come."""
    fifo = beside.folder / "fifo"
    os.mkfifo(fifo)
    done = run(*(argument.format(fifo) for argument in arguments))
    assert (done.code, "to read from a pipe use `-`" in done.stderr) == (1, True)


def test_a_log_without_a_config_is_recognised_and_read_from_its_start(beside: Beside) -> None:
    """`gateway-exporter run LOG`."""
    beside.write(line() * 5)
    with Exporter("run", str(beside.log)) as exporter:
        exporter.eventually(PARSED, 5)
        assert "format nginx-json: 5 of 5 sampled lines are requests" in exporter.said


def test_a_log_without_times_is_called_so_in_the_log_and_on_the_status_page(beside: Beside) -> None:
    """Limits and dated prices would silently use the time of reading."""
    beside.write('{"status":200,"path":"/a","request_method":"GET","request_time":1}\n' * 5)
    with Exporter("run", str(beside.log)) as exporter:
        exporter.eventually(PARSED, 5)
        assert "no record has a time: name it in the format" in exporter.get("/").text
        assert exporter.said.count("no record has a time") == 1


def test_terminated_it_ends_well_and_with_an_address_in_use_it_says_so(beside: Beside, exporter: Exporter) -> None:
    """Exit code 0 after SIGTERM; one clear line where it can't listen."""
    address = exporter.url.removeprefix("http://")
    beside.configure(state=None)
    second = run("run", "--config.file", str(beside.config), "--web.listen-address", address)
    assert second.code == 1
    assert second.stderr.splitlines()[-1] == f"gateway-exporter: can't listen on {address}: Address already in use"
    assert exporter.stop() == 0
