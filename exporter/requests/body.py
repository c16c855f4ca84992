"""Request bodies of JSON-RPC and LLM requests: the methods called, the model requested."""

import re
from typing import NamedTuple

import msgspec

from exporter.memo import Memo

# Valid names of methods and models; any other becomes `other`.
_NAME = re.compile(r"[\w./:@+-]{1,100}", re.ASCII)
_OTHER = "other"
# The maximum number of characters read of a truncated body.
_CUT_AT = 16_000
# For truncated bodies: the start as most clients write it; else strings and brackets are read one by one.
_METHOD_FIRST = re.compile(
    r'\s*\{\s*(?:"(?:jsonrpc|id)"\s*:\s*(?:"[^"\\]*"|[-+.\w]+)\s*,\s*)*"method"\s*:\s*"([^"\\]*)"', re.ASCII
)
_TOKEN = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)("?)\s*+(:?)|[{}\[\]]|[^"{}\[\]]++', re.DOTALL)


class Body(NamedTuple):
    """The methods and the model in a body. Methods of a batch are sorted, so that equal batches are equal."""

    methods: tuple[str, ...] = ()
    model: str = ""


class _Call(msgspec.Struct):
    method: str | int | float | bool | None = None
    model: str | int | float | bool | None = None


_decoder = msgspec.json.Decoder(_Call | list[_Call])
NOTHING = Body()
_calls: Memo[str, Body] = Memo(lambda method: Body((method,)), 1000)


def _name(written: str) -> str:
    return written if _NAME.fullmatch(written) else _OTHER


def read_body(body: str) -> Body:
    """The calls in a request body; NOTHING if it is not JSON-RPC and names no model. Never raises.

    Of a truncated body (gateways limit its length), the calls or the model that are in it. A batch of one call is that
    call. A call whose method is not a string is ignored.
    Source: https://www.jsonrpc.org/specification, sections 4 and 6.
    """
    try:
        found = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return _of_cut(body)
    if isinstance(found, list):
        return _batch([call.method for call in found if isinstance(call.method, str)])
    if isinstance(found.method, str):
        return _calls[_name(found.method)]
    return _asks(found.model)


def _asks(model: object) -> Body:
    return Body(model=_name(model)) if isinstance(model, str) and model else NOTHING


def _batch(methods: list[str]) -> Body:
    if len(methods) == 1:
        return _calls[_name(methods[0])]
    return Body(tuple(sorted(map(_name, methods)))) if methods else NOTHING


def _of_cut(body: str) -> Body:
    """The calls or the model in a truncated body."""
    first = _METHOD_FIRST.match(body)
    if first:
        return _calls[_name(first[1])]
    start = body.lstrip()[:1]
    if start not in ("{", "["):
        return NOTHING
    single = start == "{"
    found = _names_at(body, 1 if single else 2)
    if found["method"]:
        return _batch(found["method"][-1:] if single else found["method"])
    return _asks(found["model"][-1]) if found["model"] and single else NOTHING


def _names_at(body: str, level: int) -> dict[str, list[str]]:
    """The methods and models in objects at a depth: those of the calls, not those inside their parameters."""
    found: dict[str, list[str]] = {"method": [], "model": []}
    depth, name = 0, ""
    for token in _TOKEN.finditer(body, 0, _CUT_AT):
        if token[0][0] not in '"{}[]':
            continue
        if token[0][0] in "{}[]":
            depth += 1 if token[0] in "{[" else -1
            name = ""
        elif token[3]:
            name = token[1] if depth == level else ""
        else:
            if name in found and token[2]:
                found[name].append(token[1])
            name = ""
    return found
