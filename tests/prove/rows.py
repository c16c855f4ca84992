"""The rows of single requests that an exporter has kept, as a person finds them: through its search."""

import time
from collections import Counter
from pathlib import Path

from exporter.request_log.filters import Filter
from exporter.request_log.key_names import KeyNames
from exporter.request_log.search import Search
from tests.prove.truth import Truth

_LABELS = ("key", "chain", "method", "protocol", "status", "class")
_FOR_EVER = 1e9
# When the lines of old copies of quiet logs were written.
LONG_AGO = 1_700_000_000.0


def rows_of(folder: Path, since: float) -> Counter[str]:
    """How many rows there are, by the series of gateway_requests_total that their request was counted in.
    AssertionError if one has a time that no line had: lines were written since a time, or long before.
    """
    found: Counter[str] = Counter()
    for row in Search(folder, KeyNames(), keep=_FOR_EVER, patience=60).each(Filter()):
        at = row["time"] / 1000
        assert since - 1 <= at <= time.time() + 1 or at < LONG_AGO + 1000, f"a row has the time {at:.3f}"
        found[Truth.series("gateway_requests_total", {name: row[name] or "" for name in _LABELS})] += 1
    return found
