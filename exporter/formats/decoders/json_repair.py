"""Cold path: repairs JSON that is not valid, in the ways in which gateways are known to write it."""

import json
import re
from math import isinf

import msgspec

# nginx users write `"urt":$upstream_response_time` without quotes and get `"urt":,`, `-` or `0.1, 0.2`.
_UNQUOTED = re.compile(rb'("[^"\\]*+"\s*+:)\s*+(?>([-0-9.]++(?:(?: : |, )[-0-9.]++)+|-)?)\s*+(?=[,}])')

# A quote that can't start or end a value. Gateways that write JSON by a text template do not escape quotes of clients.
_STRAY_QUOTE = re.compile(rb'(?<![{,:\\])"(?!\s*+[,:}])')


def repaired(line: bytes, escaped: bool) -> bytes:
    """A line in UTF-8, with quotes around values that lack them; stray quotes escaped, if the log leaves them bare."""
    mended = line.decode("utf-8", "replace").encode()
    mended = _UNQUOTED.sub(lambda found: found[1] + b'"' + (found[2] or b"") + b'"', mended)
    return mended if escaped else _STRAY_QUOTE.sub(rb"\"", mended)


def is_json(line: bytes) -> bool:
    """Whether a line is JSON of any shape."""
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def large_numbers_as_text(line: bytes | str) -> bytes:
    """The same JSON with NaN, infinity and numbers too large for a float as texts. ValueError if it is not JSON."""
    return json.dumps(json.loads(line, parse_int=_or_text, parse_float=_or_text, parse_constant=str)).encode()


def _or_text(written: str) -> int | float | str:
    value = float(written)
    return written if isinf(value) else value if "." in written or "e" in written.lower() else int(written)
