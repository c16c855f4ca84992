"""What a request's words decide: its kind (what was asked, and how it went) and its caller (who asked)."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from msgspec import Struct

from exporter.attempts import failovers
from exporter.catalog import Family
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

# What limits are counted by, in which unit.
_LIMITED = {"gateway_tokens_total": "tokens", "gateway_cost_total": "cost"}
# What may stand behind a model's name in the name of one of its versions.
_VERSION = re.compile(r"(?>(?:[-@:](?:latest|v?\d{3}[-\d]*+))?)")


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
    return itemgetter(*places) if len(places) > 1 else lambda values: tuple([values[place] for place in places])


def _sums(family: Family, values: Values) -> list[tuple[str, Values]]:
    """The numbers of a record that a counter sums up, each with the values of which its labels are picked."""
    if family.adds != "tokens":
        return [(family.adds, values)]
    return [(f"{type_}_tokens", changed(values, token_type=type_)) for type_ in TOKEN_TYPES]


class Kind(Struct, eq=False):
    """What was asked and how it went: all label values but the caller's, and what such requests add to."""

    record: AccessRecord
    values: Values = ()
    # The families it adds to, and the labels whose value found no room.
    fed: list[FamilySeries] = []
    overflows: Values = ()
    counted: list[Sink] = []
    measures: tuple[str, ...] = ()
    summed: list[Sink] = []
    observed: list[Sink] = []
    # Of the sums, what uses up limits, and in which unit.
    units: tuple[tuple[str, str], ...] = ()
    # The credits of each request, and where they go by method; its prices, and where money and requests without a
    # price are counted.
    credits: float = 0
    credited: list[tuple[Sink, float]] = []
    prices: tuple[Price, ...] = ()
    cost: list[Sink] = []
    unpriced: list[Sink] = []
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
        self._families = [one for one in shared.store.families.values() if one.family.adds]
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

    def overflows(self, label: str, families: list[FamilySeries]) -> list[Series]:
        """Where records are counted whose value of a label became `other`."""
        name = "gateway_exporter_overflow_total"
        named = [one.family.name for one in families if label in one.family.labels]
        return [self._store.series(name, family, label) for family in named]

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
        fed = self._fed(values)
        kind.counted = self._sinks(
            (one, changed(values, method=method)) for method in methods for one in fed.get("calls", ())
        )
        self._credit(kind, methods, worth, fed.get("credits", []))
        if not record.requests:
            return kind
        moves = failovers(attempts)
        logged = "cost" in self._loop.summed and not worth.unbilled
        there = {
            "attempts": attempts,
            "failovers": moves,
            "credits": kind.credited,
            "unpriced": worth.unpriced,
            "cost": logged or worth.prices,
            "new_origins": False,
        }
        fed = {adds: families for adds, families in fed.items() if there.get(adds, True)}
        kind.fed = [one for one in self._families if one in fed.get(one.family.adds, ())]
        kind.counted += self._sinks((one, values) for one in fed.get("requests", ()))
        tries = [changed(values, provider=one.provider, outcome=one.outcome) for one in attempts]
        kind.counted += self._sinks((one, at) for at in tries for one in fed.get("attempts", ()))
        hops = [changed(values, from_provider=from_, to_provider=to, reason=why) for from_, to, why in moves]
        kind.counted += self._sinks((one, at) for at in hops for one in fed.get("failovers", ()))
        measured = [one for one in kind.fed if record.timed or one.family.unit != "seconds"]
        summed = [
            (measure, one, at)
            for one in measured
            if one.family.type == "counter" and (one.family.adds != "cost" or logged)
            for measure, at in _sums(one.family, values)
            if measure in self._loop.summed
        ]
        kind.measures = tuple(measure for measure, *_ in summed)
        kind.summed = self._sinks((one, at) for _, one, at in summed)
        kind.units = tuple(
            (measure, _LIMITED[one.family.name]) for measure, one, _ in summed if one.family.name in _LIMITED
        )
        kind.prices = worth.prices
        if worth.prices:
            kind.cost = self._sinks((one, values) for one in fed.get("cost", ()))
        billed = changed(
            values, model=values[PLACE["requested_model" if values[PLACE["billed"]] == "requested" else "model"]]
        )
        kind.unpriced = self._sinks((one, billed) for one in fed.get("unpriced", ()))
        kind.observed = self._sinks((one, values) for one in measured if one.family in self._loop.histograms)
        kind.shown = self._shown(record, attempts, values)
        self._tell_type(record, values)
        return kind

    def _fed(self, values: Values) -> dict[str, list[FamilySeries]]:
        """The families that such a record may add to, by what it adds."""
        fed: dict[str, list[FamilySeries]] = {}
        for one in self._families:
            if not one.family.when or values[PLACE[one.family.when]]:
                fed.setdefault(one.family.adds, []).append(one)
        return fed

    def _credit(self, kind: Kind, methods: Values, worth: Worth, families: list[FamilySeries]) -> None:
        """What a request adds, by the labels of its methods."""
        amounts: dict[str, float] = {}
        for method, amount in zip(methods, worth.credits, strict=False):
            amounts[method] = amounts.get(method, 0) + amount
        kind.credits = sum(amounts.values())
        kind.credited = [
            (sink, amount)
            for method, amount in amounts.items()
            if amount
            for sink in self._sinks((one, changed(kind.values, method=method)) for one in families)
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

    @staticmethod
    def _sinks(fed: Iterable[tuple[FamilySeries, Values]]) -> list[Sink]:
        """Sinks of families, each with the values of which its labels are picked, in that order."""
        groups = groupby(fed, lambda one: (names_of(one[0].family), one[1]))
        return [Sink([family for family, _ in group], picker(names), values) for (names, values), group in groups]


def _same_model(requested: str, served: str) -> bool:
    """Whether it was served as asked for: `openai/gpt-4o` is `gpt-4o`, and so is its version `gpt-4o-2024-08-06`."""
    if not requested or not served:
        return True
    asked, got = requested.rpartition("/")[2], served.rpartition("/")[2]
    short, long = sorted((asked, got), key=len)
    return long.startswith(short) and _VERSION.fullmatch(long[len(short) :]) is not None
