"""Cuts: a cut value means exactly what the whole value means, whatever a client wrote."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from exporter.formats.format import build
from exporter.formats.row_function import row_function
from exporter.formats.row_reader import RowReader
from exporter.formats.source import Source
from exporter.formats.spec import FormatSpec
from exporter.formats.values import ESCAPES
from exporter.formats.words import MOST_WORDS, Words
from exporter.keys.identity import bare_key
from exporter.memo import LONGEST
from exporter.requests import cuts
from exporter.requests.canonical import canonical_functions
from exporter.requests.routes import Routes

ODD = [
    "",
    " ",
    "\t",
    "\n",
    "é",
    "\x00",
    "²",
    "٣",
    "%",
    "[",
    "]",
    "@",
    "\\",
    "?",
    "#",
    ",",
    ";",
    ":",
    ".",
    "/",
    "//",
    "-",
]
NUMBERS = ["0", "7", "00", "09", "010", "255", "256", "1000", "127"]
ADDRESSES = [
    *("{n}.{n}.{n}.{n}", "{n}.{n}.{n}", "{n}.{n}", "{n}", "::ffff:{n}.{n}.{n}.{n}", "[::FFFF:{n}.{n}.{n}.{n}]:80"),
    *("2001:db8:{n}::{n}", "2001:db8::{n}:{n}", "fe80::{n}%eth{n}", "[2001:db8::{n}]:{n}", "::{n}", "::", "unknown"),
    *("{n}.{n}.{n}.{n}:{n}", "localhost", "app.{n}", "1:2:3:4:5:6:7:{n}", "1:2:3:4:5:6:{n}.{n}.{n}.{n}", "-"),
]
HOSTS = [
    "a.test",
    "A.Test.",
    "10.{n}.2.3",
    "[2001:db8::{n}]",
    "u:p@b.test",
    "münchen.test",
    "",
    "a",
    "a_b.test",
    "a%.test",
]
SCHEMES = ["http://", "https://", "HTTPS://", "http:", "//", "", "android-app://", "ftp://", " https://", "http:/\n/"]
PARTS = [
    *(
        "",
        "v1",
        "v2",
        "v3",
        "ws",
        "wss",
        "rpc",
        "key",
        "queries",
        "api-key",
        "eth",
        "ethereum",
        "mainnet",
        "users",
        "2fa",
    ),
    *(
        "status",
        "products",
        "scores",
        "{n}",
        "0x{n}ab",
        "0xyz{n}",
        "9f2c41d07a{n}",
        "7d1f6a52-0b8e-4b0e-9f3c-51a0c2d4e60{n}",
    ),
    *(
        "{n}.jpg",
        "{n}:generate",
        "page",
        "9f2c41d07a0x",
        "k{n}",
        "2FA",
        "V2",
        "files",
        "free",
        "b",
        "bcd",
        ":key",
        "{n}v2",
    ),
]
QUERIES = [
    "",
    "?",
    "?q={n}",
    "?key=ab{n}",
    "?a=1&api_key=x",
    "?a=/b/{n}",
    "?monkey={n}",
    "?a=1?token=b",
    "?" + "a=1&" * 600 + "key=x",
]


def made(rng: random.Random, pattern: str) -> str:
    """A pattern with numbers, and now and then something odd somewhere."""
    while "{n}" in pattern:
        pattern = pattern.replace("{n}", rng.choice(NUMBERS) if rng.random() < 0.7 else str(rng.randrange(300)), 1)
    if rng.random() < 0.2:
        at = rng.randrange(len(pattern) + 1)
        pattern = pattern[:at] + rng.choice(ODD) + pattern[at + rng.randrange(2) :]
    return pattern


def address(rng: random.Random) -> str:
    return rng.choice([", ", ",", " ", " , "]).join(
        made(rng, rng.choice(ADDRESSES)) for _ in range(rng.choice([1, 1, 2, 3]))
    )


def path(rng: random.Random) -> str:
    parts = "".join(f"/{made(rng, rng.choice(PARTS))}" for _ in range(rng.randrange(5)))
    if rng.random() < 0.05:
        parts += "/long-word" * 20
    start = rng.choice(["", "", "", "", "", "/", "orders", "https://h.test", "*"])
    return start + parts + made(rng, rng.choice(QUERIES))


def url(rng: random.Random) -> str:
    port = rng.choice(["", "", ":80", ":x", ":"])
    return made(rng, rng.choice(SCHEMES) + rng.choice(HOSTS)) + port + rng.choice([path(rng), "", "?a/b", "#a/b"])


def request(rng: random.Random) -> str:
    verb, end = (
        rng.choice(["GET", "POST", "get", "", "G3T", "G?T", "\x16\x03"]),
        rng.choice([" HTTP/1.1", " HTTP/2.0", "", " a b", " ws/13", " HTTP/1.1?a"]),
    )
    return f"{verb} {path(rng)}{end}"


WRITTEN: dict[str, Callable[[random.Random], str]] = {
    "client": address,
    "origin": url,
    "referer": url,
    "path": path,
    "request": request,
}
ROUTES = {
    "none": Routes(bare_key),
    "routes": Routes(
        bare_key, ["/v1/scores/:identity", "/files/*", "/*/b/*", "/products/{id}/page", "/v1/:kind/status"]
    ),
    "chains": Routes(bare_key, chains={"ethereum": ["/eth/*", "eth.test"], "polygon": ["/mainnet", "*.test"]}),
    "keys": Routes(bare_key, ["/products/:key", "/files/*"]),
    "numbers": Routes(bare_key, ["/status/7", "/users/:id"]),
    "first": Routes(bare_key, ["/:place"]),
    "globs": Routes(bare_key, chains={"seven": ["/v1/7*"], "end": ["/*7"]}),
}


@pytest.mark.parametrize("routes", ROUTES)
@pytest.mark.parametrize("field", WRITTEN)
def test_a_cut_value_means_what_the_whole_value_means(field: str, routes: str) -> None:
    """For addresses, lists of them, URLs, paths and request lines, valid or not, and routes of every kind."""
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    function, cut, _ = canonical_functions(ROUTES[routes], bare_key)[field]
    shorter = 0
    for _ in range(400):
        word = WRITTEN[field](rng)
        less = cut(word) if cut else word
        shorter += less != word
        assert function(less) == function(word), f"{word!r} was cut to {less!r} (seed {seed})"
    assert bool(shorter) == (field not in ("path", "request") or routes in ("none", "routes", "chains", "first"))


def test_what_varies_is_cut() -> None:
    """An address behind its third number, a referer behind its host, a path's identifiers and a query without a key."""
    found = canonical_functions(Routes(bare_key), bare_key)
    cut = {field: canonical.cut or str for field, canonical in found.items()}
    assert cut["client"]("192.0.2.17") == cut["client"]("192.0.2.255") == "192.0.2.0"
    assert cut["client"]("192.0.2.256") == "192.0.2.256"
    assert cut["client"]("2001:db8::1, 192.0.2.17") == "2001:db8::1, 192.0.2.0"
    assert cut["referer"]("https://a.test:8080/products/1?key=2") == "https://a.test:8080/"
    assert cut["path"]("/products/17/reviews?page=2") == "/products/0/reviews"
    assert cut["path"]("/images/17.jpg") == "/images/0"
    assert cut["path"]("/v2/9f2c41d07a?page=2") == "/v2/9f2c41d07a"
    assert cut["request"]("GET /orders/17 HTTP/1.1") == "GET /orders/0 HTTP/1.1"


def test_a_very_long_value_is_cut_at_once() -> None:
    """In one pass: with a second one for each part, this would take minutes."""
    cut = canonical_functions(Routes(bare_key), bare_key)["request"].cut
    assert cut is not None
    path = "/17" * 500_000
    assert cut(f"GET {path} HTTP/1.1") == f"GET {'/0' * 500_000} HTTP/1.1"
    assert cut(f"GET {path}") == f"GET {path}"


@pytest.mark.parametrize("routes", ["none", "routes", "chains", "first"])
@pytest.mark.parametrize("start", ["", "GET "])
def test_a_path_is_cut_alike_whatever_was_cut_before(start: str, routes: str) -> None:
    """What is known of others that begin like it never gives it another meaning."""
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    field, end = ("request", " HTTP/1.1") if start else ("path", "")
    function, cut, _ = canonical_functions(ROUTES[routes], bare_key)[field]
    assert cut is not None
    beginnings = [
        "",
        "/",
        "/v2",
        "/eth/v3",
        "/rpc",
        "/a/rpc/",
        "/queries/7/api-key",
        "/v1/scores",
        "/users/5",
        "//h",
        "/files",
    ]
    for _ in range(4000):
        last = rng.choice(["2FA", "2fa", "status", "0", "9f2c41d07a", "7\n", made(rng, rng.choice(PARTS))])
        word = (
            f"{start}{rng.choice(beginnings)}{rng.choice(['/', ''])}{last}{rng.choice(['', '', '?a', '?key=b'])}{end}"
        )
        assert function(cut(word)) == function(word), f"{word!r} was cut to {cut(word)!r} (seed {seed})"


@pytest.mark.parametrize("escape", ["", "nginx", "haproxy", "none"])
def test_a_site_means_what_each_of_its_pages_means(escape: str) -> None:
    """For URLs as text, and as bytes of a log, which may be escaped."""
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    canonical = canonical_functions(Routes(bare_key), bare_key)
    meaning = Words(ESCAPES[escape], canonical).canonical("referer", Source(path="referer"))
    site, found = canonical["referer"].site, 0
    assert site is not None
    for _ in range(4000):
        page = url(rng)
        for mark in ("\\x", "#"):
            if rng.random() < 0.2:
                page = "".join(f"{mark}{ord(c):02x}" if rng.random() < 0.1 and c < "\x7f" else c for c in page)
        for raw in (page, page.encode()):
            begin = site(raw)
            found += bool(begin)
            slash: Any = b"/" if isinstance(raw, bytes) else "/"
            assert not begin or begin == raw[: raw.find(slash, 8) + 1]
            assert not begin or meaning(begin) == meaning(raw), f"{raw!r} has the site {begin!r} (seed {seed})"
    assert found > 500


def test_the_loop_reads_the_origin_of_each_referer() -> None:
    """As the slow way does, for text, bytes, and whatever else JSON may hold, before and after their site is known."""
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    canonical = canonical_functions(Routes(bare_key), bare_key)
    absent = [None, "", "-", 7, 1.5, True]
    for spec in (
        FormatSpec(json={"status": "s", "referer": "r"}),
        FormatSpec(regex="(?P<status>[^ ]*) (?P<referer>.*)", escape="nginx"),
    ):
        reader = RowReader(build(spec), canonical)
        slow = Words(ESCAPES[spec.escape], canonical).canonical("referer", Source(path="referer"))
        read = row_function(reader)
        pages = [url(rng) for _ in range(400)]
        for page in (*absent, *pages, *pages[::-1]) if spec.json else (*pages, "-", "", *pages[::-1]):
            if "\n" in str(page):
                continue
            line = json.dumps({"s": 200, "r": page}).encode() if spec.json else f"200 {page}".encode()
            (row,) = reader.decoder.decode(line + b"\n").rows
            raw = page if spec.json else str(page).encode()
            assert read(row).origin == slow(raw), f"{page!r} (seed {seed})"
        reader.forget()


def test_new_values_are_kept_now_and_then() -> None:
    """One in seven. A value in use is soon kept, though every other one is new; no more are kept than there may be."""
    memo = Words(ESCAPES[""], canonical_functions(Routes(bare_key), bare_key)).memo("path", Source(path="p"))
    for n in range(20):
        assert memo["/in/use"] == "/in/use\0\0"
        assert memo[f"/new/{n}"] == "/new/:id\0\0"
    assert "/in/use" in memo
    for n in range(20, 20 + 7 * 3000):
        assert memo[f"/new/{n}"] == "/new/:id\0\0"
    assert 500 < len(memo) <= MOST_WORDS
    memo.clear()
    for n in range(700):
        assert memo["/" + "x" * 5000 + str(n)] == "/:id\0\0"
    assert not memo


def test_only_so_many_beginnings_are_remembered() -> None:
    """And none that is long: a log of random paths takes no memory."""
    for n in range(3000):
        assert cuts.cut_path(f"/page{n:x}/7") == f"/page{n:x}/0"
        assert cuts.cut_path(f"/{'x' * 2000}{n}/7") == f"/{'x' * 2000}{n}/0"
    assert len(cuts._fronts) <= 2000
    assert max(map(len, cuts._fronts)) <= LONGEST
