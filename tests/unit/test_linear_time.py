"""No text that a client can choose takes more CPU time than its length allows: n is compared with 4n, in one run."""

import re
from typing import Any

import pytest

from exporter.formats.decoders.container import CONTAINERS
from exporter.formats.decoders.text_lines import template_regex
from exporter.formats.patterns.compile import line_pattern
from exporter.formats.spec import FormatSpec, presets
from exporter.formats.values import listed, picked, seconds
from exporter.keys.identity import bare_key
from exporter.model.key_shapes import could_be_a_key, short_emails
from exporter.requests.attempts import attempts_of
from exporter.requests.body import read_body
from exporter.requests.routes import Routes, client_network, origin_host
from tests.cpu import LINEAR, growth
from tests.golden import log_of
from tests.unit.reading import Reader

# What lines are made hostile with: the signs and words that patterns look for, again and again.
NOISE = (
    *(b" ", b"a ", b'"', b'\\"', b'" "', b"a, ", b"a : ", b", ", b"0/", b"{", b"}", b"[", b"|", b"| 200 |", b"/1"),
    *(b'"x":', b'"x":  ', b'"":0.1, ', b'"a"', b"0:1 [", b'2 "G / H" 200 - 1 1 1 1 "', b" record log: &{", b"a="),
    *(b" TokenName:", b" ModelName:", b" Quota:1 PromptTokens:", b", tokenName=", b"1h", b"\xff", b"\x1b[m", b"a|"),
)
# What a preset reads a text's parts with stands deep in its lines.
PLACES = (0.0, 0.15, 0.3, 0.5, 0.7, 0.85, 0.99)


@pytest.mark.parametrize("preset", presets())
def test_hostile_lines_of_presets_take_linear_time(preset: str) -> None:
    """Whatever stands in a line instead of what belongs there, over and over."""
    lines = log_of(preset).splitlines()
    good = [min(lines, key=len), max(lines, key=len)]
    reader = Reader(FormatSpec(preset=preset))  # not measured: beside it, hardly anything grows

    for noise in NOISE:

        def read(size: int, noise: bytes = noise) -> None:
            some = noise * (size // len(noise))
            cuts = [(line, int(share * len(line))) for line in good for share in PLACES]
            reader.read(lines[0] + b"\n" + b"".join(line[:at] + some + line[at:] + b"\n" for line, at in cuts))

        assert growth(read, most=16_000) < LINEAR, noise


TEMPLATES = [
    '$remote_addr $http_x_forwarded_for $upstream_addr $upstream_response_time $status "$request"',
    '$remote_addr - $remote_user [$time_local] "$request" $status "$http_user_agent"$rest',
    "$http_x_forwarded_for $remote_user $upstream_status $upstream_addr : $status",
    '$http_x_forwarded_for [$upstream_addr] "$upstream_status" $status',
    '$remote_user "$http_x_forwarded_for" $status',
    "$scheme://$host$request_uri $uri$is_args$args $status",
    "$status|$request_time|$http_x_forwarded_for|$upstream_addr",
    "${request_time}ms $http_a, $http_b - $upstream_addr [$status",
]


@pytest.mark.parametrize("template", TEMPLATES)
def test_hostile_lines_of_templates_take_linear_time(template: str) -> None:
    """Variables that stand beside each other never share text, whatever is in them."""
    assert line_pattern(template_regex(template)).slow == ""
    reader = Reader(FormatSpec(template=template))
    good = re.sub(r"\$(?:\{\w+\}|\w+)", "1", template).encode()

    for noise in NOISE:

        def read(size: int, noise: bytes = noise) -> None:
            some = noise * (size // len(noise))
            places = [at for at in range(len(good)) if good[at : at + 1] == b"1"]
            reader.read(b"".join(good[:at] + some + end + b"\n" for at in places for end in (good[at:], b"")))

        assert growth(read) < LINEAR, noise


@pytest.mark.parametrize("escape", ["", "none"])
@pytest.mark.parametrize(
    "noise",
    [
        b'"x":',
        b'"x": ',
        b'"x": 0.1, ',
        b'"x":-, ',
        b'"a"',
        b'"a" ',
        b'"  ',
        b" ",
        b"- ",
        b'\\"',
        b"\\x22",
        b"\\ud83d",
        b"[",
    ],
)
def test_what_mends_json_takes_linear_time(noise: bytes, escape: str) -> None:
    """Unquoted values, stray quotes, escapes and brackets are looked for once."""
    reader = Reader(FormatSpec(json={"status": "status"}, escape=escape))
    for start, end in ((b'{"a":', b"}"), (b'{"a":"', b'"}'), (b"{", b""), (b'{"x":' + b" " * 50, b"x")):
        assert growth(lambda n, s=start, e=end: reader.read(s + noise * n + e + b"\n")) < LINEAR, (start, end)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("path of ids", lambda n: Routes(bare_key).target("/1" * n)),
        ("path of key places", lambda n: Routes(bare_key).target("/rpc" * n)),
        ("path of two stars", lambda n: Routes(bare_key, ["/a/*/b/*/c"]).target("/a" + "/b" * n)),
        ("path of a chain", lambda n: Routes(bare_key, (), {"x": ["/*a*b*c"]}).target("/" + "ab" * n)),
        ("query", lambda n: Routes(bare_key).target("/?" + "&key" * n)),
        ("host", lambda n: origin_host("https://" + "a" * n + ".example")),
        ("word", lambda n: could_be_a_key("a" * n)),
        ("e-mail", lambda n: short_emails("a" * n + "@" + "b." * n)),
        ("client", lambda n: client_network(" " * n + "x")),
        ("picked", lambda n: picked("a" + " " * n + "b", "last")),
        ("listed", lambda n: listed(["a" + " " * n + "b"])),
        ("attempts", lambda n: attempts_of({"attempts": "a" + " " * n + "b"}, "", "")),
        ("duration", lambda n: seconds("1h" * n + "x")),
        ("cut body", lambda n: read_body('{"a":"' + '\\"' * n)),
        ("cut batch", lambda n: read_body('[{"method":"a"' + '},{"method" ' * n)),
        ("digest", lambda n: bare_key("Digest " + 'username="' * n)),
        ("pieces", lambda n: [CONTAINERS["cri"](b"t stdout P " + b":" * n)]),
    ],
)
def test_what_reads_a_field_takes_linear_time(name: str, read: Any) -> None:
    """Paths, hosts, lists, bodies and keys, as long as a line can be."""
    assert growth(read) < LINEAR, name


def test_pieces_of_a_containers_line_are_put_together_in_linear_time() -> None:
    """However small they are."""
    reader = Reader(FormatSpec(json={"status": "status"}, container="cri"))
    assert growth(lambda n: reader.read(b"t stdout P xxxxxxxx\n" * n), most=16_000) < LINEAR
