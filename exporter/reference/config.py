"""docs/config.md and the config's JSON Schema, from the types of the config and the texts below their fields."""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from exporter.config.config import Config
from exporter.yaml_file import Part

_HEAD = """\
# Settings

Every setting of the config, by section. [config.example.yaml](../config.example.yaml) shows them in use. A setting
without a default is required. Relative paths start at the config's folder. `gateway-exporter check` checks a config;
editors check it while you write, by the schema that the first line of a config by `gateway-exporter init` names.
"""
_SECTION = "#/$defs/"
Schema = dict[str, Any]


def schema() -> str:
    """The JSON Schema, which editors use."""
    return json.dumps(_described(), indent=1, ensure_ascii=False) + "\n"


def page() -> str:
    """The page's text."""
    whole = _described()
    parts = [_HEAD]
    for path, name in _sections(whole):
        section = whole["$defs"][name]
        rows = [_row(path, field, section) for field in section["properties"]]
        parts.append(f"\n## {path or 'The config'}\n")
        parts.append(f"\n{_paragraph(section['description'])}\n" if path else "")
        parts.append("\n| setting | value | default | meaning |\n| --- | --- | --- | --- |\n" + "".join(rows))
    return "".join(parts)


def field_texts(type_: type) -> dict[str, str]:
    """The texts that stand below the fields of a Struct, and of those it extends, in their source, by field."""
    base = type_.__base__
    texts: dict[str, str] = field_texts(base) if base and base not in (Part, msgspec.Struct) else {}
    body = ast.parse(textwrap.dedent(inspect.getsource(type_))).body[0].body  # type: ignore[attr-defined]
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            value = ast.literal_eval(text.value)
            texts[ast.unparse(field.target)] = " ".join(value.split())
    return texts


def sections() -> list[type[msgspec.Struct]]:
    """The types of all sections of the config."""
    found: list[type[msgspec.Struct]] = []

    def look(type_: Any) -> None:
        if isinstance(type_, type) and issubclass(type_, msgspec.Struct) and type_ not in found:
            found.append(type_)
            for field in msgspec.structs.fields(type_):
                look(field.type)
        for part in getattr(type_, "__args__", ()):
            look(part)

    look(Config)
    return found


def _described() -> Schema:
    """The schema with the text of each field."""
    found, named = msgspec.json.schema_components([Config], ref_template=_SECTION + "{name}")
    for type_ in sections():
        texts = field_texts(type_)
        for field in msgspec.structs.fields(type_):
            of_field = named[type_.__name__]["properties"][field.encode_name]
            of_field["description"] = texts.get(field.name, "")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found[0], "$defs": named}


def _sections(whole: Schema) -> Iterator[tuple[str, str]]:
    """Each section's path in the config and its name, outer ones first."""
    seen = set()
    waiting = [("", "Config")]
    while waiting:
        path, name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        yield path, name
        for field, of_field in whole["$defs"][name]["properties"].items():
            inside = [(f"{path}.{field}".strip(".") + step, section) for step, section in _refs(of_field)]
            waiting += inside


def _refs(schema: Schema, step: str = "") -> Iterator[tuple[str, str]]:
    """The sections in a field: how they stand there, and their names."""
    if "$ref" in schema:
        yield step, schema["$ref"].removeprefix(_SECTION)
    for choice in schema.get("anyOf", ()):
        yield from _refs(choice, step)
    if isinstance(more := schema.get("additionalProperties"), dict):
        yield from _refs(more, step + ".NAME")
    if "items" in schema:
        yield from _refs(schema["items"], step + "[]")


def _row(path: str, field: str, section: Schema) -> str:
    of_field = section["properties"][field]
    default = "" if field in section.get("required", ()) else _default(of_field)
    cells = (f"`{field}`", _kind(of_field, f"{path}.{field}".strip(".")), default, of_field["description"])
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def _default(of_field: Schema) -> str:
    value = of_field.get("default")
    return f"`{json.dumps(value)}`" if value not in (None, "", [], {}) else "none" if "default" in of_field else ""


def _kind(schema: Schema, path: str) -> str:
    """What a value is, for people."""
    if "$ref" in schema:
        return f"[`{path}`](#{_anchor(path)})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(choice, path) for choice in schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(f"`{word}`" for word in schema["enum"])
    kind: str = schema.get("type", "anything")
    if kind == "array":
        return f"a list of {_kind(schema.get('items', {}), path + '[]')}"
    if kind == "object":
        return (
            f"by name: {_kind(more, path + '.NAME')}" if (more := schema.get("additionalProperties")) else "a mapping"
        )
    words = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "`true` or `false`"}
    return words.get(kind, kind)


def _anchor(path: str) -> str:
    """As GitHub and MkDocs make it from the heading."""
    return "".join(character for character in path.lower() if character.isalnum() or character in "_-")


def _paragraph(text: str) -> str:
    return " ".join(text.split())
