"""A format: which decoder, which source for each field, and which lines to leave out.

Presets are this very mapping in a YAML file each (`presets/`), so that a preset can be copied into
a config and changed there.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml
from msgspec import Struct

from exporter.errors import FieldError, unknown, within
from exporter.formats.about import About
from exporter.formats.batch import Batched
from exporter.formats.container import CONTAINERS, STREAMS, Contained
from exporter.formats.csv_lines import CsvLines
from exporter.formats.decoder import Decoder, NamedLines
from exporter.formats.join import Joined, JoinSpec
from exporter.formats.json_lines import JsonLines
from exporter.formats.logfmt_lines import LogfmtLines
from exporter.formats.patterns import line_pattern, search_pattern
from exporter.formats.source import Source, parse_sources
from exporter.formats.text_lines import NGINX_VARIABLES, TextLines, meant, template_regex
from exporter.formats.values import ESCAPES
from exporter.globs import compiled
from exporter.model.fields import FIELDS, LONGEST_LINE

_PRESETS = Path(__file__).parent / "presets"


class FormatSpec(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a preset or the config's `format` says. Exactly one of `preset`, `json`, `template`, `regex`, `csv`,
    `logfmt`.

    `json`, `csv`, `logfmt` and `fields` map a field of the record to its sources (`source` tells how). A template's
    variables and a regex's named groups that are called like a field need no entry. `regex` may be a list, where a
    log has several kinds of lines. With `preset`, `fields` adds to the preset's or replaces some of them. `only` maps
    a path to the patterns its value must match for a line to count (`*` and `?` are wildcards, `!` first is "not");
    all other lines are ignored. `escape` is how the text writes odd bytes. `join` tells which lines are one request,
    where that is more than one; `container` that a container runtime has wrapped the lines: cri or docker. Of such a
    log what was written to `stream` is read, by default stdout; `all` reads both. `delimiter` is what stands between
    the columns of CSV. `key_hash` says which hash the gateway logs of keys of a pattern, as {sha256: "sk-*"}: `hash`
    makes it first. `each` is the list in which a line of JSON holds several records, such as records[]. `about` is for
    people: presets have it, a copy of one may.
    """

    preset: str = ""
    json: dict[str, Any] | None = None
    csv: dict[str, Any] | None = None
    logfmt: dict[str, Any] | None = None
    template: str = ""
    regex: str | list[str] = ""
    fields: dict[str, Any] = {}
    only: dict[str, str | list[str]] = {}
    escape: str = ""
    join: JoinSpec | None = None
    container: str = ""
    stream: str = ""
    delimiter: str = ""
    key_hash: dict[Literal["sha256"], str] = {}
    each: str = ""
    about: About | None = None

    def __post_init__(self) -> None:
        # Long, as it has a rule for each option.
        named = list(self.named)
        if bool(self.preset) + bool(self.template) + bool(self.regex) + len(named) != 1:
            raise ValueError("give exactly one of preset, json, template, regex, csv, logfmt")
        if self.preset and self.preset not in presets():
            raise FieldError("preset", unknown("preset", self.preset, presets()))
        if self.container and self.container not in CONTAINERS:
            raise FieldError("container", unknown("container", self.container, CONTAINERS))
        if self.stream and self.stream not in STREAMS:
            raise FieldError("stream", unknown("stream", self.stream, STREAMS))
        if self.delimiter and self.csv is None:
            raise FieldError("delimiter", "goes with csv")
        if self.delimiter and (len(self.delimiter) > 1 or self.delimiter in '"\r\n#'):
            problem = f"must be one character, such as ';' or \"\\t\", not {self.delimiter!r}"
            raise FieldError("delimiter", problem)
        if self.escape not in ESCAPES:
            raise FieldError("escape", unknown("escape", self.escape, [name for name in ESCAPES if name]))
        if named and self.fields:
            raise FieldError("fields", f"goes with preset, template and regex; with {named[0]}, name the fields there")

    @property
    def named(self) -> dict[str, dict[str, Any]]:
        """The kind of format in which values have names, and its fields; {} where it is another kind."""
        kinds = {"json": self.json, "csv": self.csv, "logfmt": self.logfmt}
        return {kind: fields for kind, fields in kinds.items() if fields is not None}


class Format(Struct, kw_only=True):
    """A format, ready for use: ask `decoder` for the expression of each source's path before the first decode."""

    decoder: Decoder
    fields: dict[str, tuple[Source, ...]]
    only: dict[str, tuple[re.Pattern[str], ...]]
    escape: str
    # Whether rows hold captures, as bytes.
    text: bool

    @property
    def words(self) -> set[str]:
        """The words that stand in the format itself: a `value`, those that a `map` gives."""
        sources = [source for sources in self.fields.values() for source in sources]
        return {str(word) for source in sources for word in (source.value, *(source.map or {}).values())}


@cache
def presets() -> list[str]:
    """The names of the presets, sorted."""
    return sorted(file.name.removesuffix(".yaml") for file in _PRESETS.iterdir() if file.name.endswith(".yaml"))


@cache
def _written(name: str) -> FormatSpec:
    return msgspec.convert(yaml.safe_load((_PRESETS / f"{name}.yaml").read_text(encoding="utf-8")), FormatSpec)


def _preset(name: str) -> FormatSpec:
    spec = _written(name)
    return _on_top(spec, _preset(spec.preset)) if spec.preset else spec


def about(preset: str) -> About:
    """What a preset says of itself. ValueError where it says nothing."""
    said = _written(preset).about
    if said is None:
        raise ValueError(f"the preset {preset} has no `about`: gateway, versions, settings and links")
    return said


def resolved(spec: FormatSpec) -> FormatSpec:
    """The same without `preset`: what the preset says stands in it."""
    return _on_top(spec, _preset(spec.preset)) if spec.preset else spec


def build(spec: FormatSpec, longest_line: int = LONGEST_LINE) -> Format:
    """The format that a spec describes. FieldError names the part of it that is wrong. A line that a container runtime
    has split is put together if it has at most `longest_line` bytes.
    """
    own = not spec.preset
    spec = resolved(spec)
    decoder, named, part = _decoder(spec)
    fields = _sources(decoder, named, part if own else "fields")
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
        only=only,
        escape=spec.escape or ("nginx" if spec.template else ""),
        text=isinstance(decoder, TextLines),
    )


def _decoder(spec: FormatSpec) -> tuple[JsonLines | NamedLines | TextLines, dict[str, Any], str]:
    """The decoder of a spec without `preset`, the sources of its fields, and the part of the spec that has them."""
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
            fields[field] = parse_sources(field, sources)
            for source in fields[field]:
                for path in source.paths:
                    decoder.expression(path)
    if "status" not in fields:
        raise ValueError("no source for the field 'status': without it no line is a finished request")
    return dict(sorted(fields.items(), key=lambda item: any(source.includes for source in item[1])))


def _conditions(only: dict[str, str | list[str]]) -> dict[str, tuple[re.Pattern[str], ...]]:
    """The patterns of each path in `only`."""
    return {path: tuple(map(_pattern, [globs] if isinstance(globs, str) else globs)) for path, globs in only.items()}


def slow_parts(spec: FormatSpec) -> list[str]:
    """What a config's own patterns cost, where one can't be proved fast: the part, why, and how to write it."""
    found = [f"regex {slow}"] if spec.regex and (slow := line_pattern(_joined(spec.regex)).slow) else []
    for fields in (spec.fields, *spec.named.values()):
        for field, sources in fields.items():
            matches = [source.match for source in parse_sources(field, sources) if source.match]
            found += [f"{field}: match {slow}" for match in matches if (slow := search_pattern(match).slow)]
    return found


def _joined(regex: str | list[str]) -> str:
    return regex if isinstance(regex, str) else "|".join(regex)


def _check_unused(spec: FormatSpec, decoder: TextLines) -> None:
    """FieldError where a capture that nothing uses is one that is misspelt."""
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
    """The preset, with what the spec says on top of it."""
    named: dict[str, Any] = {kind: _with_fields(fields, spec.fields) for kind, fields in preset.named.items()}
    return FormatSpec(
        **named,
        template=preset.template,
        regex=preset.regex,
        fields={} if named else _with_fields(preset.fields, spec.fields),
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
    """Fields, with others on top of them. One that names no place, as `status: {map: {0: 200}}`, keeps its places."""
    return below | {field: _placed(below[field], spec) if field in below else spec for field, spec in above.items()}


def _placed(places: Any, spec: Any) -> Any:
    if not isinstance(spec, dict) or not spec.keys().isdisjoint(("path", "value", "from", "to")):
        return spec
    listed = places if isinstance(places, list) else [places]
    return [({"path": place} if isinstance(place, str) else place) | spec for place in listed]


def _named_after(captures: list[str], meanings: dict[str, list[str]]) -> dict[str, Any]:
    """The fields that captures give by their names; `meanings` are the names of a field, best first."""
    named = {field: [name for name in names if name in captures] for field, names in meanings.items()}
    return {field: found for field, found in named.items() if found}
