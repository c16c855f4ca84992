"""Pricing: the cost of requests, in money by price tables, and in credits. Cold path: once for each new kind of
request.

A logged cost takes precedence over the table. Prices depend on model, provider, method, chain and status, which are the
same for all requests of a kind, and on time. So each kind has its prices, and a fold multiplies the sums with them.
"""

from collections.abc import Iterable
from functools import cached_property
from operator import itemgetter

from msgspec import Struct, structs

from exporter.clock import AHEAD
from exporter.globs import is_glob, match
from exporter.memo import Memo
from exporter.model.record import AccessRecord

ALWAYS = float("-inf")

# Model, provider, method, calls, chain, status, error type, multiplier, requests.
_Asked = tuple[str, str, str, tuple[str, ...], str, str, str, float | None, int, bool]
# Model, provider, method, factor, and whether there was an answer.
_Priced = tuple[str, str, str, float, bool]


class Price(Struct, frozen=True, kw_only=True):
    """A price valid from `since` on (epoch seconds): for a request, and for one unit of each measure in `rates`."""

    since: float = ALWAYS
    request: float = 0.0
    rates: tuple[tuple[str, float], ...] = ()

    def times(self, factor: float, answered: bool = True) -> "Price":
        """The price, multiplied. Without an answer, the price per request is 0, but measures still cost."""
        rates = tuple((measure, rate * factor) for measure, rate in self.rates)
        return Price(since=self.since, request=self.request * factor if answered else 0.0, rates=rates)


class Rates:
    """The first of some prices that is valid at a time, as factors: of the requests, then of each of `measures`."""

    def __init__(self, prices: tuple[Price, ...], measures: Iterable[str]) -> None:
        self._prices = prices
        self._measures = tuple(measures)
        self._start: float | None = None
        self._rates = self._found(None)
        # Whether that is so at all times.
        self._lasts = not prices or prices[0].since == ALWAYS

    def at(self, start: float | None) -> tuple[float, ...] | None:
        """The rates at a time (epoch seconds), of the first price of all if it is None; None if no price is valid."""
        if start != self._start and not self._lasts:
            self._rates = self._found(start)
            self._start = start
        return self._rates

    def _found(self, start: float | None) -> tuple[float, ...] | None:
        price = price_at(self._prices, start)
        if price is None:
            return None
        rates = dict(price.rates)
        return (price.request, *[rates.get(measure, 0.0) for measure in self._measures])


class PriceEntry(Struct, frozen=True, kw_only=True):
    """An entry of a price table: the requests it applies to, and their price. `*` and `?` are wildcards; "" matches
    all.

    `vendor` is the vendor of the model if the table has it: `openai/gpt-4o` then matches `gpt-4o` of `openai` only.
    `type` is the type of the model; an entry may have a type without a price.
    """

    model: str = ""
    provider: str = ""
    method: str = ""
    vendor: str = ""
    type: str = ""
    price: Price | None = None


class Credits(Struct, frozen=True, kw_only=True):
    """Credits of a call: its chain's for the method, else the method's, else its chain's default, else the default.

    `statuses`, such as `429` or the class `4xx`, take precedence over all of these.
    """

    default: float = 0
    methods: dict[str, float] = {}
    chains: dict[str, "Credits"] = {}
    statuses: dict[str, float] = {}

    def of(self, method: str, chain: str, status: str) -> float:
        """The credits of one call."""
        for rule in (status, f"{status[:1]}xx"):
            if rule in self.statuses:
                return self.statuses[rule]
        own = self.chains.get(chain, self)
        for methods in (own.methods, self.methods):
            found = best_pattern(method, methods)
            if found is not None:
                return methods[found]
        return own.default


class Quote(Struct, frozen=True):
    """The cost of requests of a kind, if none is logged: `prices`, of which the first valid one counts, and the credits
    of each call. `unpriced` is true if they should have a price and there are times without one.
    """

    prices: tuple[Price, ...] = ()
    credits: tuple[float, ...] = ()
    unpriced: bool = False
    unbilled: bool = False


NOTHING = Quote()
_UNBILLED = Quote(unbilled=True)


class PriceTable:
    """The entries of one file, found by model."""

    def __init__(self, entries: list[PriceEntry]) -> None:
        self.entries = entries
        self._exact: dict[str, list[PriceEntry]] = {}
        self._patterns: list[PriceEntry] = []
        for entry in entries:
            if entry.model and not is_glob(entry.model):
                self._exact.setdefault(entry.model, []).append(entry)
            else:
                self._patterns.append(entry)

    def fitting(self, model: str, provider: str, method: str) -> list[PriceEntry]:
        """The matching entries, the most exact first: a model's name, then the longest pattern; of equals, the last."""
        vendor, slash, bare = model.partition("/")
        names = [(f"{provider}/{model}", ""), (model, ""), *([(bare, vendor)] if slash else [])] if model else []
        entries = [entry for name, _ in names for entry in self._exact.get(name, ())] + self._patterns
        ranked = [(_rank(entry, names, provider, method), entry) for entry in entries]
        found = [(rank, entry) for rank, entry in ranked if rank is not None]
        return [entry for _, entry in sorted(found, key=itemgetter(0))]


def _rank(
    entry: PriceEntry, names: list[tuple[str, str]], provider: str, method: str
) -> tuple[bool | int | float, ...] | None:
    """The sort key of an entry, the most exact first; None if it does not match. `names` are the names that a model may
    have in a table, each with the vendor that it then must have.
    """
    fitting = [
        nth
        for nth, (name, vendor) in enumerate(names)
        if fits(name, entry.model) and (entry.vendor.startswith(vendor) or not entry.vendor)
    ]
    if (entry.model and not fitting) or not fits(provider, entry.provider) or not fits(method, entry.method):
        return None
    since = entry.price.since if entry.price else ALWAYS
    exactness = (not entry.model, is_glob(entry.model), -len(entry.model), fitting[0] if fitting else 0)
    return (*exactness, -len(entry.provider), -len(entry.method), -since)


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
        self._worths: Memo[_Asked, Quote] = Memo(self._quote)
        self._prices: Memo[_Priced, tuple[Price, ...]] = Memo(self._multiplied_prices)
        self._entries: Memo[tuple[str, str, str], list[PriceEntry]] = Memo(self._fitting_entries)

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
        if record.cached:
            return structs.replace(self._worth(record), prices=(), unpriced=False)
        return self._worth(record)

    def _worth(self, record: AccessRecord) -> Quote:
        model = record.requested_model if self.billed(record) == "requested" else record.model
        return self._worths[
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
        ]

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
        entries = self._fitting(record.model, record.provider, record.method)
        return next((entry.type for entry in entries if entry.type), "")

    def _quote(self, asked: _Asked) -> Quote:
        # Long, as each way out is a reason why something costs nothing.
        model, provider, method, calls, chain, status, error_type, multiplier, requests, summary = asked
        unbilled = [self._is_unbilled(call) for call in calls]
        credits = self._credits or Credits()
        amounts = tuple(
            0 if free else credits.of(call, chain, status) for call, free in zip(calls, unbilled, strict=True)
        )
        if all(unbilled):
            return Quote(credits=amounts, unbilled=True)
        if not (requests or summary):
            return Quote(credits=amounts)
        factor = self._multiplier(provider) if multiplier is None else multiplier
        prices = self._prices[model, provider, method, factor, requests > 0 and not error_type]
        unpriced = bool(self._tables and model and not error_type) and not _cover_all_times(prices)
        return Quote(prices, amounts, unpriced)

    def _multiplied_prices(self, asked: _Priced) -> tuple[Price, ...]:
        """The prices that may be valid, the most exact first, up to the first that is always valid."""
        model, provider, method, factor, answered = asked
        prices = []
        for entry in self._fitting(model, provider, method):
            if entry.price:
                prices.append(entry.price.times(factor, answered))
                if entry.price.since == ALWAYS:
                    break
        return tuple(prices)

    def _multiplier(self, provider: str) -> float:
        pattern = best_pattern(provider, self._multipliers)
        return 1.0 if pattern is None else self._multipliers[pattern]

    def _fitting(self, model: str, provider: str, method: str) -> list[PriceEntry]:
        return self._entries[model, provider, method]

    def _fitting_entries(self, asked: tuple[str, str, str]) -> list[PriceEntry]:
        model, provider, method = asked
        return [entry for table in self._tables for entry in table.fitting(model, provider, method)]

    def _is_unbilled(self, method: str) -> bool:
        route = method.rpartition(" ")[2]
        return any(fits(method, pattern) or fits(route, pattern) for pattern in self._unbilled)


def _tails(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[at:]) for at in range(1, len(parts))]


def _cover_all_times(prices: tuple[Price, ...]) -> bool:
    return any(price.since == ALWAYS for price in prices)


def _counted_at(time: float | None, now: float) -> float:
    return now if time is None or time > now + AHEAD else time


def price_at(prices: tuple[Price, ...], time: float | None) -> Price | None:
    """The first price that is valid at a time (epoch seconds); the first of all if the log has no time."""
    return next((price for price in prices if time is None or price.since <= time), None)


NO_RATES = Rates((), ())


def fits(word: str, pattern: str) -> bool:
    """Whether a word matches a pattern; "" matches all."""
    return not pattern or word == pattern or (is_glob(pattern) and match(pattern, word))


def best_pattern(word: str, patterns: dict[str, float]) -> str | None:
    """The pattern that equals the word, else the longest that matches; None if none does."""
    if word in patterns:
        return word
    return max((pattern for pattern in patterns if is_glob(pattern) and fits(word, pattern)), key=len, default=None)
