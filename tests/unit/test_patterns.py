"""Regular expressions that users write: proved linear, or run in RE2, or refused with their place."""

import random
from pathlib import Path

import pytest

from exporter.config.load import load
from exporter.errors import ConfigError
from exporter.formats.format import slow_parts
from exporter.formats.patterns.compile import line_pattern
from exporter.formats.spec import FormatSpec
from tests.command import run
from tests.cpu import LINEAR, growth
from tests.golden import log_of
from tests.unit.reading import Reading

SLOW = r"(?P<client>.*?) - (?P<key>.*?) (?P<status>\d+) (?P<path>.*)"
LINE = b"192.0.2.1 - k1 200 /a b"


def test_what_is_not_proved_is_read_the_same_by_re2() -> None:
    """The same groups, line by line; what does not match is rejected, blank lines are no lines."""
    found = Reading(FormatSpec(regex=SLOW), LINE + b"\n\n" + LINE + b"\r\nnone\n")
    assert [(record.origin, record.key, record.status) for record in found.records] == [
        ("192.0.2.0/24", "k1", "200")
    ] * 2
    assert (found.rejected, found.blank) == ([("no_match", b"none")], 1)


def test_re2_takes_linear_time() -> None:
    """Where Python's own matcher takes the cube of a line's length."""
    spec = FormatSpec(regex=SLOW)
    assert growth(lambda size: Reading(spec, b" - " * size + b"\n")) < LINEAR


def test_a_line_that_has_no_end_in_it_does_not_read_the_next() -> None:
    """A class such as [^"] does not reach over a line's end: no line's time depends on the lines behind it."""
    spec = FormatSpec(regex=r'"(?P<path>[^"]*)" (?P<status>\d+)')
    assert Reading(spec, b'"/a\n" 200\n').rejected == [("no_match", b'"/a'), ("no_match", b'" 200')]
    assert growth(lambda size: Reading(spec, b'"\n' * size), most=16_000) < LINEAR


# Presets that have a quicker pattern for lines without a backslash.
QUOTING = [
    *("apache-common", "aws-alb", "aws-elb", "aws-s3", "nginx-combined", "nginx-main", "nginx-proxy-manager"),
    *("traefik-common", "vhost-combined"),
]


@pytest.mark.parametrize("preset", QUOTING)
def test_lines_are_read_together_as_they_are_alone(preset: str) -> None:
    """With and without backslashes, and with quotes that have no end, wherever they stand."""
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    good = [line for line in log_of(preset).splitlines() if not line.startswith(b"#")]
    for _ in range(60):
        lines = [rng.choice(good) for _ in range(rng.randrange(1, 6))]
        for _ in range(rng.randrange(4)):
            n = rng.randrange(len(lines))
            at = rng.randrange(len(lines[n]) + 1)
            lines[n] = (
                lines[n][:at]
                + rng.choice([b'"', b"\\", b'\\"', b"\\x22", b" ", b""])
                + lines[n][at + rng.randrange(2) :]
            )
        alone = [Reading(FormatSpec(preset=preset), line + b"\n") for line in lines]
        found = Reading(FormatSpec(preset=preset), b"".join(line + b"\n" for line in lines))
        assert found.records == [record for reading in alone for record in reading.records], f"seed {seed}: {lines}"
        assert found.rejected == [line for reading in alone for line in reading.rejected], f"seed {seed}: {lines}"


@pytest.mark.parametrize("preset", QUOTING)
@pytest.mark.parametrize("end", [b'"', b'"a', b'" "', b""])
def test_many_lines_with_a_quote_that_has_no_end_take_linear_time(preset: str, end: bytes) -> None:
    """Cut behind each of their quotes."""
    line = max(log_of(preset).splitlines(), key=lambda line: line.count(b'"'))
    for part in range(1, line.count(b'"')):
        cut = b'"'.join(line.split(b'"')[:part]) + end + b"\n"
        assert growth(lambda size, cut=cut: Reading(FormatSpec(preset=preset), cut * size), most=4_000) < LINEAR  # type: ignore[misc]


@pytest.mark.parametrize("pattern", [r"[^\n]+\n(?P<a>\d)", r"(?s)", r"(?P<a>\s+)\S", r"(?P<a>[\n])", r"(?P<a>a|.)+"])
def test_patterns_that_name_a_line_feed_are_patterns(pattern: str) -> None:
    """A line has none, so they may match nothing; or are refused as any other."""
    if pattern == "(?s)":
        with pytest.raises(ValueError, match="is not a valid regular expression: global flags"):
            line_pattern(pattern)
        return
    assert line_pattern(pattern).regex.match(b"a\n1") is None


CONFIG = """inputs:
- path: a.log
  format:
    regex: {regex}
    fields: {{error: {{path: path, match: '{match}'}}}}
"""


@pytest.mark.parametrize(
    ("regex", "match", "place"),
    [
        (r"'(?:(?P<path>/\w+)+)+ (?P<status>\d+)(?=x)'", "(a)", "4: inputs[0].format.regex: may take forever, as"),
        (
            r"['(?P<path>\S+)', '(?:a|a)*(?P<status>\d++)']",
            "(a)",
            "4: inputs[0].format.regex[1]: may take forever, as",
        ),
        (r"'(?P<path>\S+) (?P<status>\d+)'", "(a+)(?=,)", "5: inputs[0].format.fields.error.match: may take forever"),
    ],
)
def test_what_neither_can_run_is_refused_with_its_place(tmp_path: Path, regex: str, match: str, place: str) -> None:
    """File, line, field; what text is read in two ways; how to write it."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(regex=regex, match=match), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert str(refused.value).startswith(f"{path}:{place}")
    assert "can be read in two ways, and RE2 can't run it (" in str(refused.value)
    assert str(refused.value).endswith("or make it possessive, as [^ ]*+")


def test_check_says_what_is_slow_and_how_to_write_it(tmp_path: Path) -> None:
    """A pattern that runs in RE2 is a note, not a mistake."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(regex=f"'{SLOW}'", match=",+(a+)$"), encoding="utf-8")
    done = run("check", str(path))
    assert done.code == 0
    first, second, *_ = done.stderr.splitlines()
    assert first.startswith(f"{path}: input a.log: regex is read ten times slower, as a text such as ' - - a'")
    assert second.startswith(f"{path}: input a.log: error: match is read ten times slower, as a text such as ")
    assert first.endswith("or make it possessive, as [^ ]*+")


def test_what_is_proved_is_no_note() -> None:
    """Nor is what a preset or a template is made of."""
    for spec in (
        FormatSpec(regex=r"(?P<client>\S+) (?P<status>\d+)", fields={"key": {"path": "client", "match": r"^(\w+)"}}),
        FormatSpec(template="$remote_addr $status"),
        FormatSpec(preset="haproxy"),
    ):
        assert slow_parts(spec) == []
