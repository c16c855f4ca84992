"""Paths → routes, keys and chains; origins and networks."""

import random

import pytest

from exporter.requests.routes import Request, Routes, Target, client_network, origin_host
from tests.cpu import LINEAR, growth


def told(key: str) -> str:
    return f"<{key}>"


@pytest.mark.parametrize(
    ("path", "route", "key"),
    [
        ("/", "/", ""),
        ("", "", ""),
        ("*", "", ""),
        ("/v1/chat/completions", "/v1/chat/completions", ""),
        ("/v1/chat/completions/", "/v1/chat/completions", ""),
        ("//v1///chat", "/v1/chat", ""),
        ("/v1/scores/0xdAC17F958D2ee523a2206206994597C13D831ec7", "/v1/scores/:id", ""),
        ("/v1/scores/0xdAC1/history", "/v1/scores/:id/history", ""),
        ("/users/42/orders/7d1f6a52-0b8e-4b0e-9f3c-51a0c2d4e601", "/users/:id/orders/:id", ""),
        ("/users/alice@example.com", "/users/:id", ""),
        ("/a%2Fb/c", "/:id/c", ""),
        ("/v2/9f2c41d07a", "/v2/:key", "<9f2c41d07a>"),
        ("/v3/9f2c41d07a/eth", "/v3/:key/eth", "<9f2c41d07a>"),
        ("/ws/ab12", "/ws/:key", "<ab12>"),
        ("/ws/v3/ab12", "/ws/v3/:key", "<ab12>"),
        ("/rpc/9f2c41d07a", "/rpc/:key", "<9f2c41d07a>"),
        ("/queries/ethereum/api-key/9f2c41d07a/eth", "/queries/ethereum/api-key/:key/eth", "<9f2c41d07a>"),
        ("/v2/free", "/v2/:id", ""),
        ("/v2/12345", "/v2/:id", ""),
        ("/v2/0xabc", "/v2/:id", ""),
        ("/api/v2/9f2c41d07a", "/api/v2/:id", ""),
        ("/eth/mainnet?apikey=k%22%C3%A9", "/eth/mainnet", '<k"é>'),
        ("/x?a=1&API_KEY=a+b&key=c", "/x", "<a b>"),
        ("/x?Api-Key=abc#f", "/x", "<abc>"),
        ("/x?apikey=", "/x", ""),
        ("/x?monkey=1", "/x", ""),
        ("/v2/9f2c41d07a?key=abc", "/v2/:key", "<abc>"),
        ("/v1beta/models/gemini-1.5-pro:generateContent?key=AIza", "/v1beta/models/:id:generateContent", "<AIza>"),
        ("/eth.v1.Node/Call", "/eth.v1.Node/Call", ""),
        ("https://rpc.example.net/v2/ab|12", "/v2/:key", "<ab|12>"),
        ("https://user:pass@rpc.example.net:443/v1/chat?x=1", "/v1/chat", ""),
        ("https://rpc.example.net", "/", ""),
        ("rpc.example.net:443", "/:id", ""),
        ("chat/completions", "/chat/completions", ""),
        ("orders/17", "/orders/:id", ""),
        ("../../etc/passwd", "/:id", ""),
    ],
)
def test_default_routes(path: str, route: str, key: str) -> None:
    """Without templates the API's words stay, what is made up folds, and a key is found where keys stand."""
    assert Routes(told).target(path) == Target(route, key, "")


def test_templates_decide() -> None:
    """The first template that fits is the route; :key in it is the key, wherever it stands."""
    routes = Routes(told, ["/v1/:kind/:id", "/k/{key}/*", "/files/*", "/v1/scores/:never"])
    assert routes.target("/v1/scores/alice") == Target("/v1/:kind/:id")
    assert routes.target("/v1/scores/alice/") == Target("/v1/:kind/:id")
    assert routes.target("/k/abc/eth/mainnet?key=other") == Target("/k/{key}/*", "<abc>")
    assert routes.target("/files/a/b/c?token=t") == Target("/files/*", "<t>")
    assert routes.target("/other/42") == Target("/other/:id")


def test_chains() -> None:
    """The path, the host of a whole URL or the host name decides the chain."""
    routes = Routes(told, chains={"ethereum": ["/eth/*", "eth.example"], "solana": ["*.SOL.example"]})
    assert routes.target("/eth/mainnet").chain == "ethereum"
    assert routes.target("https://a.sol.example:443/v1/chat").chain == "solana"
    assert routes.target("/v1/chat").chain == ""
    assert routes.chain_of_host("ETH.example:8545") == "ethereum"
    assert routes.chain_of_host("x.example") == ""


def test_a_long_path_is_cut_at_a_part() -> None:
    """A path of many words does not make a label of any length."""
    route = Routes(told).target("/word" * 100).route
    assert route == "/word" * 23 + "/*"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("GET /v1/chat HTTP/1.1", Request("GET", Target("/v1/chat"), "HTTP/1.1")),
        ("GET /v1/chat", Request("GET", Target("/v1/chat"), "")),
        ("OPTIONS * HTTP/1.1", Request("OPTIONS", Target(""), "HTTP/1.1")),
        ("CONNECT example.net:443 HTTP/1.1", Request("CONNECT", Target("/:id"), "HTTP/1.1")),
        ("", Request("", Target(""), "")),
        ("<BADREQ>", Request("", Target(""), "")),
        ("\x16\x03\x01 \x00 x", Request("", Target(""), "")),
        ("GARBAGE", Request("", Target(""), "")),
        ("GET /a b c HTTP/1.1", Request("", Target(""), "")),
        ("ПОЛУЧИТЬ /x HTTP/1.1", Request("", Target(""), "")),
    ],
)
def test_request_lines(line: str, expected: Request) -> None:
    """A request line is a method, a target and a version; garbage is none of them."""
    assert Routes(told).request(line) == expected


def test_no_path_survives_with_its_key() -> None:
    """Wherever a random key stands in a path, no part of it is left in the route."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    routes = Routes(told)
    for _ in range(3000):
        key = chance.choice([chance.randbytes(16).hex(), chance.randbytes(5).hex(), f"sk-{chance.randbytes(9).hex()}"])
        parts = [chance.choice(["v1", "v2", "ws", "api", "users"]) for _ in range(chance.randrange(5))]
        parts.insert(chance.randrange(len(parts) + 1), key)
        path = "/" + "/".join(parts) + chance.choice(["", f"?apikey={key}", f"?x={key}", f"#{key}"])
        assert key not in routes.target(path).route, f"seed {seed}: {path}"


def test_a_new_path_costs_as_much_as_the_one_before() -> None:
    """Logs with random ids have no other paths: however many were seen, the next takes no longer."""

    def look_at(size: int) -> None:
        routes = Routes(told)
        for n in range(size):
            routes.target(f"/v1/scores/0x{n:040x}")

    assert growth(look_at) < LINEAR


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://swap.example", "swap.example"),
        ("https://Swap.Example:8443/pool?a=1", "swap.example"),
        ("https://user:secret@swap.example/", "swap.example"),
        ("https://[2001:db8::1]/", "2001:db8::/48"),
        ("chrome-extension://abcdefgh/", "abcdefgh"),
        ("null", ""),
        ("", ""),
        ("swap.example", ""),
        ("https://[bad", ""),
        ("https://", ""),
    ],
)
def test_origin_host(url: str, host: str) -> None:
    """An origin is the host of a URL, without a port or credentials; what is no URL is none."""
    assert origin_host(url) == host


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.24", "203.0.113.0/24"),
        ("203.0.113.24:51544", "203.0.113.0/24"),
        (" 198.51.100.7, 10.0.0.3", "198.51.100.0/24"),
        ("198.51.100.7,10.0.0.3", "198.51.100.0/24"),
        ("::ffff:203.0.113.24", "203.0.113.0/24"),
        ("2001:db8::17", "2001:db8::/48"),
        ("[2001:db8::17]:443", "2001:db8::/48"),
        ("2001:0DB8:0:1::5", "2001:db8::/48"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("::1", "::/48"),
        ("256.1.1.1", ""),
        ("1.2.3", ""),
        ("1.2.3.4.5", ""),
        ("a:b:c", ""),
        ("unknown", ""),
        ("unix:", ""),
        ("sk-secret", ""),
        ("", ""),
    ],
)
def test_client_network(address: str, network: str) -> None:
    """A client is its network, written one way only; of a list the first address counts."""
    assert client_network(address) == network
