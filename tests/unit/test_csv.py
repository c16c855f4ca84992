"""CSV and logfmt: values that are found by their names."""

import re
from typing import Any

import msgspec
import pytest

from exporter.errors import FieldError
from exporter.formats.decoders.csv_lines import CsvLines
from exporter.formats.format import build
from exporter.formats.spec import FormatSpec
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


W3C = FormatSpec(
    csv={"time": {"path": "date", "plus": "time", "zone": "UTC"}, "status": "sc-status", "path": "cs-uri-stem"},
    delimiter=" ",
)


def test_a_w3c_log_names_its_columns() -> None:
    """They may change inside the file; all other lines with a `#` are comments, and quotes stand as they are."""
    log = (
        b"\xef\xbb\xbf#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n"
        b"#Fields: date time cs-uri-stem sc-status cs(User-Agent)\r\n"
        b'2026-03-03 14:05:09 /a 200 "x"y"\r\n'
        b'2026-03-03 14:05:10 /b 404 "\r\n'
        b"#Date: 2026-03-03 14:05:11\r\n"
        b"#Fields: time date sc-status cs-uri-stem\r\n"
        b"14:05:12 2026-03-03 503 /c\r\n"
        b"14:05:13 2026-03-03 503 /c d\r\n"
    )
    found = Reading(W3C, log)
    assert [(record.time, record.status, record.method) for record in found.records] == [
        (1772546709.0, "200", "/a"),
        (1772546710.0, "404", "/b"),
        (1772546712.0, "503", "/c"),
    ]
    assert (found.blank, found.rejected) == (5, [("no_match", b"14:05:13 2026-03-03 503 /c d\r")])


def test_the_names_of_a_w3c_log_are_remembered() -> None:
    """After a restart the log is read on, its comments are still comments, and another header is still one."""
    before, after = build(W3C).decoder, build(W3C).decoder
    for decoder in (before, after):
        for path in ("date", "time", "sc-status", "cs-uri-stem"):
            decoder.expression(path)
    before.decode(b"#Fields: date time cs-uri-stem sc-status\n")
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot())))
    decoded = after.decode(b"2026-03-03 14:05:09 /a 200\n#Remark: four words here\n")
    assert (decoded.rows, decoded.blank, decoded.rejected) == ([["2026-03-03", "14:05:09", "200", "/a"]], 1, [])


@pytest.mark.parametrize(
    ("delimiter", "log"),
    [
        (";", b"Time;Key;Status Code\n2026-03-03T14:05:09Z;a,b;200\n"),
        ("\t", b"Time\tKey\tStatus Code\n2026-03-03T14:05:09Z\ta,b\t200\n"),
        ("\t", b"#Version: 1.0\n#Fields: Time Key Status-Code\n2026-03-03T14:05:09Z\ta,b\t200\n"),
        ("|", b"# written by a script\n# Time|Key|Status Code\n2026-03-03T14:05:09Z|a,b|200\n"),
        ("|", b"# written by a script\nTime|Key|Status Code\n2026-03-03T14:05:09Z|a,b|200\n"),
    ],
)
def test_any_character_may_part_columns(delimiter: str, log: bytes) -> None:
    """The names may stand in a line with a `#`, and in W3C's header blanks may part them."""
    fields = {"time": "Time", "status": "Status-Code" if b"Status-Code" in log else "Status Code", "key": "Key"}
    found = Reading(FormatSpec(csv=fields, delimiter=delimiter), log)
    assert [(record.time, record.key, record.status) for record in found.records] == [(1772546709.0, "a,b", "200")]
    assert (found.rejected, found.blank) == ([], log.count(b"\n") - 1)


def test_a_record_that_starts_with_a_hash_is_one() -> None:
    """In a log whose header has no `#`, a value may start with it."""
    found = Reading(FormatSpec(csv={"key": "key", "status": "status"}), b"key,status\n#1,200\n")
    assert [(record.key, record.status) for record in found.records] == [("#1", "200")]


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"csv": {"status": "s"}, "delimiter": "ab"}, "must be one character, such as ';' or \"\\t\", not 'ab'"),
        ({"csv": {"status": "s"}, "delimiter": '"'}, "must be one character"),
        ({"json": {"status": "s"}, "delimiter": ";"}, "goes with csv"),
    ],
)
def test_a_delimiter_is_one_character_of_csv(spec: dict[str, Any], problem: str) -> None:
    """Others are refused, with what is allowed."""
    with pytest.raises(FieldError, match=re.escape(problem)):
        FormatSpec(**spec)


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


@pytest.mark.parametrize("names", [b"#Fields: status,a\rb", b"#Fields: status," + b"x" * 140_000])
def test_a_header_that_csv_refuses_is_divided_by_its_delimiter(names: bytes) -> None:
    """A carriage return within a line, or a name of more than 128 KiB, is no fault of the exporter's."""
    found = Reading(FormatSpec(csv={"status": "status"}), names + b"\n200,1\n")
    assert (found.rejected, [record.status for record in found.records]) == ([], ["200"])
