"""The labels of records: the values that a request can have, and the words that replace values."""

from typing import Literal, NamedTuple, get_args


class LabelValues(NamedTuple):
    """All label values that a request can have; families pick theirs by name.

    `blocked`, `unbilled`, `cached` and `metered` are not labels, but conditions for a family's `when`.
    `requested_model` is set if another model served, `to_provider` if another provider was tried. `token_type`,
    `outcome` and `from_provider` differ among the series of one family that a request adds to.
    """

    chain: str = ""
    method: str = ""
    protocol: str = ""
    status: str = ""
    type: str = ""
    model: str = ""
    provider: str = ""
    currency: str = ""
    result: str = ""
    token_type: str = ""
    outcome: str = ""
    from_provider: str = ""
    to_provider: str = ""
    requested_model: str = ""
    billed: str = ""
    reason: str = ""
    blocked: str = ""
    unbilled: str = ""
    cached: str = ""
    # Served by a model that counts tokens and is not free.
    metered: str = ""
    # Of the caller, resolved separately: these must be the last two.
    key: str = ""
    class_: str = ""


# Fields that are not labels, and fields that only some built-in families can have.
_CONDITIONS = ("blocked", "unbilled", "cached", "metered")
_SPECIAL = ("token_type", "outcome", "from_provider", "currency")
# The labels that any family of records may have.
LABELS = tuple(name.removesuffix("_") for name in LabelValues._fields if name not in (*_CONDITIONS, *_SPECIAL))
# The conditions for a family's `when`: values that a record may have or lack.
WHEN = tuple(
    name
    for name in LabelValues._fields
    if name not in (*_SPECIAL, "protocol", "status", "result", "billed", "reason", "key", "class_")
)

# The values of `class`.
Class = Literal["business", "internal"]
CLASSES: tuple[Class, ...] = get_args(Class)
# Replace a value, and a key, for which the label's budget has no place left.
OTHER = "other"
UNKNOWN = "unknown"
# Default of `metrics.budgets`: the maximum number of undeclared values per label; for `origin` per key.
BUDGETS = {"key": 2000, "method": 300, "chain": 100, "origin": 50, "model": 200, "provider": 100, "reason": 50}


def field_of(label: str, adds: str) -> str:
    """The field of LabelValues with a label's value; `adds` is what records add to the family."""
    if label == "type" and adds == "tokens":
        return "token_type"
    return "class_" if label == "class" else label
