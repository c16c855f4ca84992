"""Gateway / LLM usage: tokens and money, by model and by key."""

from dashboards.board import Board, Row
from dashboards.fields import GREEN, RED, YELLOW, column, range_map
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import bargauge, bars, donut, stat, table, text, timeseries
from dashboards.promql import Metrics, leaders, or_zero, total
from dashboards.shown import Shown
from dashboards.variables import custom

_VARIABLES = ("key", "model_type", "model", "provider")
_HEADER = """**For whoever pays for tokens, or plans them.** Narrow the page to keys, models and providers above; \
*All* clears a filter. A status can't narrow tokens or cost: a failed request has none worth telling apart. \
Single requests, and an exact export of a period for an audit: `gateway-exporter replay --since … --until … --csv`."""
_NONE = "No requests to models in this time"

# What the day's trend counts. A token type is none of the names of families, and the other way round.
_EVERY_TYPE = "input|output|cache_read|cache_write|reasoning"
_MEASURES = {
    "Requests": "requests",
    "Total tokens": _EVERY_TYPE,
    "Input tokens": "input|cache_read|cache_write",
    "Output tokens": "output|reasoning",
}


def page(shown: Shown) -> Board:
    """The dashboard."""
    m, to = Metrics(shown, _VARIABLES), Links(shown, ("key", "model", "provider"))
    return Board(
        uid="gateway-llm",
        title="LLM usage",
        description="Tokens and money, by model and by key: how many, whose, what for, and what rose.",
        variables=_VARIABLES,
        about="gateway_model_requests_total",
        more=[custom("measure", "Trend of", _MEASURES)],
        rows=[
            Row("", [text(_HEADER)]),
            Row("In the chosen time", _cards(m, shown)),
            Row("Trend", _trend(m, to)),
            Row("Cost", _cost(m, to, shown)),
            Row("Tokens", _tokens(m, to)),
            Row("Sudden rises", _rises(m, to)),
            Row("Latency", _latency(m, to)),
            Row("Redirected, unpriced, unbilled, blocked", _odd(m, to)),
        ],
    )


def money(shown: Shown) -> str:
    """The unit of amounts in the configured currency, as Grafana calls it."""
    known = ("USD", "EUR", "GBP", "JPY", "CHF", "RUB", "UAH", "BRL", "DKK", "SEK", "NOK", "CZK", "INR", "KRW", "TWD")
    return f"currency{shown.currency}" if shown.currency in known else f"suffix: {shown.currency}"


def _cards(m: Metrics, shown: Shown) -> list[Panel]:
    tokens, models, requests = "gateway_tokens_total", "gateway_model_requests_total", "gateway_requests_total"
    business, internal = 'class="business"', 'class="internal"'
    calls = m.count(models, business)
    service = f"clamp_min({m.count(requests, business)} - ({calls} or vector(0)), 0)"

    def card(title: str, description: str, query: str, unit: str = "short", rows: str = "B2 E1") -> Panel:
        return stat(title, description, {"": query}, unit, no_value=_NONE, width=4, rows=rows)

    whole = m.count(tokens)
    return [
        card(
            "Cost",
            "What the gateway logged as cost, or the price table gives. Unpriced models cost nothing here.",
            m.count("gateway_cost_total"),
            money(shown),
        ),
        card("Model calls", "Requests to language models, without internal ones. Zero: see Exporter.", calls),
        card(
            "Service calls",
            "Other requests of business keys. Models and providers can't narrow them.",
            service,
            rows="B2",
        ),
        card(
            "Internal calls",
            "Requests of the platform's own keys and inputs (class internal), of every kind.",
            f"{m.count(requests, internal)} or vector(0)",
            rows="B2",
        ),
        card("Total tokens", "All types. Far more than last week: see Sudden rises.", whole),
        card(
            "Input tokens",
            "Tokens sent, without those from and to a cache.",
            or_zero(m.count(tokens, 'type="input"'), whole),
        ),
        card("Output tokens", "Tokens answered, without reasoning.", or_zero(m.count(tokens, 'type="output"'), whole)),
        card(
            "Reasoning tokens",
            "Tokens spent on thinking; billed as output. Much of it: a smaller model may do.",
            or_zero(m.count(tokens, 'type="reasoning"'), whole),
            rows="B2",
        ),
        card(
            "Cache tokens written",
            "Input put into the provider's cache; dearer than input, worth it when read.",
            or_zero(m.count(tokens, 'type="cache_write"'), whole),
            rows="E1",
        ),
        card(
            "Cache tokens read",
            "Input from the provider's cache; a fraction of the price.",
            or_zero(m.count(tokens, 'type="cache_read"'), whole),
            rows="E1",
        ),
        card("Requests", "All requests to models, internal ones too.", m.count(models), rows="E1"),
        card(
            "Failed",
            "Requests to models with a status of 400 and above. The Providers page says who failed.",
            or_zero(m.count(models, 'status=~"[45]..|other"'), m.count(models)),
            rows="E1",
        ),
    ]


def _trend(m: Metrics, to: Links) -> list[Panel]:
    requests = m("gateway_model_requests_total", by="model").replace(
        "gateway_model_requests_total{",
        '{__name__="gateway_model_requests_total",__name__=~"gateway_model_($measure)_total",',
    )
    tokens = m("gateway_tokens_total", 'type=~"$measure"', by="model")
    day = "[1d] offset -1d"
    models = m.count("gateway_model_requests_total", by="model")
    types = f"group by (model, type) ({m('gateway_model_info', by='model type')})"
    return [
        bars(
            "By day and model, last 7 days",
            "Choose above what it counts; click a model below to hide it. Each bar stands at its day's beginning.",
            {"{{model}}": f"sum by (model) (increase({requests}{day})) or sum by (model) (increase({tokens}{day}))"},
            "short",
            every="1d",
            timeFrom="7d",
            links=[to.model()],
            no_value="No requests to models in the last seven days",
            width=16,
            rows="B3",
        ),
        donut(
            "Requests by model type",
            "What the models are for: chat, embedding, image.",
            {
                "{{type}}": f"sum by (type) ({models} * on (model) group_left (type) {types})"
                f' or label_replace(sum({models} unless on (model) {types}), "type", "unknown", "", "")',
            },
            "short",
            no_value="No model's type is known",
            rows="B1",
        ),
        bars(
            "Tokens by model, last 30 days",
            "Whole hours, from recorded rules. Which model takes over, and whose growth the next bill shows.",
            {"{{model}}": m.hours("key_model:gateway_tokens", by="model", hours=24, at="offset -1d")},
            "short",
            every="1d",
            timeFrom="30d",
            links=[to.model()],
            no_value=_NONE,
            width=24,
            rows="B3 B5",
        ),
    ]


def _cost(m: Metrics, to: Links, shown: Shown) -> list[Panel]:
    cost, unit = "gateway_cost_total", money(shown)
    by_key, by_model = m.count(cost, by="key"), m.count(cost, by="model")
    requests = m.count("gateway_model_requests_total", by="model")
    return [
        bargauge(
            "Cost of the ten dearest keys",
            "Who spends. A click opens the key.",
            {"{{key}} {{name}}": m.named(f"topk(10, {by_key})")},
            unit,
            links=[to.key()],
            no_value="No cost was logged",
            rows="B4",
        ),
        donut(
            "Cost by model",
            "Where the money goes.",
            {"{{model}}": by_model},
            unit,
            links=[to.model()],
            no_value="No cost was logged",
            rows="B4",
        ),
        donut(
            "Cost by provider",
            "Whom it is paid to.",
            {"{{provider}}": m.count(cost, by="provider")},
            unit,
            no_value="No cost was logged",
            rows="B4",
        ),
        table(
            "Models: requests, tokens, cost",
            "What each model was used for and what a request costs. Dear, with short answers: try a smaller one.",
            {
                "requests": requests,
                "input": m.count("gateway_tokens_total", 'type="input"', by="model"),
                "output": m.count("gateway_tokens_total", 'type="output"', by="model"),
                "cost": by_model,
                "cost_per_request": f"{by_model} / ({requests} > 0)",
            },
            {
                "model": column(links=[to.cell("Usage of this model", "gateway-llm", "model")]),
                "requests": columns.COUNT,
                "input": columns.COUNT,
                "output": columns.COUNT,
                "cost": column(unit, decimals=6),
                "cost_per_request": column(unit, decimals=6),
            },
            sort="cost",
            no_value=_NONE,
            rows="B4 B1",
        ),
    ]


def _tokens(m: Metrics, to: Links) -> list[Panel]:
    tokens = "gateway_tokens_total"
    return [
        timeseries(
            "Tokens a second by type",
            "Input rises alone: longer prompts. Output alone: longer answers.",
            {"{{type}}": m.rate(tokens, by="type")},
            "short",
            no_value=_NONE,
            rows="B5",
        ),
        timeseries(
            "Tokens a second of the five busiest keys, and others",
            "Who needs a larger limit next. Peaks are in the legend; compare them with Limits and quotas.",
            {"{{key}}": leaders(m.rate(tokens, by="key"), m.count(tokens, by="key", at="@ end()"), "key")},
            "short",
            links=[to.key()],
            no_value=_NONE,
            rows="B5",
        ),
        table(
            "Peaks by key, last 30 days",
            "The busiest hour of each key against its average: far apart means bursts, which limits by the minute cut.",
            {
                "peak_hour": f"max by (key) (max_over_time({_hourly_tokens(m)}[30d:1h]))",
                "average_hour": f"max by (key) (avg_over_time({_hourly_tokens(m)}[30d:1h]))",
            },
            {
                "key": column(links=[to.cell("Limits of this key", "gateway-limits", "key")]),
                "peak_hour": columns.COUNT,
                "average_hour": columns.COUNT,
            },
            sort="peak_hour",
            no_value=_NONE,
            rows="B5",
        ),
    ]


def _hourly_tokens(m: Metrics) -> str:
    return total(m("key_model:gateway_tokens:increase1h", by="key"), "key")


def _rises(m: Metrics, to: Links) -> list[Panel]:
    words = [(None, 1.5, "as usual", GREEN), (1.5, 3, "more", YELLOW), (3, None, "far more", RED)]
    coloured = column("percentunit", mappings=range_map(words)) | {"custom.cellOptions": {"type": "color-text"}}
    tokens, models = "key_model:gateway_tokens", "key_model:gateway_model_requests"
    now, calls = (total(m(f"{name}:increase1h", by="key"), "key") for name in (tokens, models))
    usual, usual_calls = (f"{m.hours(name, by='key', hours=24 * 7)} / {24 * 7}" for name in (tokens, models))
    return [
        table(
            "Last hour against the average hour of the last 7 days",
            "Far more calls: a loop in a client. Far more tokens a call: prompts that grow. Ask the owner.",
            {
                "tokens": now,
                "usual_tokens": usual,
                "tokens_ratio": f"{now} / ({usual} > 0)",
                "calls_ratio": f"{calls} / ({usual_calls} > 0)",
                "tokens_per_call": f"{now} / ({calls} > 0)",
            },
            {
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]),
                "tokens": columns.COUNT,
                "usual_tokens": columns.COUNT,
                "tokens_ratio": coloured,
                "calls_ratio": coloured,
                "tokens_per_call": columns.COUNT,
            },
            sort="tokens_ratio",
            no_value=_NONE,
            width=14,
            rows="B6",
        ),
        timeseries(
            "Tokens a request by model",
            "A step up: somebody sends whole documents, or a conversation that never ends.",
            {
                "{{model}}": f"{m.rate('gateway_tokens_total', by='model')}"
                f" / ({m.rate('gateway_model_requests_total', by='model')} > 0)"
            },
            "short",
            links=[to.model()],
            no_value=_NONE,
            width=10,
            rows="B6",
        ),
    ]


def _latency(m: Metrics, to: Links) -> list[Panel]:
    def quantiles(title: str, description: str, family: str) -> Panel:
        return timeseries(
            title,
            description,
            {"{{model}}": m.quantile(0.95, family, by="model")},
            "s",
            links=[to.model()],
            no_value="No such times in the log",
            exemplar=True,
            width=8,
        )

    return [
        quantiles(
            "p95 duration by model",
            "From request to last token. Long answers take long: compare the next two.",
            "gateway_model_request_duration_seconds",
        ),
        quantiles(
            "p95 time to first token by model",
            "What people wait before they see something. Up: the provider queues, or prompts grew.",
            "gateway_time_to_first_token_seconds",
        ),
        quantiles(
            "p95 time per output token by model",
            "How fast answers are written. Up: the provider is busy.",
            "gateway_time_per_output_token_seconds",
        ),
    ]


def _odd(m: Metrics, to: Links) -> list[Panel]:
    redirects = m.count("gateway_model_redirects_total", by="requested_model model billed")
    return [
        table(
            "Redirects",
            "Requests that another model served than the one asked for, and which of the two is billed.",
            {"requests": redirects},
            {"requested_model": "", "model": "", "billed": "", "requests": columns.COUNT},
            sort="requests",
            no_value="No request was redirected",
            width=8,
            rows="E5",
        ),
        table(
            "Requests to unpriced models",
            "Their cost is missing everywhere here. Add the models to the price table.",
            {"requests": m.count("gateway_unpriced_requests_total", by="model")},
            {"model": "", "requests": columns.COUNT},
            sort="requests",
            no_value="Every model has a price",
            width=5,
            rows="B4",
        ),
        table(
            "Unbilled requests",
            "Endpoints that nobody is billed for, such as token counting. Many: somebody works around the bill.",
            {"requests": m.count("gateway_unbilled_requests_total", by="key method")},
            {
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]),
                "method": "",
                "requests": columns.COUNT,
            },
            sort="requests",
            no_value="No unbilled request",
            width=6,
            rows="E5",
        ),
        table(
            "Blocked requests",
            "Requests that a policy blocked, and why.",
            {"requests": m.count("gateway_blocked_requests_total", by="key reason")},
            {
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]),
                "reason": "",
                "requests": columns.COUNT,
            },
            sort="requests",
            no_value="Nothing was blocked",
            width=5,
            rows="E5",
        ),
    ]
