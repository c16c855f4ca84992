"""A format ready for use: the decoder, the sources of each field, and the lines to ignore."""

import re
from collections.abc import Collection
from typing import Any

from msgspec import Struct

from exporter.errors import FieldError, unknown, within
from exporter.formats.decoders.batch import Batched
from exporter.formats.decoders.container import Contained
from exporter.formats.decoders.csv_lines import CsvLines
from exporter.formats.decoders.decoder import Decoder, NamedLines
from exporter.formats.decoders.json_lines import JsonLines
from exporter.formats.decoders.logfmt_lines import LogfmtLines
from exporter.formats.decoders.text_lines import NGINX_VARIABLES, TextLines, meant, template_regex
from exporter.formats.join import Joined
from exporter.formats.patterns.compile import line_pattern, search_pattern
from exporter.formats.source import Source, parse_sources, sources_of
from exporter.formats.spec import FormatSpec, resolved, with_fields
from exporter.globs import compiled
from exporter.model.fields import FIELDS, LABEL_FIELDS, LONGEST_LINE, ROW_FIELDS

_NAME = re.compile(r"[a-z_][a-z0-9_]*")


class Format(Struct, kw_only=True):
    """A format ready for use. Its decoder knows the paths of all sources; lines that match `only` count. `escape` is a
    key of ESCAPES.
    """

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
    return text, with_fields(_named_after(text.captures, meanings), spec.fields), "fields"


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


def _named_after(captures: list[str], meanings: dict[str, list[str]]) -> dict[str, Any]:
    """The captures of each field; `meanings` are the names that stand for a field, best first."""
    named = {field: [name for name in names if name in captures] for field, names in meanings.items()}
    return {field: found for field, found in named.items() if found}
