"""Single requests for the owner of a key: that key's requests, and only what customers may see."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from exporter.errors import UsageError
from exporter.request_log.fields import OF_CUSTOMERS
from exporter.service.web.callers import Caller, RefusedError
from exporter.service.web.customer_requests import CustomerRequests
from exporter.service.web.requests import PATH, SUMS_PATH
from tests.keeping import Keeping
from tests.unit.test_request_log import FORMAT, NOW, line

# What a key's owner must not read: words of others, and of what is behind the gateway.
HIDDEN = (
    "backend-a",
    "backend-b",
    "policy",
    "others",
    "site-of-others",
    "198.51.100",
    "r-of-others",
    "open",
    "business",
)


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    made = Keeping(tmp_path, FORMAT)
    failover = {"by": "backend-a", "tried": "backend-b, backend-a", "statuses": "500, 200", "circuits": "open, closed"}
    others = {"key": "others", "from": "https://site-of-others.test", "ip": "198.51.100.1", "id": "r-of-others"}
    made.keep(
        line(0, failover, key="mine", cost=0.5, why="policy", s=403, took=1.5),
        *(line(1, others, cost=2) for _ in range(123)),
        line(2, key="mine", model="m", asked="n", id="20240707"),
    )
    made.log.close()
    return made


def asked(keeping: Keeping, path: str = PATH, owner: str = "mine", /, **parameters: str) -> dict[str, Any]:
    """The answer to the owner of a key."""
    api = CustomerRequests(lambda: keeping.log.settings, lambda: {})
    return api.questions[path](Caller(key=keeping.assembly.identity.public(owner)), parameters)


def test_a_customer_sees_the_requests_of_the_own_key(keeping: Keeping) -> None:
    """The id of a gateway that counts its requests would tell how many others make."""
    rows = asked(keeping, limit="10")["requests"]
    assert [(row["request_id"], row["status"], row["model"]) for row in rows] == [
        (None, "200", "m"),
        ("r0", "403", None),
    ]
    assert {tuple(row) for row in rows} == {OF_CUSTOMERS}
    sums = asked(keeping, SUMS_PATH, failed="true")
    assert (sums["requests"], sums["cost"], sums["p95_duration"]) == (1, 0.5, pytest.approx(1.5, rel=0.001))
    assert asked(keeping, PATH, "nobody's") == {"requests": [], "next": None}


def test_no_answer_has_a_word_of_others_or_of_what_is_behind_the_gateway(keeping: Keeping) -> None:
    """Nor a number of theirs: 123 requests and 246 of money."""
    answers = [
        asked(keeping, path, **parameters)
        for path, parameters in product((PATH, SUMS_PATH), ({}, {"failed": "true"}, {"text": "things"}))
    ]
    answers += [asked(keeping, limit="1"), asked(keeping, origin="site-of-others.test", client="198.51.100.0/24")]
    text = json.dumps(answers)
    assert [word for word in (*HIDDEN, "123", "124", "125", "246") if word in text.replace(str(NOW), "")] == []


@pytest.mark.parametrize(
    "name",
    [
        "provider",
        "retried",
        "key",
        "owner",
        "error_type",
        "input",
        "class",
        "blocked",
        "cached",
        "after",
        "format",
        "id",
    ],
)
def test_a_customer_can_not_ask_for_what_is_not_shown(keeping: Keeping, name: str) -> None:
    """The number of rows would tell it, and `after` counts the rows of others."""
    with pytest.raises(UsageError, match=rf"^unknown parameter '{name}'.* \(allowed: .*, since, slower_than, status"):
        asked(keeping, **{name: "true"})


def test_pages_have_each_row_once_while_more_come(tmp_path: Path) -> None:
    """Also of one moment, which gateways that log whole seconds have many of. A cursor counts own rows only."""
    keeping = Keeping(tmp_path, FORMAT)
    of_a_moment = [line(5, key="mine", id=f"r-{n}") for n in range(5)]
    keeping.keep(line(5, key="others"), *of_a_moment, *(line(5, key="others") for _ in range(50)), line(1, key="mine"))
    found, cursor = [], ""
    cursors = []
    while cursor is not None:
        page = asked(keeping, limit="2", cursor=cursor)
        found += [row["request_id"] for row in page["requests"]]
        cursor = page["next"]
        cursors.append(cursor)
        keeping.keep(line(5, key="mine", id="late"), line(6, key="mine", id="late"))
    assert found == ["r-4", "r-3", "r-2", "r-1", "r-0", "r1"]
    assert cursors == [f"{(NOW + 5) * 1000}.3", f"{(NOW + 5) * 1000}.1", None]
    keeping.log.close()


def test_operators_ask_elsewhere_and_nothing_is_found_without_the_section() -> None:
    api = CustomerRequests(lambda: None, lambda: {})
    for caller, status in ((Caller(operator=True), 403), (Caller(key="mine"), 404)):
        with pytest.raises(RefusedError) as refused:
            api.questions[PATH](caller, {})
        assert refused.value.status == status


def test_a_file_that_can_not_be_read_is_not_named(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor what is wrong with it. A search that takes too long says so."""
    monkeypatch.setattr("exporter.service.web.customer_requests._PATIENCE_SECONDS", -1.0)
    monkeypatch.setattr("exporter.request_log.search._STEPS", 1)
    with pytest.raises(RefusedError, match="takes too long") as late:
        asked(keeping)
    assert late.value.status == 504
    [path] = keeping.folder.glob("*.db")
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = b"\0" * (len(damaged) - 4096)
    path.write_bytes(damaged)
    monkeypatch.setattr("exporter.service.web.customer_requests._PATIENCE_SECONDS", 5.0)
    with pytest.raises(RefusedError) as unread:
        asked(keeping)
    assert (unread.value.status, str(unread.value)) == (500, "Requests can't be read at present.")
