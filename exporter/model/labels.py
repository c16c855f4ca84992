"""The labels of records: all values that a request can have, and the words that replace values."""

from typing import Literal, NamedTuple, get_args


class LabelValues(NamedTuple):
    """All label values that a request can have; families pick theirs by name.

    `blocked`, `unbilled`, `cached` and `metered` are labels of no family, but what a family may ask for with `when`.
    `requested_model` is set where another model served, and `to_provider` where another provider was tried.
    `token_type`, `outcome` and `from_provider` are set where a request adds to several series of one family, each with
    its own.
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
    # Served by a model that counts tokens, and not for free.
    metered: str = ""
    # The caller's, which are resolved separately: always the last two.
    key: str = ""
    class_: str = ""


# Fields that are no label, or one only of families that count something special.
_CONDITIONS = ("blocked", "unbilled", "cached", "metered")
_SPECIAL = ("token_type", "outcome", "from_provider", "currency")
# The labels that any family of records may have.
LABELS = tuple(name.removesuffix("_") for name in LabelValues._fields if name not in (*_CONDITIONS, *_SPECIAL))
# What a record may have or lack: the conditions of a family's `when`.
WHEN = tuple(
    name
    for name in LabelValues._fields
    if name not in (*_SPECIAL, "protocol", "status", "result", "billed", "reason", "key", "class_")
)

# The values of `class`.
Class = Literal["business", "internal"]
CLASSES: tuple[Class, ...] = get_args(Class)
# What is shown for a value, and for a key, that has no place in the label's budget.
OTHER = "other"
UNKNOWN = "unknown"
# Default of `metrics.budgets`: the maximum number of undeclared values per label; for `origin` per key.
BUDGETS = {"key": 2000, "method": 300, "chain": 100, "origin": 50, "model": 200, "provider": 100, "reason": 50}


def field_of(label: str, adds: str) -> str:
    """The field of LabelValues that is a label of a family, by what records add to that family."""
    if label == "type" and adds == "tokens":
        return "token_type"
    return "class_" if label == "class" else label
