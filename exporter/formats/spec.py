"""A format: the decoder, the sources of each field, and the lines to ignore.

Each preset is a YAML file (`presets/`) with the same mapping as in a config, so that it can be copied into a config and
changed there.
"""

import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml
from msgspec import Struct

from exporter.errors import FieldError, unknown, within
from exporter.formats.about import About
from exporter.formats.decoders.batch import Batched
from exporter.formats.decoders.container import CONTAINERS, STREAMS, Contained
from exporter.formats.decoders.csv_lines import CsvLines
from exporter.formats.decoders.decoder import Decoder, NamedLines
from exporter.formats.decoders.json_lines import JsonLines
from exporter.formats.decoders.logfmt_lines import LogfmtLines
from exporter.formats.decoders.text_lines import NGINX_VARIABLES, TextLines, meant, template_regex
from exporter.formats.join import Joined, JoinSpec
from exporter.formats.patterns.compile import line_pattern, search_pattern
from exporter.formats.source import Source, parse_sources, sources_of
from exporter.formats.values import ESCAPES
from exporter.globs import compiled
from exporter.model.fields import FIELDS, LABEL_FIELDS, LONGEST_LINE, ROW_FIELDS

_NAME = re.compile(r"[a-z_][a-z0-9_]*")
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


class Format(Struct, kw_only=True):
    """A format ready for use. Call `decoder.expression` for each source's path before the first decode."""

    decoder: Decoder
    fields: dict[str, tuple[Source, ...]]
    custom_fields: dict[str, tuple[Source, ...]]
    only: dict[str, tuple[re.Pattern[str], ...]]
    escape: str
    # Whether rows are captures, as bytes.
    text: bool

    @property
    def words(self) -> set[str]:
        """The words that stand in the format itself: a `value`, those that a `map` gives."""
        named = (*self.fields.values(), *self.custom_fields.values())
        sources = [source for sources in named for source in sources]
        return {str(word) for source in sources for word in (source.value, *(source.map or {}).values())}


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


def build(spec: FormatSpec, longest_line: int = LONGEST_LINE, asked: Collection[str] | None = None) -> Format:
    """The format that a spec describes. FieldError names the part that is wrong. Lines that a container runtime has
    split are joined, up to `longest_line` bytes. Of the fields that are only for labels and single requests, those
    named in `asked` are read; all if it is None.
    """
    own = not spec.preset
    spec = resolved(spec)
    decoder, named, part = _decoder(spec)
    fields = _sources(decoder, _without(named, (*LABEL_FIELDS, *ROW_FIELDS), asked), part if own else "fields")
    custom = _custom(decoder, _without(spec.custom_fields, spec.custom_fields, asked))
    only = _conditions(spec.only)
    with within("join"):
        lines: Decoder = Joined(decoder, spec.join, only) if spec.join else decoder
    if spec.each and spec.json is None:
        raise FieldError("each", "goes with json")
    if spec.each:
        lines = Batched(lines, spec.each)
    if own and isinstance(decoder, TextLines):
        _check_unused(spec, decoder)
    return Format(
        decoder=Contained(lines, spec.container, spec.stream or "stdout", longest_line) if spec.container else lines,
        fields=fields,
        custom_fields=custom,
        only=only,
        escape=spec.escape or ("nginx" if spec.template else ""),
        text=isinstance(decoder, TextLines),
    )


def _decoder(spec: FormatSpec) -> tuple[JsonLines | NamedLines | TextLines, dict[str, Any], str]:
    """The decoder of a spec without `preset`, the sources of its fields, and the part of the spec with the sources."""
    if spec.json is not None:
        return JsonLines(escaped=spec.escape != "none"), spec.json, "json"
    if spec.csv is not None:
        return CsvLines(spec.delimiter or ","), spec.csv, "csv"
    if spec.logfmt is not None:
        return LogfmtLines(), spec.logfmt, "logfmt"
    for n, pattern in enumerate(spec.regex if isinstance(spec.regex, list) else ()):
        with within("regex", n):
            line_pattern(pattern)
    with within("template" if spec.template else "regex"):
        text = TextLines(template_regex(spec.template) if spec.template else _joined(spec.regex))
    meanings = NGINX_VARIABLES if spec.template else {field: [field] for field in FIELDS}
    return text, _with_fields(_named_after(text.captures, meanings), spec.fields), "fields"


def _sources(
    decoder: JsonLines | NamedLines | TextLines, named: dict[str, Any], at: str
) -> dict[str, tuple[Source, ...]]:
    """The sources of each field; those that include other fields come after them. `at` is the part of the spec."""
    fields: dict[str, tuple[Source, ...]] = {}
    for field, sources in named.items():
        with within(at, field):
            fields[field] = _read_with(decoder, parse_sources(field, sources))
    if "status" not in fields:
        raise ValueError("no source for the field 'status': without it, no line counts as a request")
    return dict(sorted(fields.items(), key=lambda item: any(source.includes for source in item[1])))


def _without(named: dict[str, Any], unasked: Collection[str], asked: Collection[str] | None) -> dict[str, Any]:
    """The sources without those fields among `unasked` that are not asked for."""
    return {field: named[field] for field in named if asked is None or field in asked or field not in unasked}


def _custom(decoder: JsonLines | NamedLines | TextLines, named: dict[str, Any]) -> dict[str, tuple[Source, ...]]:
    """The sources of each custom field."""
    fields: dict[str, tuple[Source, ...]] = {}
    for field, sources in named.items():
        with within("custom_fields", field):
            if field in FIELDS:
                raise ValueError("is a field that the exporter knows; name its source beside the others")
            if not _NAME.fullmatch(field):
                raise ValueError("is not a valid name: a-z, 0-9 and _ are allowed")
            fields[field] = _read_with(decoder, sources_of("text", sources))
    return fields


def _read_with(decoder: JsonLines | NamedLines | TextLines, sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """The sources, once the decoder knows their paths."""
    for source in sources:
        for path in source.paths:
            decoder.expression(path)
    return sources


def _conditions(only: dict[str, str | list[str]]) -> dict[str, tuple[re.Pattern[str], ...]]:
    """The patterns of each path in `only`."""
    return {path: tuple(map(_pattern, [globs] if isinstance(globs, str) else globs)) for path, globs in only.items()}


def slow_parts(spec: FormatSpec) -> list[str]:
    """A note for each pattern of a spec that can't be proved fast: its place, the reason, and how to make it faster."""
    found = [f"regex {slow}"] if spec.regex and (slow := line_pattern(_joined(spec.regex)).slow) else []
    for fields in (spec.fields, *spec.named.values(), spec.custom_fields):
        for field, sources in fields.items():
            kind = FIELDS[field][0] if field in FIELDS else "text"
            matches = [source.match for source in sources_of(kind, sources) if source.match]
            found += [f"{field}: match {slow}" for match in matches if (slow := search_pattern(match).slow)]
    return found


def _joined(regex: str | list[str]) -> str:
    return regex if isinstance(regex, str) else "|".join(regex)


def _check_unused(spec: FormatSpec, decoder: TextLines) -> None:
    """FieldError if an unused capture looks like a misspelt field or variable."""
    for path in spec.only:
        with within("only", path):
            decoder.expression(path)
    for name in decoder.unused:
        if spec.regex and name not in FIELDS:
            raise FieldError("regex", unknown("field", name, FIELDS))
        if spec.template and (near := meant(name)):
            raise FieldError("template", f"unknown variable ${name}; did you mean ${near}?")


def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(f"(?!{compiled(glob[1:]).pattern})") if glob.startswith("!") else compiled(glob)


def _on_top(spec: FormatSpec, preset: FormatSpec) -> FormatSpec:
    """The preset with the parts that the spec adds or replaces."""
    named: dict[str, Any] = {kind: _with_fields(fields, spec.fields) for kind, fields in preset.named.items()}
    return FormatSpec(
        **named,
        template=preset.template,
        regex=preset.regex,
        fields={} if named else _with_fields(preset.fields, spec.fields),
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


def _with_fields(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Fields with others added or replaced. One without a path, as `status: {map: {0: 200}}`, keeps its paths."""
    return below | {field: _placed(below[field], spec) if field in below else spec for field, spec in above.items()}


def _placed(places: Any, spec: Any) -> Any:
    if not isinstance(spec, dict) or not spec.keys().isdisjoint(("path", "value", "from", "to")):
        return spec
    listed = places if isinstance(places, list) else [places]
    return [({"path": place} if isinstance(place, str) else place) | spec for place in listed]


def _named_after(captures: list[str], meanings: dict[str, list[str]]) -> dict[str, Any]:
    """The captures of each field; `meanings` are the names that stand for a field, best first."""
    named = {field: [name for name in names if name in captures] for field, names in meanings.items()}
    return {field: found for field, found in named.items() if found}
