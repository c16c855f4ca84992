"""Filters of single requests, as people and links give them."""

import csv
import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.errors import UsageError
from exporter.request_log.deletion import delete
from exporter.request_log.filters import alternatives
from exporter.request_log.key_names import KeyNames
from tests.keeping import Keeping
from tests.unit.test_request_log import FORMAT, line

KEYS = """
- {id: "a,b", name: 'Acme "The", Inc.', owner: "Acme, Inc."}
- {id: a, name: Acme "The", owner: Acme}
- {id: b, name: Inc., owner: Inc.}
"""


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Keeping]:
    (tmp_path / "keys.yaml").write_text(KEYS, encoding="utf-8")
    made = Keeping(tmp_path, FORMAT.replace("request_id: id", "request_id: id, user: who"), more="keys: keys.yaml")
    made.keep(line(0, key="a,b", who="ada, née b", model="m,1"), line(1, key="a"), line(2, key="b", status=404))
    yield made
    made.log.close()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"key": "a,b"}, ["r2", "r1"]),
        ({"key": '"a,b"'}, ["r0"]),
        ({"key": '"a,b", b'}, ["r2", "r0"]),
        ({"key": '"Acme ""The"", Inc."'}, ["r0"]),
        ({"owner": '"Acme, Inc."'}, ["r0"]),
        ({"owner": "Acme, Inc."}, ["r2", "r1"]),
        ({"user": '"ada, née b"'}, ["r0"]),
        ({"model": '"m,1"'}, ["r0"]),
        ({"status": '"404"'}, []),
        ({"key": ","}, []),
        ({"key": '""'}, []),
    ],
    ids=str,
)
def test_a_value_with_a_comma_stands_in_quotes(keeping: Keeping, asked: dict[str, str], found: list[str]) -> None:
    """As in CSV; without them, a comma is between alternatives."""
    assert keeping.found(**asked) == found


@pytest.mark.parametrize("given", ["a,b", '"a,b",a', ",", '""'])
def test_only_one_is_deleted(keeping: Keeping, given: str) -> None:
    """A name with a comma is not the two that are in it."""
    with pytest.raises(UsageError, match="--key must be one to delete the requests of"):
        delete(keeping.folder, KeyNames(), {"key": given})
    assert delete(keeping.folder, KeyNames(), {"key": '"a,b"'}) == 1
    assert keeping.found() == ["r2", "r1"]


def test_any_values_are_read_as_csv_writes_them() -> None:
    chance = random.Random(11)
    for _ in range(500):
        words = ["".join(chance.choices("ab,\"' =é", k=chance.randrange(1, 9))).strip() or "a" for _ in range(3)]
        written = io.StringIO()
        csv.writer(written, lineterminator="").writerow(words)
        assert alternatives("key", written.getvalue()) == words, words


def test_so_many_values_as_are_allowed_are_found(keeping: Keeping) -> None:
    """Of each filter together; more are refused, and not by the database."""
    many = ",".join(["a"] * 200)
    asked = {"key": many, "owner": "Acme," * 200, "user": many, "status": "2xx," * 200, "provider": many}
    assert keeping.found(**asked) == []
    assert keeping.found(key=many) == ["r1"]
    with pytest.raises(UsageError, match="key: has 201 values; at most 200 can be asked for at once"):
        alternatives("key", many + ",a")


@pytest.mark.parametrize("given", ["a\nb", "a\rb", "x" * 200_000, '"', '"a,b', '"a"b', 'a,"b'])
def test_what_is_no_line_of_csv_is_refused(given: str) -> None:
    """A quote that is not closed, too: what stands behind it may be meant as another value."""
    with pytest.raises(UsageError, match="key: too long, with a line break, or with an odd"):
        alternatives("key", given)
