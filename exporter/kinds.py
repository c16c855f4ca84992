"""What a request's words decide: its kind (what was asked, and how it went) and its caller (who asked)."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from msgspec import Struct

from exporter.attempts import failovers
from exporter.catalog import CATALOG, Family
from exporter.cell import Caller, Cell
from exporter.loop import Loop
from exporter.pricing import Price, Worth
from exporter.record import TOKEN_TYPES, AccessRecord, Attempt
from exporter.series import FamilySeries, Series
from exporter.shared import Shared

# A request's label values in the order in which they are kept: its kind's first, then the caller's. `blocked` and
# `unbilled` are no labels, but what a family may ask for. `requested_model` and `to_provider` are set where another
# model served, and where another provider was tried.
_VALUES = (
    *("chain", "method", "protocol", "status", "type", "model", "provider", "currency", "result", "token_type"),
    *("outcome", "from_provider", "to_provider", "requested_model", "billed", "reason", "blocked", "unbilled"),
    *("key", "class"),
)
PLACE = {label: n for n, label in enumerate(_VALUES)}
CHAIN, PROTOCOL = PLACE["chain"], PLACE["protocol"]
Values = tuple[str, ...]

_CALLS, _ATTEMPTS, _FAILOVERS, _CREDITS, _COST, _UNPRICED = (
    CATALOG[f"gateway_{name}_total"]
    for name in ("calls", "upstream_attempts", "failovers", "credits", "cost", "unpriced_requests")
)
# What may stand behind a model's name in the name of one of its versions.
_VERSION = re.compile(r"(?:[-@:](?:latest|v?\d{3,}[-\d]*))?")


class Sink(Struct):
    """Families that requests of a kind add to, and how their labels, equal in all of them, are picked."""

    families: list[FamilySeries]
    pick: Callable[[Values], Values]
    values: Values

    def labels(self, caller: Caller, own: Values) -> Values:
        """The label values of their series for a caller."""
        return self.pick((*self.values, caller.label, caller.class_)) + own


def changed(values: Values, **others: str) -> Values:
    """The values with others in their places."""
    new = list(values)
    for name, value in others.items():
        new[PLACE[name]] = value
    return tuple(new)


def names_of(family: Family) -> Values:
    """The values that are a family's labels."""
    return tuple("token_type" if family.adds == "tokens" and label == "type" else label for label in family.labels)


@cache
def picker(names: Values) -> Callable[[Values], Values]:
    """Picks the named values of all."""
    places = [PLACE[name] for name in names]
    return itemgetter(*places) if len(places) > 1 else lambda values: (values[places[0]],)


class Kind(Struct, eq=False):
    """What was asked and how it went: all label values but the caller's, and what such requests add to."""

    record: AccessRecord
    values: Values = ()
    # The families it adds to, and the labels whose value found no room.
    fed: list[Family] = []
    overflows: Values = ()
    counted: list[Sink] = []
    measures: tuple[str, ...] = ()
    summed: list[Sink] = []
    observed: list[Sink] = []
    # What each request adds to credits; its prices, and where money and requests without a price are counted.
    credits: list[tuple[Sink, float]] = []
    prices: tuple[Price, ...] = ()
    cost: Sink | None = None
    unpriced: Sink | None = None
    # Gauges that such a request sets.
    shown: tuple[tuple[Series, float], ...] = ()
    cells: dict[Caller, Cell] = {}
    # The one cell of lines that are no request, whoever sent them.
    everyones: Cell | None = None


class Kinds:
    """Finds and makes the kinds of one input. `own` are the values of its own labels."""

    def __init__(self, shared: Shared, loop: Loop, own: Values) -> None:
        self._store = shared.store
        self._admissions = shared.admissions
        self._pricing = shared.pricing
        self._loop = loop
        self._own = own
        self._families = [family for family in CATALOG.values() if family.adds]
        self._kinds: dict[Any, Kind] = {}

    def forget(self) -> None:
        """Forget all kinds."""
        self._kinds.clear()

    def of(self, record: AccessRecord) -> tuple[Kind, bool]:
        """The kind of a record; whether that may change with a later success."""
        success = not record.error_type
        judge = self._admissions.judge
        requested = "" if _same_model(record.requested_model, record.model) else record.requested_model
        verdicts = {
            "chain": judge("chain", record.chain, success),
            "method": judge("method", record.method, success),
            "model": judge("model", record.model, success),
            "provider": judge("provider", record.provider, success),
        }
        if requested:
            verdicts["requested_model"] = judge("model", requested, success)
        if record.blocked_reason:  # what the gateway chose, not a client, needs no success
            verdicts["reason"] = judge("reason", record.blocked_reason, True)
        tried = [judge("provider", one.provider, True) for one in record.attempts]
        calls = [
            verdicts["method"] if call == record.method else judge("method", call, success) for call in record.calls
        ]
        worth = self._pricing.worth(record)
        attempts = tuple(
            one._replace(provider=verdict.value) for one, verdict in zip(record.attempts, tried, strict=True)
        )
        values = (
            verdicts["chain"].value,
            verdicts["method"].value,
            record.protocol,
            record.status,
            record.error_type,
            verdicts["model"].value,
            verdicts["provider"].value,
            self._pricing.currency,
            "success" if success else "error",
            "",  # token_type: as the two below, each of several series has its own
            "",  # outcome
            "",  # from_provider
            attempts[-1].provider if failovers(attempts) else "",
            verdicts["requested_model"].value if requested else "",
            self._pricing.billed(record) if requested else "",
            verdicts["reason"].value if record.blocked_reason else "",
            "blocked" if record.blocked_reason or record.error_type == "blocked" else "",
            "unbilled" if worth.unbilled else "",
        )
        methods = tuple(call.value for call in calls)
        overflows = {label for label, verdict in verdicts.items() if verdict.overflow}
        if any(verdict.overflow for verdict in tried):
            overflows.add("provider")
        full = tuple(sorted(overflows))
        at = (values, methods, record.requests, full, attempts, worth, record.cost_multiplier)
        if at not in self._kinds:
            self._kinds[at] = self._new(record, values, methods, full, attempts, worth)
        return self._kinds[at], any(verdict.open for verdict in (*verdicts.values(), *tried, *calls))

    def overflows(self, label: str, families: list[Family]) -> list[Series]:
        """Where records are counted whose value of a label became `other`."""
        name = "gateway_exporter_overflow_total"
        return [self._store.series(name, family.name, label) for family in families if label in family.labels]

    def _new(
        self,
        record: AccessRecord,
        values: Values,
        methods: Values,
        overflows: Values,
        attempts: tuple[Attempt, ...],
        worth: Worth,
    ) -> Kind:
        kind = Kind(record, values, overflows=overflows)
        kind.counted = self._sinks((_CALLS, changed(values, method=method)) for method in methods)
        kind.credits = self._credits(values, methods, worth)
        if not record.requests:
            return kind
        moves = failovers(attempts)
        logged = "cost" in self._loop.summed and not worth.unbilled
        there = {
            "attempts": attempts,
            "failovers": moves,
            "credits": kind.credits,
            "unpriced": worth.unpriced,
            "cost": logged or worth.prices,
        }
        fed = kind.fed = [
            family
            for family in self._families
            if there.get(family.adds, True) and (not family.when or values[PLACE[family.when]])
        ]
        kind.counted += self._sinks((family, values) for family in fed if family.adds == "requests")
        tries = [changed(values, provider=one.provider, outcome=one.outcome) for one in attempts]
        kind.counted += self._sinks((_ATTEMPTS, one) for one in tries)
        kind.counted += self._sinks(
            (_FAILOVERS, changed(values, from_provider=from_, to_provider=to, reason=why)) for from_, to, why in moves
        )
        summed = [
            (family.adds, family, values)
            for family in fed
            if family.adds in self._loop.summed and (family.adds != "cost" or logged)
        ]
        summed += [
            (f"{type_}_tokens", family, changed(values, token_type=type_))
            for family in fed
            if family.adds == "tokens"
            for type_ in TOKEN_TYPES
            if f"{type_}_tokens" in self._loop.summed
        ]
        kind.measures = tuple(measure for measure, *_ in summed)
        kind.summed = self._sinks((family, values) for _, family, values in summed)
        kind.prices = worth.prices
        if worth.prices:
            (kind.cost,) = self._sinks([(_COST, values)])
        if worth.unpriced:
            billed = PLACE["requested_model" if values[PLACE["billed"]] == "requested" else "model"]
            (kind.unpriced,) = self._sinks([(_UNPRICED, changed(values, model=values[billed]))])
        if record.timed:
            kind.observed = self._sinks((family, values) for family in fed if family in self._loop.histograms)
        kind.shown = self._shown(record, attempts, values)
        self._tell_type(record, values)
        return kind

    def _credits(self, values: Values, methods: Values, worth: Worth) -> list[tuple[Sink, float]]:
        """What a request adds, by the labels of its methods."""
        amounts: dict[str, float] = {}
        for method, amount in zip(methods, worth.credits, strict=False):
            amounts[method] = amounts.get(method, 0) + amount
        return [
            (self._sinks([(_CREDITS, changed(values, method=method))])[0], amount)
            for method, amount in amounts.items()
            if amount
        ]

    def _shown(
        self, record: AccessRecord, attempts: tuple[Attempt, ...], values: Values
    ) -> tuple[tuple[Series, float], ...]:
        """What the log tells of providers."""
        told = [
            ("gateway_provider_circuit_open", one.provider, float(one.circuit == "open"))
            for one in attempts
            if one.circuit and one.provider
        ]
        provider = values[PLACE["provider"]]
        if record.cost_multiplier is not None and provider:
            told.append(("gateway_provider_cost_multiplier", provider, record.cost_multiplier))
        return tuple((self._store.series(name, label, *self._own), value) for name, label, value in told)

    def _tell_type(self, record: AccessRecord, values: Values) -> None:
        """Show what the model is for, where a price table says so."""
        if record.model and record.model == values[PLACE["model"]] and (type_ := self._pricing.type_of(record)):
            self._store.set("gateway_model_info", record.model, type_, to=1)

    def _sinks(self, fed: Iterable[tuple[Family, Values]]) -> list[Sink]:
        """Sinks of families, each with the values of which its labels are picked, in that order."""
        groups = groupby(fed, lambda one: (names_of(one[0]), one[1]))
        return [
            Sink([self._store.families[family.name] for family, _ in group], picker(names), values)
            for (names, values), group in groups
        ]


def _same_model(requested: str, served: str) -> bool:
    """Whether it was served as asked for: `openai/gpt-4o` is `gpt-4o`, and so is its version `gpt-4o-2024-08-06`."""
    if not requested or not served:
        return True
    asked, got = requested.rpartition("/")[2], served.rpartition("/")[2]
    short, long = sorted((asked, got), key=len)
    return long.startswith(short) and _VERSION.fullmatch(long[len(short) :]) is not None
