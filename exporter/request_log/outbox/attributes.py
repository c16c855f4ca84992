"""The attributes of a request by OpenTelemetry's semantic conventions; what these have no name for begins with
`gateway.`.

Each field that operators are shown is sent, and no other. A new one needs nothing here: it gets a name of ours.

Source of the names: https://opentelemetry.io/docs/specs/semconv/registry/attributes/.
"""

from collections.abc import Callable, Iterator
from typing import Any

from exporter.request_log.fields import FIELDS

Value = str | int | float | bool | list[Any]
Attributes = Iterator[tuple[str, Value]]

_OURS = "gateway."
# Fields that are no attributes, but parts of the record.
PARTS = {"id": "the end of `log.record.uid`", "time": "the record's time"}
# Fields that are sent under a standard name.
_NAMES = {
    "route": "http.route",
    "error_type": "error.type",
    "client": "client.address",
    "model": "gen_ai.response.model",
    "requested_model": "gen_ai.request.model",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    "request_bytes": "http.request.size",
    "response_bytes": "http.response.size",
}
# Standard counts, and our fields that they include.
SUMS = {
    "gen_ai.usage.input_tokens": ("input_tokens", "cache_read_tokens", "cache_write_tokens"),
    "gen_ai.usage.output_tokens": ("output_tokens", "reasoning_tokens"),
}
# Standard names that a field's value may have besides ours.
ALSO = {
    "method": ("http.request.method", "rpc.method"),
    "protocol": ("url.scheme", "rpc.system.name"),
    "status": ("http.response.status_code", "rpc.response.status_code"),
    "provider": ("gen_ai.provider.name",),
}
# Source: https://grpc.io/docs/guides/status-codes/.
_GRPC_CODES = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)


def is_sent(field: str) -> bool:
    """Whether a field is an attribute by itself; what SUMS include is one only if it has a name of its own."""
    return field in FIELDS and field not in PARTS and field not in ("input_tokens", "output_tokens")


def standard_name(field: str) -> str:
    """The name of a field's attribute."""
    return _NAMES.get(field) or _OURS + field


def attributes_of(values: dict[str, Any]) -> Attributes:
    """The attributes of fields that requests share. What is not known, and a flag that is not set, has none."""
    for field, value in values.items():
        if value is None or value is False or value == "" or not is_sent(field):
            continue
        if field == "labels":
            yield from ((f"{_OURS}label.{label}", word) for label, word in value.items())
            continue
        yield standard_name(field), value
        if field in _MORE:
            yield from _MORE[field](value, values)


def _of_method(method: str, _: dict[str, Any]) -> Attributes:
    """A method is a verb with a route, or that of JSON-RPC."""
    verb, route = method.partition(" ")[::2]
    if route.startswith("/") or (verb.isupper() and not route):
        yield "http.request.method", verb
    elif not method.startswith("/"):
        yield "rpc.method", method


def _of_protocol(protocol: str, _: dict[str, Any]) -> Attributes:
    yield ("rpc.system.name" if protocol == "grpc" else "url.scheme"), protocol


def _of_status(status: str, values: dict[str, Any]) -> Attributes:
    code = int(status) if status.isdecimal() else -1
    if 100 <= code <= 599:
        yield "http.response.status_code", code
    elif values["protocol"] == "grpc" and 0 <= code < len(_GRPC_CODES):
        yield "rpc.response.status_code", _GRPC_CODES[code]


def _of_provider(provider: str, values: dict[str, Any]) -> Attributes:
    if values["model"] or values["requested_model"]:
        yield "gen_ai.provider.name", provider


_MORE: dict[str, Callable[[Any, dict[str, Any]], Attributes]] = {
    "method": _of_method,
    "protocol": _of_protocol,
    "status": _of_status,
    "provider": _of_provider,
}
