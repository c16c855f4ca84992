"""JSON-RPC and LLM requests by their body: which methods are called, which model is asked for."""

import re
from typing import NamedTuple

import msgspec

# As many as a log line can hold; more are counted under the last name.
_METHOD = re.compile(r'"method"\s*:\s*"([^"\\]{1,100})')


class Body(NamedTuple):
    """What a body asks for. A batch is its methods, sorted, so that equal batches are equal."""

    methods: tuple[str, ...] = ()
    model: str = ""


class _Call(msgspec.Struct):
    method: str | int | float | bool | None = None
    model: str | int | float | bool | None = None


_decoder = msgspec.json.Decoder(_Call | list[_Call])
NOTHING = Body()


def read_body(body: str) -> Body:
    """The calls in a request body; NOTHING where it is no JSON-RPC and names no model. Never raises.

    A body that was cut (gateways log only so much) still gives its first method.
    Source: https://www.jsonrpc.org/specification, sections 4 and 6.
    """
    try:
        found = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError):
        cut = _METHOD.search(body) if body.lstrip()[:1] in ("{", "[") else None
        return Body((cut[1],)) if cut else NOTHING
    if isinstance(found, list):
        return Body(tuple(sorted(call.method for call in found if isinstance(call.method, str))))
    if isinstance(found.method, str):
        return Body((found.method,))
    return Body(model=found.model) if isinstance(found.model, str) else NOTHING
