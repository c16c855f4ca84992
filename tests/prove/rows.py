"""The rows of single requests that an exporter has kept, as a person finds them: through its search."""

from collections import Counter
from pathlib import Path

from exporter.request_log.filters import Filter
from exporter.request_log.registry import Registry
from exporter.request_log.search import Search
from tests.prove.truth import Truth

_LABELS = ("key", "chain", "method", "protocol", "status", "class")
_FOR_EVER = 1e9


def rows_of(folder: Path) -> Counter[str]:
    """How many rows there are, by the series of gateway_requests_total that their request was counted in."""
    found: Counter[str] = Counter()
    for row in Search(folder, Registry(), keep=_FOR_EVER, patience=60).each(Filter()):
        found[Truth.series("gateway_requests_total", {name: row[name] or "" for name in _LABELS})] += 1
    return found
