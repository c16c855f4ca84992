"""Logs of containers: the gateway's lines are inside the runtime's."""

import json

import msgspec
import pytest

from exporter.formats.detect import detect
from exporter.formats.spec import FormatSpec, build
from tests.unit.reading import Reading

GOOD = '{"status":200,"request":"GET /a HTTP/1.1","request_time":0.5,"remote_addr":"192.0.2.1"}'


def cri(text: str, tag: str = "F", stream: str = "stdout") -> bytes:
    return f"2026-03-03T14:05:09.331204871Z {stream} {tag} {text}\n".encode()


def docker(text: str, end: str = "\n", stream: str = "stdout") -> bytes:
    line = {"log": text + end, "stream": stream, "time": "2026-03-03T14:05:09.331204871Z"}
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


def spec(kind: str) -> FormatSpec:
    return FormatSpec(preset="nginx-json", container=kind)


@pytest.mark.parametrize(
    ("kind", "log"),
    [
        ("cri", cri(GOOD) + cri(GOOD[:20], "P") + cri("noise", stream="stderr") + cri(GOOD[20:]) + b"oops\n"),
        (
            "docker",
            docker(GOOD) + docker(GOOD[:20], "") + docker("noise", stream="stderr") + docker(GOOD[20:]) + b"oops\n",
        ),
    ],
)
def test_pieces_of_a_line_are_one_line(kind: str, log: bytes) -> None:
    """Each stream's pieces make its lines; what is inside is judged as ever, and what has no wrapping is rejected."""
    found = Reading(spec(kind), log)
    assert [(record.status, record.method) for record in found.records] == [("200", "GET /a")] * 2
    assert found.rejected == [("not_json", b"noise"), ("no_match", b"oops")]
    assert found.joined == 0  # a line in pieces is one line, not one and a line more for each piece


def test_a_restart_inside_a_line_holds_no_byte_of_it() -> None:
    """A key may stand in a piece: only that a line is open is remembered, and its rest is rejected."""
    before, after = build(spec("cri")).decoder, build(spec("cri")).decoder
    before.decode(cri('{"api_key":"sk-raw', "P"))
    stored = msgspec.msgpack.encode(before.snapshot())
    assert b"sk-raw" not in stored
    after.restore(msgspec.msgpack.decode(stored))
    rest = cri('-1","status":200}')
    assert after.decode(rest + cri(GOOD)).rejected == [("no_start", rest[:-1])]
    assert after.snapshot() is None


def test_a_line_of_a_million_pieces_is_given_up() -> None:
    """Past 1 MiB a line is rejected, not kept."""
    found = Reading(spec("cri"), cri("x" * 65_536, "P") * 20 + cri("end") + cri(GOOD))
    assert [reason for reason, _ in found.rejected] == ["no_start"]
    assert (found.joined, len(found.records)) == (0, 1)


@pytest.mark.parametrize(("kind", "wrap"), [("cri", cri), ("docker", docker)])
def test_wrapped_logs_are_recognised(kind: str, wrap: object) -> None:
    """The gateway is told by what is inside, and its wrapping with it."""
    assert callable(wrap)
    best = detect(wrap(GOOD) * 3 + wrap("starting"))[0]
    assert (best.preset, best.container, best.spec) == ("nginx-json", kind, spec(kind))
    assert detect(GOOD.encode() + b"\n")[0].container == ""
