"""TLS, passwords and client certificates of the real command, with curl as the client."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import bcrypt
import pytest

from tests.beside import Beside
from tests.certificates import Authority
from tests.command import run
from tests.exporter import Exporter
from tests.waiting import eventually

RELOAD = ("-X", "POST")


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


class Answer(NamedTuple):
    """curl's exit code, and the status, 0 without one."""

    code: int
    status: int


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    return Beside(tmp_path)


class Web:
    """A web config beside an exporter, and curl."""

    def __init__(self, beside: Beside, authority: Authority) -> None:
        self.beside = beside
        self.authority = authority
        self.path = beside.folder / "web.yml"
        beside.configure(web={"config": "web.yml"})

    def install(self, pair: tuple[Path, Path]) -> None:
        """Put a certificate and its key in their place, one after the other."""
        for source, name in zip(pair, ("server.pem", "server.key"), strict=True):
            (self.beside.folder / name).write_bytes(source.read_bytes())

    def write(self, tls: str = "", users: str = "") -> None:
        files = "cert_file: server.pem, key_file: server.key"
        self.path.write_text(f"tls_server_config: {{{files}{tls}}}\n{users}\n", encoding="utf-8")

    def curl(self, exporter: Exporter, path: str, *options: str, ca: Path | None = None) -> Answer:
        command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", str(ca or self.authority.path)]
        done = subprocess.run(
            [*command, *options, exporter.url + path], capture_output=True, text=True, timeout=60, check=False
        )
        return Answer(done.returncode, int(done.stdout or 0))


@pytest.fixture
def web(beside: Beside, authority: Authority) -> Web:
    made = Web(beside, authority)
    made.install(authority.sign("server"))
    return made


def test_passwords_over_tls(web: Web) -> None:
    """401 without one, with a wrong one, and for a user that is not there; a changed one holds at once."""
    web.write(users=f"basic_auth_users: {{al: '{hashed('swordfish1')}'}}")
    with web.beside.exporter() as exporter:
        assert exporter.url.startswith("https://")
        for path in ("/metrics", "/", "/-/healthy", "/nothing"):
            assert web.curl(exporter, path) == (0, 401)
        for wrong in ("al:swordfish2", "bo:swordfish1", "al:", "al:" + "x" * 100):
            assert web.curl(exporter, "/metrics", "-u", wrong) == (0, 401)
        assert web.curl(exporter, "/metrics", "-u", "al:swordfish1") == (0, 200)
        assert web.curl(exporter, "/-/reload", *RELOAD) == (0, 401)
        assert web.curl(exporter, "/-/reload", *RELOAD, "-u", "al:swordfish1", "-H", "Via: 1.1 x") == (0, 200)
        assert (
            web.curl(exporter, "/-/reload", *RELOAD, "-u", "al:swordfish1", "-H", "Origin: https://evil.example").status
            == 403
        )
        web.write(users=f"basic_auth_users: {{al: '{hashed('swordfish2')}'}}")
        assert web.curl(exporter, "/metrics", "-u", "al:swordfish1") == (0, 401)
        assert web.curl(exporter, "/metrics", "-u", "al:swordfish2") == (0, 200)
        web.path.write_text("basic_auth_users: {al: swordfish2}\n", encoding="utf-8")
        assert web.curl(exporter, "/metrics", "-u", "al:swordfish2") == (0, 200)
        assert f"{web.path}:1: basic_auth_users.al: must be a bcrypt hash" in exporter.said
        assert "swordfish" not in exporter.said


def test_a_replaced_certificate_is_served_to_the_next_client(web: Web, tmp_path: Path) -> None:
    """No restart; until certificate and key belong together, the old pair stays; clients refuse an expired one."""
    folder = tmp_path / "other"
    folder.mkdir()
    other = Authority(folder, "other")
    web.write()
    with web.beside.exporter() as exporter:
        assert web.curl(exporter, "/-/healthy") == (0, 200)
        assert web.curl(exporter, "/-/healthy", ca=other.path).code == 60
        certificate, key = other.sign("server")
        (web.beside.folder / "server.pem").write_bytes(certificate.read_bytes())
        assert web.curl(exporter, "/-/healthy") == (0, 200)
        assert "tls_server_config.key_file: does not belong to the certificate" in exporter.said
        (web.beside.folder / "server.key").write_bytes(key.read_bytes())
        eventually(lambda: web.curl(exporter, "/-/healthy", ca=other.path) == (0, 200))
        assert web.curl(exporter, "/-/healthy").code == 60
        web.install(other.sign("expired", days=-1))
        eventually(lambda: web.curl(exporter, "/-/healthy", ca=other.path).code == 60)
        assert web.curl(exporter, "/-/healthy", "--insecure") == (0, 200)


def test_client_certificates(web: Web, authority: Authority, tmp_path: Path) -> None:
    """Only one that is signed, not expired and of a known name gets in; the authority can be replaced while it runs."""
    folder = tmp_path / "other"
    folder.mkdir()
    other = Authority(folder, "other")
    own = {name: authority.sign(name, f"DNS:{name}") for name in ("prometheus", "somebody")}
    own["expired"] = authority.sign("expired", "DNS:prometheus", days=-1)
    own["foreign"] = other.sign("prometheus", "DNS:prometheus")

    def asked(exporter: Exporter, name: str, path: str = "/metrics", *more: str) -> Answer:
        certificate, key = own[name]
        return web.curl(exporter, path, "--cert", str(certificate), "--key", str(key), *more)

    (web.beside.folder / "ca.pem").write_bytes(authority.path.read_bytes())
    web.write(
        ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [prometheus]"
    )
    with web.beside.exporter() as exporter:
        assert asked(exporter, "prometheus") == (0, 200)
        assert asked(exporter, "prometheus", "/-/reload", *RELOAD, "-H", "Via: 1.1 x") == (0, 200)
        assert asked(exporter, "somebody") == (0, 403)
        assert asked(exporter, "expired").status == asked(exporter, "foreign").status == 0
        assert web.curl(exporter, "/metrics").status == 0
        (web.beside.folder / "ca.pem").write_bytes(other.path.read_bytes())
        assert asked(exporter, "foreign") == (0, 200)
        assert asked(exporter, "prometheus").status == 0


def test_a_client_that_never_shakes_hands_holds_up_nobody(web: Web) -> None:
    """Neither one that says nothing, nor one that speaks HTTP, nor many."""
    import socket  # noqa: PLC0415

    web.write()
    with web.beside.exporter(descriptors=120) as exporter:
        address = exporter.url.removeprefix("https://").split(":")
        silent = [socket.create_connection((address[0], int(address[1]))) for _ in range(200)]
        silent[0].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert web.curl(exporter, "/-/healthy") == (0, 200)
        for connection in silent:
            connection.close()
        assert web.curl(exporter, "/metrics") == (0, 200)


def test_a_bad_web_config_stops_the_start_and_check_says_so(web: Web) -> None:
    """With its own file and line."""
    web.path.write_text("tls_server_config: {cert_file: server.pem}\n", encoding="utf-8")
    for command in (("check",), ("run", "--config.file")):
        done = run(*command, str(web.beside.config))
        assert (done.code, done.stderr.splitlines()[-1]) == (
            2,
            f"gateway-exporter: {web.path}:1: tls_server_config.key_file: is missing: "
            "TLS needs a certificate and its key",
        )
