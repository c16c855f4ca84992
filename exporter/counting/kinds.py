"""Request kinds: what was requested and how it went, with the label values and series that follow from it."""

from collections.abc import Container, Iterator
from typing import Any

from msgspec import Struct, field

from exporter.counting.cell import CALLER_LABELS, Caller, Cell, KindTargets
from exporter.counting.context import Context
from exporter.counting.fed import Fed, FedFamilies
from exporter.counting.judge import Judge, Judged
from exporter.counting.layouts import Feed, Feeds, Laid, Layouts, Values
from exporter.counting.loop import Loop
from exporter.memo import Memo
from exporter.metrics.series import FamilySeries, Series
from exporter.model import catalog
from exporter.model.labels import Request
from exporter.model.record import AccessRecord
from exporter.pricing.price import Price, Rates
from exporter.pricing.pricing import Quote


class RequestKind(Struct, eq=False):
    """What was requested and how it went: all label values except the caller's, and what such requests add to."""

    record: AccessRecord
    values: dict[str, str] = {}
    # The families it adds to, and the labels whose value is `other` because the budget is used up.
    fed: list[FamilySeries] = []
    overflows: tuple[str, ...] = ()
    # Whether its requests add to counters of the exporter's own.
    is_odd: bool = False
    # How its cells find their series, and what they add to each.
    laid: Laid | None = None
    # The credits of the calls of one request that have some, by method.
    credits: list[float] = []
    targets: KindTargets = field(default_factory=KindTargets)
    cells: dict[Caller, Cell] = {}
    # For lines that are not requests: their only cell, whoever sent them.
    everyones: Cell | None = None


class RequestKinds:
    """The request kinds of one input. `input_labels` are the values of its labels; `parsed` counts its lines."""

    def __init__(self, context: Context, loop: Loop, input_labels: tuple[str, ...], parsed: Series) -> None:
        self._store = context.store
        self._judge = Judge(context.admissions, context.pricing)
        self._pricing = context.pricing
        self._input_labels = input_labels
        self._has_cost = "cost" in loop.summed
        self._fed = FedFamilies(context.store.families.values(), loop)
        self._layouts = Layouts((*CALLER_LABELS, *context.labels), input_labels, loop, parsed)
        self._kinds: dict[Any, RequestKind] = {}
        # Few prices differ: kinds share the rates.
        self._rates: Memo[tuple[Price, ...], Rates] = Memo(lambda prices: Rates(prices, loop.rated))

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
        record, values = request.record, judged.values
        kind = RequestKind(record, values, overflows=judged.overflows)
        kind.is_odd = bool(judged.overflows or record.implausible)
        kind.targets = targets = KindTargets(record.requests, success=not record.error_type)
        fed = self._fed.of(record, judged.met)
        calls = [] if record.summary else self._calls(kind, judged, fed)
        feeds: Feeds = []
        if record.requests or record.summary:
            logged = self._has_cost and not quote.unbilled
            adds_something = {
                "requests": record.requests,
                "attempts": request.attempts,
                "failovers": request.failovers,
                "credits": kind.credits,
                "unpriced": quote.unpriced,
                "cost": logged or quote.prices,
                "new_origins": False,  # counted when an origin is new, not with the cell
            }
            nothing = frozenset([adds for adds, something in adds_something.items() if not something])
            fed = self._fed.of(record, judged.met, nothing, logged)
            kind.fed = fed.every
            feeds += self._measured(fed, values)
            feeds += self._counters(request, values, fed)
            feeds += self._money(quote, values, fed)
            targets.tokens_limited, targets.cost_limited = fed.tokens_limited, fed.cost_limited
            targets.rates = self._rates[quote.prices]
            targets.shown = self._shown(request, values)
            self._show_model_type(record, values)
        kind.laid = self._layouts.lay_out([*feeds, *calls])
        return kind

    @staticmethod
    def _calls(kind: RequestKind, judged: Judged, fed: Fed) -> Feeds:
        """What the calls feed, and their credits."""
        by_method: dict[str, Values] = {kind.values["method"]: kind.values}
        for method in judged.methods:
            if method not in by_method:
                by_method[method] = kind.values | {"method": method}
        feeds: Feeds = []
        if "calls" in fed.counted:
            feeds.append((fed.counted["calls"], [by_method[method] for method in judged.methods]))
        amounts: dict[str, float] = {}
        for method, amount in zip(judged.methods, judged.quote.credits, strict=False):
            amounts[method] = amounts.get(method, 0) + amount
        kind.targets.credits = sum(amounts.values())
        paid = [method for method, amount in amounts.items() if amount]
        if paid and fed.credited.families:
            feeds.append((fed.credited, [by_method[method] for method in paid]))
            kind.credits = [amounts[method] for method in paid]
        return feeds

    @staticmethod
    def _counters(request: Request, values: dict[str, str], fed: Fed) -> Iterator[tuple[Feed, list[Values]]]:
        if "requests" in fed.counted:
            yield fed.counted["requests"], [values]
        if "attempts" in fed.counted:
            yield (
                fed.counted["attempts"],
                [values | {"provider": attempt.provider, "outcome": attempt.outcome} for attempt in request.attempts],
            )
        if "failovers" in fed.counted:
            yield (
                fed.counted["failovers"],
                [
                    values | {"from_provider": from_, "to_provider": to, "reason": why}
                    for from_, to, why in request.failovers
                ],
            )

    @staticmethod
    def _measured(fed: Fed, values: dict[str, str]) -> Iterator[tuple[Feed, list[Values]]]:
        """The families of numbers: what is summed, and what is observed."""
        yield fed.measured, [values]
        for type_, feed in fed.tokens.items():
            yield feed, [values | {"type": type_}]

    @staticmethod
    def _money(quote: Quote, values: dict[str, str], fed: Fed) -> Iterator[tuple[Feed, list[Values]]]:
        if quote.prices:
            yield fed.cost, [values]
        if fed.unpriced.families:
            billed = values["requested_model" if values["billed"] == "requested" else "model"]
            yield fed.unpriced, [values | {"model": billed}]

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
