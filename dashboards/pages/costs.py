"""Gateway / Costs and capacity: today, and where it leads."""

from dashboards.board import Board, Row
from dashboards.fields import column
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import bars, stat, text, timeseries
from dashboards.promql import Metrics, total
from dashboards.questions import Question
from dashboards.tables import table
from dashboards.variables import textbox
from exporter.config.served import Served

_HEADER = """**For whoever plans money and machines.** Type above what a request and a GB cost; costs of models come \
from the log or the price table. Projections go on as the last day did against the day before: they are a warning, no \
promise. A day is the last 24 whole hours; all of it stands on recorded rules, so it needs two days of them."""
_VARIABLES = ("key", "model")
_NEED = "Needs two days of recorded rules"
# Days from now: the next month, quarter, year.
_AHEAD = {"month": 30, "quarter": 91, "year": 365}


def page(served: Served) -> Board:
    """The dashboard."""
    m, to = Metrics(served, _VARIABLES), Links(served, _VARIABLES)
    return Board(
        uid="gateway-costs",
        title="Costs and capacity",
        description="What the gateway costs today, by request, byte and token, and where cost and load lead.",
        variables=_VARIABLES,
        more=[
            textbox("request_price", "Price of 1000 requests", "0.01"),
            textbox("gigabyte_price", "Price of a GB sent", "0.05"),
        ],
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("The last day, and what it leads to", _projected(m, served), id=2),
            Row("By key and by model", _split(m, to, served), id=11),
            Row("Capacity", _capacity(m, to, served), id=15),
        ],
        since="now-7d",
    )


def _day(m: Metrics, at: str = "") -> str:
    """What a day cost: requests, bytes, models."""
    requests, sent, models = _parts(m, at)
    return f"({requests}) + (({sent}) or vector(0)) + (({models}) or vector(0))"


def _parts(m: Metrics, at: str = "", hours: int = 24) -> tuple[str, str, str]:
    return (
        f"{m.hours('key:gateway_requests', hours=hours, at=at)} / 1000 * $request_price",
        f"{m.hours('key:gateway_response_bytes', hours=hours, at=at)} / 1e9 * $gigabyte_price",
        m.hours("key_model:gateway_cost", hours=hours, at=at),
    )


def _ahead(today: str, before: str, days: int) -> str:
    """The sum of the next days, if each differs from the one before as today does from yesterday."""
    return f"clamp_min({days} * ({today}) + {days * (days + 1) // 2} * (({today}) - ({before})), 0)"


def _projected(m: Metrics, served: Served) -> list[Panel]:
    return [*_last_day(m, served), *_next(m, served), _by_day(m, served), _of_the_last_day(m, served)]


def _last_day(m: Metrics, served: Served) -> list[Panel]:
    unit, today, before = columns.money(served), _day(m), _day(m, "offset 1d")
    return [
        stat(
            "Cost of the last day",
            "Requests, bytes sent, and models, of the last 24 whole hours.",
            {"": today},
            unit,
            no_value=_NEED,
            answers=Question.COST_AHEAD,
            id=3,
        ),
        stat(
            "Against the day before",
            "Growth that the projections go on with.",
            {"": f"({today}) / (({before}) > 0) - 1"},
            "percentunit",
            no_value=_NEED,
            answers=Question.COST_AHEAD,
            id=4,
        ),
        stat(
            "Cost of a request",
            "Everything of the last day over its requests.",
            {"": f"({today}) / ({m.hours('key:gateway_requests', hours=24)} > 0)"},
            unit,
            no_value=_NEED,
            answers=Question.COST_AHEAD,
            id=5,
        ),
    ]


def _next(m: Metrics, served: Served) -> list[Panel]:
    return [
        stat(
            f"Cost of the next {name}",
            f"{days} days, if each grows as the last one did.",
            {"": _ahead(_day(m), _day(m, "offset 1d"), days)},
            columns.money(served),
            no_value=_NEED,
            answers=Question.COST_AHEAD,
            id=6 + n,
        )
        for n, (name, days) in enumerate(_AHEAD.items())
    ]


def _by_day(m: Metrics, served: Served) -> Panel:
    requests, sent, models = _parts(m, "offset -1d")
    return bars(
        "Cost by day, last 30 days",
        "What is paid for: requests, bytes, models. Each bar stands at its day's beginning; the last is not over.",
        {"requests": requests, "bytes sent": sent, "models": models},
        columns.money(served),
        every="1d",
        timeFrom="30d",
        no_value=_NEED,
        width=16,
        answers=(Question.COST_AHEAD, Question.COST_BY_KEY_AND_MODEL),
        id=9,
    )


def _of_the_last_day(m: Metrics, served: Served) -> Panel:
    requests, sent, models = _parts(m)
    return stat(
        "Of the last day",
        "What the day's cost consists of.",
        {"requests": requests, "bytes sent": sent, "models": models},
        columns.money(served),
        no_value=_NEED,
        width=8,
        high=8,
        answers=Question.COST_AHEAD,
        id=10,
    )


def _split(m: Metrics, to: Links, served: Served) -> list[Panel]:
    unit = columns.money(served)
    requests = m.hours("key:gateway_requests", by="key", hours=24 * 30)
    sent = m.hours("key:gateway_response_bytes", by="key", hours=24 * 30)
    models = m.hours("key_model:gateway_cost", by="key", hours=24 * 30)
    return [
        table(
            "Cost of 30 days by key",
            "Whose requests, bytes and models are paid for.",
            {
                "requests": f"{requests} / 1000 * $request_price",
                "bytes": f"{sent} / 1e9 * $gigabyte_price",
                "models": models,
            },
            {
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]),
                "requests": column(unit, decimals=4),
                "bytes": column(unit, decimals=4),
                "models": column(unit, decimals=4),
            },
            sort="models",
            no_value=_NEED,
            width=12,
            answers=(Question.COST_BY_KEY_AND_MODEL, Question.COST_AHEAD),
            id=12,
        ),
        table(
            "Cost of 30 days by model",
            "Which models, of which provider.",
            {"cost": m.hours("key_model:gateway_cost", by="model provider", hours=24 * 30)},
            {
                "model": column(links=[to.cell("Usage of this model", "gateway-llm", "model")]),
                "provider": "",
                "cost": column(unit, decimals=4),
            },
            sort="cost",
            no_value="No cost was logged",
            width=12,
            answers=Question.COST_BY_KEY_AND_MODEL,
            id=13,
        ),
        bars(
            "Credits by day, last 30 days",
            "What calls cost in credits.",
            {"{{key}}": m.hours("key_method:gateway_credits", by="key", hours=24, at="offset -1d")},
            "short",
            every="1d",
            timeFrom="30d",
            links=[to.key()],
            no_value="Calls have no credits: the config has no pricing.credits",
            width=24,
            answers=Question.COST_BY_KEY_AND_MODEL,
            id=14,
        ),
    ]


def _capacity(m: Metrics, to: Links, served: Served) -> list[Panel]:
    everyone = Metrics(served, ())
    series = {
        "requests": total(everyone("fleet:gateway_requests:rate5m")),
        "failed": total(everyone("fleet:gateway_errors:rate5m")),
        "latency": f"avg({everyone('fleet:gateway_request_duration_seconds:mean5m')})",
    }
    units = {"requests": "reqps", "failed": "reqps", "latency": "s"}
    words = {
        "requests": "Requests a second. The dashed line is where the last seven days lead in 30 days.",
        "failed": "Failed requests a second, the same way. Growing faster than requests: something is at its end.",
        "latency": "Average latency, the same way. Rising with requests: more machines, before it is felt.",
    }
    graphs = [
        timeseries(
            f"{name.capitalize()}: now, and in 30 days",
            words[name],
            {"now": query, "in 30 days": f"clamp_min(predict_linear(({query})[7d:1h], 30 * 86400), 0)"},
            units[name],
            limit="in 30 days",
            no_value=_NEED,
            width=8,
            answers=Question.LOAD_AHEAD,
            id=16 + n,
        )
        for n, (name, query) in enumerate(series.items())
    ]
    return [
        *graphs,
        table(
            "Capacity: the last day's average and peak hour, by key",
            "Who needs a larger limit or a plan of its own next.",
            {
                "requests_in_the_last_day": m.hours("key:gateway_requests", by="key", hours=24),
                "peak_hour": f"max_over_time({total(m('key:gateway_requests:increase1h', by='key'), 'key')}[1d:1h])",
                "the_day_before": m.hours("key:gateway_requests", by="key", hours=24, at="offset 1d"),
            },
            {
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]),
                "requests_in_the_last_day": columns.COUNT,
                "the_day_before": columns.COUNT,
                "peak_hour": columns.COUNT,
            },
            sort="peak_hour",
            no_value=_NEED,
            answers=(Question.LOAD_AHEAD, Question.WHERE_ARE_PEAKS),
            id=19,
        ),
    ]
