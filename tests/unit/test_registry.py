"""The key registry: a file that is watched, or the gateway's admin API that is asked; what is bad is refused."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from exporter.config_keys import KeyApiConfig
from exporter.errors import InputError
from exporter.identity import Identity, KeyEntry
from exporter.keyapi import KeyApi
from exporter.keyfile import load_keys, written
from exporter.registry import KeyFile, Registry, kept
from tests.admin_api import Gateway, admin_api
from tests.counted import Counting, of

SECRET = b"a secret of the tests"
IDENTITY = Identity(SECRET)
RAW = "sk-live-1234567890abcdef"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with admin_api() as made:
        yield made


def api(url: str, **config: Any) -> KeyApi:
    return KeyApi(msgspec.convert({"url": url, **config}, KeyApiConfig).request, IDENTITY.hash)


def test_litellms_key_list(gateway: Gateway, tmp_path: Path) -> None:
    """All pages; a key is known by the hash that LiteLLM logs; the token goes into a header, read anew each time."""
    gateway.pages = [
        {
            "keys": [
                {
                    "token": "5c2f" * 16,
                    "key_name": "sk-...abcd",
                    "key_alias": "team-alpha",
                    "team_id": "alpha",
                    "created_at": "2026-01-02T03:04:05.000000Z",
                    "expires": None,
                    "blocked": None,
                    "metadata": {"plan": "gold"},
                }
            ],
            "total_pages": 2,
        },
        {"keys": [{"token": "77" * 32, "key_name": "sk-...wxyz", "blocked": True, "expires": "2027-01-01T00:00:00Z"}]},
    ]
    (tmp_path / "token").write_text("first\n", encoding="utf-8")
    source = api(gateway.url, preset="litellm", token_file=str(tmp_path / "token"))
    one, two = source.read()
    assert (one.public, one.name, one.owner, one.plan) == (IDENTITY.hash("5c2f" * 16), "team-alpha", "alpha", "gold")
    assert one.enabled
    assert one.created is not None
    assert one.created.isoformat() == "2026-01-02T03:04:05+00:00"
    assert (two.public, two.name, two.enabled) == (IDENTITY.hash("77" * 32), "sk-...wxyz", False)
    assert [urlsplit(path).path for path, _ in gateway.asked] == ["/key/list", "/key/list"]
    (tmp_path / "token").write_text("second", encoding="utf-8")
    source.read()
    assert [headers["Authorization"] for _, headers in gateway.asked[1:3]] == ["Bearer first", "Bearer second"]


def test_any_json_by_a_mapping(gateway: Gateway, tmp_path: Path) -> None:
    """Paths as in formats; raw keys become hashes at once; classes and headers as they are written."""
    gateway.pages = [
        {"data": {"rows": [{"k": f"Bearer {RAW}", "n": "", "alias": "a", "status": 1}, {"k": "x", "status": 2}]}}
    ]
    (tmp_path / "headers").write_text("X-Admin: s3cret\nX-User: 1\n", encoding="utf-8")
    fields = {
        "key": "k",
        "name": ["n", "alias"],
        "class": {"value": "internal"},
        "enabled": {"path": "status", "map": {"1": "true", "*": "false"}},
    }
    source = api(gateway.url + "/x", items="data.rows", fields=fields, headers_file=str(tmp_path / "headers"))
    one, two = source.read()
    assert (one.public, one.name, one.class_, one.enabled) == (IDENTITY.hash(RAW), "a", "internal", True)
    assert (two.public, two.name, two.enabled) == (IDENTITY.hash("x"), "", False)
    ((path, headers),) = gateway.asked
    assert (path, headers["X-Admin"], headers["X-User"]) == ("/x", "s3cret", "1")


@pytest.mark.parametrize(
    ("answer", "status", "problem"),
    [
        (b"<html>", 200, "its answer is not JSON"),
        (b'{"keys": [{"id": %b}]}' % (b"9" * 5000), 200, "its answer is not JSON"),
        ({"keys": {}}, 200, "no list in its answer at 'keys'"),
        ({"keys": [{"id": ""}]}, 200, "entry 1: a key needs an id, a hash (from `gateway-exporter hash`), or both"),
        ({"keys": [{"id": "a", "until": RAW}]}, 200, "entry 1: expires is not understood"),
        ({"keys": [{"id": "a", "kind": RAW}]}, 200, "entry 1: class is not understood"),
        ({"keys": [{"hash": RAW}]}, 200, "entry 1: hash: must be as `gateway-exporter hash` prints it: k_ and"),
        ({"keys": [{"id": "a"}, {"id": "a"}]}, 200, "entry 2 is a key that was there before"),
        ({"keys": [RAW]}, 200, "entry 1: a key needs an id"),
        ({}, 401, "it answered with status 401"),
        ({}, 302, "it answered with status 302"),
    ],
)
def test_an_answer_that_is_not_understood_is_told_without_what_is_in_it(
    gateway: Gateway, answer: Any, status: int, problem: str
) -> None:
    """A raw key may stand anywhere in it, and in the URL's query."""
    gateway.pages, gateway.status = [answer], status
    fields = {"id": "id", "hash": "hash", "expires": "until", "class": "kind"}
    with pytest.raises(InputError) as caught:
        api(f"{gateway.url}/list?secret={RAW}", items="keys", fields=fields).read()
    assert str(caught.value).startswith(f"{gateway.url}/list: {problem}")
    assert RAW not in str(caught.value)


def test_an_api_that_is_not_there(gateway: Gateway) -> None:
    """It is told what is wrong, in a line."""
    gateway.server.server_close()
    with pytest.raises(InputError, match=r"it can't be reached: ConnectionError$"):
        api(gateway.url, fields={"id": "id"}).read()


def test_an_api_that_fails_is_asked_less_and_less_often(gateway: Gateway) -> None:
    """Up to ten minutes, or to what the config says; a file is looked at as before."""
    fields = {"id": "id"}
    source = api(gateway.url, fields=fields, every="10s")
    assert [source.patience(failures) for failures in (0, 1, 3, 100)] == [10, 20, 80, 600]
    assert api(gateway.url, fields=fields, every="1h").patience(5) == 3600
    assert KeyFile(Path("keys.yaml")).patience(9) == 2


class Told:
    """A registry's `update`: keeps what it was told."""

    def __init__(self) -> None:
        self.entries: list[tuple[KeyEntry, ...] | None] = []

    def __call__(self, entries: tuple[KeyEntry, ...] | None, at: float) -> None:
        assert at > 0
        self.entries.append(entries)


def test_the_last_good_registry_stays_and_a_failure_is_told_once(
    gateway: Gateway, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The copy for the next start holds no raw key, and nobody else may read it."""
    caplog.set_level(logging.INFO)
    copy = tmp_path / "copy.json"
    told = Told()
    registry = Registry(api(gateway.url, fields={"key": "k", "name": "n"}), (), told, copy)
    gateway.pages = [[{"k": RAW, "n": "Acme"}]]
    registry.look()
    registry.look()
    acme = KeyEntry(hash=IDENTITY.hash(RAW), name="Acme")
    assert told.entries == [(acme,), None]
    gateway.status = 503
    for _ in range(3):
        registry.look()
    assert told.entries == [(acme,), None]
    assert [record.message.partition(": ")[0] for record in caplog.records if record.levelname == "ERROR"] == [
        "the key registry stays as it was"
    ]
    gateway.status = 200
    registry.look()
    assert told.entries[2:] == [None]
    assert kept(copy)[0] == (acme,)
    assert RAW not in copy.read_text("utf-8")
    assert copy.stat().st_mode & 0o077 == 0


def test_a_registry_that_was_stopped_while_it_was_reading_says_nothing_more(tmp_path: Path) -> None:
    """Another is in its place by now: its entries must not go over that one's, nor over its copy."""
    told = Told()

    class Slow(KeyFile):
        def read(self) -> tuple[KeyEntry, ...]:
            registry.stop()
            return (KeyEntry(id="old"),)

    registry = Registry(Slow(tmp_path / "keys.yaml"), (), told, tmp_path / "copy.json")
    registry.look()
    assert told.entries == []
    assert not (tmp_path / "copy.json").exists()


def test_a_copy_that_is_none_is_no_registry(tmp_path: Path) -> None:
    """Neither one that is not there nor a broken one stops the start."""
    (tmp_path / "broken").write_text("[{", encoding="utf-8")
    assert kept(tmp_path / "none") == kept(tmp_path / "broken") == ((), 0.0)


def test_entries_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    """Every field of an entry."""
    text = (
        "- {id: a, hash: k_0123456789abcdef, name: A, owner: o, plan: p, class: internal, enabled: false,\n"
        "   created: 2026-01-01, expires: 2027-01-01T01:02:03+02:00}\n- {id: b}\n"
    )
    (tmp_path / "keys.yaml").write_text(text, encoding="utf-8")
    entries = load_keys(tmp_path / "keys.yaml")
    (tmp_path / "copy").write_bytes(written(entries))
    assert load_keys(tmp_path / "copy") == entries


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    """A mistake is an error until it is mended."""
    path = tmp_path / "keys.yaml"
    told = Told()
    registry = Registry(KeyFile(path), (), told)
    registry.look()
    assert told.entries == []
    path.write_text("- {id: a}\n", encoding="utf-8")
    registry.look()
    path.write_text("- {id: a}\n- {idd: b}\n", encoding="utf-8")
    registry.look()
    registry.look()
    path.write_text("- {id: b}\n- {id: c}\n", encoding="utf-8")
    registry.look()
    assert told.entries == [(KeyEntry(id="a"),), (KeyEntry(id="b"), KeyEntry(id="c"))]


# --- what changes with it

CONFIG = "inputs: [{path: a.log, format: nginx-json}]\nidentity: {secret_file: secret}\nkeys: keys.yaml\n"
LINE = {"msec": 1772546709.0, "status": 200, "rpc_method": "m", "api_key": RAW}


def test_a_changed_registry_changes_names_classes_and_gauges(tmp_path: Path) -> None:
    """What was counted stays where it was; from then on a key is called and classed as the registry says."""
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "keys.yaml").write_text("- {id: old, name: Old, expires: 2027-01-01}\n", encoding="utf-8")
    counted = Counting(tmp_path, CONFIG)
    hashed = IDENTITY.hash(RAW)
    counted.count(LINE, LINE | {"api_key": "old"})
    counted.meter.count(counted.decoded([LINE]))

    acme = KeyEntry(id="acme", hash=hashed, name="Acme", owner="o", plan="gold", class_="internal", enabled=False)
    counted.assembly.take_keys([counted.meter], (acme,), 1.5)
    found = counted.count(LINE, LINE | {"api_key": "old"})
    assert of(found, "gateway_requests_total") == {
        ("business", hashed, "m", "200"): 2,
        ("business", "old", "m", "200"): 1,
        ("internal", "acme", "m", "200"): 1,
        ("business", IDENTITY.hash("old"), "m", "200"): 1,
    }
    info = of(found, "gateway_key_info")
    assert info[("internal", "acme", "Acme", "o", "gold")] == 1
    assert not any("Old" in labels for labels in info)
    assert of(found, "gateway_key_enabled") == {("acme",): 0}
    assert of(found, "gateway_key_expires_timestamp_seconds") == {}
    assert sorted(of(found, "gateway_key_last_used_timestamp_seconds")) == sorted(
        [("acme",), (hashed,), ("old",), (IDENTITY.hash("old"),)]
    )
    assert of(found, "gateway_exporter_key_registry_timestamp_seconds") == {(): 1.5}

    counted.assembly.take_keys([counted.meter], (KeyEntry(id="unused"),), 2)
    assert ("unused",) in of(counted.count(), "gateway_key_last_used_timestamp_seconds")
    counted.assembly.take_keys([counted.meter], (), 2.5)
    assert ("unused",) not in of(counted.count(), "gateway_key_last_used_timestamp_seconds")
    found = counted.count(LINE)
    assert of(found, "gateway_key_enabled") == {}
    assert of(found, "gateway_requests_total")[("business", hashed, "m", "200")] == 3


def test_a_registered_key_has_its_place_whatever_the_budget(tmp_path: Path) -> None:
    """Also one that is registered while the exporter runs."""
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "keys.yaml").write_text("- {id: a}\n", encoding="utf-8")
    counted = Counting(tmp_path, CONFIG + "metrics: {budgets: {key: 1}}\n")
    counted.count(LINE | {"api_key": "first"}, LINE | {"api_key": "second"})
    counted.assembly.take_keys([counted.meter], (KeyEntry(id="b"), KeyEntry(id="c")), 1.0)
    found = counted.count(*(LINE | {"api_key": key} for key in ("b", "c", "second")))
    keys = {labels[1]: value for labels, value in of(found, "gateway_requests_total").items()}
    assert keys == {IDENTITY.hash("first"): 1, "unknown": 2, "b": 1, "c": 1}
