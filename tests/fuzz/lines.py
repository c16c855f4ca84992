"""Lines that a grammar makes of good ones: values of another kind in their places, then broken as logs are broken."""

import json
import random
import re
from typing import Any

_TOKEN = re.compile(rb'[0-9]+(?:\.[0-9]+)?|[A-Za-z_]+|"[^"]*"|[^\s\w]|\s+')

# What no gateway means, and some write.
NUMBERS = [
    *("9" * 310, "1e400", "-1", "0", "18446744073709551615", "1e30", "1E-400", "NaN", "Infinity", "-0.0", "0x1F"),
    *("99999999999999999999", "1" * 5000, "...", "1.5.2", "+7", "١٢", "1_000", "4294967295", "2e18"),
]
TEXTS = [
    *("", "-", " ", "a b", "a, b", "a : b", "a, , b", ", ,", '"', "\\", '\\"', "\\x22", "#22", "a\tb", "é", "🔑"),
    *("null", "true", "{}", "[]", '{"a":1}', "%00", "a" * 300, "a, " * 50 + " b", "/1" * 200, "http://["),
    *("Bearer x", "Basic Og==", 'Digest username="', "/v2/k?apikey=%zz", "é" * 70, "\u2028", "\x7f", "a\rb", "=1+1"),
    *("\ud83d", "::ffff:1.2.3.4", "2026-13-45T99:99:99Z", "\x1b[0m"),
]
_VALUES: list[Any] = [None, True, False, [], {}, [None], [[1]], {"a": {"a": 1}}, [{}] * 3]
_VALUES += [0.0, -1, 2**63, 10**309, 1e308]
NOISE = [
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b" ", b"  ", b"|", b"-", b"=", b":", b"/", b"\xff", b"\0", b"\r"),
    *(b", ", b" : ", b'" "', b'\\"', b'"x":', b'"x": 0.1, 0.2', b"#", b"\x16\x03", b"\x1b[0m", b"\xe2\x80\xa8", b"a, "),
]


def line(good: list[bytes], chance: random.Random) -> bytes:
    """One line of the grammar: good, or with other values, or broken, or all of it."""
    made = chance.choice(good)
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        made = _other_value(made, chance)
    if chance.random() < 0.35:
        made = _broken(made, chance)
    return made.replace(b"\n", b"")


def stretched(good: list[bytes], chance: random.Random) -> tuple[bytes, bytes, bytes]:
    """A line's start, what may stand there over and over, and how it ends."""
    made = chance.choice(good)
    tokens = list(_TOKEN.finditer(made))
    token = chance.choice(tokens)
    again = chance.choice([*NOISE, *(token[0] for token in tokens), b"a ", b"1 ", b"a", b"0/"])
    after = chance.choice([made[token.end() :], b" b" + made[token.end() :], b"", b"  x"])
    return made[: token.start()], again, after


def _other_value(made: bytes, chance: random.Random) -> bytes:
    if made[:1] == b"{" and chance.random() < 0.7:
        try:
            found = json.loads(made)
        except ValueError:
            return _other_token(made, chance)
        _replace(found, chance)
        return json.dumps(found, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    return _other_token(made, chance)


def _replace(found: Any, chance: random.Random) -> None:
    """Another value somewhere in an object."""
    while isinstance(found, (dict, list)) and found:
        key: Any = chance.choice(list(found) if isinstance(found, dict) else range(len(found)))
        if isinstance(found[key], (dict, list)) and found[key] and chance.random() < 0.8:
            found = found[key]
            continue
        found[key] = _value(found[key], chance)
        return


def _value(before: Any, chance: random.Random) -> Any:
    kind = chance.random()
    if kind < 0.35:
        number = chance.choice(NUMBERS)
        return int(number) if number.isascii() and number.isdigit() and len(number) < 4000 else number
    if kind < 0.65:
        return chance.choice(TEXTS)
    return chance.choice([*_VALUES, str(before), [before], {"value": before}])


def _other_token(made: bytes, chance: random.Random) -> bytes:
    tokens = list(_TOKEN.finditer(made))
    if not tokens:
        return made
    token = chance.choice(tokens)
    is_number = token[0][:1].isdigit()
    value = chance.choice(NUMBERS if is_number and chance.random() < 0.7 else TEXTS).encode("utf-8", "surrogatepass")
    if token[0][:1] == b'"' and chance.random() < 0.8:
        value = b'"' + value + b'"'
    return made[: token.start()] + value + made[token.end() :]


def _broken(made: bytes, chance: random.Random) -> bytes:
    """A line as bad disks, bad clients and bad escaping make it."""
    at, end = sorted(chance.randrange(len(made) + 1) for _ in range(2))
    noise = chance.choice(NOISE) * chance.choice((1, 1, 2, 30))
    shapes = (made[:at], made[at:], made[:at] + made[end:], made[:at] + noise + made[at:], made + made, b"\0" * end)
    return chance.choice(shapes)
