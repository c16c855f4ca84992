"""Regular expressions are proved linear, and what is proved is true."""

import importlib
import random
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from exporter.formats.decoders.text_lines import template_regex
from exporter.formats.patterns.compile import line_pattern, search_pattern
from exporter.formats.patterns.linear import two_ways
from exporter.formats.spec import FormatSpec, presets
from tests.cpu import LINEAR, growth

PRESETS = Path(__file__).parents[2] / "exporter" / "formats" / "presets"


@pytest.mark.parametrize(
    ("pattern", "how"),
    [
        (r'(?P<client>\S+) - (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<r>[^"]*)" (?P<status>\d+)', "match"),
        (r"(/\w+)+", "match"),
        (r"[^x]*x[^x]*", "match"),
        (r"a*+a", "match"),
        (r"(?:[^,\n]++,?)*", "match"),
        (r"(?>.*? - )(?>.*? - )(.*)", "match"),
        (r"(?>-|\S++) ", "match"),
        (r"(?>(?>a*)b|(?:a*)c)*d", "match"),
        (r" *+, *+(?: *+, *+)*+ x", "match"),
        (r"\[(?!GIN\]|[^\n]* record (?:consume|error) log:)[A-Z]+\] [^\n]*", "match"),
        (r"(?P<q>\S)(?P<status>\d+)(?P=q)", "match"),
        (r"(?i)k+K", "match"),
        (r"^(\w+)\s+(\w+)$", "search"),
        (r"^a\s*,|^b", "search"),
        (r"(\d+)", "search"),
        (r"Key: (\S+)", "search"),
        (r",\s*", "every"),
    ],
)
def test_patterns_that_are_linear(pattern: str, how: str) -> None:
    """What no text leads to one place of in two ways is proved."""
    assert two_ways(pattern, how) is None


@pytest.mark.parametrize(
    ("pattern", "how", "text"),
    [
        (r"(?:(/\w+)+)+", "match", "/a/"),
        (r"(a*)*b", "match", "b"),
        (r"(?:a|a)*", "match", "aa"),
        (r"[^ ]*,?[^ ]* x", "match", ",a"),
        (r"(.*?) - (.*?) \[", "match", " - - a"),
        (r"(?:-|\S+) ", "match", "- "),
        (r"(?:(?!foo.*bar).)*", "match", "foofooa"),
        (r"(?P<q>\S+)(?P<status>\d+)(?P=q)", "match", "a00"),
        (r"(?>a*)*b", "match", "b"),
        (r"\s*,", "search", "  "),
        (r"(?>\s*),", "search", "  "),
        (r"([^|]+)$", "search", "aa"),
        (r"(?m)^a*[^b]*c", "search", "aa"),
        (r"a(?:.*x)?", "every", "aaa"),
    ],
)
def test_patterns_that_are_not(pattern: str, how: str, text: str) -> None:
    """The message has the text that leads to one place in two ways."""
    assert two_ways(pattern, how) == text


def made_up(chance: random.Random, depth: int = 5) -> str:
    if not depth or chance.random() < 0.25:
        return chance.choice(["a", "b", "[ab]", "[^a]", ".", "c"])
    left, right = made_up(chance, depth - 1), made_up(chance, depth - 1)
    repeat = chance.choice(["*", "+", "?", "*?", "+?", "*+", "++", "?+", "{0,3}", "{2,}+", "{2}"])
    shapes = [f"{left}{right}"] * 3 + [f"(?:{left}|{right})"] * 2 + [f"(?:{left}){repeat}"] * 5
    return chance.choice([*shapes, f"(?>{left})", f"(?={left})", f"(?!{left})"])


def test_what_is_proved_is_true() -> None:
    """Made-up patterns that are proved linear are so on texts that repeat."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    proved = 0
    while proved < 300:
        pattern = made_up(chance) + chance.choice(["", "x"])
        if two_ways(pattern, "match") is not None:
            continue
        proved += 1
        before, again = ("".join(chance.choices("abc", k=chance.randrange(1, 4))) for _ in range(2))
        compiled, after = re.compile(pattern), chance.choice(["", "x", "d"])

        def match(size: int, parts: Any = (compiled, before, again, after)) -> None:
            parts[0].fullmatch(parts[1] + parts[2] * size + parts[3])

        assert growth(match, most=2_000) < LINEAR, f"seed {seed}: {pattern} on {before!r}, {again!r}, {after!r}"


def flagged(pattern: re.Pattern[Any]) -> Any:
    """A compiled pattern as it is written, flags in front."""
    letters = "".join(letter for letter, flag in (("a", re.A), ("i", re.I), ("s", re.S)) if pattern.flags & flag)
    letters = letters.replace("a", "") if isinstance(pattern.pattern, bytes) else letters
    front = f"(?{letters})" if letters else ""
    return front.encode() + pattern.pattern if isinstance(pattern.pattern, bytes) else front + pattern.pattern


# Modules that meet what a client sent, and what in them does more than match at one place. What `every` cuts short is
# at most 60 characters (words), or 4 kB (journal), or was matched as a whole before (values).
MEETS_CLIENTS = (
    "model.key_shapes",
    "requests.identifiers",
    "requests.body",
    "requests.routes",
    "keys.identity",
    "requests.attempts",
    "service.input_journal",
    "counting.kinds",
    "counting.periods",
    "requests.enrich",
    "formats.decoders.json_lines",
    "formats.decoders.json_repair",
    "formats.decoders.logfmt_lines",
    "formats.decoders.container",
    "formats.decoders.csv_lines",
    "formats.values",
    "formats.detection.detect",
)
EVERY = {
    "requests.routes._KEY_PARAMETER",
    "formats.values._ENTRY_END",
    "counting.periods._ZONE",
    "formats.decoders.json_repair._UNQUOTED",
    "formats.decoders.json_repair._STRAY_QUOTE",
    "formats.values._HEX_BYTES",
    "formats.values._HASH_BYTES",
    "formats.decoders.logfmt_lines._ESCAPED",
}
# At the start of a text `^` and the sign that it stands beside can't both be: the proof does not know that. Of an IPv6
# address the last group of nine may be a port.
NOT_PROVED = {"requests.routes._KEY_PARAMETER", "requests.routes._IPV6"}


def test_what_meets_a_clients_text_is_proved_linear() -> None:
    """Each regular expression of these modules, as it is used."""
    found = {
        f"{module}.{name}": value
        for module in MEETS_CLIENTS
        for name, value in vars(importlib.import_module(f"exporter.{module}")).items()
        if isinstance(value, re.Pattern)
    }
    assert found.keys() >= EVERY
    shown = {
        name: two_ways(flagged(pattern), "every" if name in EVERY else "match")
        for name, pattern in found.items()
        if name not in NOT_PROVED
    }
    assert {name: text for name, text in shown.items() if text is not None} == {}


def matches(part: Any) -> list[str]:
    """Each `match` of a preset."""
    if isinstance(part, dict):
        own = [part["match"]] if isinstance(part.get("match"), str) else []
        return own + [match for inner in part.values() for match in matches(inner)]
    return [match for inner in part for match in matches(inner)] if isinstance(part, list) else []


@pytest.mark.parametrize("preset", presets())
def test_presets_are_proved_linear(preset: str) -> None:
    """None of them runs in RE2, or relies on what was measured."""
    written = yaml.safe_load((PRESETS / f"{preset}.yaml").read_text(encoding="utf-8"))
    spec = msgspec.convert(written, FormatSpec)
    lines = [template_regex(spec.template)] if spec.template else [spec.regex] if isinstance(spec.regex, str) else []
    lines += spec.regex if isinstance(spec.regex, list) else []
    assert [line_pattern(pattern).slow for pattern in lines if pattern] == [""] * len(
        [pattern for pattern in lines if pattern]
    )
    assert {search_pattern(match).slow for match in matches(written)} <= {""}
