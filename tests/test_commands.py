"""The other commands, run as a user runs them: what they print, what they say when something is wrong, exit codes."""

import ast
import csv
import errno
import gzip
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.commands.notes import notes
from exporter.keys.identity import Identity
from tests.admin_api import admin_api
from tests.command import call, run

GOLDEN = Path(__file__).parent / "golden"
SECRET = "a secret of the tests"
KEY = "sk-live-1234567890abcdef"
PUBLIC = Identity(SECRET.encode()).hash(KEY)
LINES = "".join(
    json.dumps(
        {
            "msec": 1772546709.25 + n,
            "status": status,
            "method": "POST",
            "uri": "/v1/scores/0x12ab?x=1",
            "scheme": "https",
            "api_key": KEY,
            "origin": "https://app.example",
            "request_time": 0.5,
            "bytes_sent": 100,
        }
    )
    + "\n"
    for n, status in enumerate((200, 200, 503))
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "access.log").write_text(LINES, encoding="utf-8")
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    (tmp_path / "config.yaml").write_text(
        "inputs:\n- path: access.log\n  format: nginx-json\nidentity: {secret_file: secret}\nkeys: keys.yaml\n",
        encoding="utf-8",
    )
    (tmp_path / "keys.yaml").write_text(
        f"- {{hash: {PUBLIC}, id: acme, name: Acme, owner: team-a}}\n", encoding="utf-8"
    )
    return tmp_path


def test_hash_gives_the_name_that_the_metrics_show(folder: Path) -> None:
    """Several keys, one a line; a key in a header is the same key."""
    done = run("hash", "--config.file", str(folder / "config.yaml"), stdin=f"{KEY}\n\nother\n")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [PUBLIC, Identity(SECRET.encode()).hash("other")]


def test_hash_needs_a_secret_that_stays(folder: Path) -> None:
    """A name that changes with every start is of no use in a registry."""
    (folder / "config.yaml").write_text("inputs: [{path: a, format: caddy}]\n", encoding="utf-8")
    done = run("hash", "--config.file", str(folder / "config.yaml"), stdin=KEY)
    assert done.code == 2
    assert "identity.secret_file is needed" in done.stderr
    assert KEY not in done.stderr


def test_hash_needs_no_registry_that_it_helps_to_make(folder: Path) -> None:
    """The registry that the config names may not be there yet."""
    config = folder / "config.yaml"
    (folder / "keys.yaml").unlink()
    done = run("hash", "--config.file", str(config), stdin=KEY + "\n")
    assert (done.code, done.stdout) == (0, PUBLIC + "\n")


def test_replay_of_a_log_in_another_format_fails(folder: Path) -> None:
    """An account of nothing is none."""
    (folder / "other.log").write_text("no json\n" * 3, encoding="utf-8")
    done = run("replay", "--config.file", str(folder / "config.yaml"), "--csv", str(folder / "other.log"))
    assert done.code == 1
    assert done.stderr.splitlines()[-1].endswith("other.log: none of the 3 lines has the format of input 'access.log'")


def test_hash_of_nothing_is_a_mistake_and_an_empty_log_is_called_empty(folder: Path) -> None:
    """An unset variable in a script, a log that was just rotated: each has a message of its own."""
    done = run("hash", "--config.file", str(folder / "config.yaml"), stdin=" \n")
    assert (done.code, done.stdout) == (2, "")
    (folder / "empty.log").touch()
    done = run("run", str(folder / "empty.log"))
    assert done.code == 1
    assert "empty.log: the log is empty, so its format can't be detected" in done.stderr


def test_init_prints_a_config_that_works(folder: Path) -> None:
    """It passes `check`, and `replay` with it counts every line."""
    done = call("init", str(folder / "access.log"))
    assert done.code == 0
    config = folder / "made.yaml"
    config.write_text(done.stdout, encoding="utf-8")
    assert call("check", str(config)).stdout == f"{config}: good: 1 input, 0 registered keys\n"
    assert yaml.safe_load(done.stdout)["inputs"] == [{"path": str(folder / "access.log"), "format": "nginx-json"}]
    counted = call("replay", "--config.file", str(config), str(folder / "access.log"))
    assert 'gateway_exporter_lines_total{input="access.log",result="parsed"} 3\n' in counted.stdout


def test_init_names_logs_that_are_called_the_same(folder: Path) -> None:
    """As `run` does: the first by its name, others by their path."""
    (folder / "b").mkdir()
    (folder / "b" / "access.log").write_text(LINES, encoding="utf-8")
    made = run("init", "access.log", "b/access.log", cwd=folder).stdout
    assert [input_.get("name") for input_ in yaml.safe_load(made)["inputs"]] == [None, "b/access.log"]
    (folder / "made.yaml").write_text(made, encoding="utf-8")
    checked = run("check", "made.yaml", cwd=folder)
    assert (checked.code, checked.stdout) == (0, "made.yaml: good: 2 inputs, 0 registered keys\n")
    assert ["3 of 3 sampled lines are requests" in line for line in checked.stderr.splitlines()] == [True, True]


@pytest.mark.parametrize(
    ("section", "note"),
    [
        ("inputs: [{path: none.log, format: caddy}]\n", "input none.log: {folder}/none.log does not exist yet"),
        ("inputs: [{path: 'none/*.log', format: caddy}]\n", "input log: {folder}/none/*.log does not exist yet"),
        ("inputs: [{path: sub, format: caddy}]\n", "input sub: {folder}/sub is a folder"),
        (
            "inputs: [{path: pipe, format: caddy}]\n",
            "input pipe: {folder}/pipe: Not a regular file; to read from a pipe use `-` (standard input)",
        ),
        (
            "inputs: [{path: access.log, format: litellm}]\nmetrics: {labels: {team: {}}}\n",
            "metrics.labels.team: no family has this label; add it, as in "
            "families: {gateway_requests_total: {add: [team]}}",
        ),
        (
            "inputs: [{path: access.log, format: nginx-json}]\n"
            "metrics: {labels: {team: {}}, families: {gateway_cost_total: {add: [team]}}}\n",
            "metrics.labels.team: no input's format has the field 'team', so it is always empty",
        ),
        (
            "inputs: [{path: access.log, format: caddy}]\nstate: {path: sub}\n",
            "state.path: {folder}/sub is a folder; name a file",
        ),
        (
            "inputs: [{path: access.log, format: caddy}]\nstate: {path: access.log/a/state.db}\n",
            "state.path: {folder}/access.log/a/state.db can't be created: {folder}/access.log is not a folder",
        ),
    ],
)
def test_check_notes_what_a_good_config_lacks_on_this_machine(folder: Path, section: str, note: str) -> None:
    """It may be there when the exporter starts, so the exit code is 0."""
    (folder / "sub").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "config.yaml").write_text(f"{section}keys: keys.yaml\n", encoding="utf-8")
    done = run("check", "config.yaml", cwd=folder)
    assert (done.code, done.stdout) == (0, "config.yaml: good: 1 input, 1 registered key\n")
    notes = [line for line in done.stderr.splitlines() if "sampled lines" not in line]
    assert notes == [f"config.yaml: {note.replace('{folder}', str(folder))}"]


@pytest.mark.parametrize(("name", "mode"), [("access.log", os.R_OK), ("state", os.W_OK)])
def test_check_notes_what_the_user_may_not(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, mode: int) -> None:
    """A log that can't be read, a folder that can't be written."""
    (folder / "state").mkdir()
    monkeypatch.setattr("os.access", lambda path, asked: not (Path(path).name == name and asked == mode))
    (note,) = notes({"a": str(folder / "access.log")}, str(folder / "state" / "state.db"))
    assert note.endswith(f"{folder}/{name} can't be {'read' if mode == os.R_OK else 'written'} by this user")


def test_check_notes_a_folder_that_is_closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can say whether a log is in it, so it is not called missing, and no error ends the check."""
    closed = folder / "closed"
    closed.mkdir()

    def deny(real: Callable[..., Any], first: Path) -> Callable[..., Any]:
        def denied(path: Any, *more: Any, **by_name: Any) -> Any:
            if first in (Path(os.fsdecode(path)), *Path(os.fsdecode(path)).parents):
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return real(path, *more, **by_name)

        return denied

    monkeypatch.setattr("os.scandir", deny(os.scandir, closed))
    monkeypatch.setattr("os.stat", deny(os.stat, closed / "a.log"))
    monkeypatch.setattr("os.access", lambda path, _: closed not in Path(path).parents)
    assert notes({"a": str(closed / "a.log"), "b": str(closed / "*.json")}, "") == [
        f"input a: {closed}/a.log can't be read by this user",
        f"input b: {closed} can't be read by this user",
    ]


def test_check_asks_the_admin_api_unless_offline(folder: Path) -> None:
    """With a wrong token or without an answer nothing is known of keys; the exporter starts all the same."""
    with admin_api() as gateway:
        gateway.pages = [[{"id": "acme"}, {"id": "globex"}]]
        keys = f"keys: {{url: '{gateway.url}', fields: {{id: id}}, token_file: token}}\n"
        (folder / "config.yaml").write_text(f"inputs: [{{path: access.log, format: caddy}}]\n{keys}", encoding="utf-8")
        (folder / "token").write_text("t", encoding="utf-8")
        (folder / "token").chmod(0o600)
        good = "config.yaml: good: 1 input, {} registered keys\n"
        assert run("check", "--config.file", "config.yaml", cwd=folder).stdout == good.format(2)
        asked = len(gateway.asked)
        assert run("check", "config.yaml", "--offline", cwd=folder).stdout == good.format(0)
        assert len(gateway.asked) == asked
        gateway.status = 401
        refused = run("check", "config.yaml", cwd=folder)
        problem = f"{gateway.url}: the server answered with status 401; `run` retries until the API answers"
        assert (refused.code, f"config.yaml: keys: {problem}" in refused.stderr) == (0, True)
        (folder / "token").unlink()
        assert "token" in run("check", "config.yaml", cwd=folder).stderr


def test_check_asks_prometheus_for_our_series(folder: Path) -> None:
    """Those of an exporter, then those that our rules record."""
    with admin_api() as server:
        usage = f"usage: {{prometheus: {{url: '{server.url}'}}}}\n"
        (folder / "config.yaml").write_text(f"inputs: [{{path: access.log, format: caddy}}]\n{usage}", encoding="utf-8")

        def notes(*options: str) -> list[str]:
            said = run("check", "config.yaml", *options, cwd=folder).stderr.splitlines()
            return [text.removeprefix("config.yaml: usage.prometheus: ") for text in said if "usage.prometheus" in text]

        there = [{"metric": {}, "value": [1, "1"]}]

        def answer(result: object) -> dict[str, object]:
            return {"status": "success", "data": {"resultType": "vector", "result": result}}

        server.pages = [answer([])]
        assert notes() == [f"{server.url} scrapes no exporter yet (job gateway-exporter)"]
        server.in_turn = [answer(there), answer([])]
        without = "does not record our series; load the rules that `gateway-exporter alerts` writes"
        assert notes() == [f"{server.url} {without}"]
        server.pages = [answer(there)]
        assert notes() == []
        server.status = 503
        assert "503" in notes()[0]
        assert notes("--offline") == []


def test_init_knows_a_containers_log(folder: Path) -> None:
    """What Kubernetes keeps of a gateway's log is read as that gateway's, by `init` and by `run` and `explain`."""
    log = folder / "0.log"
    wrapped = [f"2026-03-03T14:05:09.3Z stdout F {line}\n" for line in LINES.splitlines()]
    log.write_text("".join(wrapped), encoding="utf-8")
    made = yaml.safe_load(call("init", str(log)).stdout)
    assert made["inputs"][0]["format"] == {"preset": "nginx-json", "container": "cri"}
    explained = call("explain", str(log))
    assert explained.stdout.count(": parsed") == len(wrapped)
    assert KEY not in explained.stdout


def test_explain_prints_the_generated_loop(folder: Path) -> None:
    """It has a statement for each field of the format, and reads no line."""
    log = folder / "access.log"
    log.write_text(LINES, encoding="utf-8")
    printed = call("explain", "--loop", str(log)).stdout
    assert printed.startswith("def count(rows):\n  for r in rows:\n")
    assert "response_bytes_sum += response_bytes" in printed
    ast.parse(printed)


def test_explain_shows_what_waits(folder: Path) -> None:
    """A line whose request has another line waits; in the end it counts, with that line or without."""
    log = folder / "oneapi.log"
    lines = (GOLDEN / "one-api" / "access.log").read_text("utf-8").splitlines(keepends=True)
    log.write_text("".join(line for line in lines if "2026/04/07" in line), encoding="utf-8")
    paragraphs = call("explain", str(log)).stdout.split("\n\n")
    assert paragraphs[0] == "line 1: waits for another line of its request"
    assert paragraphs[1].startswith("line 2: parsed\n")
    assert [paragraph.partition("\n")[0] for paragraph in paragraphs[-3:-1]] == ["no other line came: parsed"] * 2


def test_init_says_what_it_knows_when_a_log_is_nothing_it_knows(folder: Path) -> None:
    """… and what else there is."""
    (folder / "poem").write_text("Roses are red\nviolets are blue\n" * 20, encoding="utf-8")
    done = call("init", str(folder / "poem"))
    assert done.code == 1
    assert "unknown log format (known: anthropic-usage, " in done.stderr
    assert done.stderr.count("\n") == 1


def test_explain_shows_the_record_the_public_key_and_the_series(folder: Path) -> None:
    """Every field that was found, with its value; nothing of the raw key."""
    done = run("explain", "--config.file", str(folder / "config.yaml"), str(folder / "access.log"))
    assert done.code == 0
    first = done.stdout.split("\n\n")[0].splitlines()
    assert [line.split() for line in first[:6]] == [
        ["line", "1:", "parsed"],
        ["time", "2026-03-03T14:05:09.250Z"],
        ["key", "acme"],
        ["class", "business"],
        ["calls", "POST", "/v1/scores/:id"],
        ["method", "POST", "/v1/scores/:id"],
    ]
    assert ["origin", "app.example"] in [line.split() for line in first]
    adds = '  +          1  gateway_requests_total{key="acme",class="business",method="POST /v1/scores/:id",'
    assert any(line.startswith(adds) for line in first)
    assert KEY not in done.stdout


def test_explain_says_why_a_line_of_standard_input_is_rejected_and_shows_its_shape_only(folder: Path) -> None:
    """A key may stand in a line that can't be read."""
    bad = f'{{"api_key":"{KEY}","status":200'
    done = run("explain", "--config.file", str(folder / "config.yaml"), "-", stdin=bad + "\n\n")
    assert done.stdout.splitlines()[:2] == [
        "line 1: rejected, cut: a JSON object that does not end: the line was cut",
        '  its shape: {"a_a":"a-a-a","a":0',
    ]
    assert "line 2: ignored: it is blank" in done.stdout


def test_a_missing_time_is_said_and_a_period_of_records_without_one_is_refused(folder: Path) -> None:
    """A period can't be chosen among records without a time: nothing would be counted, and nobody would know why."""
    log, config = folder / "access.log", str(folder / "config.yaml")
    log.write_text('{"status":200,"path":"/a"}\n' * 2, encoding="utf-8")
    whole = run("replay", "--config.file", config, str(log))
    assert (whole.code, "access.log: no record has a time" in whole.stderr) == (0, True)
    refused = run("replay", "--config.file", config, "--since", "2020-01-01", str(log))
    assert (refused.code, refused.stderr.splitlines()[-1]) == (
        1,
        f"gateway-exporter: {log}: 2 records of input 'access.log' have no time, so --since and --until can't choose "
        "among them; name the log's time in the format: `time`",
    )
    with log.open("a", encoding="utf-8") as file:
        file.write('{"msec":1772546709,"status":200,"path":"/a"}\n')
    some = run("replay", "--config.file", config, "--since", "2020-01-01", str(log))
    assert 'result="parsed"} 1\n' in some.stdout
    assert "2 records of input 'access.log' have no time and were left out by --since or --until" in some.stderr


def test_replay_counts_packed_logs_and_only_the_asked_period(folder: Path) -> None:
    """`--since` and `--until` are the log's own time; the first is in, the second out."""
    packed = folder / "access.log.gz"
    packed.write_bytes(gzip.compress(LINES.encode()))
    config = str(folder / "config.yaml")
    whole = run("replay", "--config.file", config, str(packed))
    assert 'gateway_errors_total{key="acme"' in whole.stdout
    part = run(
        "replay", "--config.file", config, "--since", "2026-03-03T14:05:10.25Z", "--until", "1772546711.25", str(packed)
    )
    assert 'gateway_exporter_lines_total{input="access.log",result="parsed"} 1\n' in part.stdout
    assert "gateway_errors_total" not in part.stdout


def test_replay_counts_a_line_that_is_too_long_as_rejected(folder: Path) -> None:
    """As `run` does: every line is accounted for."""
    (folder / "access.log").write_text(LINES + "x" * (2 << 20) + "\n" + LINES, encoding="utf-8")
    done = run("replay", "--config.file", str(folder / "config.yaml"), str(folder / "access.log"))
    lines = [line.rpartition("result=")[2] for line in done.stdout.splitlines() if "_lines_total{" in line]
    assert lines == [
        '"parsed"} 6',
        '"rejected"} 1',
        'gateway_exporter_rejected_lines_total{input="access.log",reason="too_long"} 1',
    ]


def test_replay_joins_a_request_whose_lines_are_in_two_files(tmp_path: Path) -> None:
    """A rotated log and the one after it are one log, as they are while the exporter runs."""
    fields = {"status": "status", "rpc_method": "call", "model": "model"}
    input_ = {"path": "access.log*", "name": "edge", "format": {"json": fields, "join": {"by": "id", "until": "model"}}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"inputs": [input_]}), encoding="utf-8")
    logs = [tmp_path / "access.log.1", tmp_path / "access.log"]
    logs[0].write_text('{"id":"1","status":200,"call":"chat"}\n', encoding="utf-8")
    logs[1].write_text('{"id":"1","status":200,"call":"chat","model":"gpt-4o"}\n', encoding="utf-8")
    done = run("replay", "--config.file", str(tmp_path / "config.yaml"), *map(str, logs))
    requests = [line for line in done.stdout.splitlines() if line.startswith("gateway_requests_total")]
    assert requests == ['gateway_requests_total{class="business",method="chat",status="200"} 1']


def test_replay_exports_each_record_for_an_audit(folder: Path) -> None:
    """CSV: a row a request, with the key's public name and what the registry calls it."""
    done = run("replay", "--config.file", str(folder / "config.yaml"), "--csv", str(folder / "access.log"))
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["time"], row["status"], row["error_type"]) for row in rows] == [
        ("2026-03-03T14:05:09.250Z", "200", ""),
        ("2026-03-03T14:05:10.250Z", "200", ""),
        ("2026-03-03T14:05:11.250Z", "503", "server_error"),
    ]
    first = {name: value for name, value in rows[0].items() if value}
    assert first == {
        "time": "2026-03-03T14:05:09.250Z",
        "key": "acme",
        "key_name": "Acme",
        "key_owner": "team-a",
        "class": "business",
        "method": "POST /v1/scores/:id",
        "protocol": "https",
        "status": "200",
        "origin": "app.example",
        "duration": "0.5",
        "response_bytes": "100",
    }


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["run"],
            2,
            "gateway-exporter: run needs either --config.file FILE (or GATEWAY_EXPORTER_CONFIG_FILE) or LOG…\n",
        ),
        (["run", "--config.file", "none.yaml"], 2, "none.yaml: can't be read: No such file or directory\n"),
        (["run", "none.log"], 1, "gateway-exporter: none.log: can't be read: No such file or directory\n"),
        (["run", "access.log", "--web.listen-address", "x"], 2, "--web.listen-address: 'x' is not a valid address; "),
        (["explain"], 2, "explain needs --config.file FILE to read standard input"),
        (
            ["replay", "--config.file", "config.yaml", "--since", "yesterday", "access.log"],
            2,
            "'yesterday' is not a valid time; use 2026-03-01",
        ),
        (["replay", "--config.file", "config.yaml", "missing.log"], 1, "missing.log: can't be read: No such file"),
        # As of a folder that another user may not enter: nobody can say whether it is there.
        (["init", "a" * 300], 1, f"gateway-exporter: {'a' * 300}: File name too long\n"),
        (["chekc"], 2, "invalid choice: 'chekc'"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line_with_its_exit_code(
    folder: Path, arguments: list[str], code: int, said: str
) -> None:
    """1: it could not be done. 2: the command line or the config is wrong. No traceback ever."""
    done = run(*arguments, cwd=folder)
    assert done.code == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_config_starts_nothing(folder: Path) -> None:
    """Exit code 2, one line with file, line and field."""
    config = folder / "config.yaml"
    config.write_text("inputs:\n- path: access.log\n  format: nginx-jsn\n", encoding="utf-8")
    for command in (["check", str(config)], ["run", "--config.file", str(config)]):
        done = run(*command)
        assert done.code == 2
        assert done.stderr.startswith(f"gateway-exporter: {config}:3: inputs[0].format: unknown preset 'nginx-jsn'; ")
        assert done.stderr.count("\n") == 1
