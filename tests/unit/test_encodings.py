"""How text is encoded and what writers put around a line: byte order marks, blanks, UTF-16."""

import codecs
import json

import pytest

from exporter.formats.spec import FormatSpec
from tests.unit.reading import Reading

JSON = b'{"msec":1769000000.5,"status":200,"request_method":"GET","path":"/v1/x"}\n'
COMBINED = b'192.0.2.1 - - [21/Jan/2026:12:53:20 +0000] "GET /v1/x HTTP/1.1" 200 5 "-" "curl"\n'
FORMATS = {
    "json": (FormatSpec(preset="nginx-json"), b"", JSON),
    "text": (FormatSpec(preset="nginx-combined"), b"", COMBINED),
    "logfmt": (FormatSpec(logfmt={"status": "status", "request": "request"}), b"", b'request="GET /v1/x" status=200\n'),
    "csv": (FormatSpec(csv={"status": "status", "request": "request"}), b"request,status\n", b"GET /v1/x,200\n"),
    "cri": (FormatSpec(preset="nginx-json", container="cri"), b"", b"2026-01-21T12:53:22Z stdout F " + JSON),
    "docker": (
        FormatSpec(preset="nginx-json", container="docker"),
        b"",
        json.dumps({"log": JSON.decode(), "stream": "stdout", "time": "2026-01-21T12:53:22Z"}).encode() + b"\n",
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_byte_order_mark_costs_nothing(name: str) -> None:
    """A file may start with one, and so may the second of two files that were put together."""
    spec, header, line = FORMATS[name]
    for log in (codecs.BOM_UTF8 + header + line + line, (header or line) + codecs.BOM_UTF8 + header + line + line):
        found = Reading(spec, log)
        assert found.rejected == []
        requests = log.count(b"\n") - (log.count(header) if header else 0)
        assert [(record.status, record.method) for record in found.records] == [("200", "GET /v1/x")] * requests


@pytest.mark.parametrize("name", ["json", "text", "logfmt"])
def test_blanks_before_a_line_cost_nothing(name: str) -> None:
    """rsyslog's `%msg%` starts with the blank behind the tag."""
    spec, _, line = FORMATS[name]
    found = Reading(spec, b" " + line + line + b"  " + line)
    assert (len(found.records), found.rejected) == (3, [])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["json", "text", "logfmt", "csv"])
def test_utf_16_is_called_so(name: str, encoding: str) -> None:
    """Lines in UTF-16 are rejected as such, whatever the format is."""
    spec, header, line = FORMATS[name]
    found = Reading(spec, (header + line + line).decode().encode(encoding) + b"\n")
    assert found.records == []
    assert {reason for reason, _ in found.rejected} == {"utf16"}


def test_a_hole_of_nuls_is_no_utf_16() -> None:
    """A writer that does not append leaves a hole of NULs after truncation; a cut line behind it is a cut line."""
    found = Reading(FORMATS["json"][0], b"\0" * 500 + JSON[:40] + b"\n" + b"\0" * 500 + JSON)
    assert [reason for reason, _ in found.rejected] == ["cut"]
    assert len(found.records) == 1
