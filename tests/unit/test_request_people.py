"""Users, teams and declared labels of kept requests; and files that were begun before there were such columns."""

import sqlite3
from pathlib import Path

import pytest

from exporter.errors import UsageError
from exporter.request_log.deletion import delete
from exporter.request_log.file_names import FileName
from exporter.request_log.key_names import KeyNames
from tests.keeping import Keeping
from tests.unit.test_request_log import FORMAT, NOW, line

PEOPLE = FORMAT.replace(
    "{json: {", "{custom_fields: {tier: tier}, json: {user: [who, mail], team: group, tenant: org, "
)


LABELS = (
    "metrics: {labels: {customer: {field: tenant}, tier: {}}, "
    "families: {gateway_requests_total: {add: [customer, tier]}}}"
)


def test_a_row_has_user_team_and_declared_labels(tmp_path: Path) -> None:
    """As they are shown anywhere: e-mail addresses shortened, and what could be a key hashed."""
    keeping = Keeping(tmp_path, PEOPLE, more=LABELS)
    keeping.keep(
        line(0, who="ada", group="core", org="acme", tier="gold"),
        line(1, mail="ada.lovelace@example.com", group="core", org="globex", tier="gold"),
        line(2, who="sk-live-0123456789abcdef0123456789", group="-"),
    )
    rows = keeping.rows()
    assert [row["user"] for row in rows[1:]] == ["a***@example.com", "ada"]
    assert rows[0]["user"].startswith("k_")
    assert [row["team"] for row in rows] == [None, "core", "core"]
    assert [row["labels"] for row in rows] == [
        {},
        {"customer": "globex", "tier": "gold"},
        {"customer": "acme", "tier": "gold"},
    ]
    assert keeping.found(user="ada,a***@example.com") == ["r1", "r0"]
    assert keeping.found(label="customer=acme, customer=globex", team="core") == ["r1", "r0"]
    assert keeping.found(label="tier=gold", user="ada") == ["r0"]
    assert keeping.sums(team="core").requests == 2
    with pytest.raises(UsageError, match="label: 'gold' is not valid; use NAME=VALUE"):
        keeping.found(label="gold")
    assert delete(keeping.folder, KeyNames(), {"user": "ada"}) == 1
    assert keeping.found(team="core") == ["r1"]
    keeping.log.close()


def test_users_cost_no_cells(tmp_path: Path) -> None:
    """Of which there is one for each combination of values that metrics need."""
    keeping = Keeping(tmp_path, PEOPLE)
    keeping.keep(*(line(who=f"user-{n}") for n in range(50)))
    assert len({row["user"] for row in keeping.rows()}) == 50
    assert [len(cells) for cells in keeping.meter._cells.by_key.values()] == [1]
    keeping.log.close()


def test_a_format_can_leave_the_user_out(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path, "{preset: caddy, fields: {user: {value: ''}}}")
    keeping.keep({"logger": "http.log.access", "ts": NOW, "status": 200, "user_id": "ada"})
    assert [row["user"] for row in keeping.rows()] == [None]
    keeping.log.close()


def test_a_label_made_of_the_user_is_kept_besides(tmp_path: Path) -> None:
    keeping = Keeping(
        tmp_path,
        PEOPLE,
        more="metrics: {labels: {user: {budget: 1}}, families: {gateway_requests_total: {add: [user]}}}",
    )
    keeping.keep(line(0, who="ada"), line(1, who="bob"))
    assert [(row["user"], row["labels"]) for row in keeping.rows()] == [
        ("bob", {"user": "bob"}),
        ("ada", {"user": "ada"}),
    ]
    keeping.log.close()


# The tables of version 1, without user, team and labels.
VERSION_1 = """
CREATE TABLE kind (id INTEGER PRIMARY KEY, input TEXT, key TEXT, key_name TEXT, key_owner TEXT, class TEXT, method TEXT,
 route TEXT, chain TEXT, protocol TEXT, status TEXT, error_type TEXT, model TEXT, requested_model TEXT,
 billed_model TEXT, provider TEXT, attempts TEXT, blocked_reason TEXT, unbilled INTEGER, cached INTEGER,
 cost_multiplier REAL, currency TEXT, timed INTEGER);
CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT);
CREATE TABLE request (id INTEGER PRIMARY KEY, time INTEGER, kind INTEGER, origin INTEGER, client INTEGER,
 request_id TEXT, attempt_times TEXT, duration INTEGER, time_to_first_token INTEGER, request_bytes INTEGER,
 response_bytes INTEGER, input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER,
 cache_write_tokens INTEGER, reasoning_tokens INTEGER, cost REAL);
CREATE INDEX by_time ON request (time);
PRAGMA application_id=1196906572;
PRAGMA user_version=1;
INSERT INTO kind (id, input, key, status, class, unbilled, cached, timed)
 VALUES (1, 'in', 'k', '200', 'business', 0, 0, 1);
INSERT INTO word VALUES (1, 'app.test');
"""


def test_a_file_of_an_earlier_version_is_searched_and_continued(tmp_path: Path) -> None:
    """Without the columns that it does not have, before and after the exporter has started; deletion works, too."""
    keeping = Keeping(tmp_path, PEOPLE)
    keeping.log.close()
    path = keeping.folder / FileName(NOW // 86_400, 1).text
    old = sqlite3.connect(path)
    old.executescript(VERSION_1)
    old.execute(
        f"INSERT INTO request (id, time, kind, origin, request_id, cost) VALUES (1, {NOW * 1000}, 1, 1, 'old', 2)"
    )
    old.commit()
    old.close()
    [row] = keeping.rows(origin="app.test")
    assert (row["request_id"], row["user"], row["labels"], row["cost"]) == ("old", None, {}, 2)
    assert (keeping.found(user="ada"), keeping.sums().cost, keeping.search().last_id()) == ([], 2, 1)
    assert delete(keeping.folder, KeyNames(), {"user": "ada"}) == 0
    again = Keeping(tmp_path, PEOPLE)
    again.keep(line(1, who="ada"))
    assert [(row["request_id"], row["user"], row["id"]) for row in again.rows()] == [("r1", "ada", 2), ("old", None, 1)]
    assert delete(keeping.folder, KeyNames(), {"user": "ada"}) == 1
    assert again.found() == ["old"]
    again.log.close()
