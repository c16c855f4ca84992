"""What language models used, and what they did not: lost usage, answers from a cache, aliases."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import run
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
      requested_model: requested
      model_alias: alias
      provider: provider
      attempts: tried
      cached: hit
      unbilled: free
      input_tokens: prompt
      output_tokens: completion
      cost: cost
"""
LINE: dict[str, Any] = {"ts": 1772546709.0, "status": 200, "method": "chat", "model": "m", "provider": "p"}
WITHOUT_USAGE = "gateway_model_requests_without_usage_total"


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ({}, True),
        ({"prompt": 0, "completion": 0, "cost": 0}, True),
        ({"prompt": -1, "completion": None}, True),
        ({"prompt": 2**64 - 1}, True),
        ({"prompt": 1}, False),
        ({"completion": 1}, False),
        ({"cost": 0.01}, False),
        ({"status": 500}, False),
        ({"status": 101}, False),
        ({"status": 499}, False),
        ({"hit": True}, False),
        ({"free": True}, False),
        ({"model": None}, False),
    ],
)
def test_a_served_request_without_usage_is_counted(tmp_path: Path, line: dict[str, Any], lost: bool) -> None:
    """A model served it, and the log has neither tokens nor a cost: they were lost, unless nothing was to be used."""
    found = of(Counting(tmp_path, CONFIG).count(LINE | line, LINE | {"prompt": 5}), WITHOUT_USAGE)
    assert {labels: value for labels, value in found.items() if value} == ({("m", "p"): 1} if lost else {})


@pytest.mark.parametrize(
    ("prices", "lost"),
    [
        ("- {model: m, per_request: 1}", 0),
        ("- {model: m, per_million_tokens: {input: 1, output: 1}}", 1),
        ("- {model: m, per_request: 1, per_million_tokens: {input: 1, output: 2}}", 1),
    ],
)
def test_a_model_that_is_priced_by_request_loses_no_usage(tmp_path: Path, prices: str, lost: int) -> None:
    """An image model has no tokens, which its price tells."""
    config = CONFIG.replace("      cost: cost\n", "") + "pricing: {models: prices.yaml}\n"
    (tmp_path / "prices.yaml").write_text(prices, encoding="utf-8")
    found = of(Counting(tmp_path, config).count(LINE), WITHOUT_USAGE)
    assert sum(found.values()) == lost


def test_a_log_that_never_has_tokens_loses_none(tmp_path: Path) -> None:
    """Where the format has no tokens, no request can lack them."""
    config = CONFIG.replace("      input_tokens: prompt\n      output_tokens: completion\n", "")
    assert not of(Counting(tmp_path, config).count(LINE), WITHOUT_USAGE)


def test_an_answer_from_the_cache_is_nothing_of_a_provider(tmp_path: Path) -> None:
    """Its request counts, with the model; tokens, money and attempts are none, as no provider was asked."""
    used = {"prompt": 10, "completion": 2, "cost": 0.5, "tried": "p"}
    found = Counting(tmp_path, CONFIG).count(LINE | used, LINE | used | {"hit": True}, LINE | used | {"hit": True})
    assert {labels[-1]: value for labels, value in of(found, "gateway_tokens_total").items() if value} == {
        "input": 10,
        "output": 2,
    }
    assert sum(of(found, "gateway_cost_total").values()) == 0.5
    assert sum(of(found, "gateway_upstream_attempts_total").values()) == 1
    assert of(found, "gateway_cached_requests_total") == {("chat", "m"): 2}
    assert sum(of(found, "gateway_model_requests_total").values()) == 3


def test_a_model_asked_for_by_its_alias_is_no_redirect(tmp_path: Path) -> None:
    """The gateway's own name of a model means that model; another alias, after a fallback, does not."""
    found = Counting(tmp_path, CONFIG).count(
        LINE | {"requested": "fast", "alias": "fast"}, LINE | {"requested": "big", "alias": "fast"}, LINE
    )
    assert of(found, "gateway_model_redirects_total") == {("served", "m", "big"): 1}


@pytest.mark.parametrize("key", ["sk-1234", "88dc28d0f030c55ed4ab77ed8faf0981"])
def test_hash_gives_the_name_that_litellms_log_leads_to(tmp_path: Path, key: str) -> None:
    """LiteLLM logs a hash of a key that starts with `sk-`: `hash` of the raw key, and of that hash, is one name."""
    logged = hashlib.sha256(key.encode()).hexdigest() if key.startswith("sk-") else key
    (tmp_path / "secret").write_text("0123456789abcdef0123456789abcdef", encoding="utf-8")
    (tmp_path / "secret").chmod(0o600)
    config = tmp_path / "config.yaml"
    identity = "identity: {secret_file: secret}\n"
    config.write_text("inputs: [{path: a.log, format: litellm}]\n" + identity, encoding="utf-8")
    log = tmp_path / "a.log"
    line = {"call_type": "acompletion", "status": "success", "endTime": 1, "metadata": {"user_api_key_hash": logged}}
    log.write_text(json.dumps(line) + "\n", encoding="utf-8")
    hashed = run("hash", "--config.file", str(config), stdin=f"{key}\n{logged}\n")
    first, second = hashed.stdout.split()
    assert first == second
    assert f'key="{first}"' in run("explain", "--config.file", str(config), str(log)).stdout

    config.write_text(
        "inputs: [{path: a.log, format: litellm}, {path: b.log, format: caddy}]\n" + identity, encoding="utf-8"
    )
    refused = run("hash", "--config.file", str(config), stdin=key)
    assert (refused.code, refused.stderr) == (
        2,
        "gateway-exporter: the inputs log keys differently (a.log: sha256, b.log: as they are); "
        "choose one with --input\n",
    )
    assert run("hash", "--config.file", str(config), "--input", "a.log", stdin=key).stdout == f"{first}\n"
