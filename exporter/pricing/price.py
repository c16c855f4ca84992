"""A price, and the one that is valid at a time."""

from collections.abc import Iterable

from msgspec import Struct

ALWAYS = float("-inf")


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


def price_at(prices: tuple[Price, ...], time: float | None) -> Price | None:
    """The first price that is valid at a time (epoch seconds); the first of all if the log has no time."""
    return next((price for price in prices if time is None or price.since <= time), None)


NO_RATES = Rates((), ())
