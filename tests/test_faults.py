"""Whatever a line makes the exporter raise: that line is rejected, its neighbours count once, and it runs on."""

import json
import signal
from pathlib import Path

import pytest

from tests import faulty
from tests.exporter import Exporter, Samples
from tests.waiting import eventually

CONFIG = """
inputs:
- path: access.json
  format:
    json: {time: ts, status: status, rpc_method: method, path: path, key: key, model: model, duration: took,
           origin: origin, input_tokens: tokens}
identity: {secret_file: secret}
keys: keys.yaml
plans: {free: {limits: [{window: 1d, requests: 1000, tokens: 5000}]}}
pricing: {models: prices.yaml}
metrics: {scrape_interval: 1ms, admit_after: 1}
state: {path: state.db}
start_at: beginning
"""
FILES = {
    "config.yaml": CONFIG,
    "secret": "a secret of the tests",
    "keys.yaml": "- {id: good, plan: free}\n- {id: marked, plan: free}\n",
    "prices.yaml": "- {model: good, per_request: 2}\n- {model: marked, from: 2020-01-01, per_request: 7}\n",
    "access.json": "",
}
LINES = 'gateway_exporter_lines_total{{input="access.json",result="{}"}}'
FAILED = 'gateway_exporter_rejected_lines_total{input="access.json",reason="failed"}'


def line(word: str, broken: bool = False) -> str:
    """A line whose every word is this one."""
    marked = word == "marked"
    fields = {"ts": faulty.MARKED_TIME if marked else 1772546709.331, "took": word if marked else "1s", "status": 200}
    fields |= {"path": f"/{word}", "origin": f"https://{word}.test", "tokens": 10}
    written = json.dumps(fields | dict.fromkeys(("method", "key", "model"), word))
    return (written[:-1] if broken else written) + "\n"


def of(found: Samples, name: str, word: str = "good") -> float:
    return sum(value for series, value in found.items() if series.startswith(name + "{") and word in series)


def counted(exporter: Exporter, lines: int) -> Samples:
    """What there is once so many lines are parsed, and their series are not held at zero any more."""
    exporter.eventually(LINES.format("parsed"), lines)
    eventually(lambda: of(exporter.scrape(), "gateway_requests_total") >= lines)
    return exporter.scrape()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def exporter(folder: Path, stage: str) -> Exporter:
    return Exporter("run", "--config.file", str(folder / "config.yaml"), command=faulty.command(stage))


@pytest.mark.parametrize("stage", faulty.STAGES)
def test_a_line_that_raises_is_rejected_alone(folder: Path, stage: str) -> None:
    """In every stage, in the middle of a chunk, over `kill -9`; a second such line is logged no more."""
    log = folder / "access.json"
    bad = line("marked", broken=stage in faulty.BROKEN)
    for round_ in (1, 2):
        with log.open("a", encoding="utf-8") as out:
            out.write(line("good") * 50 + bad + line("good") * 49)
        with exporter(folder, stage) as running:
            found = counted(running, 99 * round_)
            # Lines of a cell that can't be folded are kept for as long as it may still be; a restart ends that.
            late = stage in faulty.FOLDING
            assert found.get(FAILED, 0) == found.get(LINES.format("rejected"), 0) == (round_ - 1 if late else round_)
            assert of(found, "gateway_requests_total") == 99 * round_
            assert of(found, "gateway_tokens_total") == 990 * round_
            assert of(found, "gateway_cost_total") == 198 * round_
            assert of(found, "gateway_origin_requests_total") == 99 * round_
            assert of(found, "gateway_request_duration_seconds_count") == 99 * round_
            assert of(found, "gateway_requests_total", "marked") == 0
            eventually(lambda: running.said.count("internal error, please report it: KeyError") == 1)
            assert faulty.SECRET not in running.said
            page = running.get("/").text
            assert ("failed" in page) == (not late)
            running.stop(signal.SIGKILL)
    with exporter(folder, stage) as running:
        found = counted(running, 198)
        assert (found[LINES.format("rejected")], found[FAILED]) == (2, 2)
        assert of(found, "gateway_requests_total") == 198


def test_the_status_page_shows_numbers_that_can_not_be(folder: Path) -> None:
    """By input and field, with the most that is plausible."""
    (folder / "access.json").write_text(line("good").replace('"tokens": 10', '"tokens": 18446744073709551615') * 2)
    with Exporter("run", "--config.file", str(folder / "config.yaml")) as running:
        running.eventually('gateway_exporter_implausible_values_total{field="input_tokens",input="access.json"}', 2)
        row = "<td>access.json<td><code>input_tokens</code><td class=n>2<td class=n>1,000,000,000"
        assert row in running.get("/").text
