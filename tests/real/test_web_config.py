"""A web config with the clients that it is for: Prometheus scrapes, and a browser opens the page."""

import base64
import hashlib
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import bcrypt

from tests.beside import Beside, line, requests_of
from tests.certificates import Authority
from tests.exporter import Exporter
from tests.real.gateways import program
from tests.real.monitoring import Prometheus
from tests.waiting import eventually

PASSWORD = "swordfish of the tests"


def serve(folder: Path, authority: Authority, users: bool) -> Exporter:
    """An exporter with TLS, and a user where one is asked for."""
    for source, name in zip(authority.sign("server"), ("server.pem", "server.key"), strict=True):
        (folder / name).write_bytes(source.read_bytes())
    text = "tls_server_config: {cert_file: server.pem, key_file: server.key, min_version: TLS12}\n"
    if users:
        text += f"basic_auth_users: {{prometheus: '{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()}'}}\n"
    (folder / "web.yml").write_text(text, encoding="utf-8")
    beside = Beside(folder)
    beside.configure(web={"config": "web.yml"}, start_at="beginning")
    beside.write(line() * 3)
    return beside.exporter()


def test_prometheus_scrapes_with_tls_and_a_password(tmp_path: Path, authority: Authority) -> None:
    """The right settings count what the log has; a wrong password, a wrong authority and plain HTTP get nothing."""
    other = Authority(tmp_path, "other")
    with serve(tmp_path, authority, users=True) as exporter:
        target = {"static_configs": [{"targets": [exporter.url.partition("://")[2]]}], "scheme": "https"}
        trusted = {"tls_config": {"ca_file": str(authority.path)}}
        user = {"basic_auth": {"username": "prometheus", "password": PASSWORD}}
        wrong = {"basic_auth": {"username": "prometheus", "password": "sardine"}}
        scrapes: dict[str, dict[str, Any]] = {
            "right": target | trusted | user,
            "wrong-password": target | trusted | wrong,
            "nobody": target | trusted,
            "wrong-authority": target | user | {"tls_config": {"ca_file": str(other.path)}},
            "plain": target | user | {"scheme": "http"},
        }
        prometheus = Prometheus(tmp_path, scrapes)
        try:
            prometheus.eventually(
                requests_of().replace("{", '{job="right",exported_job="",', 1), lambda value: value == 3
            )
            failures = eventually(lambda: len(it := prometheus.failures()) == len(scrapes) and it, "all were scraped")
        finally:
            prometheus.process.end()
        assert failures
        assert failures["right"] == ""
        assert "401" in failures["wrong-password"]
        assert "401" in failures["nobody"]
        assert "certificate signed by unknown authority" in failures["wrong-authority"]
        assert failures["plain"] != ""
        assert PASSWORD not in exporter.said


class Browser:
    """Chromium without a window; it believes the certificate with one public key only."""

    def __init__(self, folder: Path, certificate: Path) -> None:
        command = ["openssl", "x509", "-in", str(certificate), "-noout", "-pubkey"]
        public = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
        der = ssl.PEM_cert_to_DER_cert(public.replace("PUBLIC KEY", "CERTIFICATE"))
        self._folder = folder / "chromium"
        self._pin = base64.b64encode(hashlib.sha256(der).digest()).decode()

    def opens(self, url: str, trusting: bool = True) -> tuple[str, str]:
        """The page that it ends with, and what its console said."""
        command = [program("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += ["--no-first-run", "--disable-background-networking", "--disable-component-update"]
        command += ["--enable-logging=stderr", f"--user-data-dir={self._folder}", "--virtual-time-budget=10000"]
        command += [f"--ignore-certificate-errors-spki-list={self._pin}"] if trusting else []
        done = subprocess.run([*command, "--dump-dom", url], capture_output=True, text=True, timeout=120, check=True)
        return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)

    def shows(self, url: str, text: str) -> tuple[str, str]:
        """The same. If the page has no such text, it tries again: on a busy machine, it may end before it has."""
        for _ in range(5):
            page, console = self.opens(url)
            if text in page:
                break
        return page, console


_FOREIGN = """<body><iframe src="{url}"></iframe><script>
(async () => {{
  const outcomes = [];
  const reload = {{method: "POST", mode: "no-cors"}};
  for (const [path, how] of [["/-/reload", reload], ["/", {{mode: "no-cors"}}], ["/metrics", {{}}]])
    await fetch("{url}" + path, how).then(it => outcomes.push(it.type), () => outcomes.push("refused"));
  document.body.append("outcomes: " + outcomes.join(" "));
}})();
</script>"""


@contextmanager
def foreign_page(url: str) -> Iterator[str]:
    """Where a page of somebody else is: it asks for a reload, the page and the metrics, and frames the page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(_FOREIGN.format(url=url).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_browser_shows_the_page_to_its_reader_only(tmp_path: Path, authority: Authority) -> None:
    """Over TLS the status page is whole, with its own style. A foreign page can neither read, frame nor reload."""
    with serve(tmp_path, authority, users=False) as exporter:
        browser = Browser(tmp_path, tmp_path / "server.pem")
        page, console = browser.shows(exporter.url, "<title>gateway-exporter</title>")
        assert "<title>gateway-exporter</title>" in page
        assert "access.json" in page
        assert console == ""
        with foreign_page(exporter.url) as url:
            page, console = browser.shows(url, "outcomes: ")
        assert "outcomes: refused refused refused" in page
        assert "frame-ancestors" in console
        assert "reloaded" not in exporter.said
        assert "access.json" not in browser.opens(exporter.url, trusting=False)[0]
