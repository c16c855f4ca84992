"""Text logs: nginx `log_format` templates and regular expressions. Hot path: one compiled bytes regex over a chunk."""

import re
from difflib import get_close_matches
from typing import Any

from exporter.errors import unknown
from exporter.formats.decoders.decoder import Decoded, LineDecoder, bare
from exporter.formats.decoders.json_lines import JsonLines
from exporter.formats.patterns.compile import line_pattern
from exporter.formats.source import FromJson, parse_path
from exporter.formats.values import text
from exporter.model.fields import FIELDS

# nginx's variables for each field, best first. Variables that users define (`map`, `set`, Lua) may have a field's name.
NGINX_VARIABLES: dict[str, list[str]] = {field: [field] for field in FIELDS} | {
    "time": ["msec", "time_iso8601", "time_local"],
    "duration": ["request_time"],
    "http_method": ["request_method"],
    "path": ["request_uri", "uri"],
    "host": ["host", "http_host", "server_name"],
    "upgrade": ["http_upgrade"],
    "grpc_status": ["grpc_status", "sent_trailer_grpc_status", "upstream_trailer_grpc_status", "sent_http_grpc_status"],
    "client": ["http_x_forwarded_for", "realip_remote_addr", "remote_addr"],
    "origin": ["http_origin"],
    "referer": ["http_referer"],
    "key": [
        *("api_key", "key", "http_x_api_key", "http_api_key", "http_apikey", "http_authorization"),
        *("arg_apikey", "arg_api_key", "arg_key", "arg_token", "arg_access_token"),
    ],
    "body": ["request_body"],
    "user": ["remote_user"],
    "attempts": ["upstream_addr"],
    "attempt_times": ["upstream_response_time"],
    "request_bytes": ["request_length"],
    "response_bytes": ["bytes_sent", "body_bytes_sent"],
}

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""", re.DOTALL)
_LOG_FORMAT = re.compile(r"log_format\s+\S+\s+(?:escape=(\w+)\s+)?")
# Prefixes of variables that are named after headers, cookies or arguments.
_OPEN = re.compile(r"(?:(?:sent_|upstream_)?(?:http|trailer|cookie)|arg)_")
# Variables whose values may contain spaces: lists with an entry for each upstream or proxy, and names of users.
_SPACED = re.compile(r"upstream_|forwarded|remote_user")
# Variables whose values start with a certain character, so that they may directly follow another variable.
_STARTS = {"request_uri": "/", "uri": "/", "document_uri": "/", "is_args": "?"}


def _written(template: str) -> str:
    """The template as one text. nginx's config has it as quoted strings between `log_format name` and `;`."""
    template = template.strip()
    declared = _LOG_FORMAT.match(template)
    if declared and declared[1] == "json":
        raise ValueError("this log_format writes JSON: use the preset nginx-json, or name its fields under json")
    template = template[declared.end() :] if declared else template
    if declared or template.startswith("'"):
        pieces = ["".join(piece.groups("")) for piece in _QUOTED.finditer(template)]
        if _QUOTED.sub("", template).strip(" \t\r\n;"):
            raise ValueError("a log_format is quoted strings and nothing between them; a quote is missing or too many")
        return re.sub(r"\\(['\"\\])", r"\1", "".join(pieces))
    return re.sub(r"\s*\n\s*", " ", template)


def _value_pattern(name: str, following: str) -> str:
    """A pattern for a variable's value, given the text that follows it in the template. It can't read past that text,
    so values never overlap: this makes the template linear.
    """
    if not following:
        return r"[^\n]*+"
    if following[0] == '"':
        return r'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+'
    if following[0] == " " and _SPACED.search(name):
        if following[1:2] in ("[", '"'):
            return rf"[^{re.escape(following[1])}\n]*?"
        between = " *+, *+" if following.startswith(" : ") else " *+, *+| : "
        return rf"[^ ,\n]*+(?>(?:(?:{between})[^ ,\n]*+)*)"
    return rf"[^{re.escape(following[0])}\n]*+"


def template_regex(template: str) -> str:
    """nginx's `log_format` syntax as a regular expression. ValueError if its values can't be told apart."""
    template = _written(template)
    found = list(_VARIABLE.finditer(template))
    if not found:
        raise ValueError("a template needs variables, such as '$remote_addr [$time_local] \"$request\" $status'")
    pattern, at, names = "", 0, set()
    for variable, after in zip(found, [*found[1:], None], strict=True):
        name = variable[1] or variable[2]
        if name in names:
            raise ValueError(f"variable ${name} occurs twice")
        names.add(name)
        following = template[variable.end() : after.start() if after else len(template)]
        value = _value_pattern(name, following)
        if name == "is_args":
            value = r"\??+"
        elif after and not following:
            start = _STARTS.get(after[1] or after[2])
            if not start:
                raise ValueError(f"nothing between ${name} and {after[0]}: their values can't be told apart")
            value = rf'[^{start} "\n]*+'
        pattern += re.escape(template[at : variable.start()]) + f"(?P<{name}>{value})"
        at = variable.end()
    return pattern + re.escape(template[at:])


def meant(variable: str) -> str | None:
    """The known variable that a misspelt one stands for; None if it may be another of nginx's or of the user's."""
    known = {name for names in NGINX_VARIABLES.values() for name in names}
    if variable in known or _OPEN.match(variable):
        return None
    mixed = (name for name in known if sorted(name) == sorted(variable))
    return next(mixed, None) or next(iter(get_close_matches(variable, known, n=1, cutoff=0.9)), None)


class TextLines(LineDecoder):
    """Decoder of text lines: a row is the tuple of the pattern's groups as bytes; b"" for a group that did not match.

    A capture that is read with `| fromjson` is in the row as the object it holds, or None.
    """

    def __init__(self, pattern: str) -> None:
        self._regex, self._slow, self._quick = line_pattern(pattern)
        self._places = {text(name): group - 1 for name, group in self._regex.groupindex.items()}
        if not self._places:
            raise ValueError("a regex needs named groups, such as (?P<status>[0-9]{3})")
        self._inner: dict[int, JsonLines] = {}
        # Captures that are used: by the pattern itself, or by an expression.
        self._used = set(re.findall(r"\(\?(?:P=|\()(\w+)\)", pattern))

    @property
    def captures(self) -> list[str]:
        """The names of the pattern's captures."""
        return list(self._places)

    @property
    def unused(self) -> list[str]:
        """The names of captures that are not used."""
        return [name for name in self._places if name not in self._used]

    def expression(self, path: str) -> str:
        """An expression for a capture, or for a value in the JSON of a capture."""
        capture, in_json, _ = path.partition("|")
        capture = capture.strip() if in_json else path
        if capture not in self._places:
            raise ValueError(unknown("capture", capture, self._places))
        self._used.add(capture)
        place = self._places[capture]
        if not in_json:
            return f"r[{place}]"
        steps = parse_path(path)
        if steps[1:2] != (FromJson,) or not steps[2:]:
            raise ValueError(f"bad path {path!r}: of a capture, write {capture} | fromjson | name")
        inner = self._inner.setdefault(place, JsonLines(f"C{place}_"))
        return inner.walk(steps[2:], f"r[{place}]")

    @property
    def names(self) -> dict[str, Any]:
        """The names that the expressions use."""
        return {name: value for inner in self._inner.values() for name, value in inner.names.items()}

    def row(self, value: Any) -> Any:
        """The row that `to_builtins` turned into a value."""
        row = list(value)
        if len(row) != self._regex.groups:
            raise ValueError("a row of another pattern")
        for place, inner in self._inner.items():
            row[place] = row[place] and inner.row(row[place])
        return tuple(row)

    def _decode(self, chunk: bytes) -> Decoded:
        """All lines at once if all of them match, and the pattern does not run in RE2; else line by line."""
        done = self._match(chunk)
        for place, inner in self._inner.items():
            done.rows = [(*row[:place], inner.decode_text(row[place]), *row[place + 1 :]) for row in done.rows]
        return done

    def _match(self, chunk: bytes) -> Decoded:
        regex = self._quick if self._quick and 0x5C not in chunk else self._regex
        rows = [] if self._slow else regex.findall(chunk)
        # Each match starts and ends at a line's edge, so equal counts mean one match per line.
        if len(rows) == chunk.count(b"\n"):
            return Decoded(rows, [])
        done = Decoded([], [])
        lines = chunk.split(b"\n")
        lines.pop()
        for line in lines:
            # rsyslog's `%msg%` starts with the space after the tag.
            found = self._regex.match(line) or self._regex.match(trimmed := bare(line))
            if found:
                done.rows.append(found.groups(b""))
            elif trimmed:
                done.reject("no_match", line)
            else:
                done.skip()
        return done
