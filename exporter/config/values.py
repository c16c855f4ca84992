"""Values that several sections of the config have: what is allowed, and how an error describes it."""

import re
from sys import float_info
from typing import Annotated

from msgspec import Meta

from exporter.durations import PATTERN
from exporter.errors import FieldError, Steps

_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")

Ratio = Annotated[float, Meta(gt=0, lt=1, description="a share between 0 and 1, such as 0.95")]
NotNegative = Annotated[float, Meta(ge=0, le=float_info.max, description="0 or more")]
Count = Annotated[int, Meta(ge=1, description="at least 1")]
Duration = Annotated[str, Meta(pattern=PATTERN, description="a duration, as in 15s, 5m, 24h or 1h30m")]
# The URL of a webhook may hold a secret, so errors do not repeat it.
Url = Annotated[
    str,
    Meta(
        pattern=r"\A(?i:https?)://[^/?#\s]",
        description="a URL that begins with http:// or https://",
        extra={"secret": True},
    ),
]
# Thresholds of alerts: null switches the alert off.
Threshold = Annotated[float, Meta(gt=0, le=float_info.max, description="more than 0, or null for no alert")] | None
Number = Annotated[int, Meta(gt=0, description="more than 0, or null for no alert")] | None


def check_label(at: Steps, label: str) -> None:
    """FieldError if it is not a valid name for a label in Prometheus, or is reserved there."""
    if not _LABEL.fullmatch(label):
        raise FieldError(at, f"{label!r} is not a valid label name: letters, digits and _ are allowed")


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port`; an empty host means all addresses. ValueError if the address is not valid."""
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdigit() or not 0 <= int(port) < 65536:
        raise ValueError(f"{address!r} is not a valid address; use HOST:PORT, as in 127.0.0.1:10114")
    return host.strip("[]"), int(port)
