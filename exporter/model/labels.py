"""The labels of records: each label's values, the budgets for values, and the words that replace them.

A label is declared in LABELS, and nowhere else: its value in a request, and the budget that bounds its values.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

from msgspec import Struct

from exporter.model.record import AccessRecord, Attempt


class Request(Struct, frozen=True):
    """What the label values of a request are taken from: its record, and what is known of it besides."""

    record: AccessRecord
    # With names of providers that may be shown.
    attempts: tuple[Attempt, ...]
    # From which provider to which other, and why.
    failovers: list[tuple[str, str, str]]
    # If another model served than the requested one: that, and whose price counts, `requested` or `served`.
    requested_model: str
    billed: str
    # The provider of the last attempt, if there were failovers.
    to_provider: str
    # `success` or `error`.
    result: str
    currency: str
    unbilled: bool
    # Served by a model that counts tokens and is not free.
    metered: bool


class Label(NamedTuple):
    """A label. `of` is the attribute of a request that is its value; "" if the value belongs to the caller, or differs
    among the series of one family that a request adds to. If only families of what a record `adds` can have it, that
    is named.

    A label with a `budget` shows only values that were admitted; the budget is that of the label named there.
    `proven`: no request has to succeed first, as the gateway has chosen the value, and no client.
    """

    of: str = ""
    budget: str = ""
    proven: bool = False
    adds: str = ""


LABELS: dict[str, Label] = {
    "key": Label(budget="key"),
    "class": Label(),
    "chain": Label("record.chain", budget="chain"),
    "method": Label("record.method", budget="method"),
    "protocol": Label("record.protocol"),
    "status": Label("record.status"),
    "type": Label("record.error_type"),
    "result": Label("result"),
    "model": Label("record.model", budget="model"),
    "provider": Label("record.provider", budget="provider"),
    "requested_model": Label("requested_model", budget="model"),
    "billed": Label("billed"),
    "reason": Label("record.blocked_reason", budget="reason", proven=True),
    "to_provider": Label("to_provider", budget="provider", proven=True),
    "outcome": Label(adds="attempts"),
    "from_provider": Label(budget="provider", adds="failovers"),
    "currency": Label("currency", adds="cost"),
}
# The labels of families that count origins.
ORIGIN_LABELS = ("key", "chain", "origin", "protocol")
# What a family's `when` may ask for: that a label has a value …
WHEN_LABELS = ("type", "chain", "method", "model", "provider", "requested_model", "to_provider")
# … or one of these.
CONDITIONS: dict[str, Callable[[Request], bool]] = {
    "blocked": lambda request: bool(request.record.blocked_reason) or request.record.error_type == "blocked",
    "unbilled": lambda request: request.unbilled,
    "cached": lambda request: request.record.cached,
    "metered": lambda request: request.metered,
}
WHEN = (*WHEN_LABELS, *CONDITIONS)

# The values of `class`.
Class = Literal["business", "internal"]
CLASSES: tuple[Class, ...] = get_args(Class)
# Replace a value, and a key, for which the label's budget has no place left.
OTHER = "other"
UNKNOWN = "unknown"
# Default of `metrics.budgets`: the maximum number of undeclared values per label; for `origin` per key.
BUDGETS = {"key": 2000, "method": 300, "chain": 100, "origin": 50, "model": 200, "provider": 100, "reason": 50}


def labels_for(adds: str) -> tuple[str, ...]:
    """The labels that a family may have to which records add `adds`."""
    if adds in ("origins", "new_origins"):
        return ORIGIN_LABELS
    return tuple(name for name, label in LABELS.items() if label.adds in ("", adds))
