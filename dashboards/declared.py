"""Labels that the config declares: which queries they narrow, and which pages have drop-downs for them.

Not every family has such a label. A ratio of which only one part is narrowed would be wrong, so a query is narrowed
if all its families of callers have the label.
"""

import re
from collections.abc import Callable

from dashboards.grafana import Json
from dashboards.metrics import NOT_OF_RECORDS
from dashboards.promql import RECORDED
from exporter.config.served import Served

_SELECTOR = re.compile(r'(?<!\w)((?:\w+:)?gateway_\w+(?::\w+)?)(\{(?:"(?:[^"\\]|\\.)*"|[^"}])*\})?')


def of_page(variables: tuple[str, ...], served: Served) -> tuple[str, ...]:
    """The declared labels that a page with these drop-downs has besides: those of callers go with the key."""
    return served.declared if "key" in variables else ()


def settle(document: Json, served: Served) -> None:
    """In a dashboard, narrow no query in part, and take out the drop-downs that narrow nothing."""
    if not served.declared:
        return
    queries = _each(document["panels"], lambda query: narrowed_alike(query, served))
    unused = [label for label in served.declared if not any(_matcher(label) in query for query in queries)]
    templates = [template for template in document["templating"]["list"] if template["name"] not in unused]
    _each(templates, lambda query: _without(unused, narrowed_alike(query, served)))
    document["templating"]["list"] = templates


def _each(part: object, change: Callable[[str], str]) -> list[str]:
    """Change each query in a part of a document; the queries as they are then."""
    found: list[str] = []
    if isinstance(part, list):
        found += [query for inner in part for query in _each(inner, change)]
    elif isinstance(part, dict):
        for name, value in part.items():
            if name in ("expr", "query") and isinstance(value, str):
                part[name] = change(value)
                found.append(part[name])
            else:
                found += _each(value, change)
    return found


def narrowed_alike(query: str, served: Served) -> str:
    """The query without the matchers of labels that one of its families of callers lacks."""
    selectors = _SELECTOR.findall(query)
    lacking = [
        label for label in served.declared if any(_lacks(name, matchers, label, served) for name, matchers in selectors)
    ]
    return _without(lacking, query)


def _without(labels: list[str], query: str) -> str:
    """The query without the matchers of some labels."""
    for label in labels:
        if _matcher(label) in query:
            query = re.sub(f",?{re.escape(_matcher(label))}", "", query).replace("{,", "{")
    return query


def _lacks(name: str, matchers: str, label: str, served: Served) -> bool:
    """Whether a selector is of callers, and not of the label."""
    labels = served.labels(name) or ()
    return "key" in labels and label not in labels and not name.startswith(NOT_OF_RECORDS) and RECORDED not in matchers


def _matcher(label: str) -> str:
    return f'{label}=~"${label}"'
