"""What panels of all types consist of: queries, defaults of their fields, legends."""

import re
from collections.abc import Mapping
from typing import Any

from dashboards.fields import fixed, override, thresholds
from dashboards.grafana import Json, Panel, Query
from dashboards.promql import BARS_OF_HOURS, SHORTEST_BAR
from exporter.config.served import ABSENT

# Where there is no value, the words for it are neither good nor bad.
_NEUTRAL: Json = {"type": "special", "options": {"match": "null+nan", "result": {"color": "text", "index": 99}}}
# While no exporter answers, it is not known whether a key has a limit, or was ever used.
_OR_AWAY = ", or no exporter"
# A legend and its query; of two queries, the second gets a colour of its own: Grafana's fifth is red.
Queries = Mapping[str, str | tuple[str, str]]
# Labels that are empty on what has none, where a legend would be empty too, and Grafana would write "Value".
_MAY_BE_EMPTY = {"chain", "method", "origin", "protocol", "model", "provider", "from_provider", "to_provider", "name"}


def panel_of(
    type_: str,
    title: str,
    description: str,
    queries: Queries,
    *,
    instant: bool = False,
    form: str = "time_series",
    **more: Any,
) -> Panel:
    """A panel of a type with its queries; those that have nothing to ask are left out."""
    if _of_gauges(queries) and "exporter" not in more["defaults"]["noValue"]:
        more["defaults"]["noValue"] += _OR_AWAY
    every = [(legend, (query,) if isinstance(query, str) else query) for legend, query in queries.items()]
    asked = [(legend, query) for legend, some in every for query in some if ABSENT not in query]
    targets = [
        Query(
            expr=query if form == "table" else _with_words(query, legend),
            legendFormat="" if form == "table" else legend,
            refId=chr(65 + n),
            instant=instant,
            format=form,
            interval=SHORTEST_BAR if BARS_OF_HOURS in query else None,
        )
        for n, (legend, query) in enumerate(asked)
    ]
    return Panel(type=type_, title=title, description=description, targets=targets, **more)


def defaults_of(
    unit: str,
    no_value: str,
    links: list[Json] | None,
    *,
    steps: dict[float, str] | None = None,
    first: str = "text",
    mappings: list[Json] | None = None,
) -> Json:
    """Unit, links, words and colours of values, and what to say where there is none."""
    found: Json = {"unit": unit, "noValue": no_value}
    if links:
        found["links"] = links
    if mappings or steps:
        found["mappings"] = [*(mappings or []), _NEUTRAL]
    found["thresholds"] = thresholds(steps or {}, first)
    return found


def apart(queries: Queries) -> list[Json]:
    """The colour of the series that stands apart, which is the second query."""
    found = any(isinstance(query, tuple) for query in queries.values())
    return [override("byFrameRefID", "B", {"color": fixed("purple")})] if found else []


def _of_gauges(queries: Queries) -> bool:
    """Whether all of it goes at the first scrape that fails. Names of keys go along with what is recorded."""
    names = set(re.findall(r"[\w:]*gateway_[\w:]+", str([*queries.values()])))
    raw = {name for name in names if ":" not in name}
    if raw < names:
        raw -= {"gateway_key_info"}
    return bool(raw) and not any(re.search(r"_(total|bucket|sum|count)$", name) for name in raw)


def _with_words(query: str, legend: str) -> str:
    """The query with a word for each label of the legend that is empty."""
    for label in re.findall(r"\{\{(\w+)\}\}", legend):
        if label in _MAY_BE_EMPTY:
            query = f'label_replace({query}, "{label}", "none", "{label}", "")'
    return query


def rounded(unit: str, decimals: int | None) -> Json:
    """Counts are whole."""
    shown = 0 if unit == "locale" and decimals is None else decimals
    return {} if shown is None else {"decimals": shown}


def legend_of(calcs: tuple[str, ...], *, shown: bool = True, values: bool = False, beside: bool = False) -> Json:
    """A legend as a table, sorted by the last of its numbers; `values` are those of a donut."""
    found: Json = {"showLegend": shown, "displayMode": "table", "placement": "right" if beside else "bottom"}
    if values:
        return found | {"calcs": [], "values": list(calcs)}
    names = {"lastNotNull": "Last *", "sum": "Total", "max": "Max", "mean": "Mean"}
    return found | {"calcs": list(calcs)} | ({"sortBy": names[calcs[-1]], "sortDesc": True} if calcs else {})


def last_value() -> Json:
    """Of each series its last value."""
    return {"calcs": ["lastNotNull"], "fields": "", "values": False}
