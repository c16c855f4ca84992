"""Request kinds: what was requested and how it went, with the label values and series that follow from it."""

from collections.abc import Container
from typing import Any

from msgspec import Struct, field

from exporter.counting.cell import CALLER_LABELS, Caller, Cell, KindTargets
from exporter.counting.context import Context
from exporter.counting.groups import FamilyGroup, Groups
from exporter.counting.judge import Judge, Judged
from exporter.counting.loop import Loop
from exporter.metrics.store import FamilySeries, Series
from exporter.model import catalog
from exporter.model.fields import TOKEN_TYPES
from exporter.model.labels import Request
from exporter.model.record import AccessRecord
from exporter.pricing.prices import Quote, Rates

# Families by what they add, and in their order.
Fed = tuple[dict[str, list[FamilySeries]], list[FamilySeries]]


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
        self._loop = loop
        self._input_labels = input_labels
        self._groups = Groups((*CALLER_LABELS, *context.labels), input_labels)
        self._observed = {family.name for family in loop.histograms}
        self._token_types = [type_ for type_ in TOKEN_TYPES if f"{type_}_tokens" in loop.summed]
        self._families = [family for family in context.store.families.values() if family.family.adds]
        self._feds: dict[tuple[frozenset[str], frozenset[str]], Fed] = {}
        self._kinds: dict[Any, RequestKind] = {}

    def forget(self) -> None:
        """Forget all kinds."""
        self._kinds.clear()

    def drop(self, idle: Container[Cell]) -> None:
        """Drop cells, and kinds without any."""
        for key, kind in [*self._kinds.items()]:
            kind.cells = {caller: cell for caller, cell in kind.cells.items() if cell not in idle}
            if not kind.cells:
                del self._kinds[key]

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
        fed, _ = self._fed(judged.met, frozenset())
        if not record.summary:
            for method in judged.methods:
                kind.counted += self._groups.of(fed.get("calls", ()), kind.values | {"method": method})
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
            nothing = frozenset([adds for adds, something in adds_something.items() if not something])
            fed, kind.fed = self._fed(judged.met, nothing)
            self._add_counters(kind, request, fed)
            self._add_measured(kind, logged)
            self._add_money(kind, quote, fed)
            kind.targets.shown = self._shown(request, kind.values)
            self._show_model_type(record, kind.values)
        return kind

    def _fed(self, met: frozenset[str], nothing: frozenset[str]) -> Fed:
        """The families that requests may add to which meet these conditions, but of what they add, `nothing`."""
        fed = self._feds.get((met, nothing))
        if fed is None:
            found = [
                family
                for family in self._families
                if family.family.adds not in nothing and (not family.family.when or family.family.when in met)
            ]
            by_adds: dict[str, list[FamilySeries]] = {}
            for family in found:
                by_adds.setdefault(family.family.adds, []).append(family)
            fed = self._feds[met, nothing] = (by_adds, found)
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
            for group in self._groups.of(families, kind.values | {"method": method})
        ]

    def _add_counters(self, kind: RequestKind, request: Request, fed: dict[str, list[FamilySeries]]) -> None:
        values = kind.values
        kind.counted += self._groups.of(fed.get("requests", ()), values)
        for attempt in request.attempts:
            tried = values | {"provider": attempt.provider, "outcome": attempt.outcome}
            kind.counted += self._groups.of(fed.get("attempts", ()), tried)
        for from_, to, why in request.failovers:
            hop = values | {"from_provider": from_, "to_provider": to, "reason": why}
            kind.counted += self._groups.of(fed.get("failovers", ()), hop)

    def _add_measured(self, kind: RequestKind, logged: bool) -> None:
        """Add the families of numbers: what is summed, and what is observed."""
        measured = [family for family in kind.fed if _is_measured(family, kind.record)]
        observed = [family for family in measured if family.family.name in self._observed]
        kind.observed = self._groups.of(observed, kind.values)
        kind.histograms = tuple(family.family.name for group in kind.observed for family in group.families)
        counters = [family for family in measured if family.family.type == "counter"]
        self._add_sums(kind, counters, logged)

    def _add_sums(self, kind: RequestKind, counters: list[FamilySeries], logged: bool) -> None:
        summed = [adds for adds in self._loop.summed if logged or adds != "cost"]
        sums = [family for family in counters if family.family.adds in summed]
        tokens = [family for family in counters if family.family.adds == "tokens"]
        kind.summed = self._groups.of(sums, kind.values)
        measures = [family.family.adds for family in sums]
        for type_ in self._token_types if tokens else ():
            kind.summed += self._groups.of(tokens, kind.values | {"type": type_})
            measures += [f"{type_}_tokens"] * len(tokens)
        kind.measures = tuple(measures)
        names = {family.family.name for family in (*tokens, *sums)}
        kind.targets.tokens_limited = catalog.TOKENS.name in names
        kind.targets.cost_limited = catalog.COST.name in names

    def _add_money(self, kind: RequestKind, quote: Quote, fed: dict[str, list[FamilySeries]]) -> None:
        values = kind.values
        kind.targets.rates = Rates(quote.prices, self._loop.rated)
        if quote.prices:
            kind.cost = self._groups.of(fed.get("cost", ()), values)
        if unpriced := fed.get("unpriced"):
            billed = values["requested_model" if values["billed"] == "requested" else "model"]
            kind.unpriced = self._groups.of(unpriced, values | {"model": billed})

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


def _is_measured(family: FamilySeries, record: AccessRecord) -> bool:
    """Whether a record has what the family adds; durations only if they can be compared."""
    return (record.timed or family.family.unit != "seconds") and record.uses(family.family.adds)
