"""JSON-RPC and LLM requests by their body: which methods are called, which model is asked for."""

import re
from typing import NamedTuple

import msgspec

from exporter.memo import Memo

# What a method or a model may be called; any other is `other`, as values past their budget are.
_NAME = re.compile(r"[\w./:@+-]{1,100}", re.ASCII)
_OTHER = "other"
# So much of a body that was cut is looked at.
_CUT_AT = 16_000
# A body that was cut: its start as clients write it, else its strings and brackets one by one.
_METHOD_FIRST = re.compile(
    r'\s*\{\s*(?:"(?:jsonrpc|id)"\s*:\s*(?:"[^"\\]*"|[-+.\w]+)\s*,\s*)*"method"\s*:\s*"([^"\\]*)"', re.ASCII
)
_TOKEN = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)("?)\s*+(:?)|[{}\[\]]|[^"{}\[\]]++', re.DOTALL)


class Body(NamedTuple):
    """What a body asks for. A batch is its methods, sorted, so that equal batches are equal."""

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
    """The calls in a request body; NOTHING where it is no JSON-RPC and names no model. Never raises.

    Of a body that was cut (gateways log only so much), the calls, or the model, that are there. A batch of one call
    is that call. A method that is no string makes no call.
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
    """What stands in the calls themselves, not inside their parameters."""
    first = _METHOD_FIRST.match(body)
    if first:
        return _calls[_name(first[1])]
    start = body.lstrip()[:1]
    if start not in ("{", "["):
        return NOTHING
    level = 1 if start == "{" else 2
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
    if found["method"]:
        return _batch(found["method"][-1:] if level == 1 else found["method"])
    return _asks(found["model"][-1]) if found["model"] and level == 1 else NOTHING
