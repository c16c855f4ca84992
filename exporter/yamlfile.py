"""YAML files that people write: typed by msgspec, and every mistake told with its file, line and field."""

import re
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec
import yaml

from exporter.errors import ConfigError, unknown

T = TypeVar("T")

_PATH = re.compile(r"(.*) - at (`key` in )?`\$([^`]*)`$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
# An entry of a mapping, which msgspec does not name.
_SOME = "..."
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_EXPECTED = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
# A message that begins with what is at fault: `every: …`, `every must be …`, `unknown class 'x' …`, `'/x' has …`.
_AT_FAULT = re.compile(r"([^\s:]+)(?:: | (?=(?:must|is|has|may|tells|sends) ))")
_QUOTED = re.compile(r"(?:unknown (\w+) )?'([^']*)'")
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
}


class Part(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A mapping in a config; a field it does not know is a mistake."""


class _Loader(yaml.SafeLoader):
    """YAML, without what it would take in silence or leave to a traceback. `name` is the file's."""

    def compose_mapping_node(self, anchor: Any) -> Any:
        """A mapping, in which a key stands once; what `<<` merges into it may have the same keys."""
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            line, name = key.start_mark.line + 1, key.value
            if name in lines:
                raise ConfigError(self.name, line, "", f"{name!r} is on line {lines[name]} too; it stands once")
            lines[name] = line
        return node

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """A value; what looks like a date or a number must be one."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError) as error:
            kind = node.tag.rpartition(":")[2].replace("timestamp", "date")
            raise ConfigError(
                self.name, node.start_mark.line + 1, "", f"{node.value!r} is no {kind}: {error}"
            ) from None


class YamlFile:
    """A YAML file: its content, and where each part of it stands. ConfigError where it can't be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            loader = _Loader(path.read_text(encoding="utf-8"))
            loader.name = str(path)
            self._root = loader.get_single_node()
            self.content: Any = None if self._root is None else loader.construct_document(self._root)
        except OSError as error:
            raise ConfigError(str(path), 1, "", f"can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(str(path), 1, "", "is not UTF-8 text") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or "is not YAML"
            raise ConfigError(str(path), mark.line + 1 if mark else 1, "", f"is not YAML: {problem}") from None

    def convert(self, type_: type[T]) -> T:
        """The content as a type made of msgspec Structs."""
        try:
            return msgspec.convert({} if self.content is None else self.content, type_)
        except msgspec.ValidationError as error:
            found = _PATH.fullmatch(str(error))
            problem, in_key, at = found.groups() if found else (str(error), None, "")
            steps = self._named(_steps(at), type_)
            if in_key:
                name = next(name for name in self._content(steps) if not isinstance(name, str))
                raise self._at([*steps, str(name)], "a name must be text: write it in quotes") from None
            raise self._told(problem, steps, type_) from None

    def error(self, field: str, problem: str) -> ConfigError:
        """A mistake in a field, `inputs[0].format`, that only its user could find."""
        return self._at(*self._at_fault(_steps("." + field), problem))

    def line(self, steps: list[str | int]) -> int:
        """The line of a part; of the nearest part around it that is there."""
        node, line = self._root, 1
        for step in steps:
            found = None
            if isinstance(node, yaml.MappingNode):
                # What `<<` merged stands first, and what stands last counts.
                found = next(((key, value) for key, value in reversed(node.value) if key.value == step), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                found = (node.value[step], node.value[step])
            if not found:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return line

    def _named(self, steps: list[str | int], type_: Any) -> list[str | int]:
        """Steps to a mistake, with the name of the mapping's entry: the first that does not convert."""
        named: list[str | int] = []
        content = self.content
        for step in steps:
            type_ = _part(type_, step)
            at: Any = step
            if step == _SOME:
                at = next((key for key, value in content.items() if not _converts(value, type_)), None)
            if at is None:
                break
            named.append(at if isinstance(at, int) and isinstance(content, list) else str(at))
            content = content[at]
        return named

    def _told(self, problem: str, steps: list[str | int], type_: Any) -> ConfigError:
        """msgspec's complaint in the user's words."""
        if name := _UNKNOWN.match(problem):
            problem = unknown("field", name[1], _fields(type_, steps))
            steps = [*steps, name[1]]
        elif name := _MISSING.match(problem):
            problem = f"the field {name[1]!r} is missing"
        elif types := _EXPECTED.match(problem):
            wanted = " or ".join(_WORDS.get(one, one) for one in types[1].removesuffix(" | null").split(" | "))
            found = _WORDS.get(types[2], types[2])
            if "number" in wanted and isinstance(value := self._content(steps), str):
                found = repr(value)
            problem = f"must be {wanted}, not {found}"
        else:
            steps, problem = self._at_fault(steps, problem)
        return self._at(steps, problem)

    def _at(self, steps: list[str | int], problem: str) -> ConfigError:
        field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
        return ConfigError(str(self.path), self.line(steps), field, problem)

    def _content(self, steps: list[str | int]) -> Any:
        content = self.content
        for step in steps:
            content = next((value for key, value in _items(content) if key == step), None)
        return content

    def _at_fault(self, steps: list[str | int], problem: str) -> tuple[list[str | int], str]:
        """The steps to what a message about the part there begins with, and what it says of that."""
        content = self._content(steps)
        while (found := _AT_FAULT.match(problem)) and isinstance(content, dict) and found[1] in content:
            steps, problem, content = [*steps, found[1]], problem[found.end() :], content[found[1]]
        if quoted := _QUOTED.match(problem):
            entries = _items(content)
            names = [key for name in filter(None, quoted.groups()) for key, value in entries if name in (key, value)]
            steps = [*steps, *names[:1]]
        return steps, problem


def _items(content: Any) -> list[tuple[str | int, Any]]:
    """The entries of a mapping or list, by their steps."""
    if isinstance(content, dict):
        return [(str(key), value) for key, value in content.items()]
    return list(enumerate(content)) if isinstance(content, list) else []


def _steps(path: str) -> list[str | int]:
    """`.inputs[0].format` → ["inputs", 0, "format"]."""
    return [int(index) if index.isdigit() else name or index for name, index in _STEP.findall(path)]


def _fields(type_: Any, steps: list[str | int]) -> list[str]:
    """The names that may stand at a place: the fields of the Struct there."""
    for step in steps:
        type_ = _part(type_, step)
    return [field.encode_name for field in msgspec.structs.fields(_with_parts(type_))]


def _part(type_: Any, step: str | int) -> Any:
    """The type of a part: a list's, a mapping's or a Struct's."""
    type_ = _with_parts(type_)
    if get_origin(type_) in (list, dict):
        return get_args(type_)[-1]
    return next(field.type for field in msgspec.structs.fields(type_) if field.encode_name == step)


def _converts(value: Any, type_: Any) -> bool:
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError:
        return False
    return True


def _with_parts(type_: Any) -> Any:
    """The list, mapping or Struct among a type's alternatives."""
    if get_origin(type_) in (Union, UnionType):
        return next(one for one in get_args(type_) if get_origin(one) or issubclass(one, msgspec.Struct))
    return type_
