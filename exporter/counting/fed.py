"""The families that requests may add to, by what they add. Cold path: similar requests share what is found here."""

from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct

from exporter.counting.connect import COST, COUNT, CREDITS, UNPRICED
from exporter.counting.layouts import Feed
from exporter.counting.loop import Loop
from exporter.metrics.series import FamilySeries
from exporter.model import catalog
from exporter.model.fields import TOKEN_TYPES
from exporter.model.record import AccessRecord


class Fed(Struct, eq=False, frozen=True):
    """The families that some requests may add to: all; those that count something, by what; the credits; the sums and
    histograms; the tokens of each type; the cost of lines without one; lines without a price.

    `tokens_limited` and `cost_limited`: whether what limits are for is among the sums.
    """

    every: list[FamilySeries]
    counted: dict[str, Feed]
    credited: Feed
    measured: Feed
    tokens: dict[str, Feed]
    cost: Feed
    unpriced: Feed
    tokens_limited: bool
    cost_limited: bool


class FedFamilies:
    """Finds the families that requests of one input may add to."""

    def __init__(self, families: Iterable[FamilySeries], loop: Loop) -> None:
        self._families = [family for family in families if family.family.adds]
        self._observed = {family.name for family in loop.histograms}
        self._summed = loop.summed
        self._token_types = [type_ for type_ in TOKEN_TYPES if f"{type_}_tokens" in loop.summed]
        self._known: dict[tuple[frozenset[str], frozenset[str], bool, bool, bool], Fed] = {}

    def of(
        self,
        record: AccessRecord,
        met: frozenset[str],
        nothing: frozenset[str] = frozenset(),
        logged: bool = False,
    ) -> Fed:
        """What requests like a record feed which meet these conditions, but of what families add, `nothing`. `logged`:
        whether a logged cost counts.
        """
        at = (met, nothing, logged, record.timed, record.cached)
        fed = self._known.get(at)
        if fed is None:
            fed = self._known[at] = self._find(record, met, nothing, logged)
        return fed

    def _find(self, record: AccessRecord, met: frozenset[str], nothing: frozenset[str], logged: bool) -> Fed:
        # Long, as it divides the families by each way in which requests feed them.
        every = [
            family
            for family in self._families
            if family.family.adds not in nothing and (not family.family.when or family.family.when in met)
        ]
        by_adds: defaultdict[str, list[FamilySeries]] = defaultdict(list)
        for family in every:
            by_adds[family.family.adds].append(family)
        measured = [family for family in every if _is_measured(family, record)]
        tokens = [family for family in measured if family.family.adds == "tokens"]
        sums = [family for family in measured if self._is_summed(family, logged)]
        observed = [family.family.name for family in measured if family.family.name in self._observed]
        names = {family.family.name for family in (*tokens, *sums)}
        return Fed(
            every,
            {what: Feed.of(by_adds[what], COUNT) for what in _COUNTED if by_adds[what]},
            credited=Feed.of(by_adds["credits"], CREDITS),
            measured=Feed(
                [*sums, *(family for family in measured if family.family.name in observed)],
                [*(family.family.adds for family in sums), *observed],
            ),
            tokens={type_: Feed.of(tokens, f"{type_}_tokens") for type_ in self._token_types} if tokens else {},
            cost=Feed.of(by_adds["cost"], COST),
            unpriced=Feed.of(by_adds["unpriced"], UNPRICED),
            tokens_limited=catalog.TOKENS.name in names,
            cost_limited=catalog.COST.name in names,
        )

    def _is_summed(self, family: FamilySeries, logged: bool) -> bool:
        adds = family.family.adds
        return family.family.type == "counter" and adds in self._summed and (logged or adds != "cost")


# What a request adds to 1 by 1.
_COUNTED = ("requests", "calls", "attempts", "failovers")


def _is_measured(family: FamilySeries, record: AccessRecord) -> bool:
    """Whether a record has what the family adds; durations only if they can be compared."""
    return (record.timed or family.family.unit != "seconds") and record.uses(family.family.adds)
