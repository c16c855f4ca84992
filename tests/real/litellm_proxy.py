"""The LiteLLM proxy, with the callback that deploy/ ships. `make litellm` installs it into an environment of its own
below build/, because it pins what the product leaves open.
"""

import secrets
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.process import Process, free_port
from tests.real.gateways import DEPLOY, missing

_BUILD = Path(__file__).parents[2] / "build"
_START_SECONDS = 180

QUESTION = "What is the answer?"

# Money a token; powers of two, so that sums are exact.
PRICES = {"input": 2**-10, "cache_read": 2**-12, "cache_write": 2**-9, "output": 2**-8}

_AUTH = """
from litellm.proxy._types import ProxyException, UserAPIKeyAuth

async def check(request, api_key):
    if api_key != {key!r}:
        raise ProxyException(message="no such key", type="auth_error", param="key", code=401)
    return UserAPIKeyAuth(api_key=api_key, key_alias="alpha", team_alias="Alpha")
"""


def program(name: str) -> str:
    """A command of the environment that the proxy is in. Without it the test is skipped; on a build server it fails."""
    homes = [installed.parent for installed in _BUILD.glob("litellm-*/installed")]
    if not homes:
        missing("LiteLLM")
    return str(max(homes) / "bin" / name)


class LiteLlm:
    """A running proxy in front of a provider, that knows one key."""

    def __init__(self, folder: Path, upstream: str, key: str) -> None:
        self.log = folder / "requests.jsonl"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        (folder / "gateway_exporter.py").symlink_to(DEPLOY / "litellm" / "gateway_exporter.py")
        (folder / "auth.py").write_text(_AUTH.format(key=key))
        (folder / "config.yaml").write_text(yaml.safe_dump(_config(upstream)))
        command = [program("litellm"), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
        env = {"GATEWAY_LOG": str(self.log), "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HOME": str(folder)}
        self.process = Process([*command, "--telemetry", "False"], folder, env=env)
        self.process.started(self._ready, "LiteLLM is ready", _START_SECONDS)

    def _ready(self) -> bool:
        try:
            return requests.get(self.url + "/health/liveliness", timeout=60).ok
        except requests.ConnectionError:
            return False

    def ask(self, key: str, model: str, **more: Any) -> requests.Response:
        """Ask a model for an answer."""
        body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], **more}
        headers = {"Authorization": f"Bearer {key}", "Origin": "https://app.example"}
        stream = bool(more.get("stream"))
        return requests.post(f"{self.url}/v1/chat/completions", headers=headers, json=body, timeout=60, stream=stream)


def _config(upstream: str) -> dict[str, Any]:
    prices = {
        "input_cost_per_token": PRICES["input"],
        "cache_read_input_token_cost": PRICES["cache_read"],
        "cache_creation_input_token_cost": PRICES["cache_write"],
        "output_cost_per_token": PRICES["output"],
    }
    openai = {"api_base": f"{upstream}/v1", "api_key": "none", "max_retries": 0, **prices}
    models = {
        "chat": {"model": "openai/good", **openai},
        "claude": {"model": "anthropic/good", **openai, "api_base": upstream},
        **{name: {"model": "openai/500", **openai} for name in ("broken", "saved", "lost")},
        "limited": {"model": "openai/429", **openai},
        "refused": {"model": "anthropic/400", **openai, "api_base": upstream},
    }
    return {
        "model_list": [{"model_name": name, "litellm_params": told} for name, told in models.items()],
        "litellm_settings": {"callbacks": ["gateway_exporter.log"]},
        "router_settings": {
            "fallbacks": [{"saved": ["claude"]}, {"lost": ["refused"]}],
            "num_retries": 0,
            "disable_cooldowns": True,
        },
        "general_settings": {"custom_auth": "auth.check", "master_key": f"sk-{secrets.token_hex(32)}"},
    }
