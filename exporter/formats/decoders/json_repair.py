"""Cold path: repairs JSON that is not valid, in the ways in which gateways are known to write it."""

import json
import re
from math import isinf

import msgspec

from exporter.formats.values import ESCAPES

# nginx users write `"urt":$upstream_response_time` without quotes and get `"urt":,`, `-` or `0.1, 0.2`.
_UNQUOTED = re.compile(rb'("[^"\\]*+"\s*+:)\s*+(?>([-0-9.]++(?:(?: : |, )[-0-9.]++)+|-)?)\s*+(?=[,}])')

# Escapes of JSON; `half` of a surrogate pair, as Python and JavaScript write it; `\x22`, as nginx writes without
# `escape=json`, and Apache; or a backslash that escapes nothing.
_ESCAPE = re.compile(
    rb"""(?x) \\(?: (?P<valid> ["\\/bfnrt] | u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}
    | u(?![dD][89A-Fa-f])[0-9A-Fa-f]{4}) | (?P<half>u[0-9A-Fa-f]{4})
    | (?P<bytes>x[0-9A-Fa-f]{2}(?:\\x[0-9A-Fa-f]{2})*+) )?"""
)
_BLANKS = bytes.maketrans(bytes(range(32)), b" " * 32)

# What is nested deeper is left out. No preset looks so deep.
_DEEPEST = 100
_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[\[\]{}]')

# A quote that can't start or end a value. Gateways that write JSON by a text template do not escape quotes of clients.
_STRAY_QUOTE = re.compile(rb'(?<![{,:\\])"(?!\s*+[,:}])')


def repaired(line: bytes, escaped: bool) -> bytes:
    """A line in UTF-8 without control characters and with escapes of JSON only, with quotes around values that lack
    them; stray quotes escaped, if the log leaves them bare.
    """
    mended = line.decode("utf-8", "replace").encode().translate(_BLANKS)
    mended = _ESCAPE.sub(_escape, mended)
    mended = _UNQUOTED.sub(lambda found: found[1] + b'"' + (found[2] or b"") + b'"', mended)
    return mended if escaped else _STRAY_QUOTE.sub(rb"\"", mended)


def _escape(found: re.Match[bytes]) -> bytes:
    """An escape of JSON for any escape."""
    if found["valid"]:
        return found[0]
    if found["bytes"]:
        return json.dumps(ESCAPES["nginx"](found[0]).decode("utf-8", "replace"))[1:-1].encode()
    return rb"\ufffd" if found["half"] else rb"\\"


def is_json(line: bytes) -> bool:
    """Whether a line is JSON of any shape."""
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def simplified(line: bytes) -> bytes:
    """The same JSON with NaN, infinity and numbers too large for a float as texts, and with null in place of what is
    nested too deep to be decoded. ValueError if it is not JSON.
    """
    found = json.loads(_shallow(line), parse_int=_or_text, parse_float=_or_text, parse_constant=str)
    return json.dumps(found).encode()


def _shallow(line: bytes) -> bytes:
    kept, depth, start = [], 0, 0
    for found in _STRUCTURE.finditer(line):
        if found[0] in (b"{", b"["):
            depth += 1
            if depth == _DEEPEST:
                kept.append(line[start : found.start()] + b"null")
        elif found[0] in (b"}", b"]"):
            if depth == _DEEPEST:
                start = found.end()
            depth -= 1
    return b"".join(kept) + line[start:]


def _or_text(written: str) -> int | float | str:
    value = float(written)
    return written if isinf(value) else value if "." in written or "e" in written.lower() else int(written)
