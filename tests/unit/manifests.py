"""Manifests by the schemas of three Kubernetes versions, and of the Prometheus operator."""

import json
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from jsonschema import Draft202012Validator

VERSIONS = ("1.31", "1.34", "1.37")

Object = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Takes a plain `=` for a text, as all but PyYAML do: kustomize writes `matchType: =`."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


def _closed(part: Object) -> Object:
    """A schema that knows all fields, as the API server prunes others."""
    return {**part, "additionalProperties": False} if "properties" in part and part.get("type") == "object" else part


_OPERATOR = json.loads(
    (Path(__file__).parent / "schemas" / "prometheus-operator.json").read_text(encoding="utf-8"), object_hook=_closed
)
# A definition can't refer to itself, so the operator checks nested routes by its code.
_ROUTE = _OPERATOR["monitoring.coreos.com/v1alpha1/AlertmanagerConfig"]["properties"]["spec"]["properties"]["route"]
_ROUTE["properties"]["routes"]["items"] = {"$ref": "#/properties/spec/properties/route"}


def mistakes(manifest: Object, version: str) -> list[str]:
    """What the schema of a Kubernetes version, or of the operator, finds wrong."""
    if schema := _OPERATOR.get(f"{manifest['apiVersion']}/{manifest['kind']}"):
        return [error.message for error in Draft202012Validator(schema).iter_errors(_content(manifest))]
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [str(error.message)]
    return []


def _content(manifest: Object) -> Object:
    return {name: part for name, part in manifest.items() if name != "metadata"} | {"metadata": {}}


def read(text: str) -> list[Object]:
    """The objects of a YAML stream."""
    return [manifest for manifest in yaml.load_all(text, _Loader) if manifest]
