"""The OpenAPI document of the listener that customers reach. Its answers have exactly these fields."""

from typing import Any

from exporter.request_log.fields import FIELDS, OF_CUSTOMERS, Field
from exporter.request_log.filters import CUSTOMER_FILTERS, FILTERS
from exporter.request_log.search import Sums
from exporter.service.web.requests import MOST_PAGE_ROWS, PAGE_ROWS, PATH, SUMS_PATH
from exporter.usage import openapi
from exporter.usage.openapi_parts import COUNT, TEXT, Schema, kind, list_of, or_null, parameter, question, record

_TYPES: dict[str, Schema] = {
    "text": or_null(TEXT),
    "time": kind("string", format="date-time"),
    "flag": kind("boolean"),
    **dict.fromkeys(("seconds", "number", "amount"), or_null(kind("number", minimum=0))),
}
_SECONDS = or_null(kind("number", "In seconds.", minimum=0))
_REFUSALS = {
    400: "A parameter is wrong; the message says which, and what is allowed.",
    401: "No API key, or one that is not known.",
    403: "The API key is disabled.",
    404: "No single requests are kept.",
    429: "The API key asks too often; Retry-After says when to ask again.",
    503: "Too many questions are being answered.",
    504: "The search takes too long: ask for a shorter time.",
}


def document() -> dict[str, Any]:
    """The document, as OpenAPI 3.1."""
    made = openapi.document()
    filters = [parameter(name, FILTERS[name], TEXT) for name in FILTERS if name in CUSTOMER_FILTERS]
    page = [
        parameter("limit", "At most so many.", kind("integer", minimum=0, maximum=MOST_PAGE_ROWS, default=PAGE_ROWS)),
        parameter("cursor", "`next` of the page before, with the same filters.", TEXT),
    ]
    made["paths"] |= {
        PATH: question("requests", "The key's requests, the newest first.", filters + page, "Requests", _REFUSALS),
        SUMS_PATH: question("sums", "What the key's requests add up to.", filters, "Sums", _REFUSALS),
    }
    made["components"]["schemas"] |= {"Requests": _page(), "Sums": _sums()}
    return made


def _page() -> Schema:
    row = record(**{name: _described(FIELDS[name]) for name in OF_CUSTOMERS})
    return record(requests=list_of(row), next=or_null(kind("string", "The cursor of the next page; null: no more.")))


def _described(field: Field) -> Schema:
    unit = " in seconds" if field.type == "seconds" else ""
    return _TYPES[field.type] | {"description": field.about[0].upper() + field.about[1:] + unit + "."}


def _sums() -> Schema:
    fields = dict.fromkeys(Sums.__struct_fields__, COUNT)
    fields |= {"cost": kind("number", minimum=0), "average_duration": _SECONDS, "p95_duration": _SECONDS}
    return record(**fields)
