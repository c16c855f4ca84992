"""The API of single requests, for the owner of a key: that key's requests, and only what customers may see."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter.request_log.shown import CUSTOMER_FIELDS
from exporter.service.web.requests import PATH, SUMS_PATH, RequestsApi
from tests.keeping import Keeping
from tests.unit.test_request_log import FORMAT, line


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    made = Keeping(tmp_path, FORMAT)
    made.keep(
        line(0, key="mine", by="a", tried="b, a", statuses="500, 200", cost=0.5, why="policy", s=403),
        line(1, key="others", cost=2),
        line(2, key="mine", model="m", asked="n"),
    )
    made.log.close()
    return made


def asked(keeping: Keeping, query: str, path: str = PATH) -> tuple[int, Any]:
    """The answer to the owner of the key `mine`: its status and JSON."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def ask() -> None:
        api = RequestsApi(lambda: keeping.log.settings, lambda: {})
        scope = {"method": "GET", "path": path, "query_string": query.encode(), "state": {"operator": False}}
        await api.customer(scope, send, keeping.assembly.identity.public("mine"))

    asyncio.run(ask())
    return sent[0]["status"], msgspec.json.decode(b"".join(message["body"] for message in sent[1:]))


def test_a_customer_sees_the_requests_of_the_own_key(keeping: Keeping) -> None:
    status, page = asked(keeping, "limit=10")
    assert status == 200
    assert [row["request_id"] for row in page["requests"]] == ["r2", "r0"]
    assert asked(keeping, "", SUMS_PATH)[1]["cost"] == 0.5


def test_a_customer_sees_nothing_about_providers_and_what_they_cost(keeping: Keeping) -> None:
    [row] = asked(keeping, "status=403")[1]["requests"]
    assert row.keys() == set(CUSTOMER_FIELDS)
    hidden = {"provider", "attempts", "cost_multiplier", "error_type", "blocked_reason", "key_owner", "input"}
    assert not hidden & row.keys()


@pytest.mark.parametrize("name", ["provider", "retried", "key", "owner", "error_type", "input", "class", "blocked"])
def test_a_customer_can_not_ask_for_what_is_not_shown(keeping: Keeping, name: str) -> None:
    """The number of rows would tell it."""
    status, answer = asked(keeping, f"{name}=true")
    assert status == 400
    assert answer["error"].startswith(f"{name!r} is not a filter")


def test_a_customer_of_another_key_finds_nothing_with_its_cursor(keeping: Keeping) -> None:
    """A cursor names a place, and opens nothing."""
    _, page = asked(keeping, "limit=1")
    _, following = asked(keeping, f"limit=5&cursor={page['next']}")
    assert [row["request_id"] for row in following["requests"]] == ["r0"]
