"""How many samples a query reads, counted without reading them: from the series there are, and how often each has one.

Prometheus counts the same as `totalQueryableSamples`, which takes days of data and minutes for each page. Here a
selector reads the series that it fits, times the samples of its range, times the steps of the query; what is `@ end()`
is read once; a subquery reads what its steps do, and its own points in each step of the query.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import promql_parser
from msgspec import Struct

Labels = Mapping[str, str]
Expr = Any


class Steps(Struct, frozen=True):
    """How often an expression is evaluated, and over how many seconds in all."""

    number: float
    seconds: float


class Reads:
    """Counts over series; `every` gives the seconds between two samples of a name."""

    def __init__(self, series: Iterable[Labels], every: Mapping[str, int], otherwise: int) -> None:
        self._series: dict[str, list[Labels]] = defaultdict(list)
        for labels in series:
            self._series[labels["__name__"]].append(labels)
        self._every, self._otherwise = every, otherwise

    def of(self, query: str, seconds: float = 0, step: float = 0) -> float:
        """Samples that a query reads at one time, or in steps over seconds."""
        return self._of(promql_parser.parse(query), Steps(seconds // step + 1 if step else 1, seconds))[0]

    def _of(self, node: Expr, steps: Steps) -> tuple[float, float]:
        """Samples that are read, and series that come out, which is an upper bound."""
        match node:
            case promql_parser.VectorSelector():
                found = len(self._fitting(node))
                return found * (1 if node.at else steps.number), found
            case promql_parser.MatrixSelector():
                selector, window = node.vector_selector, node.range.total_seconds()
                every = [self._every.get(labels["__name__"], self._otherwise) for labels in self._fitting(selector)]
                return sum(window / seconds for seconds in every) * (1 if selector.at else steps.number), len(every)
            case promql_parser.SubqueryExpr():
                return self._of_subquery(node, Steps(1, 0) if node.at else steps)
            case promql_parser.BinaryExpr():
                left, right = self._of(node.lhs, steps), self._of(node.rhs, steps)
                most = left[1] + right[1] if str(node.op) == "or" else max(left[1], right[1])
                return left[0] + right[0], most
            case promql_parser.AggregateExpr():
                samples, series = self._of(node.expr, steps)
                return samples, series if node.modifier or "topk" in str(node.op) else min(series, 1)
        inner = node.args if isinstance(node, promql_parser.Call) else [node.expr] if hasattr(node, "expr") else []
        parts = [self._of(part, steps) for part in inner]
        return sum(part[0] for part in parts), max((part[1] for part in parts), default=1)

    def _of_subquery(self, node: Expr, steps: Steps) -> tuple[float, float]:
        window, step = node.range.total_seconds(), node.step.total_seconds()
        samples, series = self._of(node.expr, Steps((window + steps.seconds) // step, window + steps.seconds))
        return samples + series * (window // step) * steps.number, series

    def _fitting(self, selector: Expr) -> list[Labels]:
        matchers = [
            (
                matcher.name,
                re.compile(matcher.value if "Re" in str(matcher.op) else re.escape(matcher.value)),
                "Not" not in str(matcher.op),
            )
            for matcher in selector.matchers.matchers
        ]
        named = [selector.name] if selector.name else list(self._series)
        return [
            labels
            for name in named
            for labels in self._series.get(name, ())
            if all(bool(value.fullmatch(labels.get(label, ""))) == wanted for label, value, wanted in matchers)
        ]
