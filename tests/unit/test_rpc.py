"""Which methods and which model a request body asks for."""

import random

import pytest

from exporter.requests.body import NOTHING, Body, read_body
from tests.cpu import LINEAR, growth


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"jsonrpc":"2.0","id":41,"method":"eth_call","params":[{"to":"0xdAC1"},"latest"]}', Body(("eth_call",))),
        (' {"method" : "eth_call"} ', Body(("eth_call",))),
        ('[{"method":"b"},{"method":"a"},{"method":"b"}]', Body(("a", "b", "b"))),
        ('[{"method":"b"}]', Body(("b",))),
        ("[]", NOTHING),
        ("[1]", NOTHING),
        ('[1,{"method":"a"}]', Body(("a",))),
        ('[{"method":1},{"method":"a"},{"method":null}]', Body(("a",))),
        ('{"method":["x"]}', NOTHING),
        ('{"method":{"method":"x"}}', NOTHING),
        ('{"method":5}', NOTHING),
        ('{"method":null}', NOTHING),
        ('{"params":[{"method":"inner"}],"method":"outer"}', Body(("outer",))),
        ('{"method":"first","method":"last"}', Body(("last",))),
        ('{"method":"tools/call","params":{"name":"x"}}', Body(("tools/call",))),
        ('{"method":"a b"}', Body(("other",))),
        ('{"method":""}', Body(("other",))),
        ('{"method":"' + "x" * 101 + '"}', Body(("other",))),
        ('{"method":"eth_c\\u0061ll"}', Body(("eth_call",))),
        ('{"model":"gpt-4o","messages":[{"model":"inner"}]}', Body(model="gpt-4o")),
        ('{"model":"openai/gpt-4o:free@1"}', Body(model="openai/gpt-4o:free@1")),
        ('{"model":"so so"}', Body(model="other")),
        ('{"model":""}', NOTHING),
        ('{"model":7}', NOTHING),
        ("{}", NOTHING),
        ("null", NOTHING),
        ('"method"', NOTHING),
        ("", NOTHING),
        ("method=eth_call", NOTHING),
        ("\ufffd\x00", NOTHING),
        ('\ud800{"method":"a"}', NOTHING),
    ],
)
def test_bodies(body: str, expected: Body) -> None:
    """A body is its calls' own methods, or the model it names; names that are none are `other`."""
    assert read_body(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"jsonrpc":"2.0","id":"x","method":"eth_call","params":[{"to":"0x', Body(("eth_call",))),
        ('{"id":-1.5,"jsonrpc":"2.0","method":"eth_call"', Body(("eth_call",))),
        ('{"params":[{"method":"inner"}],"method":"outer","x":', Body(("outer",))),
        ('{"params":[{"method":"inner"}', NOTHING),
        ('{"params":"{\\"method\\":\\"inner\\"', NOTHING),
        ('{"x":"method","y":["method"],"method":"outer","z":[', Body(("outer",))),
        ('[{"method":"a","params":[{"method":"inner"}]},{"id":1,"method":"b","par', Body(("a", "b"))),
        ('[{"method":"a","params":[', Body(("a",))),
        ('{"method":"eth_ca', NOTHING),
        ('{"model":"gpt-4o","messages":[{"role":"user","content":"hel', Body(model="gpt-4o")),
        ('{"messages":[{"model":"inner"}],"model":"gpt-4o","stream":tr', Body(model="gpt-4o")),
        ('{"model":"gpt', NOTHING),
        ("{" * 100_000, NOTHING),
        ("[" * 100_000, NOTHING),
        ("[" * 100_000 + "]" * 100_000, NOTHING),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, NOTHING),
    ],
)
def test_bodies_that_were_cut(body: str, expected: Body) -> None:
    """Of a body that ends early, the calls or the model that stand in it, never one from inside their parameters."""
    assert read_body(body) == expected


def test_a_cut_body_takes_no_more_time_than_its_length_allows() -> None:
    """However long a body is that was cut: four times the length takes no more than some four times the time."""
    message = '{"role":"user","content":"a \\"b\\" [] {}"},'
    assert growth(lambda size: read_body('{"messages":[' + message * size)) < LINEAR


def test_no_body_raises() -> None:
    """Whatever the pieces of a body are, it is read or it is nothing."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    pieces = [
        '{"',
        '"',
        "method",
        "model",
        ":",
        ",",
        "[",
        "]",
        "{",
        "}",
        "\\",
        "\x00",
        "é",
        "\ud800",
        "1",
        "null",
        '"a"',
    ]
    for _ in range(5000):
        body = "".join(chance.choices(pieces, k=chance.randrange(20)))
        try:
            found = read_body(body)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {body!r}") from error
        assert isinstance(found, Body)
