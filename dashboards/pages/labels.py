"""Gateway / Labels: requests, failures, tokens and cost by each label that the config declares."""

from zlib import crc32

from dashboards.board import Board, Row
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.panels import bargauge, bars, text
from dashboards.promql import LAST_BAR, largest, leaders
from exporter.config.served import Served

_HEADER = "**For whoever answers for a team, a customer or a region.** `none` has no value."
_VARIABLES = ("key", "model", "provider")


def page(served: Served) -> Board:
    """The dashboard."""
    m = Metrics(served, _VARIABLES)
    rows = [Row(f"By {label}", _by(label, m, served), id=_id(label, 0)) for label in served.declared]
    return Board(
        uid="gateway-labels",
        title="Labels",
        description="Requests, failures, tokens and cost by the labels that the config declares.",
        variables=_VARIABLES,
        rows=[Row("", [text(_HEADER, id=1)]), *rows],
    )


def _id(label: str, place: int) -> int:
    """An id that stays with the label, whatever other labels there are."""
    return 10 * (100 + crc32(label.encode()) % 10_000_000) + place


def _decimals(unit: str) -> int:
    """Counts are whole, money is to its cents."""
    return 0 if unit == "locale" else 2


def _by(label: str, m: Metrics, served: Served) -> list[Panel]:
    def count(what: str, over: str = "$__range", at: str = "") -> str:
        """A counter's increase by the label; `none` is what has no value."""
        found = m.count(f"gateway_{what}_total", by=label, over=over, at=at)
        return f'label_replace({found}, "{label}", "none", "{label}", "")'

    def top(title: str, description: str, what: str, unit: str, place: int) -> Panel:
        queries = {f"{{{{{label}}}}}": largest(count(what), label)}
        return bargauge(title, description, queries, unit, decimals=_decimals(unit), width=6, id=_id(label, place))

    def over_time(title: str, description: str, what: str, unit: str, place: int) -> Panel:
        each = count(what, "$__interval", "offset -$__interval")
        queries = leaders(each, count(what, at=LAST_BAR), label)
        return bars(title, description, queries, unit, decimals=_decimals(unit), width=12, id=_id(label, place))

    money = columns.money(served)
    return [
        top(f"Requests by {label}", "Who uses the gateway most.", "requests", "locale", 1),
        top(f"Failures by {label}", "Failed requests of every type.", "errors", "locale", 2),
        top(f"Tokens by {label}", "All types of tokens.", "tokens", "locale", 3),
        top(f"Cost by {label}", "What the gateway logged, or the price tables give.", "cost", money, 4),
        over_time(f"Requests over time by {label}", "The five with most, and others.", "requests", "locale", 5),
        over_time(f"Cost over time by {label}", "The five that cost most, and others.", "cost", money, 6),
    ]
