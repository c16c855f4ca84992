"""Logs of containers: the gateway's lines are inside the runtime's."""

import json
import random
from typing import Any

import msgspec
import pytest

from exporter.formats.decoders.container import STREAMS, Contained
from exporter.formats.decoders.decoder import Decoded
from exporter.formats.decoders.json_lines import JsonLines
from exporter.formats.detection.detect import detect
from exporter.formats.format import build
from exporter.formats.spec import FormatSpec
from tests.unit.reading import Reading

BAD = '{"status":404,"request":"GET /a HTTP/1.1","request_time":0.5,"remote_addr":"192.0.2.1"}'
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
    assert found.rejected == [("no_match", b"oops")]
    assert found.blank == 1  # stderr's
    assert found.joined == 0  # a line in pieces is one line, not one and a line more for each piece


@pytest.mark.parametrize(
    ("stream", "statuses"), [("", ["200"]), ("stdout", ["200"]), ("stderr", ["404"]), ("all", ["404", "200", "200"])]
)
@pytest.mark.parametrize(("kind", "wrap"), [("cri", cri), ("docker", docker)])
def test_one_stream_of_a_container_is_read(kind: str, wrap: Any, stream: str, statuses: list[str]) -> None:
    """Standard output unless the format says otherwise; what the other stream says is ignored, not rejected."""
    log = (wrap(BAD, stream="stderr") + wrap(GOOD)) if stream != "all" else wrap(BAD, stream="stderr") + wrap(GOOD) * 2
    found = Reading(FormatSpec(preset="nginx-json", container=kind, stream=stream), log)
    assert [record.status for record in found.records] == statuses
    assert (found.rejected, found.blank) == ([], 0 if stream == "all" else 1)


@pytest.mark.parametrize(("kind", "wrap"), [("cri", cri), ("docker", docker)])
def test_the_stream_that_has_the_requests_is_found(kind: str, wrap: Any) -> None:
    """A gateway that logs requests to standard error is recognised, and the config names that stream."""
    noise = 'I0121 12:53:22.000000 7 controller.go:190] "Configuration changes detected"'
    out = detect(wrap(GOOD) * 3 + wrap(noise, stream="stderr") * 5)[0]
    assert (out.spec, out.share) == (spec(kind), 1.0)
    err = detect(wrap(GOOD, stream="stderr") * 3 + wrap(noise) * 5)[0]
    assert (err.spec, err.share) == (FormatSpec(preset="nginx-json", container=kind, stream="stderr"), 1.0)


def test_an_ordinary_nginx_in_kubernetes() -> None:
    """Its access log is stdout and its error log stderr of one container: two requests, and nothing is rejected."""
    combined = '203.0.113.7 - - [21/Jan/2026:12:53:22 +0000] "GET {} HTTP/1.1" {} 59 "-" "curl/7.54.0"'
    error = '2026/01/21 12:53:22 [error] 24#24: *1 open() "/b" failed (2: No such file or directory), host: "x"'
    notice = 'I0121 12:53:22.000000 7 controller.go:190] "Configuration changes detected, backend reload required"'
    lines = cri(combined.format("/a", 200)), cri(error, stream="stderr"), cri(combined.format("/b", 404))
    log = b"".join(lines) + cri(notice, stream="stderr")
    best = detect(log)[0]
    found = Reading(best.spec, log)
    assert [(record.status, record.method) for record in found.records] == [("200", "GET /a"), ("404", "GET /b")]
    assert (found.blank, found.rejected, best.share) == (2, [], 1.0)


@pytest.mark.parametrize(("kind", "wrap"), [("cri", cri), ("docker", docker)])
def test_many_lines_are_unwrapped_as_each_by_itself(kind: str, wrap: Any) -> None:
    """Chunks of whole lines of a stream are unwrapped at once; whatever else is among them, the lines are the same."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    odd = [
        wrap(GOOD, stream="stderr"),
        wrap(""),
        wrap(" a\tb \N{BOMB}"),
        wrap("stdout F x"),
        wrap("a\r"),
        b"oops\n",
        b"\n",
    ]
    odd += [b"\xef\xbb\xbf" + wrap(GOOD), b"x " + wrap(GOOD), wrap(GOOD)[:-1] + b"\r\n", b"\t" + wrap(GOOD)]
    if kind == "cri":
        odd += [cri(GOOD, "P"), cri("x", "F:a"), cri("x", "F:a b")]
    else:
        odd += [docker("a\nb"), docker("a", "\n\n"), docker("a", "")]
    for stream in STREAMS:
        at_once, one_by_one = (Contained(JsonLines(), kind, stream) for _ in range(2))
        for _ in range(300):
            lines = [
                chance.choice(odd) if chance.random() < 0.1 else wrap(GOOD) for _ in range(chance.randrange(1, 20))
            ]
            found = [Decoded([], []), Decoded([], [])]
            whole = at_once.unwrap(b"".join(lines), found[0])
            each = b"".join(one_by_one._unwrap_each(line, found[1]) for line in lines)
            assert (whole, found[0]) == (each, found[1]), f"seed {seed}: {stream} of {lines}"


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
    """Past 1 MiB, or the limit that the config sets, a line is rejected, not kept."""
    log = cri("x" * 65_536, "P") * 20 + cri("end") + cri(GOOD)
    found = Reading(spec("cri"), log)
    assert [reason for reason, _ in found.rejected] == ["no_start"]
    assert (found.joined, len(found.records)) == (0, 1)
    longer = build(spec("cri"), longest_line=1 << 21).decoder.decode(log)
    assert [reason for reason, _ in longer.rejected] == ["not_json"]


@pytest.mark.parametrize(("kind", "wrap"), [("cri", cri), ("docker", docker)])
def test_wrapped_logs_are_recognised(kind: str, wrap: object) -> None:
    """The lines inside decide the gateway; the wrapping is detected with it."""
    assert callable(wrap)
    best = detect(wrap(GOOD) * 3 + wrap("starting"))[0]
    assert (best.preset, best.container, best.spec) == ("nginx-json", kind, spec(kind))
    assert detect(GOOD.encode() + b"\n")[0].container == ""
