"""Who is answered what: by Host, by site, by address, on a real connection."""

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from exporter.service.web.access import Access
from exporter.service.web.connections import ClientLimits
from tests.unit.serving import Serving, get

EVIL = "Host: evil.example"


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    def reload() -> "Future[str]":
        done: Future[str] = Future()
        done.set_result("reloaded")
        return done

    with Serving(tmp_path, ClientLimits(), Access(hosts=["metrics.example.net"]), reload) as made:
        yield made


def ask(serving: Serving, path: str, *headers: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    return serving.client(get(path, *headers, method=method)).answer()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:10114", 200),
        ("[::1]:10114", 200),
        ("localhost", 200),
        ("exporter:10114", 200),
        ("Metrics.Example.net:10114", 200),
        ("metrics.example.net.", 200),
        ("evil.example", 421),
        ("evil.example:10114", 421),
        ("127.0.0.1.evil.example", 421),
        ("metrics.example.net.evil.example", 421),
        ("127.0.0.1@evil.example", 421),
        ("[", 421),
    ],
)
def test_a_page_is_answered_by_known_names(serving: Serving, host: str, status: int) -> None:
    """Addresses, names without a dot and configured names: a name that somebody points here is none."""
    request = get("/-/ready").replace(b"Host: x", f"Host: {host}".encode())
    serving.pipeline.ready = True
    assert serving.client(request).answer()[0] == status


@pytest.mark.parametrize("path", ["/", "/-/healthy", "/-/ready", "/-/reload", "/nothing", "/metrics/"])
def test_everything_but_metrics_is_rebinding_proof(serving: Serving, path: str) -> None:
    """Whatever the method."""
    for method in ("GET", "POST", "PUT"):
        request = get(path, method=method).replace(b"Host: x", EVIL.encode())
        assert serving.client(request).answer()[0] == 421


def test_scrapes_come_by_any_name(serving: Serving) -> None:
    """A target's name is the one in Prometheus' config."""
    client = serving.client(get().replace(b"Host: x", EVIL.encode()))
    serving.until_asked(1)
    serving.answer()
    assert client.answer()[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 200),
        (["Origin: http://x", "Sec-Fetch-Site: same-origin"], 200),
        (["Sec-Fetch-Site: none"], 200),
        (["Origin: http://evil.example"], 403),
        (["Origin: null"], 403),
        (["Origin: http://x.evil.example"], 403),
        (["Sec-Fetch-Site: cross-site"], 403),
        (["Sec-Fetch-Site: same-site"], 403),
        (["X-Forwarded-For: 127.0.0.1"], 403),
        (["Forwarded: for=127.0.0.1"], 403),
        (["Via: 1.1 proxy"], 403),
        (["X-Real-IP: 127.0.0.1"], 403),
    ],
)
def test_reload_is_for_this_machine_and_no_foreign_page(serving: Serving, headers: list[str], status: int) -> None:
    """Without credentials: a client of this machine that no proxy forwards, and no page of another site."""
    assert ask(serving, "/-/reload", *headers, method="POST")[0] == status


def test_every_answer_has_the_headers_that_browsers_heed(serving: Serving) -> None:
    """Also a mistake; the page's own style is all that is allowed."""
    for path in ("/nothing", "/-/ready"):
        headers = ask(serving, path)[1]
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "deny")
        assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")
