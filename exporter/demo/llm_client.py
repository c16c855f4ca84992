"""Sample clients of language models. They write lines in the format of the preset `litellm`, with only the fields that
it reads.
"""

import hashlib
from random import Random
from typing import ClassVar, NamedTuple

from exporter.demo.clients import Client, duration, json_line, one_of, outcome


class _Model(NamedTuple):
    """A model: seconds to the first token, tokens per second (0: embeddings), prices per million tokens, and the share
    of output tokens that are spent on reasoning.
    """

    provider: str
    seconds: float
    speed: int
    price_in: float
    price_out: float
    reasoning: float


class _Tokens(NamedTuple):
    """Tokens of a request: how many input tokens were `cached`, and how many were `added` to the provider's cache."""

    input: int
    output: int
    cached: int
    added: int


_MODELS = {
    "gpt-4o-mini": _Model("openai", 0.35, 110, 0.15, 0.6, 0.0),
    "o4-mini": _Model("openai", 2.5, 130, 1.1, 4.4, 0.6),
    "claude-sonnet-4-20250514": _Model("anthropic", 0.8, 70, 3.0, 15.0, 0.0),
    "text-embedding-3-small": _Model("openai", 0.15, 0, 0.02, 0.0, 0.0),
}
_LLM_ERRORS = {408: "Timeout", 429: "RateLimitError", 499: "ClientDisconnected", 500: "InternalServerError"}


class LlmClient(Client, frozen=True, kw_only=True):
    """Calls language models. `prompt` and `answer` are typical numbers of tokens; `cached` is the largest share of a
    prompt that is in the provider's cache.
    """

    log: ClassVar[str] = "llm.jsonl"

    models: dict[str, float]
    prompt: int = 800
    answer: int = 250
    cached: float = 0.0
    origin: str = ""
    streams: bool = True

    @property
    def logged_key(self) -> str:
        """LiteLLM logs a hash of its own."""
        return hashlib.sha256(self.key.encode()).hexdigest()

    def line(self, rng: Random, ended: float) -> str:
        """A completion or an embedding."""
        name = one_of(rng, self.models)
        model = _MODELS[name]
        embedding = not model.speed
        status = outcome(rng, self.failures)
        failed = status not in (200, 499)
        tokens = self._tokens(rng, model, failed)
        waited = duration(rng, model.seconds, status)
        begun = ended - waited - tokens.output / (model.speed or 1)
        return json_line(
            call_type="aembedding" if embedding else "acompletion",
            stream=True if self.streams and not embedding and not failed else None,
            status="failure" if failed else "success",
            custom_llm_provider=model.provider,
            model=f"{model.provider}/{name}",
            model_group=name,
            startTime=round(begun, 3),
            completionStartTime=round(begun + waited, 3) if self.streams else round(ended, 3),
            endTime=round(ended, 3),
            prompt_tokens=tokens.input,
            completion_tokens=tokens.output,
            total_tokens=tokens.input + tokens.output,
            response_cost=((tokens.input - tokens.cached / 2) * model.price_in + tokens.output * model.price_out) / 1e6,
            error_information={
                "error_code": "" if status == 200 else str(status),
                "error_class": _LLM_ERRORS.get(status, ""),
            },
            requester_ip_address=f"198.51.100.{rng.randint(1, 20)}",
            metadata={
                "user_api_key_hash": self.logged_key,
                "user_api_key_alias": self.name,
                "user_api_key_team_alias": self.owner,
                "requester_metadata": {"headers": {"origin": self.origin}},
                "user_api_key_request_route": "/v1/embeddings" if embedding else "/v1/chat/completions",
                "usage_object": {
                    "prompt_tokens_details": {"cached_tokens": tokens.cached, "cache_creation_tokens": tokens.added},
                    "completion_tokens_details": {"reasoning_tokens": int(tokens.output * model.reasoning)},
                },
            },
        )

    def _tokens(self, rng: Random, model: _Model, failed: bool) -> _Tokens:
        read = 0 if failed else int(self.prompt * rng.lognormvariate(0, 0.5)) + 1
        written = 0 if failed or not model.speed else int(self.answer * rng.lognormvariate(0, 0.6)) + 1
        cached = int(read * self.cached * rng.random())
        added = (read - cached) // 2 if self.cached and model.provider == "anthropic" else 0
        return _Tokens(read, written, cached, added)
