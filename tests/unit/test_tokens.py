"""Tokens and the times of language models."""

from pathlib import Path
from typing import Any

from exporter.model.catalog import CATALOG
from tests.counted import Counting, of

CONFIG = """
inputs:
- path: a.log
  format:
    json:
      time: ts
      status: status
      rpc_method: method
      model: model
      provider: provider
      duration: total
      time_to_first_token: {path: ttft, if: stream}
      cache_read_tokens: cached
      cache_write_tokens: written
      reasoning_tokens: thought
      input_tokens: {path: prompt, includes: [cache_read_tokens, cache_write_tokens]}
      output_tokens: {path: completion, includes: [reasoning_tokens]}
"""
LINE: dict[str, Any] = {"ts": 1772546709.0, "status": 200, "method": "chat", "model": "m", "provider": "p"}


def test_the_five_types_never_overlap(tmp_path: Path) -> None:
    """What a prompt or a completion includes is taken out of it: the sum of the types is what was used."""
    line = LINE | {"prompt": 1812, "cached": 1500, "written": 300, "completion": 42, "thought": 12}
    found = Counting(tmp_path, CONFIG).count(line, line, LINE | {"prompt": 5, "completion": None})
    assert {labels[-1]: value for labels, value in of(found, "gateway_tokens_total").items()} == {
        "input": 2 * 12 + 5,
        "cache_read": 3000,
        "cache_write": 600,
        "output": 60,
        "reasoning": 24,
    }
    assert sum(of(found, "gateway_tokens_total").values()) == 2 * (1812 + 42) + 5


def test_a_streams_duration_and_its_first_token_are_two_things(tmp_path: Path) -> None:
    """A time to first token is a stream's only; tokens after the first share what is left of the duration."""
    found = Counting(tmp_path, CONFIG).count(
        LINE | {"total": 2.5, "ttft": 0.5, "stream": True, "completion": 11, "thought": 3},
        LINE | {"total": 1.0, "ttft": 1.0, "completion": 11},
        LINE | {"total": 1.0, "ttft": 3.0, "stream": True, "completion": 1},
    )
    assert of(found, "gateway_model_request_duration_seconds_sum") == {("m", "p"): 4.5}
    assert of(found, "gateway_time_to_first_token_seconds_sum") == {("m", "p"): 3.5}
    assert of(found, "gateway_time_to_first_token_seconds_count") == {("m", "p"): 2}
    assert of(found, "gateway_time_per_output_token_seconds_sum") == {("m", "p"): 0.2}
    assert of(found, "gateway_time_per_output_token_seconds_count") == {("m", "p"): 1}


def test_aborts_and_websocket_sessions_have_no_latency(tmp_path: Path) -> None:
    """Their times say nothing of the gateway; their tokens were used."""
    line = LINE | {"total": 900, "ttft": 1, "stream": True, "prompt": 7, "completion": 3}
    found = Counting(tmp_path, CONFIG).count(line | {"status": 499}, line | {"status": 101})
    assert [name for name in found if "duration" in name or ("time_" in name and "timestamp" not in name)] == []
    assert sum(of(found, "gateway_tokens_total").values()) == 20


def test_the_buckets_are_opentelemetrys() -> None:
    """Semantic conventions for generative AI metrics: the advice for each histogram's bounds."""
    assert CATALOG["gateway_model_request_duration_seconds"].buckets == tuple(0.01 * 2**n for n in range(14))
    assert CATALOG["gateway_time_to_first_token_seconds"].buckets == (
        *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    )
    assert CATALOG["gateway_time_per_output_token_seconds"].buckets == (
        *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5),
    )


def test_absent_is_empty_never_the_last_lines_value(tmp_path: Path) -> None:
    """A line without model or provider after one that has both."""
    found = Counting(tmp_path, CONFIG).count(
        LINE | {"prompt": 1}, LINE | {"provider": None, "prompt": 2}, LINE | {"model": "", "prompt": 4}
    )
    assert of(found, "gateway_tokens_total") == {
        ("business", "chat", "m", "p", "input"): 1,
        ("business", "chat", "m", "input"): 2,
    }
    assert of(found, "gateway_requests_total") == {("business", "chat", "200"): 3}
