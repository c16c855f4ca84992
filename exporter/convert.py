"""Converts plain values, as from YAML, to msgspec Structs. Errors name the field and use everyday words.

The description of a constraint stands with its type: `Annotated[int, Meta(ge=1, description="at least 1")]` gives "must
be at least 1, not 0". With `extra={"secret": True}` the value is not repeated.
"""

import re
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec

from exporter.errors import FieldError, Steps, unknown

T = TypeVar("T")

_PATH = re.compile(r"(.*) - at (`key` in )?`\$([^`]*)`", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
# An entry of a mapping, which msgspec does not name.
_SOME = "..."
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_EXPECTED = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_CONSTRAINT = re.compile(r"Expected `\w+` ")
_NO_CHOICE = re.compile(r"Invalid enum value ")
# Where a misplaced field belongs is said if there are no more places.
_MOST_HOMES = 3
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
}


class _Place(NamedTuple):
    """Where a mistake is: the path, the value there, and the type it should have."""

    steps: Steps
    value: Any
    type_: Any


def convert(content: Any, type_: type[T]) -> T:
    """Convert the content. Raises FieldError for the first mistake."""
    try:
        return msgspec.convert(content, type_)
    except msgspec.ValidationError as error:
        found = _PATH.fullmatch(str(error))
        problem, in_key, path = found.groups() if found else (str(error), None, "")
        place = _find(path, content, type_)
        if isinstance(error.__cause__, FieldError):
            raise FieldError((*place.steps, *error.__cause__.steps), error.__cause__.problem) from None
        if in_key:
            name = next(str(name) for name in place.value if not isinstance(name, str))
            raise FieldError((*place.steps, name), "a name must be text: write it in quotes") from None
        raise _translated(problem, place, type_) from None


def _translated(problem: str, place: _Place, whole: Any) -> FieldError:
    """msgspec's message in everyday words. `whole` is the type in which the place is."""
    steps, value, type_ = place
    if name := _UNKNOWN.match(problem):
        homes = [*_homes(name[1], whole)]
        hint = f"; {name[1]!r} is a field {' and '.join(homes)}" if 0 < len(homes) <= _MOST_HOMES else ""
        return FieldError((*steps, name[1]), unknown("field", name[1], _fields(type_)) + hint)
    if name := _MISSING.match(problem):
        return FieldError(steps, f"the field {name[1]!r} is missing")
    if _NO_CHOICE.match(problem):
        what = next((step for step in reversed(steps) if isinstance(step, str)), "value")
        return FieldError(steps, unknown(what, str(value), _choices(type_)))
    if types := _EXPECTED.match(problem):
        return FieldError(steps, f"must be {_expected(types[1], types[2], value, type_)}")
    if _CONSTRAINT.match(problem):
        return FieldError(steps, f"must be {_description(type_, value)}")
    return FieldError(steps, problem)


def _expected(types: str, given: str, value: Any, type_: Any) -> str:
    """The type that is wanted, and the one that was given."""
    wanted = " or ".join(_WORDS.get(word, word) for word in types.removesuffix(" | null").split(" | "))
    if wanted == "text" and isinstance(value, (int, float)):
        has_pattern = next(_metas(type_), None)
        return _description(type_, value) if has_pattern else f"text, not {_WORDS[given]}: write it in quotes"
    is_text = isinstance(value, str) and "number" in wanted
    return f"{wanted}, not {repr(value) if is_text else _WORDS.get(given, given)}"


def _description(type_: Any, value: Any) -> str:
    """What a constraint allows, and the value that it refuses."""
    meta = next(_metas(type_))
    given = f"{value:g}" if isinstance(value, float) else repr(value)
    return f"{meta.description}" if (meta.extra or {}).get("secret") else f"{meta.description}, not {given}"


def _find(path: str, value: Any, type_: Any) -> _Place:
    """The place at msgspec's path. In a mapping, whose entries msgspec does not name, the first that fails."""
    steps: list[str | int] = []
    for name, index in _STEP.findall(path):
        step = int(index) if index.isdigit() else name or index
        type_ = _part(type_, step)
        if step == _SOME:
            step = next(key for key, entry in value.items() if not _converts(entry, type_))
        value = value[step]
        steps.append(step if index.isdigit() else str(step))
    return _Place(tuple(steps), value, type_)


def _part(type_: Any, step: str | int) -> Any:
    """The type of an entry of a list or mapping, or of a field of a Struct."""
    whole = _container(type_)
    if get_origin(whole):
        return get_args(whole)[1 if get_origin(whole) is dict else 0]
    return next(field.type for field in msgspec.structs.fields(whole) if field.encode_name == step)


def _container(type_: Any) -> Any:
    """The list, mapping or Struct among a type's alternatives."""
    containers = (list, dict, tuple)
    return next(
        choice
        for choice in _alternatives(type_)
        if get_origin(choice) in containers or (isinstance(choice, type) and issubclass(choice, msgspec.Struct))
    )


def _alternatives(type_: Any) -> Iterator[Any]:
    """The types that a value may have, without their constraints."""
    if get_origin(type_) in (Union, UnionType):
        for choice in get_args(type_):
            yield from _alternatives(choice)
    elif get_origin(type_) is Annotated:
        yield from _alternatives(get_args(type_)[0])
    else:
        yield type_


def _metas(type_: Any) -> Iterator[msgspec.Meta]:
    """The constraints of the types that a value may have."""
    if get_origin(type_) in (Union, UnionType):
        for choice in get_args(type_):
            yield from _metas(choice)
    elif get_origin(type_) is Annotated:
        yield from (meta for meta in get_args(type_)[1:] if isinstance(meta, msgspec.Meta))


def _fields(type_: Any) -> list[str]:
    """The names of a Struct's fields."""
    return [field.encode_name for field in msgspec.structs.fields(_container(type_))]


def _homes(name: str, type_: Any, path: str = "") -> Iterator[str]:
    """Where in a type a Struct has a field of this name."""
    for choice in _alternatives(type_):
        if isinstance(choice, type) and issubclass(choice, msgspec.Struct):
            for field in msgspec.structs.fields(choice):
                if field.encode_name == name:
                    yield f"of {path}" if path else "of the top level"
                yield from _homes(name, field.type, f"{path}.{field.encode_name}".removeprefix("."))
        elif get_origin(choice) in (list, tuple, dict):
            yield from _homes(name, get_args(choice)[get_origin(choice) is dict], f"{path}[]")


def _choices(type_: Any) -> list[str]:
    """The words that a value may be."""
    return [
        word for choice in _alternatives(type_) if get_origin(choice) is Literal for word in get_args(choice) if word
    ]


def _converts(value: Any, type_: Any) -> bool:
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError:
        return False
    return True
