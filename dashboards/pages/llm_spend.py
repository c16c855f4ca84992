"""Rows of the page of language models about what is spent: money, tokens, sudden rises, and what is not billed."""

from dashboards.fields import GREEN, ORANGE, YELLOW, column, range_map
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import bargauge, bars, donut, timeseries
from dashboards.promql import LAST_BAR, among, five, leaders, total
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import Served

_NONE = "No requests to models in this time"


def costs(m: Metrics, to: Links, served: Served) -> list[Panel]:
    """What models cost, by key, model and provider."""
    cost, unit = "gateway_cost_total", columns.money(served)
    by_key, by_model, by_provider = (m.count(cost, by=label) for label in ("key", "model", "provider"))
    requests = m.count("gateway_model_requests_total", by="model")
    narrow = {"custom.width": 190}  # so that models that differ in their date have place for it
    return [
        bargauge(
            "Cost of the ten most expensive keys",
            "Who spends. A click opens the key.",
            columns.ten_keys(m, by_key),
            unit,
            decimals=2,
            links=[to.key()],
            no_value="No cost was logged",
            answers=Question.COST_BY_KEY_AND_MODEL,
            width=6,
            id=20,
        ),
        donut(
            "Cost by model",
            "Where the money goes.",
            leaders(by_model, by_model, "model"),
            unit,
            decimals=2,
            links=[to.model()],
            no_value="No cost was logged",
            answers=Question.COST_BY_KEY_AND_MODEL,
            width=10,
            id=21,
        ),
        donut(
            "Cost by provider",
            "Who is paid.",
            leaders(by_provider, by_provider, "provider"),
            unit,
            decimals=2,
            no_value="No cost was logged",
            answers=Question.COST_BY_KEY_AND_MODEL,
            id=22,
        ),
        table(
            "Models: requests, tokens, cost",
            "What each model was used for and what a request costs. Expensive, with short answers: try a smaller one.",
            {
                "requests": requests,
                "input": m.count("gateway_tokens_total", 'type="input"', by="model"),
                "output": m.count("gateway_tokens_total", 'type="output"', by="model"),
                "cost": by_model,
                "cost_per_request": f"{by_model} / ({requests} > 0)",
            },
            {
                "model": column(links=[to.cell("Usage of this model", "gateway-llm", "model")]) | columns.MODEL,
                "cost": column(unit, decimals=2),
                "cost_per_request": column(unit, decimals=6) | narrow,
                "requests": columns.COUNT | narrow,
                "input": columns.COUNT | narrow,
                "output": columns.COUNT | narrow,
            },
            sort="cost",
            no_value=_NONE,
            answers=(Question.COST_BY_KEY_AND_MODEL, Question.WHICH_MODELS),
            id=23,
        ),
    ]


def of_tokens(m: Metrics, to: Links) -> list[Panel]:
    """Tokens by type and key, and the keys' peaks."""
    tokens, most = "gateway_tokens_total", among("most_tokens")
    return [
        timeseries(
            "Tokens an hour by type",
            "At the rate of each time. Input rises alone: longer prompts. Output alone: longer answers.",
            {"{{type}}": f"3600 * {m.rate(tokens, by='type')}"},
            "short",
            colours={"^reasoning$": "purple"},
            no_value=_NONE,
            answers=Question.WHERE_ARE_PEAKS,
            id=25,
        ),
        bars(
            "Tokens of the five busiest keys, and others",
            "Who needs a larger limit next. The table below has the busiest hour of each; compare it with Limits and "
            "quotas.",
            columns.by_key(
                leaders(
                    m.count(tokens, most, by="key", over="$__interval", at="offset -$__interval"),
                    m.count(tokens, most, by="key", at=LAST_BAR),
                    "key",
                    m.named_few,
                    m.count(tokens, over="$__interval", at="offset -$__interval"),
                )
            ),
            "short",
            links=[to.key()],
            no_value=_NONE,
            width=12,
            answers=Question.WHERE_ARE_PEAKS,
            id=26,
        ),
        table(
            "Peaks by key, last 7 days",
            "The busiest hour of each key against its average: far apart means bursts, which limits by the minute cut.",
            {
                **{
                    name: f"max by (key) ({of}_over_time({_hourly_tokens(m)}[7d:1h]) or {_hourly_tokens(m)})"
                    for name, of in (("peak_hour", "max"), ("average_hour", "avg"))
                },
                # Names joined to the first would have it read twice.
                "info": f"{m.info('name')} and on (key) {_hourly_tokens(m)}",
            },
            {
                "key": column(links=[to.cell("Limits of this key", "gateway-limits", "key")]) | columns.KEY_ID,
                "name": columns.NAME,
                "peak_hour": columns.COUNT,
                "average_hour": columns.COUNT,
            },
            sort="peak_hour",
            no_value=columns.NEEDS_AN_HOUR,
            answers=Question.WHERE_ARE_PEAKS,
            id=27,
        ),
    ]


def _hourly_tokens(m: Metrics) -> str:
    return total(m("key_model:gateway_tokens:increase1h", by="key"), "key")


def rises(m: Metrics, to: Links) -> list[Panel]:
    """Keys and models whose use is far from what it was."""
    words = [(None, 1.5, "as usual", GREEN), (1.5, 3, "more", YELLOW), (3, None, "far more", ORANGE)]
    coloured = column("percentunit", mappings=range_map(words)) | {"custom.cellOptions": {"type": "color-text"}}
    tokens, models = "key_model:gateway_tokens", "key_model:gateway_model_requests"
    now, calls = (total(m(f"{name}:increase1h", by="key"), "key") for name in (tokens, models))
    usual, usual_calls = (m.usual_hour(name, "key") for name in (tokens, models))
    return [
        table(
            "Last hour against the week's average hour",
            "Far more calls: a loop in a client. Far more tokens a call: prompts that grow. Ask the owner.",
            {
                "tokens": m.named(now),
                "usual_tokens": f"{usual} and on (key) {now}",
                "token_rise": f"{now} / ({usual} > 0)",
                "call_rise": m.named(f"{calls} / ({usual_calls} > 0)"),  # those that all failed have no tokens
                "tokens_per_call": f"{now} / ({calls} > 0)",
            },
            {
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]) | columns.KEY_ID,
                "name": columns.NAME,
                "token_rise": coloured,
                "tokens": columns.COUNT,
                "usual_tokens": columns.COUNT,
                "call_rise": coloured,
                "tokens_per_call": columns.COUNT,
            },
            sort="token_rise",
            no_value=columns.NEEDS_RULES,
            width=14,
            high=columns.FIVE_NAMES,
            answers=Question.SUDDEN_RISES,
            id=29,
        ),
        timeseries(
            "Tokens a request by model",
            "Of the five models asked most. A step up: somebody sends whole documents, or a conversation without end.",
            five(
                f"({m.rate('gateway_tokens_total', by='model')}"
                f" / ({m.rate('gateway_model_requests_total', by='model')} > 0))",
                m.count("gateway_model_requests_total", by="model", at="@ end()"),
                "model",
            ),
            "short",
            links=[to.model()],
            no_value=_NONE,
            width=10,
            high=columns.FIVE_NAMES,
            answers=Question.SUDDEN_RISES,
            id=30,
        ),
    ]


def exceptions(m: Metrics, to: Links) -> list[Panel]:
    """Requests that were redirected, unpriced, unbilled, blocked, cached, or have no usage."""
    redirects = m.count("gateway_model_redirects_total", by="requested_model model billed")
    return [
        table(
            "Redirects",
            "Requests that another model served than the one asked for, and which of the two is billed.",
            {"requests": redirects},
            {
                "requests": columns.COUNT_FIRST,
                "requested_model": columns.MODEL,
                "model": columns.MODEL,
                "billed": {"custom.width": 90},
            },
            sort="requests",
            no_value="No request was redirected",
            width=14,
            answers=Question.BLOCKED_AND_REDIRECTED,
            id=36,
        ),
        table(
            "Requests to unpriced models",
            "Their cost is missing everywhere here. Add the models to the price table.",
            {"requests": m.count("gateway_unpriced_requests_total", by="model")},
            {"requests": columns.COUNT_FIRST, "model": columns.MODEL},
            sort="requests",
            no_value="Every model has a price",
            width=10,
            answers=Question.COST_BY_KEY_AND_MODEL,
            id=37,
        ),
        table(
            "Unbilled requests",
            "Endpoints that nobody is billed for, such as token counting. Many: somebody works around the bill.",
            {"requests": m.named(m.count("gateway_unbilled_requests_total", by="key method"))},
            {
                "requests": columns.COUNT_FIRST,
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]) | columns.KEY_ID,
                "name": columns.NAME,
                "method": columns.METHOD,
            },
            sort="requests",
            no_value="No unbilled request",
            width=12,
            answers=Question.BLOCKED_AND_REDIRECTED,
            id=38,
        ),
        table(
            "Blocked requests",
            "Requests that a policy blocked, and why.",
            {"requests": m.named(m.count("gateway_blocked_requests_total", by="key reason"))},
            {
                "requests": columns.COUNT_FIRST,
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]) | columns.KEY_ID,
                "name": columns.NAME,
                "reason": columns.NAME,
            },
            sort="requests",
            no_value="Nothing was blocked",
            width=12,
            answers=Question.BLOCKED_AND_REDIRECTED,
            id=39,
        ),
        table(
            "Answers without usage",
            "Served, and the log has neither tokens nor a cost: lost billing. Usually streams; see the runbook.",
            {"requests": m.count("gateway_model_requests_without_usage_total", by="model provider")},
            {"requests": columns.COUNT_FIRST, "model": columns.MODEL, "provider": ""},
            sort="requests",
            no_value="Every answer has its usage",
            width=14,
            answers=Question.BLOCKED_AND_REDIRECTED,
            id=40,
        ),
        table(
            "Answered from the cache",
            "By the gateway itself: no provider was asked, and nothing was used.",
            {"requests": m.count("gateway_cached_requests_total", by="model")},
            {"requests": columns.COUNT_FIRST, "model": columns.MODEL},
            sort="requests",
            no_value="Nothing came from the gateway's cache",
            width=10,
            answers=Question.COST_BY_KEY_AND_MODEL,
            id=41,
        ),
    ]
