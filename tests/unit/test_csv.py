"""CSV and logfmt: values that are found by their names."""

import msgspec
import pytest

from exporter.formats.csv_lines import CsvLines
from exporter.formats.spec import FormatSpec, build
from tests.unit.reading import Reading

SPEC = FormatSpec(csv={"time": "Time", "status": "Status Code", "key": "Key", "model": "Model"})
HEADER = b"\xef\xbb\xbfTime (Asia/Shanghai),Key,Status Code,Cost (USD)\n"


def test_columns_are_found_by_name() -> None:
    """Order, a byte order mark and a missing column do not matter; dates are in the zone that the header names."""
    found = Reading(SPEC, HEADER + b'2026-03-03 22:05:09,"k, ""1""",200,0.5\r\n')
    (record,) = found.records
    assert (record.time, record.key, record.status, record.model) == (1772546709.0, 'k, "1"', "200", "")
    assert (found.blank, found.rejected) == (1, [])


def test_a_header_may_come_again() -> None:
    """Where a second export follows, its header counts as none, and its columns may be others."""
    log = (
        HEADER
        + b"2026-03-03 22:05:09,a,200,0\n"
        + b"Time,Status Code,Key,More,Cost (USD)\n2026-03-03T14:05:09Z,404,b,,0\n"
    )
    found = Reading(SPEC, log)
    assert [(record.time, record.key, record.status) for record in found.records] == [
        (1772546709.0, "a", "200"),
        (1772546709.0, "b", "404"),
    ]
    assert found.blank == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [(b"2026-03-03 22:05:09,a,200", "no_match"), (b'2026-03-03 22:05:09,"a,200,0', "no_match")],
)
def test_broken_records_are_rejected_alone(line: bytes, reason: str) -> None:
    """A cell too few or an open quote costs one line, not its neighbours."""
    good = b"2026-03-03 22:05:09,a,200,0\n"
    found = Reading(SPEC, HEADER + good + line + b"\n" + good)
    assert found.rejected == [(reason, line)]
    assert [record.status for record in found.records] == ["200", "200"]


def test_a_log_without_its_header_is_rejected_until_it_is_remembered() -> None:
    """The header is all that is remembered, and what a decoder needs to read on."""
    line = b"2026-03-03 22:05:09,a,200,0\n"
    before, after = build(SPEC).decoder, build(SPEC).decoder
    assert after.decode(line).rejected == [("no_header", line[:-1])]
    assert after.snapshot() is None
    before.decode(HEADER)
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot())))
    assert after.decode(line).rows == [["2026-03-03T22:05:09+08:00", "200", "a", ""]]


def test_data_is_no_header() -> None:
    """A line is a header only if it names half of the columns asked for."""
    decoder = CsvLines()
    for path in ("a", "b", "c"):
        decoder.expression(path)
    assert decoder.decode(b"a,x,y\n").rejected == [("no_header", b"a,x,y")]
    assert decoder.decode(b"a,b,y\n1,2,3\n").rows == [["1", "2", ""]]


def test_logfmt() -> None:
    """Names and values in any order, quoted or not; what is no pair to its end is rejected."""
    spec = FormatSpec(logfmt={"status": "status", "key": "k", "path": "path"}, only={"app": "gw"})
    good = rb'app=gw ua="x \"y\" status=500" path="/a b" status=200 k='
    found = Reading(spec, good + b"\napp=other status=200\nstatus=200 oops\n\n")
    assert [(record.ignored, record.status, record.method) for record in found.records] == [
        (False, "200", "/:id"),
        (True, "", ""),
    ]
    assert (found.rejected, found.blank) == ([("no_match", b"status=200 oops")], 1)
