"""What a client prefers, by its `Accept` and `Accept-Encoding`."""

import re

_WEIGHT = re.compile(r"q=([01](?:\.\d{0,3})?)")


def weight(header: str, name: str) -> float:
    """How much a client wants what a header may name: 1 by default, 0 not at all (RFC 9110, section 12.4.2)."""
    found = [0.0]
    for part in header.lower().split(","):
        named, *parameters = (word.strip() for word in part.split(";"))
        if named == name:
            weights = [float(given[1]) for given in map(_WEIGHT.fullmatch, parameters) if given]
            found.append(weights[0] if weights else 1.0)
    return max(found)
