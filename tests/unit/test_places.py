"""Places: a value earns one by a success, keeps it while a series of it lives, and gives it back then."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import astuple

from exporter.config.load import load
from exporter.counting.admission import Admission, Admissions
from exporter.keys.identity import Identity
from exporter.metrics.exposition import Renderer, render
from exporter.metrics.zero_hold import Visitor
from exporter.model.labels import BUDGETS
from exporter.service.assembly import Assembly
from tests.counted import of
from tests.exporter import Samples, samples

SECRET = "a secret of the tests"
REQUESTS = "gateway_requests_total"
ORIGINS = "gateway_origin_requests_total"
FORMAT = (
    "{json: {time: t, status: s, http_method: verb, path: path, rpc_method: m, key: key, origin: from, model: model,"
)
FORMAT += (
    " requested_model: asked, provider: by, duration: took, chain: chain, attempts: tried, attempt_circuits: open}}"
)


def public(key: str) -> str:
    """What a raw key is shown as."""
    return Identity(SECRET.encode()).hash(key)


class Gateway:
    """A folder with a config and a log; `begin` is a new process of the exporter."""

    def __init__(self, folder: Path, **more: Any) -> None:
        (folder / "secret").write_text(SECRET, encoding="utf-8")
        metrics = {"expire_after": "1h", "scrape_interval": "1ms"} | more.pop("metrics", {})
        config = {"identity": {"secret_file": "secret"}, "state": {"path": "state.db"}, "metrics": metrics} | more
        written = f"inputs: [{{path: access.json, format: {FORMAT}}}]\n"
        self.config = folder / "config.yaml"
        lines = [f"{name}: {json.dumps(value)}\n" for name, value in config.items()]
        self.config.write_text(written + "".join(lines), encoding="utf-8")
        self.log = folder / "access.json"
        self.log.write_bytes(b"")
        self.begin()

    def begin(self) -> None:
        self.assembly = Assembly(load(self.config), serving=True)
        self.admissions = self.assembly.context.admissions
        self.pipeline = self.assembly.pipeline()
        self.pipeline.open()

    def count(self, *keys: str, **more: object) -> None:
        """A line of each key."""
        with self.log.open("a", encoding="utf-8") as out:
            for key in keys:
                out.write(json.dumps({"t": 1, "s": 200, "m": "eth_call", "key": key} | more) + "\n")
        self.pipeline.feeds[0].input.scan()
        while self.pipeline.feeds[0].count_next_chunk():
            pass
        assert self.pipeline.commit()

    def passes(self, looks: int = 17) -> None:
        """Time, of so many looks; all but what is counted in between expires after 16."""
        for _ in range(looks):
            self.pipeline.expiry._looked -= 3600
            assert self.pipeline.commit()

    def found(self) -> Samples:
        """What is served, when all have seen the zeros."""
        for family in self.assembly.store.families.values():
            for series in family.series.values():
                series.released = True
        return samples(b"".join(render(self.assembly.store)[0]).decode())

    def by(self, name: str, label: str) -> dict[str, float]:
        """A family's values by one of its labels."""
        family = self.assembly.store.families[name]
        place = family.family.labels.index(label)
        found: dict[str, float] = {}
        for labels, series in family.series.items():
            found[labels[place]] = found.get(labels[place], 0) + series.value  # type: ignore[union-attr]
        return found


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path, metrics={"budgets": {"key": 2, "origin": 1, "model": 2, "provider": 1}})


def test_a_key_gets_the_place_of_one_that_has_gone(gateway: Gateway) -> None:
    """Also one that was asked for before, and had none. What was served of the one that has gone is gone whole."""
    gateway.count("one", "two", "three")
    assert gateway.by(REQUESTS, "key") == {public("one"): 1, public("two"): 1, "unknown": 1}
    for _ in range(17):
        gateway.count("two", "three")
        gateway.passes(1)
    gateway.count("three")
    assert gateway.by(REQUESTS, "key") == {public("two"): 18, "unknown": 18, public("three"): 1}
    assert not [name for name in gateway.found() if public("one") in name]
    assert {labels[0] for labels in of(gateway.found(), "gateway_key_info")} == {"business"}
    named = [name for name in gateway.found() if name.startswith("gateway_key_info")]
    assert len(named) == 2
    assert gateway.admissions.used["key"] == (2, 2)


def test_a_key_that_comes_back_is_born_at_zero(gateway: Gateway) -> None:
    """It earns its place like any other, and is held like any other; its info and last use are there again."""
    gateway.count("one", t=5)
    gateway.passes()
    assert not [name for name in gateway.found() if public("one") in name]
    gateway.count("one", s=404, t=6)
    assert gateway.by(REQUESTS, "key") == {"unknown": 1}
    gateway.count("one", t=7)
    (again,) = [
        series for labels, series in gateway.assembly.store.families[REQUESTS].series.items() if "unknown" not in labels
    ]
    assert (again.released, gateway.by(REQUESTS, "key")) == (False, {"unknown": 1, public("one"): 1})
    found = gateway.found()
    assert found[f'gateway_key_last_used_timestamp_seconds{{key="{public("one")}"}}'] == 7
    assert len(of(found, "gateway_key_info")) == 1


def test_a_place_stays_while_one_series_of_it_lives(gateway: Gateway) -> None:
    """Whichever family that is in."""
    gateway.count("one", "two")
    for _ in range(40):
        gateway.count("one", s=500)
        gateway.passes(1)
    assert gateway.by(REQUESTS, "status") == {"500": 40}
    assert gateway.by(REQUESTS, "key") == {public("one"): 40}
    assert ("key", "", public("one")) in gateway.admissions.places
    assert ("key", "", public("two")) not in gateway.admissions.places


def test_an_origin_of_a_key_gives_its_place_back_too(gateway: Gateway) -> None:
    """To another one of the same key. It is then a new one, as any that is not known."""
    gateway.count("one", **{"from": "https://a.example"})
    for _ in range(17):
        gateway.count("one", **{"from": "https://b.example"})
        gateway.passes(1)
    assert gateway.by("gateway_key_new_origins_total", "key") == {}
    gateway.count("one", **{"from": "https://b.example"})
    assert gateway.by(ORIGINS, "origin") == {"other": 17, "b.example": 1}
    assert gateway.by("gateway_key_new_origins_total", "key") == {public("one"): 1}
    gateway.passes()
    assert gateway.admissions.places == []
    assert gateway.admissions._origins == {}


@pytest.mark.parametrize("off", [False, {"drop": ["origin"]}])
def test_origins_that_no_series_tells_apart_stay_as_long_as_their_key(tmp_path: Path, off: object) -> None:
    """So none is new a second time."""
    gateway = Gateway(tmp_path, metrics={"families": {ORIGINS: off}})
    gateway.count("one", **{"from": "https://a.example"})
    assert gateway.by("gateway_key_new_origins_total", "key") == {public("one"): 1}
    for _ in range(40):
        gateway.count("one", **{"from": "https://a.example"})
        gateway.passes(1)
    assert gateway.by("gateway_key_new_origins_total", "key") == {}
    assert gateway.admissions.used["origin"] == (1, 50)
    gateway.passes()
    assert gateway.admissions.places == []


def test_origins_without_their_key_stay_while_a_series_has_them(tmp_path: Path) -> None:
    """Where the family drops the key, whoever called from there."""
    gateway = Gateway(tmp_path, metrics={"families": {ORIGINS: {"drop": ["key"]}}})
    gateway.count("one", **{"from": "https://a.example"})
    for _ in range(20):
        gateway.count("one")
        gateway.count("two", **{"from": "https://a.example"})
        gateway.passes(1)
    assert ("origin", public("one"), "a.example") in gateway.admissions.places


def test_models_and_providers_go_with_their_gauges(gateway: Gateway) -> None:
    """A model that was only asked for, and a provider that was only tried, have their places by these labels."""
    line = {"model": "served", "asked": "wanted", "by": "p", "tried": "p", "open": "open"}
    gateway.count("one", **line)
    circuit = 'gateway_provider_circuit_open{provider="p"}'
    assert gateway.found()[circuit] == 1
    for _ in range(20):
        gateway.count("one", **line)
        gateway.passes(1)
    places = {("model", "", "served"), ("model", "", "wanted"), ("provider", "", "p")}
    assert places <= {*gateway.admissions.places}
    assert gateway.found()[circuit] == 1
    gateway.passes()
    assert gateway.admissions.places == []
    assert circuit not in gateway.found()
    gateway.count("one", model="another", by="q")
    assert gateway.by("gateway_model_requests_total", "model") == {"another": 1}
    assert gateway.by("gateway_model_requests_total", "provider") == {"q": 1}


def test_methods_and_chains_give_their_places_back(gateway: Gateway) -> None:
    """With the slowest request of the last minutes."""
    gateway.count("one", m="eth_a", chain="ethereum", took=1.5)
    gateway.passes()
    assert gateway.admissions.places == []
    gateway.pipeline._slowest.update_gauges(100)
    assert gateway.pipeline._slowest._known == {}


def test_a_place_without_a_series_goes_when_it_was_idle_for_as_long(tmp_path: Path) -> None:
    """Where its families are full, it is in none; it must not take the place of others for ever."""
    gateway = Gateway(tmp_path, metrics={"max_series": 1, "budgets": {"key": 2}})
    gateway.count("one", "two", "three")
    assert gateway.by(REQUESTS, "key") == {public("one"): 1, "other": 2}
    for _ in range(16):
        gateway.count("one")
        gateway.passes(1)
    assert gateway.admissions.used["key"] == (2, 2)
    gateway.count("one")
    gateway.passes(1)
    assert ("key", "", public("two")) not in gateway.admissions.places


def test_sums_are_whole_whoever_has_a_place(gateway: Gateway) -> None:
    """Lines of keys that come and go: each is counted once, by a key or as unknown, and only expiry takes any away."""
    lines = 0
    for n in range(60):
        gateway.count(*(f"key-{n // 20 * 3 + m}" for m in range(3)))
        lines += 3
        gateway.passes(1)
        assert gateway.admissions.used["key"][0] <= 2
        assert sum(gateway.by("gateway_exporter_lines_total", "result").values()) == lines
    last = {public(f"key-{m}") for m in range(6, 9)}
    found = gateway.by(REQUESTS, "key")
    assert {*found} <= last | {"unknown"}
    assert sum(found.values()) >= 60


def test_a_restart_keeps_places_exactly(gateway: Gateway) -> None:
    """Those that were given back are free, those that were taken are not."""
    gateway.count("one", "two", **{"from": "https://a.example"})
    for _ in range(17):
        gateway.count("two", **{"from": "https://a.example"})
        gateway.passes(1)
    gateway.count("three", m="eth_b", **{"from": "https://b.example"})
    assert ("origin", public("three"), "b.example") in gateway.admissions.places
    for snapshot in (False, True):
        before = sorted(gateway.admissions.places)
        assert {value for label, _, value in before if label == "key"} == {public("two"), public("three")}
        gateway.pipeline.checkpoint._whole = snapshot  # type: ignore[union-attr]
        gateway.count("two", m="eth_c" if snapshot else "eth_d")
        before = sorted(gateway.admissions.places)
        gateway.pipeline.close()
        gateway.begin()
        assert sorted(gateway.admissions.places) == before
    gateway.count("one")
    assert gateway.by(REQUESTS, "key")["unknown"] == 1


def test_a_place_that_could_not_be_committed_is_committed_later(gateway: Gateway) -> None:
    """Taken, given back and taken again meanwhile: what counts is how it was last."""
    gateway.count("one")
    database = gateway.pipeline.checkpoint._state._db  # type: ignore[union-attr]
    database.execute("PRAGMA query_only=1")
    for _ in range(17):
        gateway.pipeline.expiry._looked -= 3600
        gateway.pipeline.commit()
    assert gateway.admissions.places == []
    database.execute("PRAGMA query_only=0")
    gateway.count("two")
    before = sorted(gateway.admissions.places)
    gateway.pipeline.close()
    gateway.begin()
    assert sorted(gateway.admissions.places) == before


def test_a_value_that_is_declared_no_more_keeps_its_place_while_it_has_a_series() -> None:
    """At the budget's cost; one that is declared costs nothing, whatever it did before."""
    admissions = Admissions({"key": 1}, {"key": ["a", "b", "unused"]})
    assert admissions.used["key"] == (0, 1)
    admissions.judge("key", "c", success=True)
    admissions.declare("key", ["b", "c"])
    assert admissions.used["key"] == (2, 1)
    assert admissions.changes == {("key", "", "c"): False, ("key", "", "a"): True, ("key", "", "unused"): True}
    held: dict[str, set[str]] = {label: set() for label in BUDGETS}
    assert admissions.give_back(held | {"key": {"a", "b"}}, None) == {"key": {"unused"}}
    assert admissions.give_back(held, None) == {"key": {"a"}}
    assert admissions.places == []
    assert [admissions.judge("key", key, success=False).value for key in "abc"] == ["unknown", "b", "c"]


def test_other_bounds_hold_for_all_that_is_judged_from_then_on() -> None:
    """Of origins too, whose key was seen before; what has its place keeps it."""
    admissions = Admissions({"method": 1, "origin": 1})
    judged = [admissions.judge("method", name, success=True).value for name in "ab"]
    judged += [admissions.origin("key", name, success=True).value for name in "ab"]
    assert judged == ["a", "other", "a", "other"]
    admissions.bound({"method": 2, "origin": 2}, after=1)
    assert admissions.judge("method", "b", success=True).value == "b"
    assert admissions.origin("key", "b", success=True).value == "b"
    admissions.bound({"method": 1, "origin": 1}, after=1)
    assert admissions.judge("method", "b", success=False).value == "b"
    assert admissions.origin("key", "b", success=False).value == "b"
    assert (admissions.used["method"], admissions.used["origin"]) == ((2, 1), (2, 1))


def test_what_earns_a_place() -> None:
    """A success, or as many as is asked for; nothing that is too long, or can't be printed. Past the budget nothing."""
    admission = Admission("method", budget=2, declared=["declared"], after=2)

    def judged(value: str, success: bool = True) -> tuple[str, bool, bool, bool]:
        return astuple(admission.judge(value, success))

    assert judged("") == ("", False, False, False)
    assert judged("other") == ("other", False, False, False)
    assert judged("declared", success=False) == ("declared", False, False, False)
    assert judged("a", success=False) == ("other", True, False, False)
    assert judged("a") == ("other", True, False, False)
    assert judged("a", success=False) == ("other", True, False, False)
    assert judged("a") == ("a", False, False, True)
    assert judged("a", success=False) == ("a", False, False, False)
    for bad in ("x" * 121, "a\nb"):
        assert [judged(bad) for _ in range(3)] == [("other", True, False, False)] * 3
    assert [judged("x" * 120) for _ in range(2)][1] == ("x" * 120, False, False, True)
    assert judged("b") == ("other", False, True, False)
    admission.bound(budget=3, after=1)
    assert judged("b") == ("b", False, False, True)


def test_successes_that_are_counted_are_bounded() -> None:
    """Of ten times as many values as there are places."""
    admission = Admission("key", budget=2, after=2)
    for n in range(1000):
        assert admission.judge(f"key-{n}", success=True).value == "unknown"
        assert len(admission._successes) <= 20
    assert admission.judge("key-999", success=True).value == "key-999"


def test_a_public_route_admits_no_key(tmp_path: Path) -> None:
    """Whatever key is sent there; it counts, and so does a key whose place is elsewhere."""
    gateway = Gateway(
        tmp_path,
        routes=["/*"],
        public_routes=["/health", "/static/*"],
        metrics={"budgets": {"key": 2}},
    )
    for n in range(50):
        gateway.count("", m="", verb="GET", path=f"/health?api_key=random-{n}")
        gateway.count(f"made-up-{n}", m="", verb="GET", path=f"/static/{n}.js")
        gateway.count(f"made-up-{n}", m="eth_call", path="/health/")
    assert gateway.by(REQUESTS, "key") == {"unknown": 150}
    assert gateway.by(REQUESTS, "method") == {"GET /health": 50, "GET /static/*": 50, "eth_call": 50}
    gateway.count("one", "one", m="eth_call", path="/v1")
    gateway.count("one", m="eth_call", path="/health")
    gateway.count("one", m="", verb="GET", path="/health")
    assert gateway.by(REQUESTS, "key") == {"unknown": 150, public("one"): 4}
    assert gateway.admissions.used["key"] == (1, 2)


def test_listed_routes_have_their_place_whatever_the_verb(tmp_path: Path) -> None:
    """They cost none of the budget, and need no success."""
    gateway = Gateway(tmp_path, routes=["/v1/:id"], public_routes=["/health"], metrics={"budgets": {"method": 1}})
    for verb in ("GET", "POST", "DELETE"):
        gateway.count("one", m="", verb=verb, path="/v1/5", s=404)
        gateway.count("one", m="", verb=verb, path="/health", s=500)
    assert gateway.admissions.used["method"] == (0, 1)
    assert {*gateway.by(REQUESTS, "method")} == {
        *("GET /v1/:id", "POST /v1/:id", "DELETE /v1/:id", "GET /health", "POST /health", "DELETE /health")
    }


def test_a_scrape_after_a_look_serves_no_series_twice(gateway: Gateway) -> None:
    """The exposition after places were given back is one that Prometheus takes."""
    visitor = Visitor("127.0.0.1", 1, "Prometheus")
    gateway.count("one", "two", took=0.5)
    gateway.passes()
    gateway.count("three", took=0.5)
    lines = b"".join(Renderer().blocks(gateway.pipeline._scrape([visitor]))).decode().splitlines()
    names = [line.rpartition(" ")[0] for line in lines]
    assert len(names) == len(set(names))
