"""Counts of tokens that a format leaves unread are named."""

import pytest

from exporter.formats.detection.usage import UnreadUsage, unread_usage
from exporter.formats.spec import FormatSpec
from tests.golden import log_of

PLAIN = FormatSpec(json={"status": "s", "input_tokens": "prompt", "model": "m"}, only={"kind": "!note"})


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b'{"s":200,"prompt":5,"completion_tokens":7}', []),
        (b'{"s":200,"prompt":0,"completion_tokens":7}', [("completion_tokens", "read")]),
        (b'{"s":200,"usage":"{\\"promptTokenCount\\":\\"7\\"}"}', [("promptTokenCount", "read")]),
        (b'{"s":200,"kind":"note","usage":{"input_tokens": 7}}', [("input_tokens", "ignored")]),
        (
            b'{"attributes":[{"key":"gen_ai.usage.input_tokens","value":{"intValue":"7"}}]}',
            [("gen_ai.usage.input_tokens", "read")],
        ),
        (b"userId=1, promptTokens=7, quota=3", [("promptTokens", "rejected")]),
        (b'{"s":200,"input_tokens":0,"output_tokens":null,"token":"7"}', []),
        (b'{"s":200,"max_tokens":100,"tokens_per_second":7,"x-ratelimit-remaining-tokens":9}', []),
        (b"sk-0123456789abcdef0123_tokens=7", []),
        (b"", []),
    ],
)
def test_a_line_with_tokens_that_are_not_read(line: bytes, found: list[tuple[str, str]]) -> None:
    """What stands for tokens is named, and what became of its line; 0, and what a client may spend, is no usage."""
    assert [(usage.name, usage.outcome) for usage in unread_usage(PLAIN, [line])] == found


@pytest.mark.parametrize(
    ("log", "preset", "name", "outcome"),
    [
        ("new-api", "one-api", "promptTokens", "rejected"),
        ("bifrost", "nginx-json", "prompt_tokens", "read"),
        ("otel-genai", "otel-genai", "gen_ai.usage.input_tokens", "ignored"),
    ],
)
def test_the_usage_of_another_version_is_named(log: str, preset: str, name: str, outcome: str) -> None:
    """A log of another gateway or version is not left out in silence."""
    found = unread_usage(FormatSpec(preset=preset), log_of(log).splitlines())
    assert (name, outcome) in [(usage.name, usage.outcome) for usage in found]


@pytest.mark.parametrize("preset", ["new-api", "one-api", "bifrost", "portkey", "kong", "aws-bedrock", "azure-openai"])
def test_a_preset_reads_the_usage_of_its_gateway(preset: str) -> None:
    """In the logs of gateways that a preset knows no count of tokens is left."""
    assert unread_usage(FormatSpec(preset=preset), log_of(preset).splitlines()) == []


def test_names_are_counted_by_lines() -> None:
    """The most frequent comes first."""
    lines = [b'{"a_tokens":1,"b_tokens":1}', b'{"b_tokens":1,"c":{"b_tokens":2}}']
    assert unread_usage(PLAIN, lines) == [UnreadUsage("b_tokens", "read", 2), UnreadUsage("a_tokens", "read", 1)]
