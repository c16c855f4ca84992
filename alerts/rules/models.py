"""Language models: a long answer does not mean a slow gateway, so models are judged by time per token and against
their own past.
"""

from collections.abc import Iterator
from functools import partial

from alerts.alert import DURATION, Alert, length
from alerts.promql import Terms

_MODEL = "{{ $labels.model }}{{ with $labels.provider }} at {{ . }}{{ end }}"
_alert = partial(
    Alert, severity="warning", component="provider", category="latency", dashboard="gateway-llm", shown=("model",)
)


def alerts(terms: Terms) -> Iterator[Alert]:
    """The alerts of this subject."""
    yield from _first_token_slow(terms)
    yield from _tokens_slow(terms)
    yield from _slower(terms)


def _slow(family: str, level: float, terms: Terms) -> str:
    """An average over a level, where there were enough requests."""
    requests = terms.kept("model:gateway_model_requests:rate5m")
    return (
        f"{terms.kept(f'model:{family}:mean5m')} > {level:g}\n"
        f"and {requests} * 300 >= {terms.config.models.min_requests}"
    )


def _first_token_slow(terms: Terms) -> Iterator[Alert]:
    level = terms.config.models.first_token
    if level is not None:
        yield _alert(
            name="GatewayModelFirstTokenSlow",
            expression=_slow("gateway_time_to_first_token_seconds", level, terms),
            for_="5m",
            summary=f"{_MODEL} takes {DURATION} to its first token",
            description=(
                f"On average the first token of {_MODEL} came after {DURATION} in the last five minutes, over "
                f"{length(level)}: people look at nothing for so long."
            ),
            recommendation=(
                "Compare its providers: if one is slow, move its traffic. If all are, see whether prompts have grown "
                "(input tokens a request), or cached ones are no longer hit."
            ),
        )


def _tokens_slow(terms: Terms) -> Iterator[Alert]:
    level = terms.config.models.token
    if level is not None:
        yield _alert(
            name="GatewayModelTokensSlow",
            expression=_slow("gateway_time_per_output_token_seconds", level, terms),
            for_="5m",
            summary=f"{_MODEL} takes {DURATION} a token",
            description=(
                f"On average {_MODEL} took {DURATION} for each token after the first in the last five minutes, over "
                f"{length(level)}: slower than people read."
            ),
            recommendation=(
                "The provider is overloaded, or gives you less than you pay for: see its status page, and move "
                "traffic to another provider of the model."
            ),
        )


def _slower(terms: Terms) -> Iterator[Alert]:
    models = terms.config.models
    if models.slower is not None:
        total, count = (f"model:gateway_model_request_duration_seconds_{part}:increase1h" for part in ("sum", "count"))
        yield _alert(
            name="GatewayModelSlower",
            expression=(
                f"{total} / ({count} >= {models.min_requests})\n"
                f"> {models.slower:g} * sum_over_time({total}[7d]) / (sum_over_time({count}[7d]) > 0)\n"
                f"and {count} offset 1d >= 0"
            ),
            for_="15m",
            keep_firing_for="15m",
            summary=f"{_MODEL} takes {DURATION}, far more than usual",
            description=(
                f"In the last hour a request to {_MODEL} took {DURATION} on average, more than {models.slower:g} "
                "times what it took in the last week."
            ),
            recommendation=(
                "See whether answers have grown longer (output tokens a request): then it is the use that has "
                "changed. If not, the provider is slow: its status page, or another provider."
            ),
        )
