"""Fast reader for lists of flat mappings: JSON, and YAML as programs write it, with one field or mapping per line.

PyYAML takes half a minute and a gigabyte for a list of a hundred thousand. So plain lists are read here, with exactly
PyYAML's result. All other YAML, and every mistake, is left to `yaml_file`.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import yaml

from exporter.memo import Memo

T = TypeVar("T")

# These hold no characters that YAML gives a meaning to, or does not allow.
_PLAIN = r"[\w./+][\w./@+() -]*"
_QUOTED = '"[^"\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]*"'.replace("\\\\", r"\\")
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?"
_VALUE = rf"({_TIME}|{_PLAIN}|{_QUOTED})"
_FIELD = re.compile(rf"(- |  )([a-z_]+): {_VALUE} *\n")
_MAPPING = re.compile(rf"- \{{((?:[a-z_]+: {_VALUE}(?:, (?=[a-z])|(?=\}})))+)\}} *\n")
_ENTRY = re.compile(rf"([a-z_]+): {_VALUE}(?:, )?")
_NOTHING = re.compile(r"(?: *#[^\n\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]*| *)\n")

_loader = yaml.SafeLoader("")
_RESOLVERS = _loader.yaml_implicit_resolvers


class _OddError(ValueError):
    """It is not plainly such a list."""


def read(text: str, taken: Callable[[dict[str, Any]], T]) -> list[T] | None:
    """What `taken` makes of each mapping of a list; None where it is not plainly one, or `taken` raises ValueError."""
    try:
        if text.startswith("["):
            found = json.loads(text, object_pairs_hook=lambda pairs: (taken(_once(pairs)),), parse_constant=_refuse)
            return [item[0] for item in found] if all(isinstance(item, tuple) for item in found) else None
        return [taken(mapping) for mapping in _mappings(text if text.endswith("\n") else text + "\n")]
    except (ValueError, RecursionError, yaml.YAMLError):
        return None


def _mappings(text: str) -> Iterator[dict[str, Any]]:
    # Long, as it has a branch for each kind of line, and 100,000 keys pass here.
    values = Memo(_value)
    mapping: dict[str, Any] = {}
    at = 0
    while at < len(text):
        if field := _FIELD.match(text, at):
            start, name, value = field.groups()
            if start == "- ":
                if mapping:
                    yield mapping
                mapping = {}
            if name in mapping or not (mapping or start == "- "):
                raise _OddError
            mapping[name] = values[value]
            at = field.end()
        elif whole := _MAPPING.match(text, at):
            if mapping:
                yield mapping
            mapping = {}
            yield _once([(name, values[value]) for name, value in _ENTRY.findall(whole[1])])
            at = whole.end()
        elif nothing := _NOTHING.match(text, at):
            at = nothing.end()
        else:
            raise _OddError
    if mapping:
        yield mapping


def _value(written: str) -> Any:
    """A scalar. Without quotes it is text where it looks like nothing else that YAML knows."""
    if written[0] == '"':
        return written[1:-1]
    written = written.rstrip(" ")
    for tag, looks_like in _RESOLVERS.get(written[0], ()):
        if looks_like.match(written):
            return _loader.construct_object(yaml.ScalarNode(tag, written))
    return written


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs) or any(isinstance(value, tuple | list) for value in mapping.values()):
        raise _OddError
    return mapping


def _refuse(constant: str) -> Any:
    raise _OddError(constant)
