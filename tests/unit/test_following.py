"""Following the request log costs what is new, however much is kept: pages ask for it all the time."""

from pathlib import Path
from typing import Any

import pytest

from exporter.request_log import search
from exporter.request_log.filters import filter_of
from tests.keeping import Keeping
from tests.unit.test_request_log import FORMAT, NOW, line

_KEPT = 5_000
FILTERS: list[dict[str, Any]] = [
    {},
    {"status": "5xx", "since": str(NOW - 10)},
    {"key": "nobody"},
    {"text": "thing", "failed": "true"},
    {"request_id": "r7"},
    {"slower_than": "1"},
    {"origin": "app.test"},
]


@pytest.mark.parametrize("asked", FILTERS, ids=lambda asked: ", ".join(asked) or "all")
def test_what_is_new_is_found_without_a_look_at_the_rest(
    tmp_path: Path, asked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In SQLite's steps, of which reading each row takes several."""
    keeping = Keeping(tmp_path, FORMAT)
    keeping.keep(*(line(n % 50) for n in range(_KEPT)))
    looks = []
    monkeypatch.setattr(search, "_STEPS", 100)
    monkeypatch.setattr(search.Search, "_is_late", lambda _: looks.append(1))
    keeping.search().after(filter_of(asked), _KEPT - 5, 100)
    assert 100 * len(looks) < _KEPT
    keeping.log.close()
