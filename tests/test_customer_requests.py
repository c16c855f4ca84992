"""A customer's own API key opens that key's requests on the customers' listener, and nothing else."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from jsonschema import Draft202012Validator

from exporter.request_log.fields import OF_CUSTOMERS
from tests.beside import IDENTITY, KEY, PUBLIC, Beside, line
from tests.exporter import Exporter
from tests.process import free_port
from tests.waiting import eventually

OTHER, GONE = "sk-live-other-key-000", "sk-live-disabled-111"
NOW = int(time.time()) - 60
# Words that no customer may read, in any answer.
HIDDEN = (OTHER, IDENTITY.hash(OTHER), "globex", "10.1.2.3", "10.1.2.4", "203.0.114", KEY)


class Asked:
    """An exporter that keeps requests of three keys, and its customers' listener."""

    def __init__(self, folder: Path) -> None:
        beside = Beside(folder)
        self.url = f"http://127.0.0.1:{free_port()}"
        entries = [
            {"id": "acme", "name": "Acme's shop", "owner": "Acme", "hash": PUBLIC},
            {"id": "globex", "owner": "globex", "hash": IDENTITY.hash(OTHER)},
            {"id": "gone", "hash": IDENTITY.hash(GONE), "enabled": False},
        ]
        (folder / "keys.yaml").write_text(yaml.safe_dump(entries), encoding="utf-8")
        usage = {"prometheus": {"url": "http://127.0.0.1:9"}, "listen": self.url.removeprefix("http://")}
        beside.configure(
            requests={}, start_at="beginning", keys="keys.yaml", usage=usage | {"requests_per_minute": 1000}
        )
        tried = {"upstream_addr": "10.1.2.3:80, 10.1.2.4:80", "upstream_status": "502, 200"}
        for n in range(5):
            beside.write(line(500 if n == 3 else 200, msec=NOW + n, request_id=f"a{n}", **tried))
            beside.write("".join(line(200, OTHER, msec=NOW + n, remote_addr="203.0.114.9", **tried) for _ in range(7)))
        beside.write(line(200, GONE, msec=NOW))
        self.exporter = Exporter("run", "--config.file", "config.yaml", cwd=folder)

    def get(self, path: str = "requests", key: str = KEY, **parameters: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return requests.get(f"{self.url}/api/v1/{path}", params=parameters, headers=headers, timeout=60)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    made = Asked(tmp_path_factory.mktemp("customers"))
    try:
        operators = f"{made.exporter.url}/api/v1/requests/sums"
        eventually(lambda: requests.get(operators, timeout=60).json()["requests"] == 41)
        yield made
        assert KEY not in made.exporter.said
    finally:
        made.exporter.close()


def problems(asked: Asked, answer: Any, schema: str) -> list[str]:
    """Where an answer is not what the document says that the listener itself serves."""
    made = requests.get(f"{asked.url}/api/v1/openapi.json", timeout=60).json()
    validator = Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": made["components"]})
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(answer)]


def test_a_key_opens_its_own_requests(asked: Asked) -> None:
    """As JSON, page by page, and summed up. The answers are what the OpenAPI document says."""
    first = asked.get(limit="3").json()
    rest = asked.get(limit="3", cursor=first["next"]).json()
    rows = first["requests"] + rest["requests"]
    assert [row["request_id"] for row in rows] == ["a4", "a3", "a2", "a1", "a0"]
    assert {(row["key"], row["key_name"]) for row in rows} == {("acme", "Acme's shop")}
    assert {tuple(row) for row in rows} == {OF_CUSTOMERS}
    assert rest["next"] is None
    sums = asked.get("requests/sums").json()
    assert (sums["requests"], sums["failures"], sums["response_bytes"]) == (5, 1, 500)
    assert [problems(asked, page, "Requests") for page in (first, rest)] + [problems(asked, sums, "Sums")] == [[]] * 3
    assert [row["request_id"] for row in asked.get(status="5xx").json()["requests"]] == ["a3"]


@pytest.mark.parametrize(
    ("key", "parameters", "status", "words"),
    [
        ("", {}, 403, "An API key is needed"),
        ("sk-nobody", {}, 401, "not known"),
        (PUBLIC, {}, 401, "not known"),
        ("acme", {}, 401, "not known"),
        (GONE, {}, 403, "disabled"),
        (KEY, {"provider": "10.1.2.3"}, 400, "unknown parameter 'provider' (allowed: chain, client, costlier_than,"),
        (KEY, {"retried": "true"}, 400, "unknown parameter 'retried'"),
        (KEY, {"statis": "500"}, 400, "did you mean 'status'?"),
        (KEY, {"status": "bad"}, 400, "use 404, 4xx or other"),
        (KEY, {"limit": "1001"}, 400, "limit: must be a whole number of at most 1000"),
        (KEY, {"cursor": "x"}, 400, "cursor: is not one that an earlier answer gave"),
    ],
)
def test_a_refusal_says_why(asked: Asked, key: str, parameters: dict[str, str], status: int, words: str) -> None:
    answered = asked.get(key=key, **parameters)
    assert answered.status_code == status
    assert words in answered.json()["error"]["message"]
    assert problems(asked, answered.json(), "Error") == []


def test_no_answer_has_anything_of_others(asked: Asked) -> None:
    """Whatever is asked: no name, address or number of another key, and no provider."""
    ways: list[dict[str, str]] = [
        {},
        {"limit": "1"},
        {"limit": "0"},
        {"text": "eth"},
        {"failed": "true"},
        {"after": "1"},
    ]
    ways += [{"cursor": f"{(NOW + 4) * 1000}.{n}"} for n in (0, 1, 35)] + [{"since": "2020-01-01", "status": "2xx"}]
    ways += [{"client": "203.0.113.0/24"}, {"key": "globex"}, {"provider": "x"}, {"slower_than": "0.001"}]
    answers = [asked.get(path, **way) for path in ("requests", "requests/sums") for way in ways]
    texts = [answer.text + str(answer.headers) for answer in answers]
    assert [(word, text) for word in HIDDEN for text in texts if word in text] == []
    counts = [answer.json()["requests"] for answer in answers if "failures" in answer.json()]
    assert set(counts) <= {0, 1, 4, 5}
    ids = {row["request_id"][0] for answer in answers for row in _rows(answer.json())}
    assert ids == {"a"}
    assert _rows(asked.get(key=OTHER).json())


def _rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    found = answer.get("requests", [])
    return found if isinstance(found, list) else []
