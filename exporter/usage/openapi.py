"""The OpenAPI document of the usage API. The report has exactly these fields."""

from typing import Any

from exporter import __version__
from exporter.usage.scope import GRANULARITIES, ORDERS, SORTS

Schema = dict[str, Any]

PATH = "/api/v1/openapi.json"


def _kind(type_: str, text: str = "", **more: Any) -> Schema:
    return {"type": type_, **({"description": text} if text else {}), **more}


def _or_null(schema: Schema) -> Schema:
    return schema | {"type": [schema["type"], "null"]}


def _object(text: str = "", /, **fields: Schema) -> Schema:
    return _kind("object", text, properties=fields, required=list(fields), additionalProperties=False)


def _list(of: Schema, text: str = "") -> Schema:
    return _kind("array", text, items=of)


_TIME = _kind("string", format="date-time")
_COUNT = _kind("integer", minimum=0)
_NUMBER = _kind("number", minimum=0)
_PERCENT = _or_null(_kind("number", "In percent.", minimum=0))
_MILLISECONDS = _or_null(_kind("number", "In milliseconds.", minimum=0))
_BYTES = _or_null(_kind("integer", "Bytes, both ways.", minimum=0))
_MONEY = _or_null(_kind("number", "In `currency`.", minimum=0))
_SOME = _or_null(_COUNT)
_TEXT = _kind("string")


def _row(name: str, /, **fields: Schema) -> Schema:
    """A row of a breakdown. Fields of numbers that the list can't have are left out."""
    row = _object(**{name: _TEXT, "requests": _COUNT, "percentage": _PERCENT}, **fields)
    row["required"] = [field for field in row["required"] if field != "successRate"]
    return row


_FULL = {"successRate": _PERCENT, "averageLatency": _MILLISECONDS, "dataTransferred": _BYTES}
_TOKENS = _kind("object", "By type: input, output, cache_read, cache_write, reasoning.", additionalProperties=_COUNT)

_USAGE = _object(
    totalRequests=_COUNT,
    successfulRequests=_SOME,
    failedRequests=_SOME,
    successRate=_PERCENT,
    averageLatency=_MILLISECONDS,
    peakLatency=_MILLISECONDS,
    requestsPerMinute=_NUMBER,
    requestsPerHour=_NUMBER,
    requestsPerDay=_NUMBER,
    peakRequestsPerMinute=_or_null(_NUMBER),
    peakRequestsPerHour=_SOME,
    dataTransferred=_BYTES,
    averageDataPerRequest=_or_null(_NUMBER),
    tokens=_or_null(_TOKENS),
    cost=_MONEY,
    currency=_TEXT,
)
_STEP = _object(
    timestamp=_kind("string", "Where the step begins.", format="date-time"),
    requests=_COUNT,
    successfulRequests=_SOME,
    failedRequests=_SOME,
    averageLatency=_MILLISECONDS,
    peakLatency=_MILLISECONDS,
    dataTransferred=_BYTES,
    tokens=_SOME,
    cost=_MONEY,
)
_BREAKDOWN = _object(
    "Each list is sorted by `sort`, and is null where no series has it.",
    byEndpoint=_or_null(_list(_row("endpoint", **_FULL), "Counts calls: a batch of n is n.")),
    byMethod=_or_null(_list(_row("method", successRate=_PERCENT), "By HTTP method; JSON-RPC is POST.")),
    byStatusCode=_or_null(_list(_row("statusCode", averageLatency=_MILLISECONDS))),
    byKey=_or_null(_list(_row("key", **_FULL, cost=_MONEY))),
    byModel=_or_null(_list(_row("model", tokens=_TOKENS, averageLatency=_MILLISECONDS, cost=_MONEY))),
    byChain=_or_null(_list(_row("chain", **_FULL))),
    byOrigin=_or_null(_list(_row("origin"))),
)


def _counted(name: str, /, **more: Schema) -> Schema:
    return _list(_object(**{name: _TEXT, "count": _COUNT, "percentage": _PERCENT}, **more))


_ERRORS = _object(
    totalErrors=_COUNT,
    errorRate=_PERCENT,
    byType=_counted("type", description=_TEXT),
    byEndpoint=_counted("endpoint"),
    byStatusCode=_counted("statusCode"),
)
_LIMIT = _object(
    "At the end of the time.",
    current=_kind("number", "What is allowed.", minimum=0),
    usage=_NUMBER,
    utilization=_PERCENT,
    remaining=_NUMBER,
    resetsAt=_or_null(_TIME),
)
_LIMITS = _kind(
    "object",
    "Of a key, by name: requestsPerMinute, …PerHour, …PerDay, …PerMonth, and the same of tokens, credits, cost.",
    properties={"key": _TEXT},
    required=["key"],
    patternProperties={"^(requests|tokens|credits|cost)Per(Minute|Hour|Day|Month)$": _LIMIT},
    additionalProperties=False,
)
_ALERT = _object(
    type=_kind(
        "string",
        enum=[
            *("limit_approaching", "limit_critical", "low_success_rate", "high_error_rate"),
            *("high_latency", "critical_latency"),
        ],
    ),
    message=_TEXT,
    priority=_kind("string", enum=["high", "medium"]),
    recommendation=_TEXT,
)
_TREND = _object(
    "The second half of the time over the first: within 10 % it is stable.",
    direction={"enum": ["increasing", "stable", "decreasing", None]},
    change=_or_null(_kind("number", "In percent.")),
)
_BOTTLENECK = _object(
    type=_kind("string", enum=["high_latency", "high_error_rate", "rate_limit_approaching"]),
    subject=_TEXT,
    value=_NUMBER,
    threshold=_NUMBER,
    recommendation=_TEXT,
)
_AHEAD = _object(atThisRate=_NUMBER, ifGrowthGoesOn=_NUMBER)
_COSTS = _object(
    currency=_TEXT,
    requests=_MONEY,
    data=_MONEY,
    tokens=_MONEY,
    current=_MONEY,
    projected=_or_null(_object(nextMonth=_AHEAD, nextQuarter=_AHEAD, nextYear=_AHEAD)),
)
_LOAD = _object(requestsPerHour=_NUMBER, failedPerHour=_NUMBER, averageLatency=_MILLISECONDS)
_CAPACITY = _object(now=_LOAD, projected=_LOAD, recommendations=_list(_TEXT))
_REPORT = _object(
    timestamp=_TIME,
    **{"from": _TIME},
    to=_TIME,
    granularity=_kind("string", enum=list(GRANULARITIES)),
    keys=_or_null(_list(_TEXT, "Public names; null: all keys.")),
    chain=_or_null(_TEXT),
    model=_or_null(_TEXT),
    usage=_USAGE,
    timeSeries=_list(_STEP),
    breakdown=_BREAKDOWN,
    errors=_or_null(_ERRORS),
    rateLimits=_list(_LIMITS),
    alerts=_list(_ALERT),
    trends=_object(requests=_TREND, latency=_TREND, errors=_TREND),
    bottlenecks=_list(_BOTTLENECK),
    costs=_COSTS,
    capacity=_or_null(_CAPACITY),
    pagination=_object(total=_COUNT, limit=_COUNT, offset=_COUNT, hasMore=_kind("boolean")),
    reasons=_kind("object", "Why a field is null, by its place.", additionalProperties=_TEXT),
    sources=_kind(
        "object",
        "By its place, where a field comes from that no series has: single requests.",
        additionalProperties=_TEXT,
    ),
    notes=_list(_TEXT, "What nobody can know of this time."),
)
_ERROR = _object(error=_object(status=_kind("integer"), message=_TEXT))

_STATUSES = {
    400: "A parameter is wrong; the message says which, and what is allowed.",
    401: "No API key, or one that is not known.",
    403: "The API key is disabled, or asks for another key's usage.",
    429: "The API key asks too often; Retry-After says when to ask again.",
    502: "Prometheus can't be asked.",
    503: "Too many questions are being answered.",
    504: "Prometheus takes too long.",
}


def _parameter(name: str, text: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def document() -> dict[str, Any]:
    """The document, as OpenAPI 3.1."""
    parameters = [
        _parameter("timeframe", "The last hours, days or year (default: 24h), or all.", _kind("string")),
        _parameter("from", "Where the time begins, instead of timeframe: a date, RFC 3339 or epoch seconds.", _TEXT),
        _parameter("to", "Where it ends (default: now).", _TEXT),
        _parameter("key", "A key, by its public or display name. Of customers, their own.", _TEXT),
        _parameter("owner", "Keys of an owner. Operators only.", _TEXT),
        _parameter("plan", "Keys of a plan. Operators only.", _TEXT),
        _parameter("chain", "Only this chain.", _TEXT),
        _parameter("model", "Only this model.", _TEXT),
        _parameter("granularity", "Steps of the time series.", _kind("string", enum=list(GRANULARITIES))),
        _parameter("sort", "What lists are sorted by.", _kind("string", enum=list(SORTS), default="requests")),
        _parameter("order", "The largest first, or last.", _kind("string", enum=list(ORDERS), default="desc")),
        _parameter("limit", "Entries of each list.", _kind("integer", minimum=0, maximum=1000, default=100)),
        _parameter("offset", "First entry of each list.", _kind("integer", minimum=0, default=0)),
    ]
    failures = {
        str(status): {"description": text, "content": {"application/json": {"schema": _ref("Error")}}}
        for status, text in _STATUSES.items()
    }
    report = {"description": "The report.", "content": {"application/json": {"schema": _ref("Report")}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gateway-exporter usage",
            "version": __version__,
            "description": "Usage of API keys. Customers ask with the key itself, operators as the web config says.",
        },
        "paths": {
            "/api/v1/usage": {
                "get": {
                    "operationId": "usage",
                    "summary": "The usage of a key, or of all.",
                    "parameters": parameters,
                    "responses": {"200": report, **failures},
                    "security": [{"bearer": []}, {"key": []}, {"operator": []}, {}],
                }
            }
        },
        "components": {
            "schemas": {"Report": _REPORT, "Error": _ERROR},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "operator": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
