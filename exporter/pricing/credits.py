"""The credits of a call."""

from msgspec import Struct

from exporter.pricing.patterns import best_pattern


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
