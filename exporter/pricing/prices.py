"""Pricing: what requests cost, in money by a price table, and in credits. Cold path: once for each new kind of request.

A cost that the gateway logs goes before the table. All that a price depends on but the time (model, provider,
method, chain, status) is the same for all requests of a kind, so a kind has its prices from its birth, and a fold
multiplies sums with them.
"""

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


class Price(Struct, frozen=True, kw_only=True):
    """Money from a time on (epoch seconds): for a request, and for one of each number of a record."""

    since: float = ALWAYS
    request: float = 0.0
    rates: tuple[tuple[str, float], ...] = ()

    def times(self, factor: float, answered: bool = True) -> "Price":
        """The price, multiplied. A request that was not answered costs nothing but its numbers."""
        rates = tuple((measure, rate * factor) for measure, rate in self.rates)
        return Price(since=self.since, request=self.request * factor if answered else 0.0, rates=rates)


class PriceEntry(Struct, frozen=True, kw_only=True):
    """A line of a price table: which requests a price is for. Patterns have `*` and `?`; "" fits everything.

    `vendor` is whose model it is, where the table says so: `openai/gpt-4o` is then `gpt-4o` of `openai` only.
    `type` is what the model is for; an entry may say no more than that.
    """

    model: str = ""
    provider: str = ""
    method: str = ""
    vendor: str = ""
    type: str = ""
    price: Price | None = None


class Credits(Struct, frozen=True, kw_only=True):
    """Credits of a call: its chain's for the method, else the method's, else its chain's, else the default.

    `statuses` go before all: of `429`, or of the class `4xx`.
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
    """What requests of a kind cost beyond what is logged: `prices`, of which the first that holds counts, and
    the credits of each of their calls. `unpriced` says that there are times without a price, and that this is a loss.
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
        """The entries that fit, the most exact first: a model's name, the longest pattern; of equal ones the latest."""
        vendor, slash, bare = model.partition("/")
        names = [(f"{provider}/{model}", ""), (model, ""), *([(bare, vendor)] if slash else [])] if model else []
        entries = [entry for name, _ in names for entry in self._exact.get(name, ())] + self._patterns
        ranked = [(_rank(entry, names, provider, method), entry) for entry in entries]
        found = [(rank, entry) for rank, entry in ranked if rank is not None]
        return [entry for _, entry in sorted(found, key=itemgetter(0))]


def _rank(
    entry: PriceEntry, names: list[tuple[str, str]], provider: str, method: str
) -> tuple[bool | int | float, ...] | None:
    """What sorts entries by exactness; None where the entry does not fit. `names` are those that a model may stand
    under in a table, each with the vendor whose it then is.
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
    """The config's prices, ready to be asked. `tables` are asked in their order.

    `bill` says whose price counts where another model served than the one that was asked for: `served` or `requested`.
    `multipliers` are of providers, `unbilled` are endpoints: methods, or routes of any verb. All are patterns.
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

    @property
    def priced(self) -> bool:
        """Whether there is a price table."""
        return bool(self._tables)

    @property
    def size(self) -> int:
        """How many prices there are."""
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
        """When prices change, in epoch seconds, sorted. Records before and after one must not share a fold."""
        dates = {entry.price.since for table in self._tables for entry in table.entries if entry.price}
        return sorted(dates - {ALWAYS})

    def billed(self, record: AccessRecord) -> str:
        """`requested` or `served`: as the gateway says, else as the config does."""
        if record.billed_model:
            return "requested" if record.billed_model == record.requested_model else "served"
        return self.bill

    def quote(self, record: AccessRecord) -> Quote:
        """What a request like this one costs."""
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
        """Put into one record what it costs: its credits, and its cost where none was logged. One that is ahead of now,
        or has no time, has the price of now.
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
        """What the record's model is for, "" where no table says."""
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
        prices = self._prices(model, provider, method)
        unpriced = bool(self._tables and model and not error_type) and not _cover_all_times(prices)
        factor = self._multiplier(provider) if multiplier is None else multiplier
        return Quote(tuple(price.times(factor, requests > 0 and not error_type) for price in prices), amounts, unpriced)

    def _prices(self, model: str, provider: str, method: str) -> list[Price]:
        """The prices that may hold, the most exact first, up to the first that holds at all times."""
        prices = []
        for entry in self._fitting(model, provider, method):
            if entry.price:
                prices.append(entry.price)
                if entry.price.since == ALWAYS:
                    break
        return prices

    def _multiplier(self, provider: str) -> float:
        pattern = best_pattern(provider, self._multipliers)
        return 1.0 if pattern is None else self._multipliers[pattern]

    def _fitting(self, model: str, provider: str, method: str) -> list[PriceEntry]:
        return [entry for table in self._tables for entry in table.fitting(model, provider, method)]

    def _is_unbilled(self, method: str) -> bool:
        route = method.rpartition(" ")[2]
        return any(fits(method, pattern) or fits(route, pattern) for pattern in self._unbilled)


def _tails(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[at:]) for at in range(1, len(parts))]


def _cover_all_times(prices: list[Price]) -> bool:
    return any(price.since == ALWAYS for price in prices)


def _counted_at(time: float | None, now: float) -> float:
    return now if time is None or time > now + AHEAD else time


def price_at(prices: tuple[Price, ...], time: float | None) -> Price | None:
    """The first price that holds at a time (epoch seconds); where the log tells no time, the first."""
    return next((price for price in prices if time is None or price.since <= time), None)


def fits(word: str, pattern: str) -> bool:
    """Whether a word is one of a pattern's; "" is the pattern of all."""
    return not pattern or word == pattern or (is_glob(pattern) and match(pattern, word))


def best_pattern(word: str, patterns: dict[str, float]) -> str | None:
    """The pattern that is the word itself, else the longest that fits; None where none does."""
    if word in patterns:
        return word
    return max((pattern for pattern in patterns if is_glob(pattern) and fits(word, pattern)), key=len, default=None)
