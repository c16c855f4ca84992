"""The chain of a kept request: attempts and steps, with their times as gateways log them."""

from pathlib import Path
from typing import Any

import pytest

from tests.keeping import Keeping


def kept(folder: Path, preset: str, *lines: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of lines of a preset, in their order."""
    keeping = Keeping(folder, preset)
    keeping.keep(*lines)
    rows = [*reversed(keeping.rows())]
    keeping.log.close()
    return rows


def links(row: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Provider, outcome, reason, seconds and delay of each attempt."""
    return [
        tuple(attempt[name] for name in ("provider", "outcome", "reason", "seconds", "delay"))
        for attempt in row["attempts"]
    ]


def claude_code_hub(*chain: tuple[str, str, float]) -> dict[str, Any]:
    """A row of its table whose chain has providers, reasons and moments."""
    items = [
        {
            "id": 1,
            "name": name,
            "reason": reason,
            "timestamp": 1785578400000 + round(at * 1000),
            "circuitState": "closed",
        }
        for name, reason, at in chain
    ]
    return {
        **{
            "id": 1,
            "created_at": "2026-08-01T10:00:00.123Z",
            "status_code": 200,
            "endpoint": "/v1/messages",
            "user_id": 7,
        },
        **{"key": "sk-invented-aaaa", "model": "m", "duration_ms": 4000, "provider_chain": items},
    }


def test_of_claude_code_hub_attempts_end_at_their_moment(tmp_path: Path) -> None:
    """And begin with the choice of their provider, or when the attempt before has ended."""
    chain = [
        ("a", "initial_selection", 0),
        ("a", "retry_failed", 0.4),
        ("b", "retry_failed", 1),
        ("b", "retry_success", 3.5),
    ]
    [row] = kept(tmp_path, "claude-code-hub", claude_code_hub(*chain))
    assert links(row) == [
        ("a", "other", "retry_failed", 0.4, 0),
        ("b", "other", "retry_failed", 0.6, 0.4),
        ("b", "success", "retry_success", 2.5, 1),
    ]
    assert row["steps"] == [{"provider": "a", "step": "initial_selection", "circuit": "closed", "at": 0}]
    assert {attempt["circuit"] for attempt in row["attempts"]} == {"closed"}


def test_of_a_hedged_request_both_attempts_have_their_own_time(tmp_path: Path) -> None:
    """They ran side by side."""
    chain = [("a", "initial_selection", 0.0), ("a", "hedge_triggered", 2.0), ("b", "hedge_launched", 2.0)]
    chain += [("b", "hedge_winner", 3.0), ("a", "hedge_loser_cancelled", 3.1)]
    [row] = kept(tmp_path, "claude-code-hub", claude_code_hub(*chain))
    assert links(row) == [
        ("b", "success", "hedge_winner", 1, 2),
        ("a", "cancelled", "hedge_loser_cancelled", 3.1, 0),
    ]
    assert [(step["step"], step["at"]) for step in row["steps"]] == [
        ("initial_selection", 0),
        ("hedge_triggered", 2),
        ("hedge_launched", 2),
    ]


def test_a_chain_without_moments_has_no_times(tmp_path: Path) -> None:
    line = claude_code_hub(("a", "initial_selection", 0), ("a", "request_success", 1))
    for item in line["provider_chain"]:
        del item["timestamp"]
    [row] = kept(tmp_path, "claude-code-hub", line)
    assert links(row) == [("a", "success", "request_success", None, None)]
    assert row["steps"][0]["at"] is None


@pytest.mark.parametrize(("ended", "last"), [({}, None), ({"endTime": 1772546725.25}, 1.5)])
def test_of_litellm_attempts_have_their_starts(tmp_path: Path, ended: dict[str, float], last: float | None) -> None:
    """And ends, of the callback since it logs them: a pause between two attempts is none's time."""
    failed = {"custom_llm_provider": "openai", "startTime": 1772546721.25, "error_class": "RateLimitError"}
    failed |= {"endTime": 1772546722.75} if ended else {}
    served = {"custom_llm_provider": "anthropic", "startTime": 1772546723.75, "error_class": ""} | ended
    line = {"call_type": "acompletion", "status": "success", "custom_llm_provider": "anthropic"}
    [row] = kept(tmp_path, "litellm", line | {"endTime": 1772546725.25, "attempts": [failed, served]})
    assert links(row) == [
        ("openai", "rate_limit_exceeded", "RateLimitError", 1.5 if ended else 2.5, 0),
        ("anthropic", "success", "", last, 2.5),
    ]


def test_of_kong_tries_begin_one_after_the_other(tmp_path: Path) -> None:
    tries = [{"balancer_start": 1772546709338, "state": "failed", "code": 502, "ip": "10.3.0.11"}]
    tries += [{"balancer_start": 1772546709440, "ip": "10.3.0.12"}]
    line = {"started_at": 1772546709331, "response": {"status": 200}, "upstream_status": "502, 200", "tries": tries}
    [row] = kept(tmp_path, "kong", line | {"request": {"method": "GET", "uri": "/v1"}})
    assert links(row) == [
        ("10.3.0.11", "server_error", "failed", 0.102, 0),
        ("10.3.0.12", "success", "", None, 0.102),
    ]


def test_durations_in_another_unit_are_seconds(tmp_path: Path) -> None:
    options = [
        {"providerOptions": {"provider": name}, "executionTime": ms, "createdAt": "2026-04-07T09:30:00.000Z"}
        for name, ms in (("openai", 200), ("groq", 45.5))
    ]
    [row] = kept(tmp_path, "portkey", {"status": 200, "duration": 300, "endpoint": "/v1", "requestOptions": options})
    assert [(attempt["seconds"], attempt["delay"]) for attempt in row["attempts"]] == [(0.2, 0), (0.0455, 0.2)]


@pytest.mark.parametrize("reason", ["sk-live-0123456789abcdef0123456789", "a reason, with a comma", "x" * 80, "né"])
def test_a_reason_is_one_word_of_the_gateway(tmp_path: Path, reason: str) -> None:
    """Not whatever a log may hold."""
    [row] = kept(tmp_path, "claude-code-hub", claude_code_hub(("a", reason, 0), ("b", "request_success", 1)))
    assert row["attempts"][0]["reason"] == ""
    assert row["attempts"][-1]["reason"] in ("", "request_success")


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ("0.2, -", [0.2, None]),
        ("0.1 : 0.2", [0.1, 0.2]),
        *((times, [None, None]) for times in ("x", "-", "1e9, nan", "starts x", "")),
    ],
)
def test_times_that_are_none_are_left_out(tmp_path: Path, times: str, seconds: list[float | None]) -> None:
    """Each attempt has its own time, or none where the log has no plausible one."""
    line = {
        "msec": 1772546709.331,
        "status": 200,
        "upstream_addr": "10.0.0.1:80, 10.0.0.2:80",
        "upstream_response_time": times,
    }
    [row] = kept(tmp_path, "nginx-json", line)
    assert [attempt["seconds"] for attempt in row["attempts"]] == seconds
