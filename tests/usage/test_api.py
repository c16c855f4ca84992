"""The usage API as customers and operators ask it: a real exporter beside a real Prometheus, and one that is slow."""

import json
import random
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from jsonschema import Draft202012Validator

from exporter.demo.cast import CLIENTS
from exporter.service.web.document import document
from tests.exporter import Exporter
from tests.process import free_port
from tests.usage.live import Live

INDEXER = next(client.key for client in CLIENTS if client.name == "Indexer")
SEARCH = next(client.key for client in CLIENTS if client.name == "Search index")


class Api:
    """An exporter whose API asks a Prometheus."""

    def __init__(self, folder: Path, live: Live, url: str, **usage: Any) -> None:
        folder.mkdir(exist_ok=True)
        config = yaml.safe_load(live.config.read_text(encoding="utf-8"))
        for place in (("identity", "secret_file"), ("pricing", "models")):
            config[place[0]][place[1]] = str(live.folder / config[place[0]][place[1]])
        port = free_port()
        # The demo's keys do not begin with sk-, which LiteLLM's do.
        config["inputs"][1]["format"] = {"preset": "litellm", "key_hash": {"sha256": "demo-*"}}
        config["keys"] = str(live.folder / config["keys"])
        config |= {"usage": {"prometheus": {"url": url, "timeout": "60s"}, "listen": f"127.0.0.1:{port}"} | usage}
        (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self.exporter = Exporter("run", "--config.file", str(folder / "config.yaml"))
        self.url = f"http://127.0.0.1:{port}/api/v1/usage"

    def ask(self, with_key: str = "", /, **parameters: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {with_key}"} if with_key else {}
        return requests.get(self.url, params=parameters, headers=headers, timeout=60)


@pytest.fixture(scope="module")
def api(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    made = Api(tmp_path_factory.mktemp("api"), live, live.url, requests_per_minute=1000, cache="1h")
    yield made
    assert INDEXER not in made.exporter.said
    made.exporter.close()


def times(live: Live) -> dict[str, str]:
    return {"from": f"{live.begin:.3f}", "to": f"{live.end:.3f}"}


@pytest.mark.parametrize("asked", [{}, {"granularity": "hour"}, {"sort": "cost", "limit": "3"}, {"chain": "polygon"}])
def test_operators_see_everything(live: Live, api: Api, asked: dict[str, str]) -> None:
    """From this machine, where no web config is. The answer is what the OpenAPI document says."""
    answered = api.ask(**times(live), **asked)
    assert answered.status_code == 200, answered.text
    assert problems(answered.json(), "Report") == []
    assert answered.json()["keys"] is None


def test_a_model_and_a_single_key_are_documented_too(live: Live, api: Api) -> None:
    """As much is null there."""
    models = [row["model"] for row in api.ask(**times(live)).json()["breakdown"]["byModel"]]
    for asked in ({"model": models[0]}, {"key": "support-chat"}, {"key": "support-chat", "model": models[0]}):
        answered = api.ask(**times(live), **asked)
        assert answered.status_code == 200, answered.text
        assert problems(answered.json(), "Report") == []


def test_a_key_opens_its_own_usage(live: Live, api: Api) -> None:
    """That of which an operator sees the same; of LiteLLM's keys by the key itself, though its log has a hash."""
    for key, name in ((INDEXER, "indexer"), (SEARCH, "search-index")):
        own = api.ask(key, **times(live)).json()
        operators = api.ask(**times(live), key=name).json()
        assert own | {"timestamp": ""} == operators | {"timestamp": ""}
        assert own["keys"] == [name]
        assert own["usage"]["totalRequests"] > 0
        assert [row["key"] for row in own["breakdown"]["byKey"]] == [name]


@pytest.mark.parametrize(
    ("key", "asked", "status", "words"),
    [
        ("sk-nobody", {}, 401, "not known"),
        ("indexer", {}, 401, "not known"),
        (INDEXER, {"key": "search-index"}, 403, "its own usage only"),
        (INDEXER, {"owner": "Acme"}, 400, "unknown parameter 'owner'; did you mean 'order'? (allowed: chain, from,"),
        ("", {"limt": "3"}, 400, "unknown parameter 'limt'; did you mean 'limit'? (allowed: chain, from, granularity,"),
        ("", {"granularity": "second"}, 400, "granularity: unknown value 'second' (allowed: day, hour, minute, month"),
        ("", {"limit": "1001"}, 400, "limit: must be a whole number of at most 1000"),
        ("", {"timeframe": "soon"}, 400, "timeframe: 'soon' is not a valid time; use 1h, 24h, 7d, 30d, 90d, 1y or all"),
        ("", {"from": "yesterday"}, 400, "from: not a valid time"),
        ("", {"key": "indxer", "timeframe": "1h"}, 400, "unknown key 'indxer'; did you mean 'indexer'"),
        ("", {"timeframe": "1y"}, 400, "is past the retention of"),
    ],
)
def test_a_refusal_says_why(api: Api, key: str, asked: dict[str, str], status: int, words: str) -> None:
    """In JSON, as documented."""
    answered = api.ask(key, **asked)
    assert answered.status_code == status, answered.text
    assert problems(answered.json(), "Error") == []
    assert words in answered.json()["error"]["message"]


def test_nothing_else_is_there(api: Api) -> None:
    """A port that customers reach shows no metrics, no status and no reload."""
    base = api.url.removesuffix("/api/v1/usage")
    for path in ("/metrics", "/", "/-/reload", "/-/healthy"):
        assert requests.get(base + path, timeout=60).status_code == 404
    assert requests.post(api.url, timeout=60).status_code == 405
    assert requests.get(f"{base}/api/v1/openapi.json", timeout=60).json() == json.loads(json.dumps(document()))


def test_a_key_has_its_pace(live: Live, tmp_path: Path) -> None:
    """Others and operators are not slowed."""
    made = Api(tmp_path / "paced", live, live.url, requests_per_minute=2)
    try:
        with ThreadPoolExecutor(3) as pool:  # at once, as a report may take half a minute
            answers = [*pool.map(lambda _: made.ask(INDEXER, **times(live)), range(3))]
        first, second, late = sorted(answers, key=lambda answer: answer.status_code)
        assert (first.status_code, second.status_code, late.status_code) == (200, 200, 429)
        assert 1 <= int(late.headers["retry-after"]) <= 30
        assert made.ask(SEARCH, **times(live)).status_code == 200
        assert {made.ask(**times(live)).status_code for _ in range(4)} == {200}
    finally:
        made.exporter.close()


def test_a_slow_prometheus_holds_up_nothing(live: Live, tmp_path: Path) -> None:
    """Metrics are served while it is asked."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        made = Api(tmp_path / "slow", live, url, prometheus={"url": url, "timeout": "300s"})
        try:
            answers: list[requests.Response] = []
            asking = threading.Thread(target=lambda: answers.append(made.ask(INDEXER)))
            asking.start()
            with closing(silent.accept()[0]):  # asked, and not answered before this ends
                assert made.exporter.get().status_code == 200
                assert not answers
            silent.close()
            asking.join()
            assert answers[0].status_code == 502
        finally:
            made.exporter.close()


def test_a_prometheus_that_does_not_answer_is_said(live: Live, tmp_path: Path) -> None:
    """One that is slow gets 504 after its time; one that is gone 502, without its address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        made = Api(tmp_path / "slow", live, url, prometheus={"url": url, "timeout": "1s"})
        try:
            answer = made.ask(INDEXER)
            assert answer.status_code == 504
            assert answer.json()["error"]["message"].startswith("The answer takes too long")
            assert "127.0.0.1" not in answer.text
        finally:
            made.exporter.close()
    made = Api(tmp_path / "gone", live, f"http://127.0.0.1:{free_port()}")
    try:
        assert (made.ask(INDEXER).status_code, "127.0.0.1" in made.ask(INDEXER).text) == (502, False)
        assert "does not answer (Connection refused); is the address right, and the server running?" in made.ask().text
    finally:
        made.exporter.close()


def test_the_same_question_has_the_same_answer_for_a_scrape(live: Live, api: Api) -> None:
    """It is asked once."""
    asked = times(live) | {"limit": "7"}
    first, second = (api.ask(**asked).json()["timestamp"] for _ in range(2))
    assert first == second
    assert api.ask(**asked, offset="1").json()["timestamp"] != first


def problems(answer: Any, schema: str) -> list[str]:
    """Where an answer is not what the document says."""
    made = document()
    validator = Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": made["components"]})
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(answer)]


def parameters_of(rng: random.Random) -> dict[str, str]:
    """A question that the document allows; what a parameter's schema leaves open is made up, and often wrong."""
    made: dict[str, str] = {}
    listed = document()["paths"]["/api/v1/usage"]["get"]["parameters"]
    for parameter in rng.sample(listed, rng.randint(0, 5)):
        schema = parameter["schema"]
        if "enum" in schema:
            values = [*schema["enum"], "none"]
        elif schema["type"] == "integer":
            values = ["0", "1", "7", str(schema.get("maximum", 10**6)), "-1", "1e3", "x"]
        else:
            values = MADE_UP.get(
                parameter["name"], ["polygon", "", "a\0b", "\U0001f600" * 9, '"}) or vector(1) #', "%", "9" * 400]
            )
        made[parameter["name"]] = rng.choice(values)
    return made


TEXTS = ["polygon", "", "a\0b", "\U0001f600" * 9, '"}) or vector(1) #', "%", "9" * 400]
MADE_UP = {
    "timeframe": ["1h", "24h", "90m", "7d", "all", "1y", "-1h", "", "0s", "999999999999999999y"],
    "from": ["2026-01-01", "now", "1e400", "-5", "0", "2026-01-01T00:00:00Z"],
    "to": ["2026-01-01", "9999-12-31", "", "nan", "1e10"],
    "key": ["indexer", "Indexer", "indxer", "", "\\", "a" * 5000],
}


@pytest.mark.parametrize("n", range(60))
def test_whatever_is_asked_the_answer_is_documented(live: Live, api: Api, n: int) -> None:
    """Each combination of parameters gives a report or a refusal with one of its statuses, and never a 500."""
    rng = random.Random(f"questions {n}")
    asked = parameters_of(rng)
    if rng.random() < 0.5 and not {"timeframe", "from", "to"} & asked.keys():
        asked |= times(live)
    answered = api.ask(rng.choice(["", INDEXER, SEARCH]), **asked)
    allowed = document()["paths"]["/api/v1/usage"]["get"]["responses"]
    assert str(answered.status_code) in allowed.keys() - {"502", "503", "504"}, (asked, answered.text[:300])
    schema = "Report" if answered.status_code == 200 else "Error"
    assert problems(answered.json(), schema) == [], asked
