"""How a config or a preset describes the lines of a log.

Each preset is a YAML file (`presets/`) with the same mapping as in a config, so that it can be copied into a config and
changed there.
"""

from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml
from msgspec import Struct

from exporter.errors import FieldError, unknown
from exporter.formats.about import About
from exporter.formats.decoders.container import CONTAINERS, STREAMS
from exporter.formats.join import JoinSpec
from exporter.formats.values import ESCAPES

_PRESETS = Path(__file__).parent / "presets"


class FormatSpec(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The lines of a log: exactly one of `preset`, `json`, `template`, `regex`, `csv` and `logfmt`, and other settings
    as needed. [Fields](fields.md) says what a source is.
    """

    preset: str = ""
    """The preset to start from; `fields` adds or replaces some of its sources."""
    json: dict[str, Any] | None = None
    """For lines of JSON: by field, its source."""
    csv: dict[str, Any] | None = None
    """For CSV: by field, its source; a path is the name of a column."""
    logfmt: dict[str, Any] | None = None
    """For logfmt: by field, its source."""
    template: str = ""
    """An nginx `log_format`. Variables that are known need no entry in `fields`."""
    regex: str | list[str] = ""
    """A regular expression, or a list if the log has several kinds of lines. Named groups with the name of a field
    need no entry in `fields`.
    """
    fields: dict[str, Any] = {}
    """By field, its source; for `preset`, `template` and `regex`."""
    custom_fields: dict[str, Any] = {}
    """The sources of more text fields, by name, for the labels that `metrics.labels` declares."""
    only: dict[str, str | list[str]] = {}
    """By path, patterns, one of which its value must match; other lines are ignored. `*` and `?` are wildcards, a
    leading `!` means "not".
    """
    escape: str = ""
    """How the log writes special bytes."""
    join: JoinSpec | None = None
    """Which lines are one request, if several can be."""
    container: str = ""
    """The container runtime that has wrapped the lines: `cri` or `docker`."""
    stream: str = ""
    """The stream of the container to read: `stdout` (the default), `stderr` or `all`."""
    delimiter: str = ""
    """The separator of CSV."""
    key_hash: dict[Literal["sha256"], str] = {}
    """The hash that the gateway logs instead of keys of a pattern, as `{sha256: "sk-*"}`."""
    each: str = ""
    """The list that holds the records of a JSON line, such as `records[]`."""
    about: About | None = None
    """What a preset says of itself; a copy of a preset may keep it."""

    def __post_init__(self) -> None:
        named = list(self.named)
        if bool(self.preset) + bool(self.template) + bool(self.regex) + len(named) != 1:
            raise ValueError("give exactly one of preset, json, template, regex, csv, logfmt")
        allowed = {"preset": presets(), "container": CONTAINERS, "stream": STREAMS, "escape": [*filter(None, ESCAPES)]}
        for name, values in allowed.items():
            if (value := getattr(self, name)) and value not in values:
                raise FieldError(name, unknown(name, value, values))
        if self.delimiter and self.csv is None:
            raise FieldError("delimiter", "goes with csv")
        if len(self.delimiter) > 1 or self.delimiter in tuple('"\r\n#'):
            problem = f"must be one character, such as ';' or \"\\t\", not {self.delimiter!r}"
            raise FieldError("delimiter", problem)
        if named and self.fields:
            raise FieldError("fields", f"goes with preset, template and regex; with {named[0]}, name the fields there")

    @property
    def named(self) -> dict[str, dict[str, Any]]:
        """The fields by kind of format, for the kinds in which values have names: json, csv, logfmt. At most one."""
        kinds = {"json": self.json, "csv": self.csv, "logfmt": self.logfmt}
        return {kind: fields for kind, fields in kinds.items() if fields is not None}


@cache
def presets() -> list[str]:
    """The names of the presets, sorted."""
    return sorted(file.name.removesuffix(".yaml") for file in _PRESETS.iterdir() if file.name.endswith(".yaml"))


@cache
def _written(name: str) -> FormatSpec:
    text = (_PRESETS / f"{name}.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.load(text, Loader=yaml.CSafeLoader), FormatSpec)  # in C: `init` reads all of them


def _preset(name: str) -> FormatSpec:
    spec = _written(name)
    return _on_top(spec, _preset(spec.preset)) if spec.preset else spec


def about(preset: str) -> About:
    """A preset's description. ValueError if it has none."""
    found = _written(preset).about
    if found is None:
        raise ValueError(f"the preset {preset} has no `about`: gateway, versions, settings and links")
    return found


def resolved(spec: FormatSpec) -> FormatSpec:
    """The same format without `preset`: the preset's own parts are filled in."""
    return _on_top(spec, _preset(spec.preset)) if spec.preset else spec


def _on_top(spec: FormatSpec, preset: FormatSpec) -> FormatSpec:
    """The preset with the parts that the spec adds or replaces."""
    named: dict[str, Any] = {kind: with_fields(fields, spec.fields) for kind, fields in preset.named.items()}
    return FormatSpec(
        **named,
        template=preset.template,
        regex=preset.regex,
        fields={} if named else with_fields(preset.fields, spec.fields),
        custom_fields=preset.custom_fields | spec.custom_fields,
        only=preset.only | spec.only,
        escape=spec.escape or preset.escape,
        join=spec.join or preset.join,
        container=spec.container or preset.container,
        stream=spec.stream or preset.stream,
        delimiter=preset.delimiter,
        key_hash=spec.key_hash or preset.key_hash,
        each=spec.each or preset.each,
    )


def with_fields(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Fields with others added or replaced. One without a path, as `status: {map: {0: 200}}`, keeps its paths."""
    return below | {field: _placed(below[field], spec) if field in below else spec for field, spec in above.items()}


def _placed(places: Any, spec: Any) -> Any:
    if not isinstance(spec, dict) or not spec.keys().isdisjoint(("path", "value", "from", "to")):
        return spec
    listed = places if isinstance(places, list) else [places]
    return [({"path": place} if isinstance(place, str) else place) | spec for place in listed]
