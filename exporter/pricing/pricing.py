"""What requests cost, in money by price tables and in credits. Cold path: once for each new kind of request.

A logged cost takes precedence over the table. Prices depend on model, provider, method, chain and status, which are the
same for all requests of a kind, and on time. So each kind has its prices, and a fold multiplies the sums with them.
"""

from functools import cached_property
from typing import NamedTuple

from msgspec import Struct, structs

from exporter.clock import AHEAD
from exporter.memo import Memo
from exporter.model.record import AccessRecord
from exporter.pricing.credits import Credits
from exporter.pricing.entries import PriceEntry, PriceTable
from exporter.pricing.patterns import best_pattern, fits
from exporter.pricing.price import ALWAYS, Price, price_at


class _Asked(NamedTuple):
    """What of a record decides its quote."""

    model: str
    provider: str
    method: str
    calls: tuple[str, ...]
    chain: str
    status: str
    error_type: str
    multiplier: float | None
    requests: int
    summary: bool


class _Priced(NamedTuple):
    """What decides the prices of a request."""

    model: str
    provider: str
    method: str
    factor: float
    answered: bool


class Quote(Struct, frozen=True):
    """The cost of requests of a kind, if none is logged: `prices`, of which the first valid one counts, and the credits
    of each call. `unpriced` if they should have a price and there are times without one; `unbilled` if they are
    free.
    """

    prices: tuple[Price, ...] = ()
    credits: tuple[float, ...] = ()
    unpriced: bool = False
    unbilled: bool = False


NOTHING = Quote()
_UNBILLED = Quote(unbilled=True)


class Pricing:
    """The config's prices. The first of `tables` with a matching entry counts.

    `bill` is the model whose price counts if another model served than was requested: `served` or `requested`.
    `multipliers` are by provider; `unbilled` are methods, or routes with any verb. All of these are patterns.
    """

    def __init__(
        self,
        currency: str = "USD",
        tables: tuple[PriceTable, ...] = (),
        credits: Credits | None = None,
        bill: str = "served",
        multipliers: dict[str, float] | None = None,
        unbilled: tuple[str, ...] = (),
    ) -> None:
        self.currency = currency
        self.bill = bill
        self._tables = tables
        self._credits = credits
        self._multipliers = multipliers or {}
        self._unbilled = unbilled
        self._quotes: Memo[_Asked, Quote] = Memo(self._quote)
        self._prices: Memo[_Priced, tuple[Price, ...]] = Memo(self._multiplied_prices)
        self._entries: Memo[tuple[str, str, str], list[PriceEntry]] = Memo(self._fitting)

    @property
    def priced(self) -> bool:
        """Whether there is a price table."""
        return bool(self._tables)

    @property
    def size(self) -> int:
        """The number of prices."""
        return sum(entry.price is not None for table in self._tables for entry in table.entries)

    @cached_property
    def names(self) -> frozenset[str]:
        """All models, providers, methods and chains that are named: of `vendor/model` also the model alone."""
        entries = [entry for table in self._tables for entry in table.entries]
        names = {name for entry in entries for name in (entry.model, entry.provider, entry.method)}
        names.update(tail for name in list(names) for tail in _tails(name))
        credits = self._credits or Credits()
        for rule in (credits, *credits.chains.values()):
            names.update(rule.methods, rule.chains)
        return frozenset(names.union(self._multipliers, self._unbilled))

    @property
    def boundaries(self) -> list[float]:
        """The times at which prices change, in epoch seconds, sorted. No fold may span one."""
        dates = {entry.price.since for table in self._tables for entry in table.entries if entry.price}
        return sorted(dates - {ALWAYS})

    def billed(self, record: AccessRecord) -> str:
        """`requested` or `served`: by the log if it says so, else by the config."""
        if record.billed_model:
            return "requested" if record.billed_model == record.requested_model else "served"
        return self.bill

    def quote(self, record: AccessRecord) -> Quote:
        """The cost of requests like this record."""
        if record.unbilled:
            return _UNBILLED
        if not (self._tables or self._credits or self._unbilled):
            return NOTHING
        quote = self._quotes[self._asked(record)]
        return structs.replace(quote, prices=(), unpriced=False) if record.cached else quote

    def _asked(self, record: AccessRecord) -> _Asked:
        model = record.requested_model if self.billed(record) == "requested" else record.model
        return _Asked(
            record.billed_model or model or record.model,
            record.provider,
            record.method,
            record.calls,
            record.chain,
            record.status,
            record.error_type,
            record.cost_multiplier,
            record.requests,
            record.summary,
        )

    def charge(self, record: AccessRecord, now: float) -> None:
        """Set a record's credits, and its cost if none was logged. A record without a time, or with one ahead of `now`,
        has the price of now.
        """
        quote = self.quote(record)
        if self._credits:
            record.credits = sum(quote.credits)
        if quote.unbilled:
            record.cost = None
        elif record.cost is None and (price := price_at(quote.prices, _counted_at(record.time, now))):
            amounts = [rate * (getattr(record, measure) or 0) for measure, rate in price.rates]
            record.cost = price.request + sum(amounts)

    def type_of(self, record: AccessRecord) -> str:
        """The type of the record's model, "" if no table has it."""
        entries = self._entries[record.model, record.provider, record.method]
        return next((entry.type for entry in entries if entry.type), "")

    def _quote(self, asked: _Asked) -> Quote:
        # Long, as each way out is a reason why something costs nothing.
        unbilled = [self._is_unbilled(call) for call in asked.calls]
        credits = self._credits or Credits()
        amounts = tuple(
            0 if free else credits.of(call, asked.chain, asked.status)
            for call, free in zip(asked.calls, unbilled, strict=True)
        )
        if all(unbilled):
            return Quote(credits=amounts, unbilled=True)
        if not (asked.requests or asked.summary):
            return Quote(credits=amounts)
        factor = self._multiplier(asked.provider) if asked.multiplier is None else asked.multiplier
        answered = asked.requests > 0 and not asked.error_type
        prices = self._prices[_Priced(asked.model, asked.provider, asked.method, factor, answered)]
        should_have_one = bool(self._tables and asked.model and not asked.error_type)
        return Quote(prices, amounts, should_have_one and all(price.since != ALWAYS for price in prices))

    def _multiplied_prices(self, asked: _Priced) -> tuple[Price, ...]:
        """The prices that may be valid, the most exact first, up to the first that is always valid."""
        prices = []
        for entry in self._entries[asked.model, asked.provider, asked.method]:
            if entry.price:
                prices.append(entry.price.times(asked.factor, asked.answered))
                if entry.price.since == ALWAYS:
                    break
        return tuple(prices)

    def _multiplier(self, provider: str) -> float:
        pattern = best_pattern(provider, self._multipliers)
        return 1.0 if pattern is None else self._multipliers[pattern]

    def _fitting(self, names: tuple[str, str, str]) -> list[PriceEntry]:
        """The entries of all tables for a model, a provider and a method, the most exact first."""
        return [entry for table in self._tables for entry in table.fitting(*names)]

    def _is_unbilled(self, method: str) -> bool:
        route = method.rpartition(" ")[2]
        return any(fits(method, pattern) or fits(route, pattern) for pattern in self._unbilled)


def _tails(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[at:]) for at in range(1, len(parts))]


def _counted_at(time: float | None, now: float) -> float:
    return now if time is None or time > now + AHEAD else time
