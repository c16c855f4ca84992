"""LiteLLM with the callback that deploy/ ships: each request counts once, with its tokens, its money and its tries."""

import hashlib
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real.gateway_exporter import IDENTITY, GatewayExporter, Samples
from tests.real.gateways import DEPLOY
from tests.real.litellm_proxy import PRICES, QUESTION, LiteLlm, program
from tests.real.llm_upstream import ANSWER, LlmUpstream
from tests.real.session import SECRET_MARK, raw_key
from tests.waiting import eventually

KEY = "sk-" + raw_key("one")
# LiteLLM tells of a key by its hash.
PUBLIC = IDENTITY.hash(hashlib.sha256(KEY.encode()).hexdigest())
CHAT = "POST /v1/chat/completions"
OPENAI = {"input": 120 - 64, "cache_read": 64, "output": 33 - 8, "reasoning": 8}
ANTHROPIC = {"input": 12, "cache_read": 1500, "cache_write": 300, "output": 42}

Labels = tuple[str, ...]


@pytest.fixture(scope="module")
def upstream() -> Iterator[LlmUpstream]:
    upstream = LlmUpstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, upstream: LlmUpstream) -> Iterator[LiteLlm]:
    proxy = LiteLlm(tmp_path_factory.mktemp("litellm"), upstream.url, KEY)
    yield proxy
    proxy.process.end()


@pytest.fixture
def proxy(started: LiteLlm, upstream: LlmUpstream) -> LiteLlm:
    """The proxy, which all tests share, with a log of this test's own: it opens another one where its log is gone."""
    started.log.unlink(missing_ok=True)
    upstream.go_on.set()
    return started


@pytest.fixture
def exporter(proxy: LiteLlm, start_exporter: Callable[..., GatewayExporter]) -> GatewayExporter:
    return start_exporter(proxy.log, "litellm")


def totals(samples: Samples, name: str, *labels: str) -> dict[Labels, float]:
    """A family's series, summed up by some of their labels."""
    sums: defaultdict[Labels, float] = defaultdict(float)
    for (sample, values), value in samples.items():
        if sample == name:
            sums[tuple(dict(values).get(label, "") for label in labels)] += value
    return dict(sums)


def after(lines: int, exporter: GatewayExporter) -> Samples:
    """What is counted when so many lines are."""

    def read() -> bool:
        return totals(exporter.samples(), "gateway_exporter_lines_total", "result") == {("parsed",): lines}

    eventually(read, f"{lines} lines are counted")
    return exporter.settled()


def test_tokens_and_money_are_counted_by_key_and_model(proxy: LiteLlm, exporter: GatewayExporter) -> None:
    """Tokens of five types that never overlap, and the cost that LiteLLM made of them, streamed or not."""
    assert proxy.ask(KEY, "chat").status_code == 200
    assert proxy.ask(KEY, "claude").status_code == 200
    assert b"[DONE]" in proxy.ask(KEY, "chat", stream=True, stream_options={"include_usage": True}).content
    samples = after(3, exporter)
    openai, anthropic = ("openai/good", "openai"), ("anthropic/good", "anthropic")
    assert totals(samples, "gateway_model_requests_total", "key", "model", "provider", "method", "status") == {
        (PUBLIC, *openai, CHAT, "200"): 2,
        (PUBLIC, *anthropic, CHAT, "200"): 1,
    }
    assert totals(samples, "gateway_tokens_total", "model", "provider", "type") == {
        **{(*openai, kind): 2 * tokens for kind, tokens in OPENAI.items()},
        **{(*anthropic, kind): tokens for kind, tokens in ANTHROPIC.items()},
    }
    prices = PRICES | {"reasoning": PRICES["output"]}
    assert totals(samples, "gateway_cost_total", "key", "model", "currency") == {
        (PUBLIC, "openai/good", "USD"): 2 * sum(tokens * prices[kind] for kind, tokens in OPENAI.items()),
        (PUBLIC, "anthropic/good", "USD"): sum(tokens * prices[kind] for kind, tokens in ANTHROPIC.items()),
    }
    assert totals(samples, "gateway_origin_requests_total", "key", "origin") == {(PUBLIC, "app.example"): 3}
    assert totals(samples, "gateway_key_info", "key", "name", "owner") == {(PUBLIC, "alpha", "Alpha"): 1}
    log = proxy.log.read_text(encoding="utf-8")
    assert all(word not in log for word in (SECRET_MARK, QUESTION, ANSWER))


def test_a_stream_has_its_time_to_first_token(proxy: LiteLlm, exporter: GatewayExporter, upstream: LlmUpstream) -> None:
    """The first token is timed when it comes, the request when it ends; only streams have a first token."""
    assert proxy.ask(KEY, "chat").status_code == 200
    upstream.go_on.clear()
    begun = time.monotonic()
    answer = proxy.ask(KEY, "chat", stream=True)
    lines = answer.iter_lines()
    assert ANSWER.encode() in next(lines)
    first = time.monotonic() - begun
    upstream.go_on.set()
    assert b"data: [DONE]" in list(lines)
    samples = after(2, exporter)
    model = "model", "provider"
    openai = "openai/good", "openai"
    assert totals(samples, "gateway_time_to_first_token_seconds_count", *model) == {openai: 1}
    assert totals(samples, "gateway_time_per_output_token_seconds_count", *model) == {openai: 1}
    assert totals(samples, "gateway_model_request_duration_seconds_count", *model) == {openai: 2}
    assert 0 < totals(samples, "gateway_time_to_first_token_seconds_sum", *model)[openai] <= first


def test_a_client_that_leaves_a_stream_is_no_failure(
    proxy: LiteLlm, exporter: GatewayExporter, upstream: LlmUpstream
) -> None:
    """An aborted stream is a client_abort, although LiteLLM calls it a success, and its duration is not observed."""
    assert proxy.ask(KEY, "chat").status_code == 200
    upstream.go_on.clear()
    answer = proxy.ask(KEY, "chat", stream=True)
    assert ANSWER.encode() in next(answer.iter_lines())
    answer.close()
    samples = after(2, exporter)
    assert totals(samples, "gateway_errors_total", "key", "status", "type") == {(PUBLIC, "499", "client_abort"): 1}
    assert totals(samples, "gateway_request_duration_seconds_count", "method") == {(CHAT,): 1}
    assert totals(samples, "gateway_upstream_attempts_total", "provider", "outcome") == {
        ("openai", "success"): 1,
        ("openai", "client_abort"): 1,
    }


def test_failures_have_one_error_type(proxy: LiteLlm, exporter: GatewayExporter) -> None:
    """Each failed request is one error, of the type that its provider's answer or LiteLLM's refusal means."""
    statuses = [proxy.ask(KEY, model).status_code for model in ("chat", "broken", "limited", "refused", "nobody")]
    assert statuses == [200, 500, 429, 400, 400]
    assert proxy.ask("sk-" + raw_key("stranger"), "chat").status_code == 401
    samples = after(6, exporter)
    assert totals(samples, "gateway_requests_total", "key", "method", "status") == {
        (PUBLIC, CHAT, "200"): 1,
        (PUBLIC, CHAT, "500"): 1,
        (PUBLIC, CHAT, "429"): 1,
        (PUBLIC, CHAT, "400"): 2,
        ("unknown", CHAT, "401"): 1,
    }
    assert totals(samples, "gateway_errors_total", "key", "status", "type") == {
        (PUBLIC, "500", "upstream_error"): 1,
        (PUBLIC, "429", "rate_limit_exceeded"): 1,
        (PUBLIC, "400", "client_error"): 2,
        ("unknown", "401", "auth"): 1,
    }
    assert totals(samples, "gateway_upstream_attempts_total", "outcome") == {
        ("success",): 1,
        ("server_error",): 1,
        ("rate_limit_exceeded",): 1,
        ("client_error",): 1,
    }
    assert totals(samples, "gateway_tokens_total", "type") == {(kind,): n for kind, n in OPENAI.items()}


def test_a_fallback_is_one_request_with_two_attempts(proxy: LiteLlm, exporter: GatewayExporter) -> None:
    """What another provider saved is a success, what none could save one failure.

    LiteLLM tells of the first try that fails and of the one that answers, of no other.
    """
    statuses = [proxy.ask(KEY, model).status_code for model in ("chat", "claude", "saved", "lost")]
    assert statuses == [200, 200, 200, 500]
    samples = after(4, exporter)
    assert totals(samples, "gateway_requests_total", "key", "status") == {
        (PUBLIC, "200"): 3,
        (PUBLIC, "500"): 1,
    }
    assert totals(samples, "gateway_upstream_attempts_total", "provider", "outcome") == {
        ("openai", "success"): 1,
        ("openai", "server_error"): 2,
        ("anthropic", "success"): 2,
    }
    assert totals(samples, "gateway_failovers_total", "from_provider", "to_provider", "reason") == {
        ("openai", "anthropic", "server_error"): 1,
    }
    assert totals(samples, "gateway_failover_delay_seconds_count", "to_provider") == {("anthropic",): 1}
    assert totals(samples, "gateway_model_redirects_total", "requested_model", "model")["saved", "anthropic/good"] == 1


# LiteLLM as a library: nothing tells the callback that a request has ended.
_LIBRARY = """
import asyncio, contextlib, os, pathlib, litellm, gateway_exporter
gateway_exporter.PATIENCE_SECONDS = 0.01
litellm.callbacks = [gateway_exporter.log]

async def ask(answer):
    with contextlib.suppress(litellm.RateLimitError):
        await litellm.acompletion(model="openai/gpt-4o", messages=[], mock_response=answer)

async def main():
    log = pathlib.Path(os.environ["GATEWAY_LOG"])
    for lines, answer in enumerate(["litellm.RateLimitError", "Hello"], 1):
        await ask(answer)
        while not log.exists() or log.read_bytes().count(b"\\n") < lines:
            await asyncio.sleep(0.01)

asyncio.run(asyncio.wait_for(main(), 60))
"""


def test_a_try_whose_end_is_not_told_counts_in_the_end(
    tmp_path: Path, start_exporter: Callable[..., GatewayExporter]
) -> None:
    """A failed try that no other follows, and no error to a client, is written when patience is over."""
    log = tmp_path / "requests.jsonl"
    env = {"PYTHONPATH": str(DEPLOY / "litellm"), "GATEWAY_LOG": str(log), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    subprocess.run([program("python"), "-c", _LIBRARY], check=True, timeout=180, env=os.environ | env)
    samples = after(2, start_exporter(log, "litellm"))
    assert totals(samples, "gateway_requests_total", "status") == {("429",): 1, ("200",): 1}
    assert totals(samples, "gateway_upstream_attempts_total", "provider", "outcome") == {
        ("openai", "rate_limit_exceeded"): 1,
        ("openai", "success"): 1,
    }
