"""Labels that the config declares: which queries they narrow, and which pages have drop-downs for them.

Not every family has such a label. A ratio of which only one part is narrowed would be wrong, so a query is narrowed
if all its families of callers have the label.
"""

import re

from dashboards.grafana import Json
from dashboards.promql import NOT_OF_RECORDS, RECORDED
from exporter.config.served import Served

_SELECTOR = re.compile(r'(?<!\w)((?:\w+:)?gateway_\w+(?::\w+)?)(\{(?:"(?:[^"\\]|\\.)*"|[^"}])*\})?')


def of_page(variables: tuple[str, ...], served: Served) -> tuple[str, ...]:
    """The declared labels that a page with these drop-downs has besides: those of callers go with the key."""
    return served.declared if "key" in variables else ()


def settle(document: Json, served: Served) -> None:
    """In a dashboard, narrow no query in part, and take out the drop-downs that narrow nothing."""
    if not served.declared:
        return
    queries = [*_narrow(document["panels"], served)]
    document["templating"]["list"] = [
        one
        for one in document["templating"]["list"]
        if one["name"] not in served.declared or any(_matcher(one["name"]) in query for query in queries)
    ]
    _narrow(document["templating"], served)


def _narrow(part: object, served: Served) -> list[str]:
    """Settle each query in a part of a document; the queries as they are then."""
    found: list[str] = []
    if isinstance(part, list):
        found += [query for one in part for query in _narrow(one, served)]
    elif isinstance(part, dict):
        for name, value in part.items():
            if name in ("expr", "query") and isinstance(value, str):
                part[name] = narrowed_alike(value, served)
                found.append(part[name])
            else:
                found += _narrow(value, served)
    return found


def narrowed_alike(query: str, served: Served) -> str:
    """The query without the matchers of labels that one of its families of callers lacks."""
    for label in served.declared:
        selectors = _SELECTOR.findall(query) if _matcher(label) in query else ()
        if any(_lacks(name, matchers, label, served) for name, matchers in selectors):
            query = re.sub(f",?{re.escape(_matcher(label))}", "", query).replace("{,", "{")
    return query


def _lacks(name: str, matchers: str, label: str, served: Served) -> bool:
    """Whether a selector is of callers, and not of the label."""
    labels = served.labels(name) or ()
    return "key" in labels and label not in labels and not name.startswith(NOT_OF_RECORDS) and RECORDED not in matchers


def _matcher(label: str) -> str:
    return f'{label}=~"${label}"'
