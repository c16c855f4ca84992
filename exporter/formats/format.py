"""A format: which decoder, which source for each field, and which lines to leave out.

Presets are this very mapping in a YAML file each (`presets/`), so that a preset can be copied into
a config and changed there.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from msgspec import Struct

from exporter.errors import unknown
from exporter.formats.decoded import Decoder
from exporter.formats.json_lines import JsonLines
from exporter.formats.source import Source, parse_sources
from exporter.formats.text_lines import NGINX_VARIABLES, TextLines, template_regex
from exporter.formats.values import ESCAPES

_PRESETS = files("exporter.formats") / "presets"


class FormatSpec(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a preset or the config's `format` says. Exactly one of `preset`, `json`, `template`, `regex`.

    `json` and `fields` map a field of the record to its sources. With `preset`, `fields` adds to the
    preset's or replaces some of them. `only` maps a path to the patterns its value must match for a
    line to count (`*` and `?` are wildcards); all other lines are ignored. `escape` is how the text
    writes odd bytes.
    """

    preset: str = ""
    json: dict[str, Any] | None = None
    template: str = ""
    regex: str = ""
    fields: dict[str, Any] = {}
    only: dict[str, str | list[str]] = {}
    escape: str = ""

    def __post_init__(self) -> None:
        if bool(self.preset) + (self.json is not None) + bool(self.template) + bool(self.regex) != 1:
            raise ValueError("give exactly one of preset, json, template, regex")
        if self.preset and self.preset not in presets():
            raise ValueError(unknown("preset", self.preset, presets()))
        if self.escape not in ESCAPES:
            raise ValueError(unknown("escape", self.escape, [name for name in ESCAPES if name]))
        if self.json is not None and self.fields:
            raise ValueError("with json, name the fields there: `fields` goes with preset, template and regex")


class Format(Struct, kw_only=True):
    """A format, ready for use: ask `decoder` for the expression of each source's path before the first decode."""

    decoder: Decoder
    fields: dict[str, tuple[Source, ...]]
    only: dict[str, tuple[str, ...]]
    escape: str


@cache
def presets() -> list[str]:
    """The names of the presets, sorted."""
    return sorted(file.name.removesuffix(".yaml") for file in _PRESETS.iterdir() if file.name.endswith(".yaml"))


@cache
def _preset(name: str) -> FormatSpec:
    written = yaml.safe_load((_PRESETS / f"{name}.yaml").read_text(encoding="utf-8"))
    return FormatSpec(**written)


def build(spec: FormatSpec) -> Format:
    """The format that a spec describes; ValueError says which part of it is wrong."""
    if spec.preset:
        base = _preset(spec.preset)
        key = "fields" if base.json is None else "json"
        named = {**(getattr(base, key) or {}), **spec.fields}
        spec = FormatSpec(
            json=named if base.json is not None else None,
            template=base.template,
            regex=base.regex,
            fields={} if base.json is not None else named,
            only=base.only | spec.only,
            escape=base.escape,
        )
    decoder: Decoder
    if spec.json is not None:
        decoder, named = JsonLines(), spec.json
    else:
        text = TextLines(template_regex(spec.template) if spec.template else spec.regex)
        decoder, named = text, spec.fields or _known(text.captures, NGINX_VARIABLES if spec.template else {})
    fields = {field: parse_sources(field, sources) for field, sources in named.items()}
    if "status" not in fields:
        raise ValueError("no source for the field 'status': without it no line is a finished request")
    only = {path: (globs,) if isinstance(globs, str) else tuple(globs) for path, globs in spec.only.items()}
    return Format(decoder=decoder, fields=fields, only=only, escape=spec.escape or ("nginx" if spec.template else ""))


def _known(captures: list[str], variables: dict[str, Any]) -> dict[str, Any]:
    """The fields that the captures have by their name: nginx's variables, or the fields' own names."""
    known: dict[str, Any] = {}
    for field, sources in variables.items():
        entries = sources if isinstance(sources, list) else [sources]
        found = [one for one in entries if (one if isinstance(one, str) else one["path"]) in captures]
        if found:
            known[field] = found
    for capture in captures:
        if capture not in known and capture not in variables and not any(
            capture == (one if isinstance(one, str) else one["path"]) for entry in known.values() for one in entry
        ):
            if not variables:
                known[capture] = capture
    return known
