"""Who asks, on a real listener: an operator, a customer by an API key, or nobody who may."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from exporter.keys.identity import Identity, KeyEntry
from exporter.service.web.access import Access, Guard
from exporter.service.web.answers import PLAIN, Receive, Scope, Send, answer
from exporter.service.web.callers import Callers, RefusedError
from exporter.service.web.connections import ClientLimits
from exporter.service.web.listener import Listener

PATH = "/api/v1/usage"
IDENTITY = Identity(b"a secret for these tests")
REGISTRY = (
    KeyEntry(id="acme", hash=IDENTITY.hash("sk-acme")),
    KeyEntry(hash=IDENTITY.hash("sk-nameless")),
    # LiteLLM logs the SHA-256 of a key, which is what the registry's hash is of.
    KeyEntry(id="llm", hash=IDENTITY.hash(hashlib.sha256(b"sk-llm").hexdigest())),
    KeyEntry(id="gone", hash=IDENTITY.hash("sk-gone"), enabled=False),
    KeyEntry(id="by-name"),
)


@pytest.fixture(params=[False, True], ids=["no web config", "passwords"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    IDENTITY.update(REGISTRY)
    seen = IDENTITY.hash("sk-seen")
    callers = Callers(IDENTITY, [{}, {"sha256": "sk-*"}], lambda name: name == seen)

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        try:
            caller = callers.caller(scope)
        except RefusedError as refused:
            await answer(send, refused.status, PLAIN, str(refused).encode())
        else:
            await answer(send, 200, PLAIN, (caller.key or "operator" * caller.operator).encode())

    web = tmp_path / "web.yml"
    # The password is "secret".
    web.write_text("basic_auth_users: {ops: $2b$04$T4xk0S3vGWNJdP9cSLzL6OtbYxEVq3PcTkzVbMnmu0fC.mC3bRcoC}\n")
    access = Access(web if request.param else None)
    listener = Listener(Guard(app, access, by_key=(PATH,)), "127.0.0.1", 0, access, ClientLimits(), lambda: None)
    listener.start()
    yield listener.url
    listener.end()


def ask(url: str, path: str = PATH, **headers: str) -> tuple[int, str]:
    answered = requests.get(url + path, headers={name.replace("_", "-"): text for name, text in headers.items()})
    return answered.status_code, answered.text


@pytest.mark.parametrize(
    ("key", "status", "text"),
    [
        ("sk-acme", 200, "acme"),
        ("sk-llm", 200, "llm"),
        ("sk-nameless", 200, IDENTITY.hash("sk-nameless")),
        ("sk-seen", 200, IDENTITY.hash("sk-seen")),
        ("sk-gone", 403, "This API key is disabled."),
        ("sk-none", 401, "This API key is not known."),
        # Public names are no keys: they stand on every dashboard. Nor is what a gateway logs.
        ("acme", 401, "This API key is not known."),
        ("by-name", 401, "This API key is not known."),
        (IDENTITY.hash("sk-acme"), 401, "This API key is not known."),
    ],
)
def test_a_key_opens_what_is_its_own(url: str, key: str, status: int, text: str) -> None:
    """By either header, under any name of the server, from behind any proxy, with or without passwords for others."""
    assert ask(url, Authorization=f"Bearer {key}", Host="api.example.com", Via="1.1 proxy") == (status, text)
    assert ask(url, X_Api_Key=key) == (status, text)


def test_a_key_never_makes_an_operator(url: str) -> None:
    """Not even on this machine, where operators need no password."""
    assert ask(url, X_Api_Key="sk-acme", Authorization="Basic b3BzOnNlY3JldA==") == (200, "acme")
    assert ask(url, X_Api_Key="wrong", Authorization="Basic b3BzOnNlY3JldA==")[0] == 401


def test_a_hash_that_the_gateway_logs_is_no_key(url: str) -> None:
    """Whoever reads LiteLLM's log has it."""
    assert ask(url, X_Api_Key=hashlib.sha256(b"sk-llm").hexdigest())[0] == 401
