"""The families that are served: the catalogue's, as a config changes them, and custom ones.

Of the catalogue's, one that a record adds to may be without some of its labels: its series are then sums over them.
One that says who asked may have labels besides that the config declares.
"""

import math
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import msgspec
from msgspec import Struct, field

from exporter.errors import FieldError, Steps, unknown
from exporter.model import catalog
from exporter.model.catalog import CATALOG, Family
from exporter.model.fields import TOKEN_TYPES
from exporter.model.labels import WHEN, labels_for
from exporter.yaml_file import Part

_SECONDS = ("duration", "time_to_first_token", "time_per_output_token", "failover_delay")
_BYTES = ("request_bytes", "response_bytes")
_TOKENS = tuple(f"{type_}_tokens" for type_ in TOKEN_TYPES)
_NUMBERS = (*_SECONDS, *_BYTES, *_TOKENS)
# The cost of a single request is in no histogram: where the log has none, only sums of it are known.
ADDS = {
    "counter": (
        *("requests", "calls", "origins", "new_origins", "attempts", "failovers"),
        *("tokens", "cost", "credits", "unpriced", "without_usage"),
        *_NUMBERS,
    ),
    "histogram": _NUMBERS,
}
_UNITS = dict.fromkeys(_SECONDS, "seconds") | dict.fromkeys(_BYTES, "bytes")

# The catalogue's families that declared labels can be added to: those that say who asked.
OF_CALLERS = tuple(
    name
    for name, family in CATALOG.items()
    if "key" in family.labels and family.type != "gauge" and family.adds not in ("origins", "new_origins")
)
_NAME = re.compile(r"gateway_[a-z0-9_]+")
# What Prometheus and OpenMetrics put behind the names of other types.
_TAKEN = ("_total", "_bucket", "_count", "_sum", "_created", "_info")
_SLOWEST, _DURATIONS = catalog.REQUEST_DURATION_MAX_SECONDS.name, catalog.REQUEST_DURATION_SECONDS.name


class Change(Part):
    """A change of one of the catalogue's families."""

    add: list[str] = field(default_factory=list)
    """Labels that the family has besides, of those declared in `labels`; for families with the label `key`."""
    drop: list[str] = field(default_factory=list)
    """Labels that the family is without: its series are then sums over them."""
    buckets: list[float] | None = None
    """A histogram's bounds."""


class CustomFamily(Part, rename={"type_": "type"}):
    """A family that the catalogue does not have."""

    type_: Literal["counter", "histogram"]
    """What it is."""
    help: str
    """The line of text that Prometheus shows."""
    adds: str
    """What a record adds: `requests`, `calls`, `tokens`, `cost`, …, or a number of the record, such as `duration`."""
    labels: list[str] = field(default_factory=list)
    """Its labels."""
    buckets: list[float] | None = None
    """A histogram's bounds."""
    when: str = ""
    """Counts only requests that have this: `type` (failed ones), `model`, `blocked`, …"""


class _Rule(Struct):
    """Checks the fields of a family; `at` are the steps to it in the config."""

    at: Steps

    def need(self, good: object, field: str | Steps, problem: str) -> None:
        """FieldError if `good` is false; the field () is the whole family."""
        if not good:
            raise FieldError((*self.at, *((field,) if isinstance(field, str) else field)), problem)

    def known(self, field: str | Steps, what: str, name: str, allowed: tuple[str, ...]) -> None:
        """FieldError if a name is not allowed."""
        if name not in allowed:
            self.need(False, field, unknown(what, name, allowed))

    def labels(self, field: str, names: list[str], allowed: tuple[str, ...]) -> None:
        """FieldError if a label is not allowed, or is listed twice."""
        for n, name in enumerate(names):
            self.known((field, n), "label", name, allowed)
            self.need(names.count(name) == 1, (field, n), f"{name!r} is listed twice")

    def bounds(self, buckets: list[float]) -> tuple[float, ...]:
        """A histogram's bounds; FieldError if they are not valid."""
        self.need(buckets, "buckets", "is empty: a histogram needs at least one bound")
        for bound in buckets:
            said = f"{bound:g} is not a valid bound; use numbers above 0; the last bucket, +Inf, is always there"
            self.need(0 < bound < math.inf, "buckets", said)
        for lower, upper in pairwise(buckets):
            self.need(lower < upper, "buckets", f"bounds must rise, and {upper:g} comes after {lower:g}")
        return tuple(float(bound) for bound in buckets)


def families_of(
    changes: Mapping[str, bool | Change], custom: Mapping[str, CustomFamily], declared: tuple[str, ...] = ()
) -> dict[str, Family]:
    """All families by name: the catalogue's in its order, then the custom ones. FieldError if one is not valid.

    A change is false (off), true (unchanged) or the fields to change. `declared` are labels that the config declares.
    """
    for name in changes:
        if name not in CATALOG:
            said = f"{unknown('family', name, CATALOG)}; others are declared in custom_families"
            raise FieldError(("families", name), said)
    found = {name: _changed(family, changes.get(name, True), declared) for name, family in CATALOG.items()}
    served = {name: family for name, family in found.items() if family}
    _follow(served)
    for name, family in custom.items():
        served[name] = _custom(name, family, declared)
    _check_clashes(custom)
    return served


def _changed(family: Family, change: bool | Change, declared: tuple[str, ...]) -> Family | None:
    """The family as it is served; None if it is off."""
    rule = _Rule(("families", family.name))
    if change is True:
        return family
    of_exporter = family.name.startswith("gateway_exporter_")
    rule.need(not of_exporter, (), "can't be changed: it says whether the other families can be trusted")
    rule.need(family.name != catalog.KEY_INFO.name, (), "can't be changed: only it has the names of keys")
    if change is False:
        return None
    summed = family.type != "gauge"
    rule.need(
        summed or not change.drop,
        "drop",
        "a gauge can't be summed over its labels; keep them all, or switch the family off",
    )
    rule.labels("drop", change.drop, family.labels)
    if change.add:
        rule.known("add", "family for more labels", family.name, OF_CALLERS)
        rule.need(declared, "add", f"no label {change.add[0]!r} is declared; labels are declared in metrics.labels")
        rule.labels("add", change.add, declared)
    labels = (*(label for label in family.labels if label not in change.drop), *change.add)
    if change.buckets is None:
        return msgspec.structs.replace(family, labels=labels)
    rule.need(family.type == "histogram", "buckets", f"a {family.type} has none; histograms do")
    return msgspec.structs.replace(family, labels=labels, buckets=rule.bounds(change.buckets))


def _follow(served: dict[str, Family]) -> None:
    """The slowest request comes from the durations: it is off if they are, and has no label that they lack."""
    if _SLOWEST in served and _DURATIONS not in served:
        del served[_SLOWEST]
    if _SLOWEST in served:
        slowest, durations = served[_SLOWEST], served[_DURATIONS]
        labels = tuple(label for label in slowest.labels if label in durations.labels)
        if labels != slowest.labels:
            served[_SLOWEST] = msgspec.structs.replace(slowest, labels=labels)


def _custom(name: str, custom: CustomFamily, declared: tuple[str, ...]) -> Family:
    rule = _Rule(("custom_families", name))
    rule.need(name not in CATALOG, (), "is in the catalogue: change it in families, or choose another name")
    rule.need(_NAME.fullmatch(name), (), "is not a valid name: gateway_ and then a-z, 0-9 and _ are allowed")
    rule.need(not name.startswith("gateway_exporter_"), (), "gateway_exporter_ is for the exporter's own metrics")
    rule.known("adds", "amount", custom.adds, ADDS[custom.type_])
    unit = _UNITS.get(custom.adds, "")
    ending = (f"_{unit}" if unit else "") + ("_total" if custom.type_ == "counter" else "")
    rule.need(name.endswith(ending), (), f"a {custom.type_} of {custom.adds} ends in {ending}")
    if custom.type_ == "histogram":
        rule.need(not name.endswith(_TAKEN), (), f"no histogram ends in {', '.join(_TAKEN[:-1])} or {_TAKEN[-1]}")
    rule.need(custom.help.strip() and custom.help.isprintable(), "help", "must be one line of text")
    origins = custom.adds in ("origins", "new_origins")
    rule.labels("labels", custom.labels, labels_for(custom.adds) + (() if origins else declared))
    if custom.when:
        rule.need(not origins, "when", "does not go with origins: they are always counted")
        rule.known("when", "condition", custom.when, WHEN)
    if custom.type_ == "counter":
        rule.need(custom.buckets is None, "buckets", "a counter has none; histograms do")
    else:
        rule.need(custom.buckets is not None, (), "the field 'buckets' is missing: a histogram's bounds, as in [1, 10]")
    return Family(
        name=name,
        type=custom.type_,
        help=custom.help,
        labels=tuple(custom.labels),
        unit=unit,
        buckets=rule.bounds(custom.buckets) if custom.buckets is not None else (),
        adds=custom.adds,
        when=custom.when,
    )


def _check_clashes(custom: Mapping[str, CustomFamily]) -> None:
    """FieldError if two families have the same name in OpenMetrics, which drops a counter's `_total`."""
    names = {name.removesuffix("_total"): name for name in CATALOG}
    for name in custom:
        other = names.setdefault(name.removesuffix("_total"), name)
        _Rule(("custom_families", name)).need(other == name, (), f"is {other} in OpenMetrics; choose another name")
