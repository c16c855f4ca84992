"""The OpenAPI document of the usage API. The report has exactly these fields."""

from typing import Any

from exporter import __version__
from exporter.usage.openapi_parts import (
    COUNT,
    ERROR,
    SECURITY,
    TEXT,
    TIME,
    Schema,
    kind,
    list_of,
    or_null,
    parameter,
    question,
    record,
)
from exporter.usage.scope import ENTRIES, GRANULARITIES, MOST_ENTRIES, ORDERS, SORTS

PATH = "/api/v1/openapi.json"


_NUMBER = kind("number", minimum=0)
_PERCENT = or_null(kind("number", "In percent.", minimum=0))
_MILLISECONDS = or_null(kind("number", "In milliseconds.", minimum=0))
_BYTES = or_null(kind("integer", "Bytes, both ways.", minimum=0))
_MONEY = or_null(kind("number", "In `currency`.", minimum=0))
_SOME = or_null(COUNT)


def _row(name: str, /, **fields: Schema) -> Schema:
    """A row of a breakdown. Fields of numbers that the list can't have are left out."""
    row = record(**{name: TEXT, "requests": COUNT, "percentage": _PERCENT}, **fields)
    row["required"] = [field for field in row["required"] if field != "successRate"]
    return row


_FULL = {"successRate": _PERCENT, "averageLatency": _MILLISECONDS, "dataTransferred": _BYTES}
_TOKENS = kind("object", "By type: input, output, cache_read, cache_write, reasoning.", additionalProperties=COUNT)

_USAGE = record(
    totalRequests=COUNT,
    successfulRequests=_SOME,
    failedRequests=_SOME,
    successRate=_PERCENT,
    averageLatency=_MILLISECONDS,
    peakLatency=_MILLISECONDS,
    requestsPerMinute=_NUMBER,
    requestsPerHour=_NUMBER,
    requestsPerDay=_NUMBER,
    peakRequestsPerMinute=or_null(_NUMBER),
    peakRequestsPerHour=_SOME,
    dataTransferred=_BYTES,
    averageDataPerRequest=or_null(_NUMBER),
    tokens=or_null(_TOKENS),
    cost=_MONEY,
    currency=TEXT,
)
_STEP = record(
    timestamp=kind("string", "Where the step begins.", format="date-time"),
    requests=COUNT,
    successfulRequests=_SOME,
    failedRequests=_SOME,
    averageLatency=_MILLISECONDS,
    peakLatency=_MILLISECONDS,
    dataTransferred=_BYTES,
    tokens=_SOME,
    cost=_MONEY,
)
_BREAKDOWN = record(
    "Each list is sorted by `sort`, and is null where no series has it.",
    byEndpoint=or_null(list_of(_row("endpoint", **_FULL), "Counts calls: a batch of n is n.")),
    byMethod=or_null(list_of(_row("method", successRate=_PERCENT), "By HTTP method; JSON-RPC is POST.")),
    byStatusCode=or_null(list_of(_row("statusCode", averageLatency=_MILLISECONDS))),
    byKey=or_null(list_of(_row("key", **_FULL, cost=_MONEY))),
    byModel=or_null(list_of(_row("model", tokens=_TOKENS, averageLatency=_MILLISECONDS, cost=_MONEY))),
    byChain=or_null(list_of(_row("chain", **_FULL))),
    byOrigin=or_null(list_of(_row("origin"))),
)


def _counted(name: str, /, **more: Schema) -> Schema:
    return list_of(record(**{name: TEXT, "count": COUNT, "percentage": _PERCENT}, **more))


_ERRORS = record(
    totalErrors=COUNT,
    errorRate=_PERCENT,
    byType=_counted("type", description=TEXT),
    byEndpoint=_counted("endpoint"),
    byStatusCode=_counted("statusCode"),
)
_LIMIT = record(
    "At the end of the time.",
    current=kind("number", "What is allowed.", minimum=0),
    usage=_NUMBER,
    utilization=_PERCENT,
    remaining=_NUMBER,
    resetsAt=or_null(TIME),
)
_LIMITS = kind(
    "object",
    "Of a key, by name: requestsPerMinute, …PerHour, …PerDay, …PerMonth, and the same of tokens, credits, cost.",
    properties={"key": TEXT},
    required=["key"],
    patternProperties={"^(requests|tokens|credits|cost)Per(Minute|Hour|Day|Month)$": _LIMIT},
    additionalProperties=False,
)
_ALERT = record(
    type=kind(
        "string",
        enum=[
            *("limit_approaching", "limit_critical", "low_success_rate", "high_error_rate"),
            *("high_latency", "critical_latency"),
        ],
    ),
    message=TEXT,
    priority=kind("string", enum=["high", "medium"]),
    recommendation=TEXT,
)
_TREND = record(
    "The second half of the time over the first: within 10 % it is stable.",
    direction={"enum": ["increasing", "stable", "decreasing", None]},
    change=or_null(kind("number", "In percent.")),
)
_BOTTLENECK = record(
    type=kind("string", enum=["high_latency", "high_error_rate", "rate_limit_approaching"]),
    subject=TEXT,
    value=_NUMBER,
    threshold=_NUMBER,
    recommendation=TEXT,
)
_AHEAD = record(atThisRate=_NUMBER, ifGrowthGoesOn=_NUMBER)
_COSTS = record(
    currency=TEXT,
    requests=_MONEY,
    data=_MONEY,
    tokens=_MONEY,
    current=_MONEY,
    projected=or_null(record(nextMonth=_AHEAD, nextQuarter=_AHEAD, nextYear=_AHEAD)),
)
_LOAD = record(requestsPerHour=_NUMBER, failedPerHour=_NUMBER, averageLatency=_MILLISECONDS)
_CAPACITY = record(now=_LOAD, projected=_LOAD, recommendations=list_of(TEXT))
_REPORT = record(
    timestamp=TIME,
    **{"from": TIME},
    to=TIME,
    granularity=kind("string", enum=list(GRANULARITIES)),
    keys=or_null(list_of(TEXT, "Public names; null: all keys.")),
    chain=or_null(TEXT),
    model=or_null(TEXT),
    usage=_USAGE,
    timeSeries=list_of(_STEP),
    breakdown=_BREAKDOWN,
    errors=or_null(_ERRORS),
    rateLimits=list_of(_LIMITS),
    alerts=list_of(_ALERT),
    trends=record(requests=_TREND, latency=_TREND, errors=_TREND),
    bottlenecks=list_of(_BOTTLENECK),
    costs=_COSTS,
    capacity=or_null(_CAPACITY),
    pagination=record(total=COUNT, limit=COUNT, offset=COUNT, hasMore=kind("boolean")),
    reasons=kind("object", "Why a field is null, by its place.", additionalProperties=TEXT),
    sources=kind(
        "object", "Of fields that no series has, by their place: where they come from.", additionalProperties=TEXT
    ),
    notes=list_of(TEXT, "What nobody can know of this time."),
)

_REFUSALS = {
    400: "A parameter is wrong; the message says which, and what is allowed.",
    401: "No API key, or one that is not known.",
    403: "The API key is disabled, or asks for another key's usage.",
    429: "The API key asks too often; Retry-After says when to ask again.",
    502: "Prometheus can't be asked.",
    503: "Too many questions are being answered.",
    504: "Prometheus takes too long.",
}


def document() -> dict[str, Any]:
    """The document, as OpenAPI 3.1."""
    parameters = [
        parameter("timeframe", "The last hours, days or year (default: 24h), or all.", kind("string")),
        parameter("from", "Where the time begins, instead of timeframe: a date, RFC 3339 or epoch seconds.", TEXT),
        parameter("to", "Where it ends (default: now).", TEXT),
        parameter("key", "A key, by its public or display name. Of customers, their own.", TEXT),
        parameter("owner", "Keys of an owner. Operators only.", TEXT),
        parameter("plan", "Keys of a plan. Operators only.", TEXT),
        parameter("chain", "Only this chain.", TEXT),
        parameter("model", "Only this model.", TEXT),
        parameter("granularity", "Steps of the time series.", kind("string", enum=list(GRANULARITIES))),
        parameter("sort", "What lists are sorted by.", kind("string", enum=list(SORTS), default="requests")),
        parameter("order", "The largest first, or last.", kind("string", enum=list(ORDERS), default="desc")),
        parameter("limit", "Entries of each list.", kind("integer", minimum=0, maximum=MOST_ENTRIES, default=ENTRIES)),
        parameter("offset", "First entry of each list.", kind("integer", minimum=0, default=0)),
    ]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gateway-exporter usage",
            "version": __version__,
            "description": "Usage of API keys. Customers ask with the key itself, operators as the web config says.",
        },
        "paths": {
            "/api/v1/usage": question(
                "usage", "The usage of a key, or of all.", parameters, "Report", _REFUSALS, operators=True
            ),
        },
        "components": {
            "schemas": {"Report": _REPORT, "Error": ERROR},
            "securitySchemes": SECURITY,
        },
    }
