"""Text logs: nginx `log_format` templates and regular expressions. Hot path: one compiled bytes regex over a chunk."""

import re
from typing import Any

from exporter.errors import unknown
from exporter.formats.decoded import Decoded

# What nginx's variables mean, for a template without `fields` of its own.
NGINX_VARIABLES: dict[str, Any] = {
    "time": ["msec", "time_iso8601", "time_local"],
    "duration": "request_time",
    "status": "status",
    "request": "request",
    "http_method": "request_method",
    "path": ["request_uri", "uri"],
    "host": ["host", "http_host", "server_name"],
    "scheme": "scheme",
    "upgrade": "http_upgrade",
    "client": ["http_x_forwarded_for", "realip_remote_addr", "remote_addr"],
    "origin": "http_origin",
    "referer": "http_referer",
    "key": ["http_x_api_key", "http_apikey", "http_api_key", "arg_apikey", "arg_api_key", "arg_key", "http_authorization"],
    "body": "request_body",
    "rpc_method": "rpc_method",
    "chain": "chain",
    "upstream_status": {"path": "upstream_status", "pick": "last"},
    "request_bytes": "request_length",
    "response_bytes": ["bytes_sent", "body_bytes_sent"],
}

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_LISTED = re.compile(r"upstream_|forwarded")


def _value_pattern(name: str, following: str) -> str:
    """What a variable's value may be, given the character that ends it in the template."""
    if not following:
        return r"[^\n]*"
    if following == '"':
        return r'(?:[^"\\\n]|\\.)*'
    if following == " " and _LISTED.search(name):
        return r"[^ \n]*(?:(?:, ?| : )[^ \n]*)*"
    return rf"[^{re.escape(following)}\n]*"


def template_regex(template: str) -> str:
    """nginx's `log_format` syntax as a regular expression; ValueError where it can't be told apart."""
    pattern, at, names = "", 0, set()
    found = list(_VARIABLE.finditer(template))
    if not found:
        raise ValueError("a template needs variables, such as '$remote_addr [$time_local] \"$request\" $status'")
    for n, variable in enumerate(found):
        name = variable[1] or variable[2]
        following = template[variable.end() : variable.end() + 1]
        if following == "$" and n + 1 < len(found) - 1:
            raise ValueError(f"nothing between ${name} and the next variable: their values can't be told apart")
        if name in names:
            raise ValueError(f"variable ${name} stands twice")
        names.add(name)
        value = _value_pattern(name, "" if variable.end() == len(template) else following)
        if following == "$":  # the last variable takes whatever follows the one before
            value = r'[^ "\]\n]*'
        pattern += re.escape(template[at : variable.start()]) + f"(?P<{name}>{value})"
        at = variable.end()
    return pattern + re.escape(template[at:])


class TextLines:
    """Decoder of text lines: a row is the tuple of the pattern's groups, in bytes; b"" where one took no part."""

    def __init__(self, pattern: str) -> None:
        try:
            # A second group at least, so that findall gives tuples.
            self._regex = re.compile(rf"^(?:{pattern})()()\r?$".encode(), re.MULTILINE)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        if not self._regex.groupindex:
            raise ValueError("a regex needs named groups, such as (?P<status>[0-9]{3})")
        self.names: dict[str, Any] = {}

    @property
    def captures(self) -> list[str]:
        """The names of what the pattern captures."""
        return list(self._regex.groupindex)

    def expression(self, path: str) -> str:
        if path not in self._regex.groupindex:
            raise ValueError(unknown("capture", path, self._regex.groupindex))
        return f"r[{self._regex.groupindex[path] - 1}]"

    def decode(self, chunk: bytes) -> Decoded:
        rows = self._regex.findall(chunk)
        # Each match starts and ends at a line's edge, so an equal count means one line each.
        if len(rows) == chunk.count(b"\n"):
            return Decoded(rows, [])
        done = Decoded([], [])
        lines = chunk.split(b"\n")
        lines.pop()
        for line in lines:
            found = self._regex.match(line)
            if found:
                done.rows.append(found.groups(b""))
            elif line.strip(b" \t\r\0"):
                done.rejected.append(("no_match", line))
            else:
                done.blank += 1
        return done
