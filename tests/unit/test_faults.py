"""Lines at which the exporter fails, in this process: in each decoder, and with each decoder's memory."""

import io
import logging
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from exporter.commands.explain import explain
from exporter.commands.replay import CsvExport, Replay
from exporter.config.config import Config
from exporter.config.inputs import InputConfig
from exporter.config.load import Loaded
from exporter.counting.meter import Meter
from exporter.formats.decoders.container import CONTAINERS
from exporter.formats.decoders.csv_lines import CsvLines
from exporter.formats.decoders.decoder import Decoded
from exporter.formats.decoders.json_lines import JsonLines
from exporter.formats.decoders.logfmt_lines import LogfmtLines
from exporter.formats.decoders.text_lines import TextLines
from exporter.formats.format import build
from exporter.formats.join import Joined, JoinSpec
from exporter.formats.spec import FormatSpec
from exporter.requests.enrich import Enricher
from exporter.service.assembly import Assembly
from exporter.service.input_journal import InputJournal
from tests import faulty
from tests.cpu import LINEAR, growth
from tests.faulty import Stage, break_at

PLAIN = {"status": "status", "rpc_method": "method"}
REGEX = r"(?P<rpc_method>\w+) (?P<status>\d+)"
JOINED = FormatSpec(csv={"status": "status", "rpc_method": ["method"], "attempts": "tried"})
JOINED.join = JoinSpec(by="id", until="status", collect=["tried"])


class Way(NamedTuple):
    """A kind of format, what a line of a method is in it, and a line that is none."""

    spec: FormatSpec
    decoder: type
    line: str
    broken: str
    header: str = ""


WAYS = {
    "json": Way(FormatSpec(json=PLAIN), JsonLines, '{{"method":"{0}","status":200}}', "{"),
    "regex": Way(FormatSpec(regex=REGEX), TextLines, "{0} 200", "?"),
    "csv": Way(FormatSpec(csv=PLAIN), CsvLines, "{0},200", "a,b,c", "method,status\n"),
    "logfmt": Way(FormatSpec(logfmt=PLAIN), LogfmtLines, "method={0} status=200", '"'),
    "cri": Way(
        FormatSpec(regex=REGEX, container="cri"), TextLines, "2026-03-03T14:05:09Z stdout F {0} 200", "2026 stdout F ?"
    ),
}


def _raises(monkeypatch: pytest.MonkeyPatch, owner: Any, function: str) -> None:
    """Make a function raise for what is marked, until the test targets."""
    monkeypatch.setattr(owner, function, getattr(owner, function))
    break_at(Stage(owner, function))


def meter_of(spec: FormatSpec) -> tuple[Assembly, Meter]:
    input_ = InputConfig(path="access.log", name="edge", format=spec)
    assembly = Assembly(Loaded(config=Config(inputs=[input_]), secret=b"a secret for tests"))
    return assembly, assembly.meter_of(input_, build(input_.spec))


def calls(assembly: Assembly) -> dict[str, float]:
    """Calls by method."""
    series = assembly.store.families["gateway_calls_total"].series
    return {labels[2]: series_.value for labels, series_ in series.items() if series_.value}  # type: ignore[union-attr]


@pytest.mark.parametrize("stage", ["decode", "enrich"])
@pytest.mark.parametrize("way", WAYS)
def test_the_line_that_failed_is_found(monkeypatch: pytest.MonkeyPatch, way: str, stage: str) -> None:
    """Among blank and broken lines, whether its decoding failed or its row did; all others are as without it."""
    spec, decoder, line, broken, header = WAYS[way]
    owner, function = (decoder, "_decode") if stage == "decode" else (Enricher, "record")
    _raises(monkeypatch, owner, function)
    assembly, meter = meter_of(spec)
    log = [line.format("one"), "", broken, line.format("two"), line.format("marked"), "", line.format("one")]
    decoded = meter.reader.decoder.decode((header + "".join(f"{line}\n" for line in log)).encode())
    meter.count(decoded)
    meter.fold()
    inside = line.format("marked").rpartition(" F ")[2]
    assert [line for reason, line in decoded.rejected if reason == "failed"] == [inside.encode()]
    assert [type(fault) for fault in decoded.faults] == [KeyError]
    assert (len(decoded.rejected), decoded.blank) == (2, 2 + bool(header))
    assert calls(assembly) == {"one": 2, "two": 1}


def test_a_header_in_the_middle_of_a_chunk_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines before it are read by the header before it, though all are decoded twice."""
    _raises(monkeypatch, CsvLines, "_row")
    assembly, meter = meter_of(FormatSpec(csv=PLAIN))
    meter.count(meter.reader.decoder.decode(b"method,status\none,200\n"))
    meter.count(meter.reader.decoder.decode(b"two,200\nmethod,x,status\nthree,,200\nmarked,,500\nfour,,200\n"))
    meter.count(meter.reader.decoder.decode(b"five,,200\n"))
    meter.fold()
    assert calls(assembly) == dict.fromkeys(("one", "two", "three", "four", "five"), 1)


def test_a_piece_that_fails_leaves_the_others_of_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's long line is put together round it."""
    good = CONTAINERS["cri"]

    def piece(line: bytes) -> Any:
        if b"marked" in line:
            raise KeyError
        return good(line)

    monkeypatch.setitem(CONTAINERS, "cri", piece)
    assembly, meter = meter_of(FormatSpec(regex=REGEX, container="cri"))
    log = b"2026 stdout P on\n2026 stderr F marked 200\n2026 stdout F e 200\n2026 stdout F two 200\n"
    decoded = meter.reader.decoder.decode(log)
    meter.count(decoded)
    meter.fold()
    assert decoded.rejected == [("failed", b"2026 stderr F marked 200")]
    assert (decoded.joined, calls(assembly)) == (0, {"one": 1, "two": 1})


@pytest.mark.parametrize("stage", ["join", "enrich"])
def test_a_request_of_several_lines_that_fails(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    """Its line is its last one; where that came earlier, what is known of it. Other requests that wait are whole."""
    _raises(monkeypatch, *((Joined, "_words") if stage == "join" else (Enricher, "record")))
    assembly, meter = meter_of(JOINED)
    decoder = meter.reader.decoder
    meter.count(decoder.decode(b"id,method,status,tried\na,one,,p\nb,two,,p\n"))
    decoded = decoder.decode(b"c,marked,200,p\na,one,200,q\n")
    meter.count(decoded)
    assert decoded.rejected == [("failed", b"c,marked,200,p")]
    last = decoder.decode(b"d,marked,,p\n")
    meter.count(last)
    flushed = decoder.flush()
    meter.count(flushed)
    meter.fold()
    assert calls(assembly)["one"] == 1
    assert {labels[0] for labels in assembly.store.families["gateway_upstream_attempts_total"].series} >= {"p", "q"}
    failed = [*last.rejected, *flushed.rejected]
    assert [(reason, b"marked" in line) for reason, line in failed] == [("failed", True)]


def test_a_fold_that_fails_keeps_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has counted is counted once, at the first fold that works; when cells are forgotten, it is rejected."""
    assembly, meter = meter_of(WAYS["json"].spec)
    log = b'{"method":"marked","status":200}\n{"method":"one","status":200}\n'
    lines = assembly.store.families["gateway_exporter_lines_total"]
    with monkeypatch.context() as broken:
        broken.setattr(meter, "_fold_cell", _failing(meter))
        meter.count(meter.reader.decoder.decode(log * 3))
        meter.fold()
        assert (meter.kept, calls(assembly), len(meter.faults)) == (3, {"one": 3}, 1)
        meter.count(meter.reader.decoder.decode(log * 2))
        meter.fold()
        assert (meter.kept, calls(assembly)) == (5, {"one": 5})
    meter.fold()
    assert (meter.kept, calls(assembly)) == (0, {"one": 5, "marked": 5})
    with monkeypatch.context() as broken:
        broken.setattr(meter, "_fold_cell", _failing(meter))
        meter.count(meter.reader.decoder.decode(log))
        meter.forget()
    meter.fold()
    assert calls(assembly) == {"one": 6, "marked": 5}
    assert {labels[1]: series.value for labels, series in lines.series.items()} == {  # type: ignore[union-attr]
        "parsed": 11,
        "ignored": 0,
        "rejected": 1,
    }


def _failing(meter: Meter) -> Any:
    good = meter._fold_cell

    def fold(cell: Any, targets: Any, *more: Any) -> None:
        if any("marked" in labels for labels in _labels(meter, targets)):
            raise KeyError
        good(cell, targets, *more)

    return fold


def _labels(meter: Meter, targets: Any) -> list[tuple[str, ...]]:
    series = meter._store.families["gateway_calls_total"].series
    return [labels for labels, series_ in series.items() if series_ in targets.counts]


def test_a_chunk_in_which_every_line_fails_takes_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the lines take about four times as long, not sixteen times."""
    _raises(monkeypatch, Enricher, "record")
    _, meter = meter_of(WAYS["json"].spec)

    def count(lines: int) -> None:
        decoded = meter.reader.decoder.decode(b'{"method":"marked","status":200}\n' * lines)
        meter.count(decoded)
        assert len(decoded.rejected) == lines

    assert growth(count) < LINEAR


def test_the_journal_shows_a_line_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    """As its shape, with its reason; logged once with its place in the code, and without the error's message."""
    assembly, _ = meter_of(WAYS["json"].spec)
    journal = InputJournal("edge", assembly.store)
    for _ in range(3):
        try:
            raise ValueError(faulty.SECRET)
        except ValueError as error:
            journal.note(Decoded([], [("failed", b'{"key":"sk-1"}')], faults=[error]))
    assert [(sample.reason, sample.length, sample.shape) for sample in journal.samples] == [
        ("failed", 14, '{"a":"a-0"}')
    ] * 3
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "ValueError" in errors[0]
    assert "test_faults.py" in errors[0]
    assert faulty.SECRET not in caplog.text


def test_explain_and_replay_say_where_it_failed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And go on with the next line."""
    _raises(monkeypatch, Enricher, "record")
    log = [WAYS["json"].line.format(word).encode() + b"\n" for word in ("one", "marked", "two")]
    assembly, meter = meter_of(WAYS["json"].spec)
    told = list(explain(iter(log), meter.reader.decoder, meter, assembly.store))
    assert [paragraph.split()[2].strip(",") for paragraph in told] == ["parsed", "rejected", "parsed"]
    assert "failed: the exporter failed at this line" in told[1]
    assert "tests/faulty.py" in told[1]
    path = tmp_path / "access.log"
    path.write_bytes(b"".join(log))
    for export in (None, CsvExport(io.StringIO(), assembly.context.keys, {})):
        assembly, meter = meter_of(WAYS["json"].spec)
        journal = InputJournal("edge", assembly.store)
        Replay().logs([str(path)], meter.reader.decoder, meter, journal, export.rows if export else Meter.count)
        assert [sample.reason for sample in journal.samples] == ["failed"]
        assert calls(assembly) == ({} if export else {"one": 1, "two": 1})
