"""The keys that tables by key compare over long ranges: of a large gateway, those that lead in something."""

from grafanalib import core

from dashboards.metrics import Metrics, labels_asked
from dashboards.promql import with_matcher
from dashboards.variables import keys_of
from exporter.config.served import ABSENT

# How many of the leading keys lead in what.
LEADING_BY = {"gateway_requests_total": 30, "gateway_errors_total": 20, "gateway_cost_total": 10}
LEADING = "the keys with the most requests ({}), the most failures ({}) and the highest cost ({})".format(
    *LEADING_BY.values()
)
_VARIABLE = "leading_keys"
# And requests without a key: their label is empty.
_MATCHER = f'key=~"${_VARIABLE}|"'


class OfLeadingKeys(Metrics):
    """The same, but of what is recorded by key the keys of the variable `leading_keys` alone."""

    def _recorded(self, kind: str, name: str, matchers: tuple[str, ...], by: str) -> list[str]:
        selectors = super()._recorded(kind, name, matchers, by)
        if "key" not in labels_asked(matchers, by):
            return selectors
        return [with_matcher(selector, _MATCHER) for selector in selectors]


def leading_keys(m: Metrics) -> list[core.Template]:
    """As one pattern, the keys that tables of long ranges compare."""
    rankings = {family: m.ranking(family, by="key") for family in LEADING_BY}
    tops = [f"topk({LEADING_BY[family]}, {ranking})" for family, ranking in rankings.items() if ABSENT not in ranking]
    return [keys_of(_VARIABLE, " or on (key) ".join(tops))] if tops else []
