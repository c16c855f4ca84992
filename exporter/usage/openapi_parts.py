"""What OpenAPI documents are made of."""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]


def kind(type_: str, text: str = "", **more: Any) -> Schema:
    """A value of a type."""
    return {"type": type_, **({"description": text} if text else {}), **more}


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    return schema | {"type": [schema["type"], "null"]}


def record(text: str = "", /, **fields: Schema) -> Schema:
    """An object with exactly these fields."""
    return kind("object", text, properties=fields, required=list(fields), additionalProperties=False)


def list_of(of: Schema, text: str = "") -> Schema:
    """A list."""
    return kind("array", text, items=of)


def parameter(name: str, text: str, schema: Schema) -> Schema:
    """A parameter of a query."""
    return {"name": name, "in": "query", "description": text, "schema": schema}


def ref(name: str) -> Schema:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


TEXT = kind("string")
TIME = kind("string", format="date-time")
COUNT = kind("integer", minimum=0)
ERROR = record(error=record(status=kind("integer"), message=TEXT))
SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "operator": {"type": "http", "scheme": "basic"},
}


def question(
    name: str, text: str, parameters: list[Schema], answer: str, refusals: Mapping[int, str], *, operators: bool = False
) -> Schema:
    """A path that is asked by GET: its answer is the schema `answer`, and an Error with each status of `refusals`.
    `operators` may ask without a key."""
    said = {200: (text, answer)} | {status: (why, "Error") for status, why in refusals.items()}
    return {
        "get": {
            "operationId": name,
            "summary": text,
            "parameters": parameters,
            "responses": {
                str(status): {"description": about, "content": {"application/json": {"schema": ref(schema)}}}
                for status, (about, schema) in said.items()
            },
            "security": [{"bearer": []}, {"key": []}, *([{"operator": []}, {}] if operators else [])],
        }
    }
