"""Request kinds: what was requested and how it went, with the label values and series that follow from it."""

from collections.abc import Collection, Iterable
from typing import Any

from msgspec import Struct, field

from exporter.counting.cell import CALLER_LABELS, Caller, Cell, KindTargets
from exporter.counting.context import Context
from exporter.counting.groups import FamilyGroup, groups_of
from exporter.counting.judge import Judge, Judged
from exporter.counting.loop import Loop
from exporter.metrics.store import FamilySeries, Series
from exporter.model import catalog
from exporter.model.catalog import Family
from exporter.model.fields import TOKEN_TYPES
from exporter.model.labels import Request
from exporter.model.record import AccessRecord
from exporter.pricing.prices import Quote, Rates


class RequestKind(Struct, eq=False):
    """What was requested and how it went: all label values except the caller's, and what such requests add to."""

    record: AccessRecord
    values: dict[str, str] = {}
    # The families it adds to, and the labels whose value is `other` because the budget is used up.
    fed: list[FamilySeries] = []
    overflows: tuple[str, ...] = ()
    # Families to which each request adds 1.
    counted: list[FamilyGroup] = []
    # The measures that are summed, the families they go to, in the same order; and the histograms, with their names.
    measures: tuple[str, ...] = ()
    summed: list[FamilyGroup] = []
    observed: list[FamilyGroup] = []
    histograms: tuple[str, ...] = ()
    # The families that the credits of each method go to.
    credited: list[tuple[FamilyGroup, float]] = []
    # The families that count money and requests without a price.
    cost: list[FamilyGroup] = []
    unpriced: list[FamilyGroup] = []
    targets: KindTargets = field(default_factory=KindTargets)
    cells: dict[Caller, Cell] = {}
    # For lines that are not requests: their only cell, whoever sent them.
    everyones: Cell | None = None


class RequestKinds:
    """The request kinds of one input, whose input labels have the values `input_labels`."""

    def __init__(self, context: Context, loop: Loop, input_labels: tuple[str, ...]) -> None:
        self._store = context.store
        self._judge = Judge(context.admissions, context.pricing)
        self._pricing = context.pricing
        self._of_callers = (*CALLER_LABELS, *context.labels)
        self._loop = loop
        self._input_labels = input_labels
        self._families = [family for family in context.store.families.values() if family.family.adds]
        self._kinds: dict[Any, RequestKind] = {}

    def forget(self) -> None:
        """Forget all kinds."""
        self._kinds.clear()

    def resolve(self, record: AccessRecord) -> tuple[RequestKind, bool]:
        """The kind of a record; whether it may change with a later success."""
        judged = self._judge.judge(record)
        key = (
            tuple(judged.values.values()),
            judged.met,
            judged.methods,
            record.requests,
            record.summary,
            judged.overflows,
            judged.request.attempts,
            judged.quote,
            record.cost_multiplier,
            record.public,
        )
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = self._new(judged)
        return kind, judged.open

    def overflows(self, label: str, families: list[FamilySeries]) -> list[Series]:
        """The overflow counters, one for each family with the label, for records whose value became `other`."""
        name = catalog.OVERFLOW
        named = [family.family.name for family in families if label in family.family.labels]
        return [self._store.series(name, family, label) for family in named]

    # --- what it adds to

    def _new(self, judged: Judged) -> RequestKind:
        request, quote = judged.request, judged.quote
        record = request.record
        kind = RequestKind(record, judged.values, overflows=judged.overflows)
        kind.targets = KindTargets(record.requests, success=not record.error_type)
        fed = self._fed(judged.met)
        if not record.summary:
            kind.counted = self._groups(
                (family, kind.values | {"method": method})
                for method in judged.methods
                for family in fed.get("calls", ())
            )
            self._add_credits(kind, judged.methods, quote, fed.get("credits", []))
        if record.requests or record.summary:
            logged = "cost" in self._loop.summed and not quote.unbilled
            adds_something = {
                "requests": record.requests,
                "attempts": request.attempts,
                "failovers": request.failovers,
                "credits": kind.credited,
                "unpriced": quote.unpriced,
                "cost": logged or quote.prices,
                "new_origins": False,  # counted when an origin is new, not with the cell
            }
            fed = {adds: families for adds, families in fed.items() if adds_something.get(adds, True)}
            kind.fed = [family for family in self._families if family in fed.get(family.family.adds, ())]
            self._add_counters(kind, request, fed)
            self._add_measured(kind, logged)
            self._add_money(kind, quote, fed)
            kind.targets.shown = self._shown(request, kind.values)
            self._show_model_type(record, kind.values)
        return kind

    def _groups(self, fed: Iterable[tuple[FamilySeries, dict[str, str]]]) -> list[FamilyGroup]:
        return groups_of(fed, self._of_callers, self._input_labels)

    def _fed(self, met: Collection[str]) -> dict[str, list[FamilySeries]]:
        """The families that requests may add to which meet these conditions, by what they add."""
        fed: dict[str, list[FamilySeries]] = {}
        for family in self._families:
            if not family.family.when or family.family.when in met:
                fed.setdefault(family.family.adds, []).append(family)
        return fed

    def _add_credits(
        self, kind: RequestKind, methods: tuple[str, ...], quote: Quote, families: list[FamilySeries]
    ) -> None:
        amounts: dict[str, float] = {}
        for method, amount in zip(methods, quote.credits, strict=False):
            amounts[method] = amounts.get(method, 0) + amount
        kind.targets.credits = sum(amounts.values())
        kind.credited = [
            (group, amount)
            for method, amount in amounts.items()
            if amount
            for group in self._groups((family, kind.values | {"method": method}) for family in families)
        ]

    def _add_counters(self, kind: RequestKind, request: Request, fed: dict[str, list[FamilySeries]]) -> None:
        values = kind.values
        kind.counted += self._groups((family, values) for family in fed.get("requests", ()))
        tries = [values | {"provider": attempt.provider, "outcome": attempt.outcome} for attempt in request.attempts]
        kind.counted += self._groups((family, labels) for labels in tries for family in fed.get("attempts", ()))
        hops = [
            values | {"from_provider": from_, "to_provider": to, "reason": why} for from_, to, why in request.failovers
        ]
        kind.counted += self._groups((family, labels) for labels in hops for family in fed.get("failovers", ()))

    def _add_measured(self, kind: RequestKind, logged: bool) -> None:
        """Add the families of numbers: what is summed, and what is observed."""
        record = kind.record
        measured = [
            family
            for family in kind.fed
            if (record.timed or family.family.unit != "seconds") and record.uses(family.family.adds)
        ]
        kind.observed = self._groups(
            (family, kind.values) for family in measured if family.family in self._loop.histograms
        )
        kind.histograms = _names(kind.observed)
        self._add_sums(
            kind,
            [
                (measure, family, values)
                for family in measured
                for measure, values in _sums(family.family, kind.values)
                if measure in self._loop.summed and (logged or measure != "cost")
            ],
        )

    def _add_sums(self, kind: RequestKind, summed: list[tuple[str, FamilySeries, dict[str, str]]]) -> None:
        kind.measures = tuple(measure for measure, *_ in summed)
        kind.summed = self._groups((family, values) for _, family, values in summed)
        families = {family.family.name for _, family, _ in summed}
        kind.targets.tokens_limited = catalog.TOKENS.name in families
        kind.targets.cost_limited = catalog.COST.name in families

    def _add_money(self, kind: RequestKind, quote: Quote, fed: dict[str, list[FamilySeries]]) -> None:
        values = kind.values
        kind.targets.rates = Rates(quote.prices, self._loop.rated)
        if quote.prices:
            kind.cost = self._groups((family, values) for family in fed.get("cost", ()))
        billed = values | {"model": values["requested_model" if values["billed"] == "requested" else "model"]}
        kind.unpriced = self._groups((family, billed) for family in fed.get("unpriced", ()))

    # --- gauges

    def _shown(self, request: Request, values: dict[str, str]) -> tuple[tuple[Series, float], ...]:
        """Gauges of what the log says about providers, with their values."""
        shown = [
            (catalog.PROVIDER_CIRCUIT_OPEN, attempt.provider, float(attempt.circuit == "open"))
            for attempt in request.attempts
            if attempt.circuit and attempt.provider
        ]
        multiplier = request.record.cost_multiplier
        if multiplier is not None and values["provider"]:
            shown.append((catalog.PROVIDER_COST_MULTIPLIER, values["provider"], multiplier))
        return tuple((self._store.series(name, label, *self._input_labels), value) for name, label, value in shown)

    def _show_model_type(self, record: AccessRecord, values: dict[str, str]) -> None:
        """Show the model's type if a price table has it."""
        if record.model and record.model == values["model"] and (type_ := self._pricing.type_of(record)):
            self._store.set(catalog.MODEL_INFO, record.model, type_, to=1)


def _names(groups: list[FamilyGroup]) -> tuple[str, ...]:
    return tuple(family.family.name for group in groups for family in group.families)


def _sums(family: Family, values: dict[str, str]) -> list[tuple[str, dict[str, str]]]:
    """The measures that a family sums up, each with the label values for it."""
    if family.type != "counter":
        return []
    if family.adds != "tokens":
        return [(family.adds, values)]
    return [(f"{type_}_tokens", values | {"type": type_}) for type_ in TOKEN_TYPES]
