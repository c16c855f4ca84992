"""The key registry: a file that is watched, or the gateway's admin API that is asked; what is bad is refused."""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from exporter.clock import Clock
from exporter.config.keys import KeyApiConfig
from exporter.errors import InputError
from exporter.keys.api import KeyApi
from exporter.keys.file import load_keys, written
from exporter.keys.identity import Identity, KeyEntry
from exporter.keys.key_metrics import Keys
from exporter.keys.registry import KeyFile, Registry, kept
from exporter.metrics.series import Series
from exporter.metrics.store import Store
from exporter.model.record import AccessRecord
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
    """All pages, by the hash that LiteLLM logs. The token goes into a header and is read again each time."""
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
    entry, two = source.read()
    assert (entry.public, entry.name, entry.owner, entry.plan) == (
        IDENTITY.hash("5c2f" * 16),
        "team-alpha",
        "alpha",
        "gold",
    )
    assert entry.enabled
    assert entry.created is not None
    assert entry.created.isoformat() == "2026-01-02T03:04:05+00:00"
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
    entry, two = source.read()
    assert (entry.public, entry.name, entry.class_, entry.enabled) == (IDENTITY.hash(RAW), "a", "internal", True)
    assert (two.public, two.name, two.enabled) == (IDENTITY.hash("x"), "", False)
    ((path, headers),) = gateway.asked
    assert (path, headers["X-Admin"], headers["X-User"]) == ("/x", "s3cret", "1")


@pytest.mark.parametrize(
    ("answer", "status", "problem"),
    [
        (b"<html>", 200, "the response is not valid JSON"),
        (b'{"keys": [{"id": %b}]}' % (b"9" * 5000), 200, "the response is not valid JSON"),
        ({"keys": {}}, 200, "the response has no list at 'keys'"),
        ({"keys": [{"id": ""}]}, 200, "entry 1: a key needs an id, a hash (from `gateway-exporter hash`), or both"),
        ({"keys": [{"id": "a", "until": RAW}]}, 200, "entry 1: expires is not valid"),
        ({"keys": [{"id": "a", "kind": RAW}]}, 200, "entry 1: class is not valid"),
        ({"keys": [{"hash": RAW}]}, 200, "entry 1: hash: must be as `gateway-exporter hash` prints it: k_ and"),
        ({"keys": [{"id": "a"}, {"id": "a"}]}, 200, "entry 2 is the same key as an earlier entry"),
        ({"keys": [RAW]}, 200, "entry 1: a key needs an id"),
        ({}, 401, "the server answered with status 401"),
        ({}, 302, "the server answered with status 302"),
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
    """The log has one line that says what is wrong."""
    gateway.server.server_close()
    with pytest.raises(InputError, match=r"does not answer \(Connection (?:refused|reset by peer)\);"):
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
    problems: list[str] = []
    registry = Registry(api(gateway.url, fields={"key": "k", "name": "n"}), (), told, copy, problems.append)
    gateway.pages = [[{"k": RAW, "n": "Acme"}]]
    registry.poll_once()
    registry.poll_once()
    acme = KeyEntry(hash=IDENTITY.hash(RAW), name="Acme")
    assert told.entries == [(acme,), None]
    gateway.status = 503
    for _ in range(3):
        registry.poll_once()
    assert told.entries == [(acme,), None]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        f"key registry refresh failed ({gateway.url}: the server answered with status 503); "
        "keeping the previous entries, retrying in 120 s"
    ]
    gateway.status = 200
    registry.poll_once()
    assert told.entries[2:] == [None]
    assert problems == [f"{gateway.url}: the server answered with status 503", ""]
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
    registry.poll_once()
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
    registry.poll_once()
    assert told.entries == []
    path.write_text("- {id: a}\n", encoding="utf-8")
    registry.poll_once()
    path.write_text("- {id: a}\n- {idd: b}\n", encoding="utf-8")
    registry.poll_once()
    registry.poll_once()
    path.write_text("- {id: b}\n- {id: c}\n", encoding="utf-8")
    registry.poll_once()
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
    counted.assembly.apply_keys([counted.meter], (acme,), 1.5)
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

    counted.assembly.apply_keys([counted.meter], (KeyEntry(id="unused"),), 2)
    assert ("unused",) in of(counted.count(), "gateway_key_last_used_timestamp_seconds")
    counted.assembly.apply_keys([counted.meter], (), 2.5)
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
    counted.assembly.apply_keys([counted.meter], (KeyEntry(id="b"), KeyEntry(id="c")), 1.0)
    found = counted.count(*(LINE | {"api_key": key} for key in ("b", "c", "second")))
    keys = {labels[1]: value for labels, value in of(found, "gateway_requests_total").items()}
    assert keys == {IDENTITY.hash("first"): 1, "unknown": 2, "b": 1, "c": 1}


# --- limits, and what they need of it

ASKED = (
    "inputs: [{path: a.log, format: nginx-json}]\nidentity: {secret_file: secret}\nkeys: {url: 'http://127.0.0.1:9/'}\n"
)
HASHED = IDENTITY.hash(RAW)
ACME = KeyEntry(id="acme", hash=HASHED)
USED = "gateway_limit_used"


@pytest.fixture
def asked(tmp_path: Path) -> Counting:
    """An exporter whose registry has not answered yet."""
    (tmp_path / "secret").write_bytes(SECRET)
    return Counting(tmp_path, ASKED.replace("url:", "fields: {id: id}, url:"))


def month(counted: Counting) -> dict[str, float]:
    """What each key has used this month."""
    counted.meter.fold()
    counted.assembly.context.limits.update_gauges(None)
    return {labels[0]: used for labels, used in of(counted.samples(), USED).items() if labels[2] == "1mo"}


def now(status: int = 200, key: str = RAW) -> dict[str, Any]:
    return LINE | {"msec": time.time(), "status": status, "api_key": key}


def test_what_was_used_before_the_registry_answered_is_used(asked: Counting) -> None:
    """Also what no label shows: requests of a key that had no success yet. Refused ones are none."""
    asked.count(now(500), now(429), now(404), now(500, "sk-other"))
    asked.count(now(), now(), now(key="sk-zeta"), now(404, "sk-scanner"))
    assert month(asked) == {}
    asked.assembly.apply_keys([asked.meter], (ACME, KeyEntry(id="zeta", hash=IDENTITY.hash("sk-zeta"))), 1.0)
    assert month(asked) == {"acme": 4, "zeta": 1}
    asked.count(now(), now(key="sk-other"))
    assert month(asked) == {"acme": 5, "zeta": 1}
    last = of(asked.samples(), "gateway_key_last_used_timestamp_seconds")
    assert last["acme",] > time.time() - 600
    limits = asked.assembly.context.limits
    assert sorted(key for key, _, _ in limits.snapshot()[1]) == sorted(
        ["acme", "acme", IDENTITY.hash("sk-other"), "zeta"]
    )


def test_what_was_used_before_the_registry_answered_is_used_after_a_restart(asked: Counting, tmp_path: Path) -> None:
    """And what waits for it no more is forgotten, by the next process, too."""
    asked.count(now(500), now(), now(404, "sk-scanner"))
    limits = asked.assembly.context.limits
    asked.meter.fold()
    again = Counting(tmp_path, ASKED.replace("url:", "fields: {id: id}, url:"))
    again.assembly.context.limits.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(limits.snapshot())))
    again.assembly.apply_keys([again.meter], (ACME,), 1.0)
    assert month(again) == {"acme": 2}
    _, uses, apart = again.assembly.context.limits.snapshot()
    assert (len(uses), apart) == (1, [])


def test_use_that_is_restored_goes_to_the_key_that_is_registered_by_then(asked: Counting, tmp_path: Path) -> None:
    """The registry had not answered before the end, and has at the next start."""
    asked.count(now(500), now())
    asked.meter.fold()
    (tmp_path / "keys.yaml").write_text(f"- {{id: acme, hash: {HASHED}}}\n", encoding="utf-8")
    again = Counting(tmp_path, CONFIG)
    again.assembly.context.limits.restore(asked.assembly.context.limits.snapshot())
    again.assembly.adopt()
    assert month(again) == {"acme": 2}


def test_a_key_that_is_registered_later_has_used_what_it_had(tmp_path: Path) -> None:
    """It was made, used, and came to the registry a minute later: that is no gift."""
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "keys.yaml").write_text("- {id: old}\n", encoding="utf-8")
    counted = Counting(tmp_path, CONFIG)
    counted.count(now(), now())
    assert month(counted) == {"old": 0}
    counted.assembly.apply_keys([counted.meter], (KeyEntry(id="old"), ACME), 1.0)
    counted.count(now())
    assert month(counted) == {"old": 0, "acme": 3}


def test_the_use_of_strangers_is_bounded(
    asked: Counting, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past that it is not kept, which is said once; registered keys have theirs."""
    monkeypatch.setattr("exporter.limits.usage._MOST_STRANGERS", 3)
    asked.count(*(now(404, f"sk-{n}") for n in range(9)), now())
    asked.meter.fold()
    assert len(asked.assembly.context.limits.snapshot()[1]) == 3
    assert [message for message in caplog.messages if "not kept" in message] == [
        "more than 3 unregistered keys; the use of others is not kept"
    ]
    asked.assembly.apply_keys([asked.meter], (ACME,), 1.0)
    asked.count(now())
    assert month(asked) == {"acme": 1}


def test_an_answer_without_keys_is_one(asked: Counting) -> None:
    """From then on only what is a label is kept."""
    asked.count(now(500), now(200, "sk-zeta"))
    asked.assembly.apply_keys([asked.meter], None, 1.0)
    asked.count(now(500))
    assert [key for key, _, _ in asked.assembly.context.limits.snapshot()[1]] == [IDENTITY.hash("sk-zeta")]


def test_a_key_that_becomes_a_label_keeps_its_use_past_the_answer(asked: Counting) -> None:
    """It failed first and succeeded then, and came to the registry after its first answer."""
    asked.count(now(500), now(), now())
    asked.assembly.apply_keys([asked.meter], (KeyEntry(id="other"),), 1.0)
    asked.count(now())
    asked.assembly.apply_keys([asked.meter], (KeyEntry(id="other"), ACME), 2.0)
    assert month(asked) == {"other": 0, "acme": 4}


def test_what_is_registered_has_its_place_past_max_series(tmp_path: Path) -> None:
    """Limits, and what is known of keys: none of them is summed up as `other`, used or not."""
    (tmp_path / "secret").write_bytes(SECRET)
    names = [f"key-{n}" for n in range(9)]
    (tmp_path / "keys.yaml").write_text("".join(f"- {{id: {name}, plan: p}}\n" for name in names), encoding="utf-8")
    plans = "plans: {p: {limits: [{window: 1h, requests: 5}]}}\nmetrics: {max_series: 2}\n"
    counted = Counting(tmp_path, CONFIG + plans)
    found = counted.count(*(now(key=name) for name in (*names[:6], "stranger-1", "stranger-2", "stranger-3")))
    counted.assembly.context.limits.update_gauges(None)
    found = counted.samples()
    for name in ("gateway_limit_used", "gateway_limit_used_last", "gateway_limit_reset_timestamp_seconds"):
        assert sorted({labels[0] for labels in of(found, name)}) == names
        assert len(of(found, name)) == 3 * len(names)
    assert sorted(labels[0] for labels in of(found, "gateway_limit")) == names
    assert month(counted) == {name: int(name in names[:6]) for name in names}
    assert {labels[1] for labels in of(found, "gateway_key_info")} >= {*names}
    assert {labels[0] for labels in of(found, "gateway_key_last_used_timestamp_seconds")} == {*names, "other"}


def test_that_other_keys_share_a_gauge_past_max_series_is_said() -> None:
    """Of keys that are not registered; one that is shares nothing."""
    store = Store(max_series=2)
    keys = Keys(store, Clock())
    keys.update({"acme": ACME})
    gauges = [keys.seen(name, AccessRecord()) for name in ("a", "b", "acme", "c", "d", "a")]
    assert [gauges.index(gauge) for gauge in gauges] == [0, 1, 2, 3, 3, 0]
    overflow = store.families["gateway_exporter_overflow_total"].series
    assert {labels: series.value for labels, series in overflow.items() if isinstance(series, Series)} == {
        ("gateway_key_info",): 2,
        ("gateway_key_last_used_timestamp_seconds",): 2,
    }


def test_an_unchanged_copy_is_not_written_again(gateway: Gateway, tmp_path: Path) -> None:
    """Its time says when the registry was read last."""
    copy = tmp_path / "copy.json"
    gateway.pages = [[{"id": "a"}]]
    registry = Registry(api(gateway.url, fields={"id": "id"}), (), lambda *_: None, copy)
    registry.poll_once()
    first = copy.stat()
    os.utime(copy, (1.0, 1.0))
    registry.poll_once()
    assert copy.stat().st_ino == first.st_ino
    assert kept(copy)[1] > time.time() - 600


def test_a_copy_from_the_future_was_read_now(tmp_path: Path) -> None:
    """By a clock that was ahead: else a registry that is stale looks fresh until that date."""
    copy = tmp_path / "copy.json"
    copy.write_bytes(written((ACME,)))
    os.utime(copy, (4e9, 4e9))
    assert kept(copy)[1] <= time.time()


def test_a_file_that_did_not_change_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it changed just before it was read: it may have changed once more without showing it."""
    path = tmp_path / "keys.yaml"
    reads: list[Path] = []
    read = Path.read_text

    def counted(path: Path, encoding: str) -> str:
        reads.append(path)
        return read(path, encoding=encoding)

    monkeypatch.setattr(Path, "read_text", counted)
    path.write_text("- {id: a}\n- {id: b, name: B}\n", encoding="utf-8")
    os.utime(path, (time.time() + 60,) * 2)  # just before, however slowly this goes on
    load_keys(path)
    entries = load_keys(path)
    assert len(reads) == 2
    os.utime(path, (1e9, 1e9))
    first = load_keys(path)
    assert load_keys(path) is first
    assert len(reads) == 3
    assert all(entry is other for entry, other in zip(first, entries, strict=True))  # what is the same is held once
    path.write_text("- {id: a}\n- {id: b, name: C}\n", encoding="utf-8")
    os.utime(path, (1e9, 1e9 + 1))
    assert [entry.name for entry in load_keys(path)] == ["", "C"]
