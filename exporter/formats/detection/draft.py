"""Drafts formats for logs that no preset reads: finds the kind of lines, and guesses the field of each part."""

import csv
import re
from collections import defaultdict
from contextlib import suppress
from typing import Any

import msgspec

from exporter.formats.decoders.decoder import bare
from exporter.formats.decoders.logfmt_lines import pairs
from exporter.formats.detection.guess import guess
from exporter.formats.values import number, seconds, timestamp

_DELIMITERS = (",", ";", "\t", "|")
_TOKEN = re.compile(
    r"""(?P<name>[A-Za-z_][\w.-]*=)?(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|\[(?P<bracket>[^\]]*)\]
    |(?P<moment>\d{4}[-/]\d\d[-/]\d\d\ \d\d:\d\d:\d\d\S*)|(?P<bare>\S+))(?=\s|$)""",
    re.VERBOSE,
)
_KINDS = ("quoted", "bracket", "moment", "bare")
_REQUEST = re.compile(r"[A-Z]{3,} \S+(?: HTTP/[\d.]+)?")
_VERB = re.compile(r"GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE")
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|(?=[0-9a-fA-F:]*:[0-9a-fA-F:]*:)[0-9a-fA-F:]+")
_STATUS = re.compile(r"[1-5]\d\d")
_WITH_UNIT = re.compile(r"[\d.]+(?:ms|us|µs|ns|s)")


def paths_of(line: bytes) -> dict[str, str]:
    """The values of a JSON object by path, as text; of lists, the first entry. {} if the line is not a JSON object."""
    found: dict[str, str] = {}
    with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        decoded = msgspec.json.decode(line)
        if isinstance(decoded, dict):
            _flatten("", decoded, found)
    return found


def _flatten(path: str, value: Any, found: dict[str, str], depth: int = 0) -> None:
    if isinstance(value, dict) and depth < 6:
        for name, inner in value.items():
            step = name if re.fullmatch(r"[\w@:/-]+", name) else '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
            _flatten(f"{path}.{step}" if path else step, inner, found, depth + 1)
    elif isinstance(value, list):
        if value and depth < 6:
            _flatten(f"{path}[0]", value[0], found, depth + 1)
    elif isinstance(value, bool) or value is None:
        found[path] = str(value).lower() if value is not None else ""
    else:
        found[path] = str(value)


def columns(rows: list[dict[str, str]]) -> dict[str, list[str]]:
    """The values of each name in some rows."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    return found


def draft(lines: list[bytes]) -> dict[str, Any]:
    """A format for a config, as YAML has it; {} if the lines have nothing in common. Its fields are guesses."""
    for attempt in (_json, _logfmt, _csv, _text):
        if found := attempt(lines):
            return found
    return {}


def _with_status(fields: dict[str, Any]) -> dict[str, Any]:
    return fields if "status" in fields else fields | {"status": {"value": 200}}


def _json(lines: list[bytes]) -> dict[str, Any]:
    rows = [found for line in lines if (found := paths_of(line))]
    return {"json": _with_status(guess(columns(rows)))} if 2 * len(rows) > len(lines) else {}


def _logfmt(lines: list[bytes]) -> dict[str, Any]:
    rows = [found for line in lines if len(found := pairs(bare(line)) or {}) > 1]
    return {"logfmt": _with_status(guess(columns(rows)))} if 2 * len(rows) > len(lines) else {}


def _csv(lines: list[bytes]) -> dict[str, Any]:
    texts = [line.decode("utf-8-sig", "replace").strip("\r") for line in lines]
    for delimiter in _DELIMITERS:
        with suppress(csv.Error):
            header, *records = csv.reader(texts, delimiter=delimiter, strict=True)
            alike = [record for record in records if len(record) == len(header)]
            if len(header) > 2 and records and 2 * len(alike) > len(records):
                fields = guess(columns([dict(zip(header, record, strict=True)) for record in alike]))
                if fields:
                    return {"csv": _with_status(fields)} | ({} if delimiter == "," else {"delimiter": delimiter})
    return {}


def _text(lines: list[bytes]) -> dict[str, Any]:
    """A regular expression for the most common shape of lines."""
    alike = _alike(lines)
    fields = _parts(alike) if alike and 5 * len(alike) >= len(lines) else {}
    if "status" not in fields.values():
        return {}
    groups = [re.escape(token["name"] or "") + _group(token, fields.get(n)) for n, token in enumerate(alike[0])]
    whole = any(fields.get(n) == "duration" and _value(token).isdigit() for n, token in enumerate(alike[0]))
    named = {"fields": {"duration": {"path": "duration", "unit": "ms"}}} if whole else {}
    return {"regex": " +".join(groups)} | named


def _alike(lines: list[bytes]) -> list[list[re.Match[str]]]:
    """The parts of those lines that have the most frequent shape, of three parts or more."""
    by_shape: dict[tuple[str, ...], list[list[re.Match[str]]]] = defaultdict(list)
    for line in lines:
        tokens = [*_TOKEN.finditer(line.decode("utf-8", "replace"))]
        if len(tokens) > 2:
            by_shape[_shape(tokens)].append(tokens)
    return max(by_shape.values(), key=len, default=[])


def _value(token: re.Match[str]) -> str:
    return next(token[kind] for kind in _KINDS if token[kind] is not None)


def _shape(tokens: list[re.Match[str]]) -> tuple[str, ...]:
    return tuple((token["name"] or "") + next(kind for kind in _KINDS if token[kind] is not None) for token in tokens)


def _group(token: re.Match[str], field: str | None) -> str:
    capture = f"?P<{field}>" if field else "?:"
    if token["quoted"] is not None:
        return rf'"({capture}[^"\\]*+(?:\\.[^"\\]*+)*+)"'
    if token["bracket"] is not None:
        return rf"\[({capture}[^\]]*+)\]"
    return f"({capture}[^ ]++ [^ ]++)" if token["moment"] is not None else f"({capture}[^ ]++)"


def _parts(alike: list[list[re.Match[str]]]) -> dict[int, str]:
    """The field of each place in lines of one shape, as far as names and values show it."""
    places = [[_value(tokens[n]) for tokens in alike] for n in range(len(alike[0]))]
    fields = _named_parts(alike[0], places)
    _take("time", places, fields, lambda value: not number(value) and timestamp(value) is not None)
    _take("request", places, fields, _REQUEST.fullmatch, least=0.5)  # scanners send others
    _take("http_method", places, fields, _VERB.fullmatch)
    _take("client", places, fields, _ADDRESS.fullmatch)
    verb = _place_of(fields, "http_method")
    if verb >= 0 and "request" not in fields.values():
        _take("path", places, fields, lambda value: value.startswith("/"), after=verb)
    _take("status", places, fields, _STATUS.fullmatch, after=_place_of(fields, "request", "path"))
    status = _place_of(fields, "status")
    _take("duration", places, fields, lambda value: _WITH_UNIT.fullmatch(value) or _is_decimal(value))
    _take("response_bytes", places, fields, lambda value: value.isdigit() or value == "-", after=status)
    return fields


def _named_parts(first: list[re.Match[str]], places: list[list[str]]) -> dict[int, str]:
    """The field of each place whose values have a name before them, as in `status=200`."""
    by_name = {token["name"].rstrip("="): n for n, token in enumerate(first) if token["name"]}
    guessed = guess({name: places[n] for name, n in by_name.items()})
    return {by_name[source if isinstance(source, str) else source["path"]]: field for field, source in guessed.items()}


def _place_of(fields: dict[int, str], *wanted: str) -> int:
    """The first place that has one of these fields; -1 if none has."""
    return next((n for n, field in fields.items() if field in wanted), -1)


def _is_decimal(value: str) -> bool:
    return "." in value and seconds(value) is not None


def _take(
    field: str, places: list[list[str]], fields: dict[int, str], test: Any, after: int = -1, least: float = 0.9
) -> None:
    """Assign a field to the first free place after `after` where more than a share of the values pass a test."""
    if field in fields.values():
        return
    for n, values in enumerate(places):
        there = [value for value in values if value != "-"]
        if n > after and n not in fields and there and sum(map(bool, map(test, there))) > least * len(there):
            fields[n] = field
            return
