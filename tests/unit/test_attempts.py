"""Attempts at providers: what logs have of them, how each ended, and which failovers are counted."""

from pathlib import Path
from typing import Any

import pytest

from exporter.model.fields import ATTEMPT_OUTCOMES, ERROR_TYPES
from exporter.model.record import Attempt
from exporter.requests.attempts import attempts_of, failovers
from tests.counted import Counting, of


@pytest.mark.parametrize(
    ("words", "error_type", "expected"),
    [
        ({}, "", []),
        ({"attempts": "a"}, "", ["a success"]),
        ({"attempts": "a"}, "upstream_error", ["a server_error"]),
        ({"attempts": "a"}, "blocked", ["a other"]),
        ({"attempts": "a, b", "upstream_status": "502, 200"}, "", ["a server_error", "b success"]),
        ({"attempts": "a : b", "upstream_status": "200 : 404"}, "client_error", ["a success", "b client_error"]),
        ({"attempts": "a, b", "upstream_status": "-, 200"}, "", ["a other", "b success"]),
        ({"attempts": "a, b", "upstream_status": "504"}, "timeout", ["a timeout", "b timeout"]),
        ({"attempts": "5,9"}, "", ["5 other", "9 success"]),
        ({"attempts": "a, a, b", "upstream_status": "429, 401, 499"}, "", None),
        (
            {"attempts": "a, b, c", "attempt_outcomes": "cancelled, x, ignored", "upstream_status": ", 529,"},
            "",
            ["a cancelled", "b server_error"],
        ),
        ({"attempts": "a", "attempt_outcomes": "ignored"}, "", []),
        ({"retries": "0"}, "", ["p success"]),
        ({"retries": "2"}, "timeout", ["p other", "p other", "p timeout"]),
        ({"retries": "0"}, "rate_limit_exceeded", []),
        ({"retries": "0", "upstream_status": "429"}, "rate_limit_exceeded", ["p rate_limit_exceeded"]),
        ({"retries": "1", "upstream_status": "200"}, "", ["p other", "p success"]),
        ({"retries": "1", "upstream_status": "502, 200"}, "", ["p server_error", "p success"]),
        ({"retries": "+1"}, "", []),
    ],
)
def test_attempts(words: dict[str, str], error_type: str, expected: list[str] | None) -> None:
    """An outcome is the log's own word, else what its status means; the last attempt ends as its request does."""
    found = [f"{attempt.provider} {attempt.outcome}" for attempt in attempts_of(words, "p", error_type)]
    assert found == (["a rate_limit_exceeded", "a auth", "b client_abort"] if expected is None else expected)


def test_each_field_of_the_attempts_counts() -> None:
    """What is known of other attempts is not taken for those that differ in one field only; nor are long lists."""
    words = {"attempts": "a, b", "upstream_status": "502, 200"}
    failed, served = Attempt("a", "server_error", ""), Attempt("b", "success", "")
    for _ in range(2):  # the second time from what is known
        assert attempts_of(words, "p", "") == (failed, served)
        assert attempts_of(words | {"attempts": "a, c"}, "p", "") == (failed, Attempt("c", "success", ""))
        assert attempts_of(words | {"upstream_status": "502, 404"}, "p", "") == (
            failed,
            Attempt("b", "client_error", ""),
        )
        assert attempts_of(words | {"attempt_outcomes": "timeout"}, "p", "") == (Attempt("a", "timeout", ""), served)
        assert attempts_of(words | {"attempt_circuits": "open"}, "p", "") == (failed._replace(circuit="open"), served)
        assert attempts_of(words | {"retries": "1"}, "p", "") == (Attempt("a", "other", ""), failed, served)
        assert attempts_of({"retries": "0"}, "p", "") == (Attempt("p", "success", ""),)
        assert attempts_of({"retries": "0"}, "q", "") == (Attempt("q", "success", ""),)
        assert attempts_of({"retries": "0"}, "p", "timeout") == (Attempt("p", "timeout", ""),)
        assert attempts_of({"retries": "0", "empty": "true"}, "p", "") == ()
        long = "x" * 2000
        assert attempts_of({"attempts": long}, "p", "") == (Attempt(long, "success", ""),)


@pytest.mark.parametrize(
    ("words", "attempts"),
    [({"retries": "0"}, 0), ({"retries": "0", "upstream_status": "200"}, 1), ({"retries": "1"}, 2)],
)
def test_what_reached_no_provider_is_no_attempt(words: dict[str, str], attempts: int) -> None:
    """A number of retries alone is no attempt where the gateway answered by itself, with a 404 or a redirect."""
    assert len(attempts_of(words, "", "client_error")) == attempts


@pytest.mark.parametrize("error_type", ["", *ERROR_TYPES])
def test_outcomes_are_of_a_closed_set(error_type: str) -> None:
    """However a request ended, and whatever stands in the list."""
    for status in ("", "100", "200", "302", "400", "408", "429", "529", "999", "x", "²00"):
        (found,) = attempts_of({"attempts": "a", "upstream_status": status}, "", error_type)
        assert found.outcome in ATTEMPT_OUTCOMES


def test_a_log_full_of_attempts_is_bounded() -> None:
    """Fifty are more than any request has."""
    assert len(attempts_of({"attempts": ",".join("abc" * 100)}, "", "")) == 50
    assert len(attempts_of({"retries": "9" * 9}, "p", "")) == 50
    assert attempts_of({"retries": "9" * 10_000}, "p", "") == ()


def test_a_failover_is_a_failed_attempt_and_another_provider() -> None:
    """A retry at the same one is none, nor what lost a race or went well."""
    tried = ("a timeout", "a server_error", "b success", "c cancelled", "d auth", "e success")
    attempts = tuple(Attempt(*words.split()) for words in tried)
    assert failovers(attempts) == [("a", "b", "server_error"), ("d", "e", "auth")]


CHAIN = """
inputs:
- path: a.log
  labels: {gateway: eu}
  format:
    json:
      time: ts
      status: status
      key: key
      rpc_method: method
      model: model
      provider: provider
      attempts: chain[].name
      upstream_status: chain[].code
      attempt_outcomes: {path: "chain[].reason", map: {chosen: ignored, full: rate_limit_exceeded, "*": ""}}
      attempt_circuits: chain[].circuit
      failover_delay: delay
      blocked_reason: blocked_by
"""


def ask(*chain: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"ts": 1772546709.0, "status": 200, "method": "chat", "model": "m", "chain": list(chain)} | fields


def test_an_array_of_objects_is_counted_attempt_by_attempt(tmp_path: Path) -> None:
    """Who failed, why, who answered, and what that cost in time."""
    main, spare = {"name": "main", "circuit": "closed"}, {"name": "spare, EU", "circuit": "closed"}
    found = Counting(tmp_path, CHAIN).count(
        ask({**main, "reason": "chosen"}, {**main, "code": 529, "circuit": "open"}, {**spare, "code": 200}, delay=0.3),
        ask({**main, "reason": "full", "circuit": "open"}, {**spare, "code": 200}, ts=1772546710),
        ask({**main, "code": 200}, ts=1772546711, delay=9),
        ask(status=500),
        ask(chain="no list"),
    )
    assert of(found, "gateway_upstream_attempts_total") == {
        ("eu", "m", "server_error", "main"): 1,
        ("eu", "m", "rate_limit_exceeded", "main"): 1,
        ("eu", "m", "success", "main"): 1,
        ("eu", "m", "success", "spare EU"): 2,
    }
    assert of(found, "gateway_failovers_total") == {
        ("main", "eu", "server_error", "spare EU"): 1,
        ("main", "eu", "rate_limit_exceeded", "spare EU"): 1,
    }
    assert of(found, "gateway_failover_delay_seconds_sum") == {("eu", "spare EU"): 0.3}
    assert of(found, "gateway_failover_delay_seconds_count") == {("eu", "spare EU"): 1}
    assert of(found, "gateway_provider_circuit_open") == {("eu", "main"): 0, ("eu", "spare EU"): 0}


def test_a_circuit_is_as_the_latest_line_says(tmp_path: Path) -> None:
    """By the log's clock, whatever was seen first."""
    counted = Counting(tmp_path, CHAIN)
    closed, opened = ({"name": "a", "code": 200, "circuit": state} for state in ("closed", "open"))
    for time, state, expected in ((2, opened, 1), (3, closed, 0), (4, opened, 1), (5, opened, 1), (6, closed, 0)):
        found = counted.count(ask(state, ts=1772546709 + time))
        assert of(found, "gateway_provider_circuit_open") == {("eu", "a"): expected}


def test_the_provider_is_the_last_that_was_tried_where_nothing_else_is_said(tmp_path: Path) -> None:
    """A line without either has no provider: never the last line's."""
    counted = Counting(tmp_path, CHAIN)
    lines = [ask({"name": "a", "code": 502}, {"name": "b", "code": 200}), ask(), ask({"name": "a"}, provider="p")]
    assert [counted.meter.record(row).provider for row in counted.decoded(lines).rows] == ["b", "", "p"]


def test_providers_and_reasons_have_budgets(tmp_path: Path) -> None:
    """Past them they are `other`, and that is counted."""
    budgets = "metrics: {budgets: {provider: 1, reason: 1}}\n"
    found = Counting(tmp_path, CHAIN + budgets).count(
        ask({"name": "a", "code": 502}, {"name": "b", "code": 200}, blocked_by="x"), ask(blocked_by="y")
    )
    assert {labels[-1] for labels in of(found, "gateway_upstream_attempts_total")} == {"b", "other"}
    assert {labels[-1] for labels in of(found, "gateway_blocked_requests_total")} == {"x", "other"}
    overflows = of(found, "gateway_exporter_overflow_total")
    assert overflows[("gateway_upstream_attempts_total", "provider")] == 1
    assert overflows[("gateway_blocked_requests_total", "reason")] == 1


def test_blocked_requests_by_reason(tmp_path: Path) -> None:
    """A failed one has the error type blocked; a made-up answer is none, but counts as blocked. Keys are not shown."""
    found = Counting(tmp_path, CHAIN).count(
        ask(status=400, blocked_by="sensitive_word"),
        ask(status=400, blocked_by="sensitive_word"),
        ask(blocked_by="warmup"),
        ask(status=400, blocked_by="sk-live-0123456789abcdef"),
        ask(status=400),
    )
    assert of(found, "gateway_blocked_requests_total") == {
        ("eu", "sensitive_word"): 2,
        ("eu", "warmup"): 1,
        ("eu", "other"): 1,
    }
    assert sum(value for labels, value in of(found, "gateway_errors_total").items() if "blocked" in labels) == 3


def test_each_attempt_may_have_had_retries_of_its_own() -> None:
    """A list of numbers beside the attempts: so many more tries at each one's provider, before its last."""
    words = {"attempts": "a, b", "attempt_outcomes": "-, success", "retries": "2, 1"}
    outcomes = [(attempt.provider, attempt.outcome) for attempt in attempts_of(words, "b", "")]
    assert outcomes == [("a", "other")] * 3 + [("b", "other"), ("b", "success")]
