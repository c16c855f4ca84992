"""What a row shows of raw values: public ones only."""

import re
from collections.abc import Callable
from typing import Literal

from exporter.formats.values import Raw, text
from exporter.model.key_shapes import has_key_prefix
from exporter.requests.routes import client_network

# How much of a client's address is kept.
Client = Literal["network", "full", "none"]

# Ids as most gateways make them.
HEX = re.compile(r"[0-9A-Fa-f-]{1,64}")
_ID = re.compile(r"[\w.:/+=@-]{1,100}", re.ASCII)


def request_id(raw: Raw) -> str | None:
    """A request's id as it is shown: one word; None for what holds a raw API key by its prefix, or is no id."""
    word = raw if raw.__class__ is str else text(raw)
    if HEX.fullmatch(word) or (_ID.fullmatch(word) and not has_key_prefix(word)):
        return word
    return None


def client_function(shown: Client) -> Callable[[str], str]:
    """The function from a logged address, or a list of which the first counts, to what is kept of it."""
    return {"network": client_network, "full": _address, "none": lambda _: ""}[shown]


def _address(logged: str) -> str:
    """The client's address, without its port; "" if it is not valid."""
    if not client_network(logged):
        return ""
    first = logged.partition(",")[0].strip().rpartition("]")[0] or logged.partition(",")[0].strip()
    first = first.lstrip("[")
    return first.partition(":")[0] if first.count(":") == 1 else first
