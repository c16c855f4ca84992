"""What a key registry holds by mistake: it is refused or left out, and no message repeats it."""

import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter import logs
from exporter.config.inputs import InputConfig
from exporter.config.keys import KeyApiConfig
from exporter.convert import convert
from exporter.errors import ConfigError, FieldError, InputError
from exporter.keys.api import KeyApi
from exporter.keys.file import load_keys
from tests.admin_api import admin_api
from tests.certificates import Authority

RAW = "sk-live-1234567890abcdef"
HASH = "hash: k_0123456789abcdef"


@pytest.mark.parametrize(
    ("registry", "line", "problem"),
    [
        (f"- id: {RAW}", 1, "[0].id: looks like a raw API key"),
        ("- id: 9f8e7d6c5b4a39281706f5e4d3c2b1a0", 1, "[0].id: looks like a raw API key"),
        ("- {id: a}\n- id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301", 2, "[1].id: looks like a raw API key"),
        (f"- id: a\n  name: key of acme {RAW}", 2, "[0].name: looks like a raw API key"),
        (f"- id: a\n  owner: {RAW}", 2, "[0].owner: looks like a raw API key"),
        (f"- id: a\n  plan: {RAW}", 2, "[0].plan: looks like a raw API key"),
        ('- {id: "a\\u202eb"}', 1, "[0].id: must be text that can be printed"),
        ("- {id: swordfish}\n- {id: swordfish}", 2, "[1].id: duplicate: already used by entry 1"),
        (f"- {HASH}\n- {HASH}", 2, "[1].hash: duplicate: already used by entry 1"),
        ("- {id: a, expires: swordfish}", 1, "[0].expires: '…' is not a valid date"),
        ("- {id: a, created: 2026-02-30 swordfish}", 1, "[0].created: '…' is not a valid date"),
        ("- {id: a, class: swordfish}", 1, "[0].class: must be business or internal"),
        ("- {id: a, hash: swordfish}", 1, "[0].hash: must be as `gateway-exporter hash` prints it"),
        ("- {id: a, enabled: swordfish}", 1, "[0].enabled: must be true or false, not text"),
        ("- {id: a, swordfish: b}", 1, "[0]: unknown field '…'"),
        ("- {id: a, 'sword.fish[0]': swordfish}", 1, "[0]: unknown field '…'"),
        ("- swordfish: {id: a}", 1, "[0]: unknown field '…'"),
        ("- {swordfish: 1, swordfish: 2}", 1, "duplicate '…': already used on line 1"),
        ("- {id: !swordfish x}", 1, "is not YAML"),
        ("- {id: *swordfish }", 1, "is not YAML"),
        ("- {id: a, plan: swordfish}", 1, "[0].plan: is not a plan of the config (allowed: free)"),
    ],
)
def test_no_message_about_a_registry_repeats_a_value(tmp_path: Path, registry: str, line: int, problem: str) -> None:
    """A mistake has its line and its field; of what stands there, at most names of fields are quoted."""
    path = tmp_path / "keys.yaml"
    path.write_text(registry, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_keys(path, ["free"])
    assert str(caught.value).startswith(f"{path}:{line}: {problem}")
    assert not any(secret in str(caught.value) for secret in (RAW, "swordfish", "sword", "9f8e", "3f25"))


def source(url: str, **config: Any) -> KeyApi:
    part = msgspec.convert({"url": url, "fields": {"id": "id", "name": "n", "owner": "o"}, **config}, KeyApiConfig)
    return KeyApi(part.request, lambda raw: f"<{raw}>")


def test_names_that_customers_choose_at_an_api_stop_nothing() -> None:
    """A name like a key is left out, others are cut, cleaned, without e-mail addresses; an id like a key is refused."""
    with admin_api() as gateway:
        gateway.pages = [[{"id": "a", "n": RAW, "o": "al@acme.example"}, {"id": "b", "n": "B\0\u202e" + " b" * 900}]]
        first, two = source(gateway.url).read()
        assert (first.name, first.owner, two.name) == ("", "a***@acme.example", ("B" + " b" * 59) + "…")
        gateway.pages = [[{"id": "a"}, {"id": RAW}]]
        with pytest.raises(InputError, match=r"entry 2: id: looks like a raw API key") as caught:
            source(gateway.url).read()
        assert RAW not in str(caught.value)


def test_a_token_is_taken_from_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ~/.netrc has for the host is sent neither without a token nor in its place."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password s3cret\n", encoding="utf-8")
    (tmp_path / "token").write_text("t0ken", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with admin_api() as gateway:
        source(gateway.url).read()
        source(gateway.url, token_file=str(tmp_path / "token")).read()
        assert [headers.get("Authorization") for _, headers in gateway.asked] == [None, "Bearer t0ken"]


def test_a_query_is_logged_at_no_level(caplog: pytest.LogCaptureFixture) -> None:
    """A URL's query may hold a secret; the library below logs it with `debug`."""
    levels = {name: logging.getLogger(name).level for name in ("exporter", "urllib3")}
    try:
        logs.configure("debug", "text")
        caplog.handler.setLevel(logging.DEBUG)
        logging.getLogger().setLevel(logging.DEBUG)
        with admin_api() as gateway:
            source(f"{gateway.url}/list?secret=s3cret").read()
            assert gateway.asked[0][0] == "/list?secret=s3cret"
        assert "s3cret" not in caplog.text
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def test_a_label_of_an_input_may_be_no_key() -> None:
    """Labels of inputs are on every series."""
    with pytest.raises(
        FieldError, match=r"^labels.gateway: looks like a raw API key; it would be visible in every metric$"
    ):
        convert({"path": "a", "labels": {"gateway": RAW}}, InputConfig)


def test_the_certificate_of_the_admin_api_is_verified(authority: Authority, tmp_path: Path) -> None:
    """With `ca_file` it must be signed by that, else by one the machine knows, and be of this host: before that, no
    token is sent.
    """
    token = tmp_path / "token"
    token.write_text("swordfish", encoding="utf-8")
    (tmp_path / "other").mkdir()
    other, nothing = Authority(tmp_path / "other", "other").path, tmp_path / "nothing.pem"
    own = {"ca_file": str(authority.path)}
    with admin_api(authority.sign("admin")) as gateway:
        gateway.pages = [[{"id": "a"}]]
        for without in ({}, {"ca_file": str(other)}):
            with pytest.raises(InputError, match="certificate can't be verified; set ca_file to its CA"):
                source(gateway.url, token_file=str(token), **without).read()
        for path, problem in (
            (nothing, "can't be read: No such file or directory"),
            (token, "holds no valid certificate"),
        ):
            with pytest.raises(InputError, match=f"^{path} {problem}$"):
                source(gateway.url, token_file=str(token), ca_file=str(path)).read()
        assert gateway.asked == []
        assert [entry.public for entry in source(gateway.url, token_file=str(token), **own).read()] == ["a"]
        assert [headers["Authorization"] for _, headers in gateway.asked] == ["Bearer swordfish"]
    with admin_api(authority.sign("elsewhere", "DNS:elsewhere.example")) as gateway:
        with pytest.raises(InputError, match="certificate can't be verified"):
            source(gateway.url, token_file=str(token), **own).read()
        assert gateway.asked == []
