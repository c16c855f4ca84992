"""What a client prefers, by its `Accept` and `Accept-Encoding`."""

import re

_WEIGHT = re.compile(r"q=([01](?:\.\d{0,3})?)")


def weight(header: str, *names: str) -> float:
    """How much a client wants the first of these that its header names, such as `text/plain`, `text/*`, `*/*`: 1 by
    default, 0 not at all (RFC 9110, sections 12.4.2 and 12.5.1).
    """
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        named, *parameters = (word.strip() for word in part.split(";"))
        given = next((float(found[1]) for found in map(_WEIGHT.fullmatch, parameters) if found), 1.0)
        weights[named] = max(given, weights.get(named, 0.0))
    return next((weights[name] for name in names if name in weights), 0.0)
