"""What is sent to a server that is asked with credentials, and what is said if it can't be asked."""

import base64
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from exporter.errors import QueryError, SlowQueryError, UsageError
from exporter.http_client import HttpClient, Server
from tests.admin_api import Gateway, admin_api
from tests.certificates import Authority


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with admin_api() as made:
        yield made


def file(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def ask(server: Server, path: str = "", **more: float) -> int:
    client = HttpClient(server)
    try:
        return client.ask("GET", path, **more).status_code  # type: ignore[arg-type]
    finally:
        client.close()


def test_only_what_the_files_hold_is_sent(gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in ~/.netrc belongs to others; the files are read for each request, as secrets are rotated."""
    monkeypatch.setenv("NETRC", file(tmp_path / "netrc", "machine 127.0.0.1 login me password s3cret\n"))
    password = tmp_path / "password"
    client = HttpClient(Server(url=gateway.url, username="ops", password_file=file(password, "first\n")))
    client.ask("GET")
    password.write_text("sécond", encoding="utf-8")
    client.ask("GET")
    client.close()
    ask(Server(url=gateway.url))
    ask(Server(url=gateway.url, headers_file=file(tmp_path / "headers", "X-Scope-OrgID:  acme \n\nno header\n")))
    basic = [f"Basic {base64.b64encode(f'ops:{word}'.encode()).decode()}" for word in ("first", "sécond")]
    assert [headers.get("Authorization") for _, headers in gateway.asked] == [*basic, None, None]
    assert gateway.asked[-1][1]["X-Scope-OrgID"] == "acme"


def test_a_path_stands_below_the_servers_url(gateway: Gateway) -> None:
    """With one slash between; without a path the URL is asked as it is."""
    ask(Server(url=gateway.url + "/prometheus/"), "/api/v1/query")
    ask(Server(url=gateway.url + "/keys/?all=true"))
    assert [path for path, _ in gateway.asked] == ["/prometheus/api/v1/query", "/keys/?all=true"]


def test_a_redirect_is_not_followed(gateway: Gateway) -> None:
    """A header with a secret goes nowhere else."""
    gateway.status = 302
    assert ask(Server(url=gateway.url)) == 302


def test_a_server_that_is_not_there_or_slow() -> None:
    """One line, with the URL but not its query, which may hold a secret."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(SlowQueryError, match=f"^{url}/keys: did not answer within 1 s$"):
            ask(Server(url=f"{url}/keys?token=s3cret", timeout=60), left=1)
    problem = r"does not answer \(Connection refused\); is the address right, and the server running\?"
    with pytest.raises(QueryError, match=f"^{url}/keys: {problem}$"):
        ask(Server(url=f"{url}/keys?token=s3cret"))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("token_file", "can't be read: No such file or directory"),
        ("headers_file", "can't be read: No such file or directory"),
        ("ca_file", "can't be read: No such file or directory"),
    ],
)
def test_a_file_that_is_missing_is_named(gateway: Gateway, tmp_path: Path, name: str, problem: str) -> None:
    """Nothing is asked without it."""
    path = str(tmp_path / "missing")
    with pytest.raises(UsageError, match=f"^{path} {problem}$"):
        ask(Server(url=gateway.url, **{name: path}))  # type: ignore[arg-type]
    assert gateway.asked == []


@pytest.mark.parametrize("word", ["two\nlines", "日本"])
def test_a_token_that_fits_no_header_is_no_traceback(gateway: Gateway, tmp_path: Path, word: str) -> None:
    """Nor does the message repeat it."""
    with pytest.raises(QueryError, match=f"^{gateway.url}: the request failed") as caught:
        ask(Server(url=gateway.url, token_file=file(tmp_path / "token", word)))
    assert word not in str(caught.value)


def test_a_certificate_must_be_of_the_authority(authority: Authority, tmp_path: Path) -> None:
    """Else nothing is sent, and the message says which field names the authority."""
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "other").path
    with admin_api(authority.sign("server")) as gateway:
        for ca_file in ("", str(other)):
            with pytest.raises(QueryError, match=r"its certificate can't be verified; set ca_file to its CA$"):
                ask(Server(url=gateway.url, ca_file=ca_file))
        with pytest.raises(UsageError, match=r"holds no valid certificate$"):
            ask(Server(url=gateway.url, ca_file=file(tmp_path / "not-one.pem", "x")))
        assert gateway.asked == []
        assert ask(Server(url=gateway.url, ca_file=str(authority.path))) == 200
