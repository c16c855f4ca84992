"""Request kinds: what was requested and how it went, with the label values and series that follow from it."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from msgspec import Struct

from exporter.counting.admission import Verdict
from exporter.counting.cell import Caller, Cell
from exporter.counting.context import Context
from exporter.counting.loop import Loop
from exporter.metrics.store import FamilySeries, Series
from exporter.model import catalog
from exporter.model.catalog import Family
from exporter.model.fields import TOKEN_TYPES
from exporter.model.labels import LabelValues, field_of
from exporter.model.record import AccessRecord, Attempt
from exporter.pricing.prices import NO_RATES, Quote, Rates
from exporter.requests.attempts import failovers

# The units of limits that are counted by a family's sums.
_LIMITED = {catalog.TOKENS.name: "tokens", catalog.COST.name: "cost"}
# The types, in price tables, of models that count tokens.
_METERED = ("", "chat", "completion", "embedding", "responses")
# What the name of a model's version has after the model's name.
_VERSION = re.compile(r"(?>(?:[-@:](?:latest|v?\d{3}[-\d]*+))?)")


class FamilyGroup(Struct):
    """Families with the same labels that requests of a kind add to; `pick` selects their labels from all values."""

    families: list[FamilySeries]
    pick: Callable[[tuple[str, ...]], tuple[str, ...]]
    values: LabelValues

    def labels(self, caller: Caller, input_labels: tuple[str, ...]) -> tuple[str, ...]:
        """The label values of the families' series for a caller."""
        return self.pick((*self.values[:-2], caller.label, caller.class_)) + input_labels


def _groups(fed: Iterable[tuple[FamilySeries, LabelValues]]) -> list[FamilyGroup]:
    """Families as groups of neighbours with the same labels and values, in the order given."""
    groups = groupby(fed, lambda pair: (_fields(pair[0].family), pair[1]))
    return [FamilyGroup([family for family, _ in group], _picker(fields), values) for (fields, values), group in groups]


def _fields(family: Family) -> tuple[str, ...]:
    """The fields of LabelValues that hold a family's labels."""
    return tuple(field_of(label, family.adds) for label in family.labels)


@cache
def _picker(fields: tuple[str, ...]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """A function that picks the values of some fields from all."""
    places = [LabelValues._fields.index(field) for field in fields]
    return itemgetter(*places) if len(places) > 1 else lambda values: tuple([values[place] for place in places])


class RequestKind(Struct, eq=False):
    """What was requested and how it went: all label values except the caller's, and what such requests add to."""

    record: AccessRecord
    values: LabelValues = LabelValues()
    # The families it adds to, and the labels whose value is `other` because the budget is used up.
    fed: list[FamilySeries] = []
    overflows: tuple[str, ...] = ()
    # Families to which each request adds 1.
    counted: list[FamilyGroup] = []
    # The measures that are summed, the families they go to, in the same order; and the histograms.
    measures: tuple[str, ...] = ()
    summed: list[FamilyGroup] = []
    observed: list[FamilyGroup] = []
    # The units of limits that are used up by sums.
    limited: frozenset[str] = frozenset()
    # The credits of each request, and those of each method with the families they go to.
    credits: float = 0
    credited: list[tuple[FamilyGroup, float]] = []
    # Its prices, and the families that count money and requests without a price.
    rates: Rates = NO_RATES
    cost: list[FamilyGroup] = []
    unpriced: list[FamilyGroup] = []
    # Gauges that such a request sets.
    shown: tuple[tuple[Series, float], ...] = ()
    cells: dict[Caller, Cell] = {}
    # For lines that are not requests: their only cell, whoever sent them.
    everyones: Cell | None = None


class _Judged(NamedTuple):
    """A record, with the verdicts on all its values that may be labels."""

    record: AccessRecord
    # By the field of LabelValues.
    verdicts: dict[str, Verdict]
    # The verdicts on the attempts' providers and on the methods of the calls, in their order.
    tried: list[Verdict]
    calls: list[Verdict]
    quote: Quote

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts, with public names of providers."""
        pairs = zip(self.record.attempts, self.tried, strict=True)
        return tuple(attempt._replace(provider=verdict.value) for attempt, verdict in pairs)

    @property
    def overflows(self) -> tuple[str, ...]:
        """The labels whose value is `other` because the budget is used up."""
        found = {label for label, verdict in self.verdicts.items() if verdict.overflow}
        if any(verdict.overflow for verdict in self.tried):
            found.add("provider")
        return tuple(sorted(found))

    @property
    def open(self) -> bool:
        """Whether a later success may change a verdict."""
        return any(verdict.open for verdict in (*self.verdicts.values(), *self.tried, *self.calls))

    def value(self, field: str) -> str:
        """The label's value; "" where the record has none."""
        return self.verdicts[field].value if field in self.verdicts else ""


class RequestKinds:
    """The request kinds of one input, whose input labels have the values `input_labels`."""

    def __init__(self, context: Context, loop: Loop, input_labels: tuple[str, ...]) -> None:
        self._store = context.store
        self._admissions = context.admissions
        self._pricing = context.pricing
        self._loop = loop
        self._input_labels = input_labels
        self._families = [family for family in context.store.families.values() if family.family.adds]
        self._kinds: dict[Any, RequestKind] = {}

    def forget(self) -> None:
        """Forget all kinds."""
        self._kinds.clear()

    def resolve(self, record: AccessRecord) -> tuple[RequestKind, bool]:
        """The kind of a record; whether it may change with a later success."""
        judged = self._judge(record)
        attempts, overflows = judged.attempts, judged.overflows
        values = self._values(judged, attempts)
        methods = tuple(verdict.value for verdict in judged.calls)
        key = (
            values,
            methods,
            record.requests,
            record.summary,
            overflows,
            attempts,
            judged.quote,
            record.cost_multiplier,
            record.public,
        )
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = self._new(record, values, methods, attempts, judged.quote)
            kind.overflows = overflows
        return kind, judged.open

    def overflows(self, label: str, families: list[FamilySeries]) -> list[Series]:
        """The overflow counters, one for each family with the label, for records whose value became `other`."""
        name = catalog.OVERFLOW
        named = [family.family.name for family in families if label in family.family.labels]
        return [self._store.series(name, family, label) for family in named]

    # --- which labels

    def _judge(self, record: AccessRecord) -> _Judged:
        success = not record.error_type
        judge = self._admissions.judge
        verdicts = {
            "chain": judge("chain", record.chain, success),
            "method": judge("method", record.method, success),
            "model": judge("model", record.model, success),
            "provider": judge("provider", record.provider, success),
        }
        if not _same_model(record.requested_model, record.model):
            verdicts["requested_model"] = judge("model", record.requested_model, success)
        if record.blocked_reason:  # chosen by the gateway, not by a client: no success is needed
            verdicts["reason"] = judge("reason", record.blocked_reason, True)
        return _Judged(
            record,
            verdicts,
            tried=[judge("provider", attempt.provider, True) for attempt in record.attempts],
            calls=[
                verdicts["method"] if call == record.method else judge("method", call, success) for call in record.calls
            ],
            quote=self._pricing.quote(record),
        )

    def _values(self, judged: _Judged, attempts: tuple[Attempt, ...]) -> LabelValues:
        record = judged.record
        return LabelValues(
            chain=judged.value("chain"),
            method=judged.value("method"),
            protocol=record.protocol,
            status=record.status,
            type=record.error_type,
            model=judged.value("model"),
            provider=judged.value("provider"),
            currency=self._pricing.currency,
            result="error" if record.error_type else "success",
            to_provider=attempts[-1].provider if failovers(attempts) else "",
            requested_model=judged.value("requested_model"),
            billed=self._pricing.billed(record) if "requested_model" in judged.verdicts else "",
            reason=judged.value("reason"),
            blocked="blocked" if record.blocked_reason or record.error_type == "blocked" else "",
            unbilled="unbilled" if judged.quote.unbilled else "",
            cached="cached" if record.cached else "",
            metered="metered" if self._is_metered(record, judged.quote) else "",
        )

    def _is_metered(self, record: AccessRecord, quote: Quote) -> bool:
        """Whether it was served by a model that counts tokens, and is paid for."""
        served = record.model and record.timed and not (record.error_type or record.cached or quote.unbilled)
        by_request = quote.prices and not any(price.rates for price in quote.prices)
        return bool(served) and not by_request and self._pricing.type_of(record) in _METERED

    # --- what it adds to

    def _new(
        self,
        record: AccessRecord,
        values: LabelValues,
        methods: tuple[str, ...],
        attempts: tuple[Attempt, ...],
        quote: Quote,
    ) -> RequestKind:
        kind = RequestKind(record, values)
        fed = self._fed(values)
        if not record.summary:
            kind.counted = _groups(
                (family, values._replace(method=method)) for method in methods for family in fed.get("calls", ())
            )
            self._add_credits(kind, methods, quote, fed.get("credits", []))
        if record.requests or record.summary:
            logged = "cost" in self._loop.summed and not quote.unbilled
            adds_something = {
                "requests": record.requests,
                "attempts": attempts,
                "failovers": failovers(attempts),
                "credits": kind.credited,
                "unpriced": quote.unpriced,
                "cost": logged or quote.prices,
                "new_origins": False,  # counted when an origin is new, not with the cell
            }
            fed = {adds: families for adds, families in fed.items() if adds_something.get(adds, True)}
            kind.fed = [family for family in self._families if family in fed.get(family.family.adds, ())]
            self._add_counters(kind, attempts, fed)
            self._add_sums(kind, logged)
            self._add_money(kind, quote, fed)
            kind.shown = self._shown(record, attempts, values)
            self._show_model_type(record, values)
        return kind

    def _fed(self, values: LabelValues) -> dict[str, list[FamilySeries]]:
        """The families that records with these values may add to, by what they add."""
        fed: dict[str, list[FamilySeries]] = {}
        for family in self._families:
            if not family.family.when or getattr(values, family.family.when):
                fed.setdefault(family.family.adds, []).append(family)
        return fed

    def _add_credits(
        self, kind: RequestKind, methods: tuple[str, ...], quote: Quote, families: list[FamilySeries]
    ) -> None:
        amounts: dict[str, float] = {}
        for method, amount in zip(methods, quote.credits, strict=False):
            amounts[method] = amounts.get(method, 0) + amount
        kind.credits = sum(amounts.values())
        kind.credited = [
            (group, amount)
            for method, amount in amounts.items()
            if amount
            for group in _groups((family, kind.values._replace(method=method)) for family in families)
        ]

    @staticmethod
    def _add_counters(kind: RequestKind, attempts: tuple[Attempt, ...], fed: dict[str, list[FamilySeries]]) -> None:
        values = kind.values
        kind.counted += _groups((family, values) for family in fed.get("requests", ()))
        tries = [values._replace(provider=attempt.provider, outcome=attempt.outcome) for attempt in attempts]
        kind.counted += _groups((family, labels) for labels in tries for family in fed.get("attempts", ()))
        hops = [
            values._replace(from_provider=from_, to_provider=to, reason=why) for from_, to, why in failovers(attempts)
        ]
        kind.counted += _groups((family, labels) for labels in hops for family in fed.get("failovers", ()))

    def _add_sums(self, kind: RequestKind, logged: bool) -> None:
        # Long, as each list is a filter of the one before: what is measured, summed, observed.
        measured = [
            family
            for family in kind.fed
            if (kind.record.timed or family.family.unit != "seconds") and kind.record.uses(family.family.adds)
        ]
        summed = [
            (measure, family, labels)
            for family in measured
            if family.family.type == "counter" and (family.family.adds != "cost" or logged)
            for measure, labels in _sums(family.family, kind.values)
            if measure in self._loop.summed
        ]
        kind.measures = tuple(measure for measure, *_ in summed)
        kind.summed = _groups((family, labels) for _, family, labels in summed)
        kind.limited = frozenset(unit for _, family, _ in summed if (unit := _LIMITED.get(family.family.name)))
        kind.observed = _groups((family, kind.values) for family in measured if family.family in self._loop.histograms)

    def _add_money(self, kind: RequestKind, quote: Quote, fed: dict[str, list[FamilySeries]]) -> None:
        values = kind.values
        kind.rates = Rates(quote.prices, self._loop.rated)
        if quote.prices:
            kind.cost = _groups((family, values) for family in fed.get("cost", ()))
        billed = values._replace(model=values.requested_model if values.billed == "requested" else values.model)
        kind.unpriced = _groups((family, billed) for family in fed.get("unpriced", ()))

    # --- gauges

    def _shown(
        self, record: AccessRecord, attempts: tuple[Attempt, ...], values: LabelValues
    ) -> tuple[tuple[Series, float], ...]:
        """Gauges of what the log says about providers, with their values."""
        shown = [
            (catalog.PROVIDER_CIRCUIT_OPEN, attempt.provider, float(attempt.circuit == "open"))
            for attempt in attempts
            if attempt.circuit and attempt.provider
        ]
        if record.cost_multiplier is not None and values.provider:
            shown.append((catalog.PROVIDER_COST_MULTIPLIER, values.provider, record.cost_multiplier))
        return tuple((self._store.series(name, label, *self._input_labels), value) for name, label, value in shown)

    def _show_model_type(self, record: AccessRecord, values: LabelValues) -> None:
        """Show the model's type if a price table has it."""
        if record.model and record.model == values.model and (type_ := self._pricing.type_of(record)):
            self._store.set(catalog.MODEL_INFO, record.model, type_, to=1)


def _sums(family: Family, values: LabelValues) -> list[tuple[str, LabelValues]]:
    """The measures that a counter sums up, each with the label values for it."""
    if family.adds != "tokens":
        return [(family.adds, values)]
    return [(f"{type_}_tokens", values._replace(token_type=type_)) for type_ in TOKEN_TYPES]


def _same_model(requested: str, served: str) -> bool:
    """Whether the requested model served: `openai/gpt-4o` is `gpt-4o`, and so is its version `gpt-4o-2024-08-06`."""
    if not requested or not served:
        return True
    asked, got = requested.rpartition("/")[2], served.rpartition("/")[2]
    short, long = sorted((asked, got), key=len)
    return long.startswith(short) and _VERSION.fullmatch(long[len(short) :]) is not None
