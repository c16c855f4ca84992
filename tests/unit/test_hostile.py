"""Hostile and broken lines: each is counted once, with its reason, and none stops the exporter."""

import json
import random

import pytest

from exporter.config.config import Config
from exporter.config.inputs import InputConfig
from exporter.config.load import Loaded
from exporter.formats.decoders.decoder import BYTE_ORDER_MARK
from exporter.formats.format import build
from exporter.formats.spec import FormatSpec, presets
from exporter.model import catalog
from exporter.service.assembly import Assembly
from tests.golden import counting, log_of
from tests.unit.reading import Reading

GOOD = b'{"status":200,"request":"GET /a HTTP/1.1"}'


def read(preset: str, log: bytes) -> Reading:
    return Reading(FormatSpec(preset=preset), log)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"status":200', "cut"),
        (b'{"status":200,"path":"/a', "cut"),
        (b"hello", "not_json"),
        (b'{"status":200}}', "not_json"),
        (b'{"status":200} {"status":200}', "not_json"),
        (b'{"status":200,"ua":"a"b"}', "not_json"),
        (b"[1]", "wrong_type"),
        (b"1", "wrong_type"),
        (b'{"status":[200]}', "wrong_type"),
        (b'{"status":{"code":200}}', "wrong_type"),
        (b"\x16\x03\x01\x00\xee\x01", "not_json"),
        (b'{"a":' * 10_000, "cut"),
    ],
)
def test_json_lines_with_their_reason(line: bytes, reason: str) -> None:
    """A line that is no object of the format is rejected alone; its neighbours count."""
    found = read("nginx-json", GOOD + b"\n" + line + b"\n" + GOOD + b"\n")
    assert found.rejected == [(reason, line)]
    assert [record.status for record in found.records] == ["200", "200"]


@pytest.mark.parametrize(
    ("line", "method", "status"),
    [
        (b'{"status":200,"path":"/\xff\xfe","method":"GET"}', "GET /:id", "200"),
        (b'{"status":200,"urt":,"path":"/a","method":"GET"}', "GET /a", "200"),
        (b'{"status":200,"urt":-,"path":"/a","method":"GET"}', "GET /a", "200"),
        (b'{"status":200,"urt":0.1, 0.2,"path":"/a","method":"GET"}', "GET /a", "200"),
        (b'{"path":"/a","method":"GET","status":200,"urt":}', "GET /a", "200"),
        (b' {"status":"200","path":"/a","method":"GET"} \r', "GET /a", "200"),
        (b'{"status":200,"path":null,"method":null}', "", "200"),
    ],
)
def test_json_lines_that_gateways_break(line: bytes, method: str, status: str) -> None:
    """What nginx's users are known to write is mended, not lost."""
    found = read("nginx-json", line + b"\n")
    assert found.rejected == []
    assert [(record.method, record.status) for record in found.records] == [(method, status)]


# What a client may send, as gateways are known to write it into JSON.
CLIENTS_TEXTS = [
    *(rb"\ud83d", rb"\ude00\ud83d", rb"\uD83Dx", rb"\x22", rb"\xD0\x94\x5C", rb"\v", rb"\u00zz", b"\\ ", b"\t", b"\1"),
    *(b"\x7f", b"\xed\xa0\x80", b"\xff", rb"\ud83d\ude00", rb"\\ud83d", rb"\\x22"),
]
PLACES = [b'"agent":"%sx"', b'"agent":"a","path":"/a?a=%s"', b'"body":{"a":[{"b":"%s "}]}']


@pytest.mark.parametrize("text", CLIENTS_TEXTS)
@pytest.mark.parametrize("place", PLACES)
def test_no_text_of_a_client_hides_its_request(text: bytes, place: bytes) -> None:
    """Halves of surrogate pairs, as Python and JavaScript write them, escapes of nginx and Apache, raw tabs: such
    lines count, or a client could choose not to be counted.
    """
    found = read("nginx-json", GOOD + b"\n" + GOOD.replace(b"}", b"," + place % text + b"}") + b"\n")
    assert found.rejected == []
    assert [(record.method, record.status) for record in found.records] == [("GET /a", "200")] * 2


def test_escapes_that_json_does_not_have_are_read_as_meant() -> None:
    """A model that nginx wrote without `escape=json`; valid escapes beside it stay."""
    line = rb'{"status":200,"model":"\xD0\x94\x22x\ud83d\ude00\ud83d\v\\x22\u0041"}'
    assert [record.model for record in read("nginx-json", line + b"\n").records] == ['Д"x😀\ufffd\\v\\x22A']


@pytest.mark.parametrize(("start", "end"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_what_is_nested_deep_hides_no_request(start: bytes, end: bytes) -> None:
    """Bodies of clients are in some logs, as objects and as texts: what is read of them is not deep."""
    deep = start * 5000 + b"1" + end * 5000
    log = b'{"status":200,"path":"/v1/x","method":"GET","x":' + deep + b',"request_id":"[","model":"gpt-4o"}\n'
    assert [record.model for record in read("nginx-json", log).records] == ["gpt-4o"]
    inner = json.dumps({"text": (b'{"x":' + deep + b',"status":200}').decode()}).encode() + b"\n"
    found = Reading(FormatSpec(json={"status": "text | fromjson | status"}), inner)
    assert [record.status for record in found.records] == ["200"]


@pytest.mark.parametrize("blank", [b"", b" ", b"\t", b"\r", b"\0\0\0"])
@pytest.mark.parametrize("preset", presets())
def test_blank_lines(preset: str, blank: bytes) -> None:
    """A blank line, and the hole of NULs that a truncated log can have, is neither record nor reject."""
    found = read(preset, blank + b"\n")
    assert (found.records, found.rejected, found.blank) == ([], [], 1)


@pytest.mark.parametrize(
    ("preset", "line"),
    [
        ("nginx-combined", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ("nginx-combined", b'192.0.2.1 - - [03/Mar/2026:14:05:09 +0000] "GET / HTTP/1.1'),
        ("haproxy", b"Mar  3 14:05:09 edge1 haproxy[2119]: Proxy fe_rpc started."),
        ("haproxy", b"haproxy[2119]: Server be_eth/node1 is DOWN, reason: Layer4 timeout"),
        ("envoy", b"[2026-03-03 14:05:09.331][1][info][main] all dependencies initialized"),
        ("traefik-common", b'time="2026-03-03T14:05:09Z" level=info msg="Configuration loaded"'),
    ],
)
def test_text_lines_that_do_not_match(preset: str, line: bytes) -> None:
    """A text line of another shape is rejected as such."""
    found = read(preset, line + b"\n")
    assert (found.records, found.rejected) == ([], [("no_match", line)])


def test_a_number_of_thousands_of_digits() -> None:
    """A number that Python refuses to read is none; the request counts, and so do its neighbours' numbers."""
    input_ = InputConfig(path="access.log", name="edge", format="nginx-combined")
    assembly = Assembly(Loaded(config=Config(inputs=[input_]), secret=b"a secret for tests"))
    meter = assembly.meter_of(input_, build(input_.spec))
    line = b'192.0.2.1 - - [03/Mar/2026:14:05:09 +0000] "GET /a HTTP/1.1" 200 %b "-" "-"\n'
    decoded = meter.reader.decoder.decode(b"".join(line % size for size in (b"5", b"9" * 5000, b"7")))
    meter.count(decoded)
    meter.fold()
    assert assembly.store.series(catalog.LINES, "edge", "parsed").value == 3
    (labels,) = assembly.store.families["gateway_response_bytes_total"].series
    assert assembly.store.series(catalog.RESPONSE_BYTES, *labels).value == 12
    assert [meter.record(row).response_bytes for row in decoded.rows] == [5, None, 7]


def broken(line: bytes, chance: random.Random) -> bytes:
    """A line as bad disks, bad clients and bad escaping make it; still one line."""
    at, end = sorted(chance.randrange(len(line) + 1) for _ in range(2))
    noise = chance.choice(
        [b'"', b"\\", b"{", b"}", b"[", b"]", b",", b" ", b"|", b"-", b"\xff", b"\0", b"\r", b"#", b"\x16\x03"]
    )
    cut = chance.choice(
        [line[:at], line[at:], line[:at] + line[end:], line[:at] + noise + line[at:], line[:at] + noise + line[end:]]
    )
    return cut.replace(b"\n", b"")


@pytest.mark.parametrize("preset", presets())
def test_every_line_is_counted_exactly_once(preset: str) -> None:
    """However lines are broken: nothing raises, and each line is a record or part of one, rejected or blank.

    Where a line holds many records, each of them is.
    """
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    lines = log_of(preset).splitlines()
    for _ in range(60):
        some = [chance.choice(lines) for _ in range(chance.randrange(1, 12))]
        log = [broken(line, chance) if chance.random() < 0.5 else line for line in some]
        try:
            found = read(preset, b"".join(line + b"\n" for line in log))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {log}") from error
        counted = len(found.records) + len(found.rejected) + found.blank + found.joined
        lone = counting(preset, log)
        assert counted == len(lone), f"seed {seed}: {log}"
        rest = iter([lone[0].removeprefix(BYTE_ORDER_MARK), *lone[1:]])
        assert all(line in rest for _, line in found.rejected), f"seed {seed}: {log}"
