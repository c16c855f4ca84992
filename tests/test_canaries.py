"""No file that the exporter writes, and no line that it logs, holds a raw key: canaries are put everywhere."""

import json
from pathlib import Path

import pytest

from exporter.keys.seal import Seal
from exporter.model.fields import FIELDS, LABEL_FIELDS
from tests.beside import PARSED, Beside
from tests.waiting import eventually

CANARY = "sk-canary-0123456789abcdefCANARY"
FORMAT = {
    "json": {"time": "t", "status": "status", "key": "key", "rpc_method": "method", "provider": "provider"},
    "join": {"by": "id", "until": "status"},
}


def found(folder: Path) -> list[str]:
    """The files, without those that the test writes, in which the canary stands."""
    written = {"access.json", "config.yaml", "secret"}
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in written]
    assert files
    return [path.name for path in files if b"canary" in path.read_bytes().lower()]


def test_lines_that_wait_for_another_are_kept_without_their_keys(tmp_path: Path) -> None:
    """Over a kill they are found again, and counted once with the line that they waited for."""
    beside = Beside(tmp_path)
    beside.configure(inputs=[{"path": "access.json", "format": FORMAT}], start_at="beginning")
    first = {"t": 1772546709.331, "id": "a", "key": CANARY, "method": CANARY, "provider": CANARY}
    with beside.exporter() as exporter:
        beside.write(json.dumps(first) + "\n")
        eventually(lambda: "from its beginning" in exporter.said)
        exporter.eventually('gateway_exporter_lag_bytes{input="access.json"}', 0)
        exporter.scrape()  # is a commit
        exporter.process.kill()
        assert found(tmp_path) == []
        assert CANARY not in exporter.said
    with beside.exporter() as exporter:
        beside.write(json.dumps({"t": 1772546709.4, "id": "a", "status": 200}) + "\n")
        exporter.eventually('gateway_requests_total{class="business",status="200"}', 1)
        assert "canary" not in exporter.get().text.lower() + exporter.get("/").text.lower() + exporter.said.lower()
    assert found(tmp_path) == []


def test_no_field_lets_a_key_out(tmp_path: Path) -> None:
    """Whatever field of the log a key is in, alone or in a list: no page, metric, row or file has it."""
    beside = Beside(tmp_path)
    fields = {field: field for field in FIELDS}
    added = {"gateway_requests_total": {"add": LABEL_FIELDS}}
    metrics = {"labels": {field: {} for field in (*LABEL_FIELDS, "shop")}, "families": added}
    log = {"path": "access.json", "format": {"json": fields, "custom_fields": {"shop": "shop"}}}
    beside.configure(inputs=[log], start_at="beginning", metrics=metrics, requests={"path": "requests"})
    good = {"status": 200, "attempts": "a, b", "model": "m"}
    values = (CANARY, f"x, {CANARY}", f"https://{CANARY}@x.com/{CANARY}?{CANARY}", f"Bearer {CANARY}")
    lines = [good | {field: value} for field in (*FIELDS, "shop") for value in values]
    beside.write("".join(json.dumps(line) + "\n" for line in lines))
    with beside.exporter() as exporter:
        rejected = len(values)  # where the key is the status
        exporter.eventually('gateway_exporter_rejected_lines_total{input="access.json",reason="no_status"}', rejected)
        exporter.eventually(PARSED, len(lines) - rejected)
        answers = [exporter.get(path).text for path in ("/metrics", "/", "/requests", "/api/v1/requests?limit=1000")]
        kept = json.loads(answers[-1])["requests"]
        assert len(kept) == len(lines) - rejected - len(values), "a batch_index that is not 0 is a call"
        assert [answer for answer in [*answers, exporter.said] if "canary" in answer.lower()] == []
    assert found(tmp_path) == []


def test_a_seal() -> None:
    """Equal things are equal, others look random; another secret opens nothing, and what is changed is noticed."""
    seal = Seal(b"secret")
    for value in (None, [], [["a", 1, {"key": "k", "raw": b"bytes"}]], ["x" * 100_000]):
        assert seal.open(seal.close(value)) == value
    sealed = seal.close(["k"])
    assert sealed == seal.close(["k"]) != seal.close(["l"])
    assert sealed is not None
    assert seal.open([["of an older version"]]) == [["of an older version"]]
    changed = [(Seal(b"other"), sealed), (seal, sealed[:-1] + b"?"), (seal, b"?" + sealed[1:]), (seal, b"")]
    for another, text in changed:
        with pytest.raises(ValueError, match="sealed with another secret"):
            another.open(text)
