"""The labels of records: each label's values, the budgets for values, and the words that replace them.

A label is declared in LABELS, and nowhere else: its value in a request, and the budget that bounds its values.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

from exporter.model.record import AccessRecord, Attempt


class Request(NamedTuple):
    """What the label values of a request are taken from: its record, and what is known of it besides."""

    record: AccessRecord
    # With names of providers that may be shown.
    attempts: tuple[Attempt, ...]
    # From which provider to which other, and why.
    failovers: list[tuple[str, str, str]]
    # Whether another model served than the requested one; whose price counts: `requested` or `served`.
    redirected: bool
    billed: str
    currency: str
    unbilled: bool
    # Served by a model that counts tokens and is not free.
    metered: bool


class Label(NamedTuple):
    """A label. `of` gives its value in a request; it is None if the value belongs to the caller, or differs among the
    series of one family that a request adds to. If only families of what a record `adds` can have it, that is named.

    A label with a `budget` shows only values that were admitted; the budget is that of the label named there.
    `proven`: no request has to succeed first, as the gateway has chosen the value, and no client.
    """

    of: Callable[[Request], str] | None = None
    budget: str = ""
    proven: bool = False
    adds: str = ""


LABELS: dict[str, Label] = {
    "key": Label(budget="key"),
    "class": Label(),
    "chain": Label(lambda request: request.record.chain, budget="chain"),
    "method": Label(lambda request: request.record.method, budget="method"),
    "protocol": Label(lambda request: request.record.protocol),
    "status": Label(lambda request: request.record.status),
    "type": Label(lambda request: request.record.error_type),
    "result": Label(lambda request: "error" if request.record.error_type else "success"),
    "model": Label(lambda request: request.record.model, budget="model"),
    "provider": Label(lambda request: request.record.provider, budget="provider"),
    "requested_model": Label(
        lambda request: request.record.requested_model if request.redirected else "", budget="model"
    ),
    "billed": Label(lambda request: request.billed if request.redirected else ""),
    "reason": Label(lambda request: request.record.blocked_reason, budget="reason", proven=True),
    "to_provider": Label(
        lambda request: request.attempts[-1].provider if request.failovers else "", budget="provider", proven=True
    ),
    "outcome": Label(adds="attempts"),
    "from_provider": Label(budget="provider", adds="failovers"),
    "currency": Label(lambda request: request.currency, adds="cost"),
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
