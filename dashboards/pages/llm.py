"""Gateway / LLM usage: tokens and money, by model and by key."""

import re
from typing import Any

from dashboards.board import Board, Row
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.pages.llm_spend import costs, exceptions, of_tokens, rises
from dashboards.panels import bars, donut, stat, text, timeseries
from dashboards.promql import TODAY, five, leaders
from dashboards.questions import Question
from dashboards.variables import custom, largest_keys
from exporter.config.served import Served, or_zero

_VARIABLES = ("key", "model_type", "model", "provider")
# What recorded hours must have: "All" is a list of names there.
_COVERED = ("model",)
_HEADER = "**For whoever pays for tokens, or plans them.** A status can't narrow tokens and cost."
_NONE = "No requests to models in this time"

# What the day's trend counts, by type: requests have none, and tokens have one.
_EVERY_TYPE = "input|output|cache_read|cache_write|reasoning"
_MEASURES = {
    "Requests": "(requests)?",
    "Total tokens": _EVERY_TYPE,
    "Input tokens": "input|cache_read|cache_write",
    "Output tokens": "output|reasoning",
}


def page(served: Served) -> Board:
    """The dashboard."""
    m, to = Metrics(served, _VARIABLES, _COVERED), Links(served, ("key", "model", "provider"))
    return Board(
        uid="gateway-llm",
        title="LLM usage",
        description="Tokens and money, by model and by key: how many, whose, what for, and what rose.",
        variables=_VARIABLES,
        covered=_COVERED,
        about="gateway_model_requests_total",
        more=[
            custom("measure", "Trend of", _MEASURES),
            *largest_keys(most_tokens=m.ranking("gateway_tokens_total", by="key")),
        ],
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("In the chosen time", _cards(m, served), id=2),
            Row("Trend", _trend(m, to), id=15),
            Row("Cost", costs(m, to, served), id=19),
            Row("Sudden rises", rises(m, to), id=28),
            Row("Tokens", of_tokens(m, to), closed=True, id=24),
            Row("Latency of the five top models", _latency(m, to), closed=True, id=31),
            Row("Redirected, unbilled, blocked", exceptions(m, to), closed=True, id=35),
        ],
    )


def _cards(m: Metrics, served: Served) -> list[Panel]:
    return [
        _cost(m, served),
        _model_calls(m),
        _service_calls(m),
        _internal_calls(m),
        _total_tokens(m),
        _input_tokens(m),
        _output_tokens(m),
        _reasoning_tokens(m),
        _cache_tokens_written(m),
        _cache_tokens_read(m),
        _requests(m),
        _failed(m),
    ]


def _card(title: str, description: str, query: str, unit: str = "short", **more: Any) -> Panel:
    """A number beside that of the time before: requests whole, money to the cent, tokens in thousands or millions."""
    answers = more.pop("answers", (Question.HOW_MANY_CALLS_AND_TOKENS, Question.TOTALS_OF_A_CHOICE))
    return stat(title, description, {"": query}, unit, compared=True, no_value=_NONE, answers=answers, **more)


def _count(title: str, description: str, query: str, **more: Any) -> Panel:
    return _card(title, description, query, "locale", **more)


def _cost(m: Metrics, served: Served) -> Panel:
    return _card(
        "Cost",
        "What the gateway logged as cost, or the price table gives. Unpriced models cost nothing here. Exact, for an "
        "audit: `gateway-exporter replay --since … --until … --csv`.",
        m.count("gateway_cost_total"),
        columns.money(served),
        decimals=2,
        id=3,
    )


def _model_calls(m: Metrics) -> Panel:
    models = "gateway_model_requests_total"
    business = 'class="business"'
    calls = m.count(models, business)
    return _count("Model calls", "Requests to language models, without internal ones. Zero: see Exporter.", calls, id=4)


def _service_calls(m: Metrics) -> Panel:
    models = "gateway_model_requests_total"
    requests = "gateway_requests_total"
    business = 'class="business"'
    calls = m.count(models, business)
    service = f"clamp_min({m.count(requests, business)} - ({calls} or vector(0)), 0)"
    return _count(
        "Service calls",
        "Other requests of business keys. Models and providers can't narrow them.",
        service,
        answers=Question.HOW_MANY_CALLS_AND_TOKENS,
        id=5,
    )


def _internal_calls(m: Metrics) -> Panel:
    requests = "gateway_requests_total"
    internal = 'class="internal"'
    return _count(
        "Internal calls",
        "Requests of the platform's own keys and inputs (class internal), of every kind.",
        or_zero(m.count(requests, internal), m.count(requests)),
        answers=Question.HOW_MANY_CALLS_AND_TOKENS,
        id=6,
    )


def _total_tokens(m: Metrics) -> Panel:
    tokens = "gateway_tokens_total"
    whole = m.count(tokens)
    return _card("Total tokens", "All types. Far more than last week: see Sudden rises.", whole, id=7)


def _input_tokens(m: Metrics) -> Panel:
    tokens = "gateway_tokens_total"
    whole = m.count(tokens)
    return _card(
        "Input tokens",
        "Tokens sent, without those from and to a cache.",
        or_zero(m.count(tokens, 'type="input"'), whole),
        id=8,
    )


def _output_tokens(m: Metrics) -> Panel:
    tokens = "gateway_tokens_total"
    whole = m.count(tokens)
    return _card(
        "Output tokens",
        "Tokens answered, without reasoning.",
        or_zero(m.count(tokens, 'type="output"'), whole),
        id=9,
    )


def _reasoning_tokens(m: Metrics) -> Panel:
    tokens = "gateway_tokens_total"
    whole = m.count(tokens)
    return _card(
        "Reasoning tokens",
        "Tokens spent on thinking; billed as output. Much of it: a smaller model may do.",
        or_zero(m.count(tokens, 'type="reasoning"'), whole),
        answers=Question.HOW_MANY_CALLS_AND_TOKENS,
        id=10,
    )


def _cache_tokens_written(m: Metrics) -> Panel:
    tokens = "gateway_tokens_total"
    whole = m.count(tokens)
    return _card(
        "Cache tokens written",
        "Input put into the provider's cache; dearer than input, worth it when read.",
        or_zero(m.count(tokens, 'type="cache_write"'), whole),
        answers=Question.TOTALS_OF_A_CHOICE,
        id=11,
    )


def _cache_tokens_read(m: Metrics) -> Panel:
    tokens = "gateway_tokens_total"
    whole = m.count(tokens)
    return _card(
        "Cache tokens read",
        "Input from the provider's cache; a fraction of the price.",
        or_zero(m.count(tokens, 'type="cache_read"'), whole),
        answers=Question.TOTALS_OF_A_CHOICE,
        id=12,
    )


def _requests(m: Metrics) -> Panel:
    models = "gateway_model_requests_total"
    return _count(
        "Requests",
        "All requests to models, internal ones too.",
        m.count(models),
        answers=Question.TOTALS_OF_A_CHOICE,
        id=13,
    )


def _failed(m: Metrics) -> Panel:
    models = "gateway_model_requests_total"
    return _count(
        "Failed",
        "Requests to models with a status of 400 and above. The Providers page says who failed.",
        or_zero(m.count(models, 'status=~"[45]..|other"'), m.count(models)),
        answers=Question.TOTALS_OF_A_CHOICE,
        id=14,
    )


def _trend(m: Metrics, to: Links) -> list[Panel]:
    requests, tokens = (
        re.sub(r"(gateway_[\w:]+)\{", r'\1{type=~"$measure",', m.count(name, by="model", over="1d", at="offset -1d"))
        for name in ("gateway_model_requests_total", "gateway_tokens_total")
    )
    models, ranking = (m.count("gateway_model_requests_total", by="model", at=at) for at in ("", TODAY))
    types = f"group by (model, type) ({m('gateway_model_info', by='model type')})"
    recorded = "model:gateway_tokens"
    return [
        bars(
            "By day and model",
            "Choose above what it counts; click a model beside it to hide it. The five models asked most, and others. "
            "Each bar stands at its day's beginning.",
            leaders(f"({requests} or {tokens})", ranking, "model"),
            "locale",
            every="1d",
            timeFrom="7d",
            links=[to.model()],
            no_value="No requests to models in the last seven days",
            width=16,
            answers=Question.MODELS_BY_DAY,
            id=16,
        ),
        donut(
            "Requests by model type",
            "What the models are for: chat, embedding, image.",
            {
                "{{type}}": f"sum by (type) ({models} * on (model) group_left (type) {types})"
                f' or label_replace(sum({models} unless on (model) {types}), "type", "unknown", "", "")',
            },
            "locale",
            no_value="No model's type is known",
            answers=Question.WHICH_MODELS,
            id=17,
        ),
        bars(
            "Tokens by day and model",
            "Whole hours, from recorded rules: the five models with most tokens, and others. Which model takes over, "
            "and whose growth the next bill shows.",
            leaders(
                m.hours(recorded, by="model", hours=24, at="offset -1d"),
                m.hours(recorded, by="model", hours=24 * 30, at=TODAY),
                "model",
            ),
            "short",
            every="1d",
            timeFrom="30d",
            maxDataPoints=96,
            links=[to.model()],
            no_value=columns.NEEDS_AN_HOUR,
            width=24,
            answers=(Question.MODELS_BY_DAY, Question.WHERE_ARE_PEAKS),
            id=18,
        ),
    ]


def _latency(m: Metrics, to: Links) -> list[Panel]:
    ranking = m.count("gateway_model_requests_total", by="model", at="@ end()")

    def quantiles(title: str, description: str, family: str, *, id: int) -> Panel:
        return timeseries(
            title,
            description,
            five(m.quantile(0.95, family, by="model"), ranking, "model"),
            "s",
            links=[to.model()],
            no_value="No such times in the log",
            exemplar=True,
            width=8,
            high=columns.FIVE_NAMES,
            id=id,
        )

    return [
        quantiles(
            "p95 duration by model",
            "From request to last token. Long answers take long: compare the next two.",
            "gateway_model_request_duration_seconds",
            id=32,
        ),
        quantiles(
            "p95 time to first token by model",
            "What people wait before they see something. Up: the provider queues, or prompts grew.",
            "gateway_time_to_first_token_seconds",
            id=33,
        ),
        quantiles(
            "p95 time per output token by model",
            "How fast answers are written. Up: the provider is busy.",
            "gateway_time_per_output_token_seconds",
            id=34,
        ),
    ]
