"""Numbers that no request can have: left out and counted, whatever the preset, and the request counts."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from exporter.config.config import Config
from exporter.config.inputs import InputConfig
from exporter.config.load import Loaded
from exporter.formats.format import build
from exporter.formats.spec import FormatSpec, presets
from exporter.metrics.exposition import render
from exporter.model.fields import FIELDS, MOST, TOKEN_TYPES
from exporter.service.assembly import Assembly
from tests.counted import Counting, of
from tests.exporter import Samples, samples
from tests.golden import counting, log_of

ROOT = Path(__file__).parents[2]
IMPLAUSIBLE = "gateway_exporter_implausible_values_total"
LINES = "gateway_exporter_lines_total"
FORMAT = """
inputs:
- path: a.log
  format:
    json: {status: status, rpc_method: method, model: model, duration: {path: took, unit: ms}, request_bytes: received,
           response_bytes: sent, input_tokens: tokens, output_tokens: made, cost: cost, cost_multiplier: factor}
"""
LARGE = b"9" * 310
NUMBER = re.compile(rb'(?<=[\s":=,|])\d+(?:\.\d+)?(?=[\s",}\]|]|$)')


def total(found: Samples, name: str) -> float:
    return sum(of(found, name).values())


def spoilt(line: bytes, number: bytes) -> list[bytes]:
    """The line with each of its numbers in turn made another."""
    return [line[: found.start()] + number + line[found.end() :] for found in NUMBER.finditer(line)]


def counted(preset: str, log: list[bytes]) -> Samples:
    """What comes of a log's lines, which all are accounted for."""
    input_ = InputConfig(path="access.log", name="edge", format=FormatSpec(preset=preset))
    assembly = Assembly(Loaded(config=Config(inputs=[input_]), secret=b"a secret for tests"))
    meter = assembly.meter_of(input_, build(input_.spec))
    decoder = meter.reader.decoder
    other = 0
    for decoded in (decoder.decode(b"".join(line + b"\n" for line in log)), decoder.flush()):
        meter.count(decoded)
        assert decoded.faults == []
        other += len(decoded.rejected) + decoded.blank + decoded.joined
    meter.fold()
    assert not meter.faults
    found = samples(b"".join(render(assembly.store)[0]).decode())
    assert total(found, LINES) + other == len(counting(preset, log))
    return found


@pytest.mark.parametrize("number", [LARGE, b"18446744073709551615", b"-1", b"1e400", b"NaN"])
@pytest.mark.parametrize("preset", presets())
def test_every_number_of_every_preset_may_be_absurd(preset: str, number: bytes) -> None:
    """Each in turn: nothing fails, every line is accounted for, and no sum holds more than the good lines give."""
    good = log_of(preset).splitlines()[:6]
    found = counted(preset, [line for line in good for line in [line, *spoilt(line, number), line]])
    adding = [value for name, value in found.items() if "_timestamp_" not in name and "multiplier" not in name]
    assert all(math.isfinite(value) for value in found.values())
    assert max(adding) < 1e12


@pytest.mark.parametrize(
    "preset",
    [
        *("apisix", "aws-api-gateway", "bifrost", "claude-code-hub", "envoy-ai-gateway", "envoy-json", "erpc"),
        *("higress", "kong", "litellm", "portkey", "traefik", "tyk"),
    ],
)
def test_an_integer_of_310_digits(preset: str) -> None:
    """It is larger than any float: the field is left out and counted, and the line is a request like its neighbours."""
    good = log_of(preset).splitlines()
    found = counted(preset, [line for line in good for line in [line, *spoilt(line, LARGE), line]])
    assert total(found, IMPLAUSIBLE) > 0


def ask(**fields: Any) -> dict[str, Any]:
    return {"status": 200, "method": "chat", "model": "m"} | fields


@pytest.mark.parametrize(
    ("logged", "field", "value"),
    [
        ("cost", "cost", 1e30),
        ("cost", "cost", -0.5),
        ("cost", "cost", "NaN"),
        ("cost", "cost", "-inf"),
        ("tokens", "input_tokens", 10**17),
        ("tokens", "input_tokens", 10**310),
        ("sent", "response_bytes", 2**64 - 1),
        ("sent", "response_bytes", -(2**63)),
        ("received", "request_bytes", "18446744073709551615"),
        ("took", "duration", 1772546709331),
        ("took", "duration", 2**31 - 1),
        ("took", "duration", -5),
        ("took", "duration", "9999999h"),
        ("factor", "cost_multiplier", "1e30"),
    ],
)
def test_a_number_outside_of_its_range(tmp_path: Path, logged: str, field: str, value: Any) -> None:
    """2,000 good lines keep their sums, whatever one line among them says; all 2,001 are requests."""
    good = ask(took=20, received=10, sent=100, tokens=3, made=1, cost=0.5, factor=1)
    lines = [good] * 1000 + [ask(**{logged: value})] + [good] * 1000
    found = Counting(tmp_path, FORMAT).count(*lines)
    assert total(found, "gateway_requests_total") == 2001
    assert total(found, "gateway_tokens_total") == 2000 * 4
    assert total(found, "gateway_cost_total") == 1000
    assert total(found, "gateway_request_bytes_total") == 20_000
    assert total(found, "gateway_response_bytes_total") == 200_000
    assert total(found, "gateway_request_duration_seconds_sum") == pytest.approx(40)
    assert total(found, "gateway_request_duration_seconds_count") == 2000
    assert of(found, IMPLAUSIBLE) == {(field, "a.log"): 1}


@pytest.mark.parametrize("value", [-1, -1.0, "-1", None, "", "-"])
def test_what_is_written_for_absent_is_no_mistake(tmp_path: Path, value: Any) -> None:
    """-1 among it, in whatever unit the field is."""
    found = Counting(tmp_path, FORMAT).count(
        ask(**dict.fromkeys(("took", "received", "sent", "tokens", "made", "cost", "factor"), value)), ask()
    )
    assert total(found, "gateway_requests_total") == 2
    assert of(found, IMPLAUSIBLE) == {}


@pytest.mark.parametrize(
    ("field", "logged", "family"),
    [
        ("response_bytes", "sent", "gateway_response_bytes_total"),
        ("input_tokens", "tokens", "gateway_tokens_total"),
        ("cost", "cost", "gateway_cost_total"),
    ],
)
def test_the_edge_of_a_range(tmp_path: Path, field: str, logged: str, family: str) -> None:
    """The most that is plausible counts, and nothing past it."""
    most = MOST[field]
    found = Counting(tmp_path, FORMAT).count(ask(**{logged: most}), ask(**{logged: math.nextafter(most, math.inf)}))
    assert (total(found, family), total(found, IMPLAUSIBLE)) == (most, 1)


def test_an_absurd_number_spoils_none_that_is_computed_of_it(tmp_path: Path) -> None:
    """Tokens that include cached ones are whole where those are absurd; the time of a token is then unknown."""
    config = """
inputs:
- path: a.log
  format:
    json: {status: status, model: model, cache_read_tokens: cached, output_tokens: made, duration: took,
           time_to_first_token: first, input_tokens: {path: tokens, includes: [cache_read_tokens]}}
"""
    line = {"status": 200, "model": "m", "tokens": 100, "made": 11, "took": 2.0, "first": 1.0}
    found = Counting(tmp_path, config).count(line | {"cached": 1e30}, line | {"cached": 40, "took": 1e30})
    assert {labels[-1]: value for labels, value in of(found, "gateway_tokens_total").items()} == {
        "input": 160,
        "cache_read": 40,
        "output": 22,
    }
    assert total(found, "gateway_time_per_output_token_seconds_count") == 1
    assert of(found, IMPLAUSIBLE) == {("cache_read_tokens", "a.log"): 1, ("duration", "a.log"): 1}


@pytest.mark.parametrize("status", ["600", "999", "2000", "20", "4000", "9" * 310])
def test_a_status_that_http_does_not_have_is_no_success(tmp_path: Path, status: str) -> None:
    """It is like a 5xx."""
    found = Counting(tmp_path, FORMAT).count(ask(status=status))
    assert [labels[-1] for labels in of(found, "gateway_calls_total")] == ["error"]
    assert [labels[-2:] for labels in of(found, "gateway_errors_total")] == [("other", "server_error")]


def test_the_table_of_ranges_is_whole_and_documented() -> None:
    """Every number of a record has its range, and the runbook shows the same."""
    numbers = {field for field, (kind, _) in FIELDS.items() if kind in ("seconds", "number")}
    assert set(MOST) == numbers | {"cost_multiplier"}
    assert {f"{type_}_tokens" for type_ in TOKEN_TYPES} < numbers
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| 0 to ([\d,]+) ", runbook, re.MULTILINE)
    assert {field: float(most.replace(",", "")) for field, most in rows} == MOST
