"""Shapes of queries, as text.

A query over a family or a label that is not there is `ABSENT`, and so is every query made of it: no panel asks for
its parts one by one, and `board.py` leaves out the panels that have nothing to ask.
"""

import re
from collections.abc import Callable

from exporter.config.served import or_zero

# The variable `recorded` is `.*` where recorded series are to answer, and `-` where raw series are: the matcher that
# fits nothing costs nothing. No job is called `-`, and recorded series have none. Its text is the shortest bar: whole
# hours have to fit.
RECORDED_VARIABLE = "recorded"
RECORDED = f'job=~"${RECORDED_VARIABLE}"'
NOT_RECORDED = f'job!~"${RECORDED_VARIABLE}"'
SHORTEST_BAR = f"${{{RECORDED_VARIABLE}:text}}"
# Bars of recorded hours are asked so.
BARS_OF_HOURS = "[$__interval:1h]"
# As many hours as the range has: without it, a range that ends at a full hour has both its ends in Prometheus 2.
WHOLE = "offset -500ms"
_HOURS = re.compile(r"(\w+:\w+:increase1h\{[^}]*\})(\[\$__range:1h\][^)]*" + WHOLE + ")")
# Bars begin at whole steps, as Grafana asks for them, the last one before now: this is the end of the last one, of any
# width, and of a day's.
LAST_BAR = "@ end() offset -$__interval"
TODAY = "@ end() offset -1d"
# What is left of a difference of equal sums.
_NOTHING = 0.000001


def among(name: str) -> str:
    """A matcher of the keys that a variable of `variables.largest_keys` has found."""
    return f'key=~"${name}"'


def before(query: str) -> str:
    """The same over the time just before the chosen one."""
    query = _HOURS.sub(r"(\1 offset $__range)\2", query)
    return query.replace("[$__range]", "[$__range] offset $__range")


def with_matcher(selector: str, matcher: str) -> str:
    """The selector with one more matcher."""
    return f"{selector[:-1]},{matcher}}}" if selector.endswith("}") else f"{selector}{{{matcher}}}"


def total(query: str, by: str = "") -> str:
    """The sum, by labels."""
    return f"sum by ({', '.join(by.split())}) ({query})" if by else f"sum({query})"


def success(errors: str, requests: str) -> str:
    """Share of requests that did not fail; 1 where none did, nothing where there were no requests."""
    return f"1 - ({or_zero(errors, requests)}) / (({requests}) > 0)"


def five(
    query: str, ranking: str, label: str, joined: Callable[[str, str], str] | None = None
) -> dict[str, str | tuple[str, str]]:
    """A graph's five largest series, the same ones all along; the fifth apart, as `panels.py` colours it.

    `joined` joins names to these few.
    """
    tops = (f"topk(4, {ranking})", f"(topk(5, {ranking}) unless topk(4, {ranking}))")
    first, last = (joined(query, top) if joined else f"(({query}) and on ({label}) {top})" for top in tops)
    return {f"{{{{{label}}}}}": (first, last)}


def leaders(
    query: str, ranking: str, label: str, joined: Callable[[str, str], str] | None = None, whole: str = ""
) -> dict[str, str | tuple[str, str]]:
    """The five largest, and `others`, so that the sum is the `whole`; without it, that of the query."""
    rest = f"{whole or f'sum({query})'} - (sum(({query}) and on ({label}) topk(5, {ranking})) or vector(0))"
    return {**five(query, ranking, label, joined), "others": f"round({rest}, {_NOTHING:f}) > 0"}


def largest(query: str, label: str) -> str:
    """The ten largest now, and `others`."""
    top = f"topk(10, {query})"
    return f'{top} or label_replace(sum({query}) - sum({top}) > {_NOTHING}, "{label}", "others", "", "")'
