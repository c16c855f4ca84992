"""The web config: what is understood, and what is refused by its field's name."""

from pathlib import Path

import pytest

from exporter.config.web import load_web
from exporter.errors import ConfigError
from tests.certificates import Authority

HASH = "$2y$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key"


@pytest.fixture
def folder(tmp_path: Path, authority: Authority) -> Path:
    """With a certificate, its key, its authority, and a key of another."""
    certificate, key = authority.sign("server")
    for name, source in (("server.pem", certificate), ("server.key", key), ("ca.pem", authority.path)):
        (tmp_path / name).write_bytes(source.read_bytes())
    (tmp_path / "other.key").write_bytes(authority.sign("other")[1].read_bytes())
    return tmp_path


def test_all_that_is_understood(folder: Path) -> None:
    """TLS with client certificates, users and headers; paths are relative to the file."""
    (folder / "web.yml").write_text(
        f"{TLS}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [a],\n"
        "  min_version: TLS12, max_version: TLS12, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]}\n"
        f"basic_auth_users: {{alice: '{HASH}'}}\nhttp_server_config: {{headers: {{X-Frame-Options: DENY}}}}\n",
        encoding="utf-8",
    )
    web = load_web(folder / "web.yml")
    assert (web.users, web.headers, web.client_names) == ({"alice": HASH}, {"x-frame-options": "DENY"}, frozenset("a"))
    assert [file.name for file in web.files] == ["web.yml", "server.pem", "server.key", "ca.pem"]
    assert web.tls
    suites = [suite["name"] for suite in web.tls.get_ciphers() if suite["protocol"] == "TLSv1.2"]
    assert suites == ["ECDHE-ECDSA-AES128-GCM-SHA256"]


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("tls: {}", "1: tls: unknown field 'tls' (allowed: "),
        ("tls_server_config: {cert_file: server.pem}", "1: tls_server_config.key_file: is missing"),
        (TLS.replace("server.pem", "no.pem") + "}", "1: tls_server_config.cert_file: /"),
        (
            "tls_server_config: {cert_file: server.pem, key_file: other.key}",
            "1: tls_server_config.key_file: does not b",
        ),
        (
            "tls_server_config: {cert_file: web.yml, key_file: server.key}",
            "1: tls_server_config.key_file: or cert_file",
        ),
        ("tls_server_config: {cert: x}", "1: tls_server_config.cert: is not read here: give its file as cert_file"),
        (TLS + ", min_version: TLS10}", "1: tls_server_config.min_version: unknown min_version 'TLS10'"),
        (TLS + ", min_version: TLS13, max_version: TLS12}", "1: tls_server_config.min_version: is above max_version"),
        (TLS + ", curve_preferences: [X25519]}", "1: tls_server_config.curve_preferences: can't be chosen"),
        (TLS + ", cipher_suites: [TLS_AES_128_GCM_SHA256]}", "1: tls_server_config.cipher_suites[0]: unknown suite"),
        (TLS + ", client_auth_type: RequireAnyClientCert}", "1: tls_server_config.client_auth_type: can't be Req"),
        (TLS + ", client_auth_type: Require}", "1: tls_server_config.client_auth_type: unknown type 'Require'"),
        (TLS + ", client_ca_file: ca.pem}", "1: tls_server_config.client_ca_file: goes with a client_auth_type"),
        (TLS + ", client_auth_type: VerifyClientCertIfGiven}", "1: tls_server_config.client_ca_file: goes with"),
        (TLS + ", client_allowed_sans: [a]}", "1: tls_server_config.client_allowed_sans: needs a client_ca_file"),
        ("http_server_config: {http2: true}", "1: http_server_config.http2: can't be true"),
        ("http_server_config: {headers: {Server: x}}", "1: http_server_config.headers.Server: unknown header"),
        ("http_server_config: {headers: {X-Frame-Options: y}}", "1: http_server_config.headers.X-Frame-Options: m"),
        ('http_server_config: {headers: {X-XSS-Protection: "a\\nb"}}', "1: http_server_config.headers.X-XSS-Prot"),
        ("basic_auth_users: {alice: swordfish}", "1: basic_auth_users.alice: must be a bcrypt hash"),
        (f"basic_auth_users: {{alice: '{HASH.replace('04', '31')}'}}", "1: basic_auth_users.alice: must be a bcrypt"),
        (f"basic_auth_users: {{'a:b': '{HASH}'}}", "1: basic_auth_users.a:b: a user needs a name, without a colon"),
    ],
)
def test_what_is_refused(folder: Path, config: str, problem: str) -> None:
    """With file, line and field, and without what stands where a password should."""
    path = folder / "web.yml"
    path.write_text(config + "\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_web(path)
    assert str(caught.value).startswith(f"{path}:{problem}")
    assert "swordfish" not in str(caught.value)
