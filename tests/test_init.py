"""What `init`, `run LOG` and `check` say of a log: what was found, what was not, and what stays unread."""

import json
import os
from pathlib import Path

import pytest
import yaml

from tests.beside import LINES
from tests.command import call
from tests.exporter import Exporter, Samples
from tests.waiting import eventually

HAPROXY = (
    "203.0.113.171:53332 [25/Feb/2019:16:19:48.143] prod~ bk/s1 0/0/7/1457/1487 200 11394 - - ---- 2/1/0/0/0 0/0 "
    '{api.example.com|sk-live-0123456789|curl/8} "GET /v1/items HTTP/1.1"\n'
)


def said(log: Path, text: str) -> str:
    """What `init` prints of a log below `inputs`, which `check` takes and `replay` counts."""
    log.write_text(text, encoding="utf-8")
    made = call("init", str(log))
    assert made.code == 0, made.stderr
    config = log.with_name("made.yaml")
    config.write_text(made.stdout, encoding="utf-8")
    assert call("check", str(config)).code == 0
    assert call("replay", "--config.file", str(config), str(log)).code == 0
    return made.stdout.partition("# Counters")[0]


def rows(text: str) -> dict[str, tuple[str, str]]:
    """The fields that were found: from where, and an example."""
    lines = [line for line in text.splitlines() if line.startswith("    #   ") and line[61:]]
    return {line[8:24].strip(): (line[24:60].strip(), line[61:]) for line in lines if line[60] == " "}


def test_init_says_where_each_field_is_what_is_missing_and_what_stays_unread(tmp_path: Path) -> None:
    """A newcomer sees at once that latency, keys and captures are not counted; no key is shown."""
    text = said(tmp_path / "a.log", HAPROXY * 3)
    assert "# 3 of 3 sampled lines are requests." in text
    assert rows(text)["method"] == ("request", "GET /v1/items")
    assert rows(text)["duration"] == ("duration", "1.487")
    assert "#   key             requests count for no key" in text
    assert "In the log, but not read: request_1 (a.a.a), request_2 (a-a-0), request_3 (a/0)" in text
    assert "sk-live" not in text


def test_init_names_what_follows_combined(tmp_path: Path) -> None:
    """Names of pairs are shown, their values are not."""
    line = (
        '203.0.113.7 - - [21/Jan/2026:12:53:22 +0000] "GET /v1/a HTTP/1.1" 200 10 "-" "curl/8.0" zz=0.123 key="sk-9"\n'
    )
    text = said(tmp_path / "a.log", line)
    assert "not read: rest (zz=, key=)" in text
    assert "sk-9" not in text


def test_init_guesses_what_an_unread_name_may_be(tmp_path: Path) -> None:
    """A preset reads most of the log; the rest sounds like fields that it lacks."""
    line = {"msec": 1769000000.5, "status": 200, "request_method": "GET", "path": "/v1/x", "remote_addr": "203.0.113.7"}
    text = said(tmp_path / "a.log", json.dumps(line | {"elapsed_ms": 12, "tenant": "acme"}) + "\n")
    assert "format: nginx-json" in text
    assert "not read: elapsed_ms, tenant" in text
    assert "this may be duration: {'path': 'elapsed_ms', 'unit': 'ms'}" in text


UNKNOWN = {
    "json": (
        '{"at":"2026-01-21T12:53:22Z","http":{"verb":"GET","uri":"/v1/x?apikey=sk-9","statusCode":200},"tookMs":12,'
        '"caller":{"apiKey":"sk-9"}}\n'
    ),
    "logfmt": "at=2026-01-21T12:53:22Z level=info verb=GET uri=/v1/x code=200 took=12ms\n",
    "csv": "1;2026-01-21T12:53:22Z;GET;/v1/x;200;12\n",
    "text": "2026-01-21 12:53:22Z INFO 203.0.113.7 GET /v1/x?a=1 -> 200 in 12ms (10 bytes)\n",
    "brackets": '[21/Jan/2026:12:53:22 +0000] 203.0.113.7 "GET /v1/x HTTP/1.1" 200 512 0.012 "curl/8" req=abc\n',
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_init_drafts_a_config_for_a_log_that_no_preset_reads(tmp_path: Path, name: str) -> None:
    """Its names or words, with a guess for each, work at once: time, status, method and duration are right."""
    header = "when;Datetime;Verb;Endpoint;HTTP Status;Latency (ms)\n" if name == "csv" else ""
    text = said(tmp_path / "a.log", header + UNKNOWN[name] * 3)
    assert "No preset reads this log" in text
    assert "3 of " in text
    found = rows(text)
    assert {field: found[field][1] for field in ("time", "status", "method", "duration")} == {
        "time": "2026-01-21T12:53:22Z",
        "status": "200",
        "method": "GET /v1/x",
        "duration": "0.012",
    }
    assert "sk-9" not in text
    refused = call("explain", str(tmp_path / "a.log"))
    assert (refused.code, "prints a draft" in refused.stderr) == (1, True)


def test_scanners_do_not_hide_the_place_of_requests(tmp_path: Path) -> None:
    """What scanners send is no request line: where most values are one, that is the place."""
    line = '192.0.2.1 [21/Jan/2026:12:53:22 +0000] "{}" {} 44 rt=0.002\n'
    scans = ("GARBAGE", r"\x16\x03\x01", "GET /bad header HTTP/1.1")
    log = line.format("GET /v1/x HTTP/1.1", 200) * 4 + "".join(line.format(scan, 400) for scan in scans)
    found = rows(said(tmp_path / "a.log", log))
    assert {field: found[field] for field in ("method", "status", "duration")} == {
        "method": ("request", "GET /v1/x   (in 4 of 7)"),
        "status": ("status", "200"),
        "duration": ("duration", "0.002"),
    }


def test_a_draft_without_a_status_says_so(tmp_path: Path) -> None:
    """Every line counts as a success until somebody names the status."""
    text = said(tmp_path / "a.log", '{"time":"2026-01-21T12:53:22Z","method":"GET","path":"/v1/x","n":1}\n' * 3)
    assert yaml.safe_load(text)["inputs"][0]["format"]["json"]["status"] == {"value": 200}
    assert rows(text)["status"] == ("always 200", "200")


def test_utf_16_is_named(tmp_path: Path) -> None:
    """No format can read it, and the message says why."""
    (tmp_path / "a.log").write_text(UNKNOWN["json"] * 3, encoding="utf-16")
    done = call("init", str(tmp_path / "a.log"))
    assert (done.code, "UTF-16" in done.stderr) == (1, True)


def test_check_looks_into_the_logs_at_hand(tmp_path: Path) -> None:
    """Shares, missing fields, fields that never have a value, and what stays unread."""
    (tmp_path / "a.log").write_text(UNKNOWN["json"] * 2 + "{\n", encoding="utf-8")
    config = tmp_path / "config.yaml"
    format_ = "{json: {status: http.statusCode, http_method: http.verb, path: http.uri, duration: nothing}}"
    config.write_text(f"inputs: [{{path: a.log, format: {format_}}}]\n", encoding="utf-8")
    done = call("check", str(config))
    assert done.code == 0
    assert done.stderr.splitlines() == [
        f"{config}: input a.log: {tmp_path}/a.log: 2 of 3 sampled lines are requests, 1 rejected (cut); not found: "
        "time, duration, origin, request_bytes, response_bytes, provider; configured, but never has a value: duration; "
        "not read: at, tookMs, caller.apiKey"
    ]


@pytest.mark.parametrize("is_csv", [False, True])
def test_check_looks_at_the_newest_lines_too(tmp_path: Path, is_csv: bool) -> None:
    """A gateway that was updated writes other lines now; those at the log's start are long gone."""
    config, log = tmp_path / "config.yaml", tmp_path / "a.log"
    fields = "{status: status, time: time}"
    config.write_text(
        f"inputs: [{{path: {log}, format: {{{'csv' if is_csv else 'json'}: {fields}}}}}]\nstate: {{path: state.db}}\n",
        encoding="utf-8",
    )
    old = "2026-03-03T14:05:09Z,200\n" if is_csv else '{"time":"2026-03-03T14:05:09Z","status":200}\n'
    new = "2026-03-03T14:05:09Z,200,more\n" if is_csv else '{"at":"2026-03-03T14:05:09Z","code":200}\n'
    top = "time,status\n" if is_csv else ""
    for lines, newest in ((old * 40_000, False), (old * 20_000 + new * 20_000, True)):
        log.write_text(top + lines, encoding="utf-8")
        said = call("check", str(config)).stderr
        assert ("of its newest lines: 0 of 500 sampled lines are requests" in said) == newest, said


def test_init_names_methods_that_take_long(tmp_path: Path) -> None:
    """On average, and of ten requests or more; without those to models, which alerts leave out by themselves."""
    log = tmp_path / "a.log"

    def lines(uri: str, seconds: float, times: int, **more: object) -> str:
        fields = {"msec": 1772546709.5, "status": 200, "method": "POST", "uri": uri, "request_time": seconds} | more
        return (json.dumps(fields) + "\n") * times

    text = lines("/v1/reports", 4, 10) + lines("/v1/quick", 0.5, 20) + lines("/v1/seldom", 9, 9)
    log.write_text(text + lines("/v1/chat", 9, 20, model="m-1"), encoding="utf-8")
    made = call("init", str(log)).stdout
    assert made.endswith('alerts: {slow_methods: ["POST /v1/reports"]}\n')
    (tmp_path / "made.yaml").write_text(made, encoding="utf-8")
    assert call("check", str(tmp_path / "made.yaml")).code == 0
    log.write_text(lines("/v1/quick", 0.5, 20), encoding="utf-8")
    assert "slow_methods" not in call("init", str(log)).stdout


def parsed(found: Samples) -> float:
    return sum(value for series, value in found.items() if LINES in series and 'result="parsed"' in series)


NAMES = [
    b"#hash: x.log",
    b"new\nline.log",
    b"tab\t.log",
    b"end .log ",
    b"a[1].log",
    b"star*.log",
    b"n\xff.log",
    b"n\xc2\x85.log",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_log_of_any_name_is_named_so_that_it_is_read(tmp_path: Path, name: bytes) -> None:
    """By `init` in YAML, as a pattern that it alone matches where it must; and by `run LOG`."""
    log = tmp_path / os.fsdecode(name)
    log.write_text(HAPROXY * 3, encoding="utf-8")
    for other in ("a1.log", "stars.log"):
        (tmp_path / other).write_text(HAPROXY, encoding="utf-8")
    made = call("init", str(log), "--state.folder", str(tmp_path / "a, b"))
    config = tmp_path / "made.yaml"
    config.write_text(made.stdout.replace("start_at: end", "start_at: beginning"), encoding="utf-8")
    checked = call("check", str(config))
    assert (checked.code, "does not exist" in checked.stderr) == (0, False), checked.stderr
    assert "3 of 3 sampled lines are requests" in checked.stderr
    for arguments in (("--config.file", str(config)), (str(log),)):
        with Exporter("run", *arguments) as exporter:
            eventually(lambda: parsed(exporter.scrape()) == 3)
            assert exporter.get("/").status_code == 200
            assert all(" INFO " in line or line.startswith("metrics") for line in exporter.said.splitlines()[-2:])
    assert (tmp_path / "a, b" / "state.db").exists()
