"""Who may ask the web server what. A `Guard` stands before any application, on any listener.

credentials     a user's password, or a verified client certificate, wherever the web config asks for one
Host            must be an address, a name without a dot, or a known name: a page of somebody else's whose name was
                pointed at this machine (DNS rebinding) may not read what is here
changes         need credentials, or a client on this machine that no proxy forwards, and no foreign page
"""

import asyncio
import base64
import binascii
import ipaddress
import logging
import socket
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from exporter.config.web import Web, load_web
from exporter.errors import ConfigError
from exporter.service.web.answers import PLAIN, App, Receive, Scope, Send, answer
from exporter.service.web.callers import raw_key
from exporter.service.web.connections import Connection
from exporter.service.web.passwords import Passwords, TooManyError

log = logging.getLogger(__name__)

# A web config that could not be read is read again after so long, also if nothing seems to have changed.
_RETRY_SECONDS = 1.0
# A proxy adds one of these: its own address says nothing about the client then.
_FORWARDED = frozenset(
    ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via", "cf-connecting-ip")
)
_HEADERS = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
_CHALLENGE = {"www-authenticate": 'Basic realm="gateway-exporter", charset="UTF-8"'}


class Access:
    """What a web config says now: it is read again when it, a certificate or a key has changed; a bad one is refused,
    and the old one stays. `hosts` are names by which the server may be asked. ConfigError where the first one is bad.
    """

    def __init__(self, path: Path | None = None, hosts: Collection[str] = ()) -> None:
        self._path = path
        self._web = load_web(path) if path else Web()
        self._seen = _signature(self._web.files)
        self._retry_at: float | None = None
        self._problem = ""
        self._hosts = {name.lower() for name in (*hosts, socket.gethostname())}

    @property
    def web(self) -> Web:
        """The web config."""
        if self._path:
            seen = _signature(self._web.files)
            if seen != self._seen or (self._retry_at and time.monotonic() >= self._retry_at):
                self._read(self._path)
                self._seen = _signature(self._web.files)
        return self._web

    def knows(self, host: str) -> bool:
        """Whether a Host header is one by which this server may be asked."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
        except ValueError:
            return False
        with suppress(ValueError):
            return bool(ipaddress.ip_address(name))
        return "." not in name or name.endswith(".localhost") or name in self._hosts

    def _read(self, path: Path) -> None:
        try:
            web = load_web(path)
        except ConfigError as error:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            if str(error) != self._problem:
                log.error("the web config was not reloaded, the old one stays: %s", error)
            self._problem = str(error)
            return
        if (web.tls is None) != (self._web.tls is None):
            log.error("%s: TLS is switched on or off at a restart only; the old web config stays", path)
            self._retry_at = None
            return
        self._web, self._retry_at, self._problem = web, None, ""
        log.info("the web config was reloaded")


def _signature(files: tuple[Path, ...]) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    for file in files:
        try:
            about = file.stat()
            found.append((about.st_mtime_ns, about.st_size, about.st_ino))
        except OSError:
            found.append(())
    return found


class _RefusedError(Exception):
    """A request that is not answered, with the HTTP status and the headers that say so."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers or {}


class Guard:
    """An ASGI application: lets those requests through to `app` that may be answered.

    Paths in `any_host` are answered by any name, as scrapes come by any; those in `changes` change something. Requests
    for paths in `by_key` that carry an API key need nothing else: the application judges the key (see `Callers`). It
    finds in `scope["state"]["operator"]` whether it is asked with credentials, or from this machine where none are
    asked for.
    """

    def __init__(
        self,
        app: App,
        access: Access,
        any_host: Collection[str] = (),
        changes: Collection[str] = (),
        by_key: Collection[str] = (),
    ) -> None:
        self._app = app
        self._access = access
        self._any_host = any_host
        self._changes = changes
        self._by_key = by_key
        self._passwords: Passwords | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as long as somebody is there to take the answer."""
        connection: Connection = scope["state"]["connection"]
        connection.answering = asyncio.current_task()
        try:
            await self._answer(scope, receive, send, connection)
        except asyncio.CancelledError:
            if connection.cycle and not connection.cycle.disconnected:
                connection.end("the server ends")
        except Exception as error:
            log.error("a page could not be answered: %s", type(error).__name__)  # no message: secrets
            connection.end("it could not be answered")
        finally:
            connection.answering = None

    async def _answer(self, scope: Scope, receive: Receive, send: Send, connection: Connection) -> None:
        web = self._access.web
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        send = _with_headers(send, web.headers)
        if scope["path"] in self._by_key and raw_key(scope):
            scope["state"]["operator"] = False
            await self._app(scope, receive, send)
            return
        try:
            proven = await self._proven(web, headers, connection)
            local = _is_loopback(connection.address[0]) and not headers.keys() & _FORWARDED
            scope["state"]["operator"] = proven or local
            self._check(scope["path"], headers, proven or local)
        except _RefusedError as refused:
            await answer(send, refused.status, PLAIN, f"{refused}\n".encode(), refused.headers)
            return
        await self._app(scope, receive, send)

    async def _proven(self, web: Web, headers: dict[str, str], connection: Connection) -> bool:
        """Whether the client has proved who it is; False where the web config asks for nothing. Raises _RefusedError
        if what it asks for is missing.
        """
        names = connection.client_names
        if names is not None and web.client_names and not names & web.client_names:
            raise _RefusedError(403, "The certificate has none of the names that are allowed.")
        if not web.users:
            return names is not None
        try:
            right = await self._password(web, headers.get("authorization", ""), connection.address[0])
        except TooManyError as error:
            raise _RefusedError(503, "Too many passwords are being checked.", {"retry-after": "1"}) from error
        if not right:
            raise _RefusedError(401, "A user name and a password are needed.", _CHALLENGE)
        return True

    def _check(self, path: str, headers: dict[str, str], operator: bool) -> None:
        """Raise _RefusedError if this path is not answered by this name, to this page or to this client."""
        if path not in self._any_host and not self._access.knows(headers.get("host", "")):
            text = "Not answered by this name: use an address, or add the name to web.hosts in the config."
            raise _RefusedError(421, text)
        if path in self._changes and _is_foreign(headers):
            raise _RefusedError(403, "Not answered to a page of another site.")
        if path in self._changes and not operator:
            text = "Answered on this machine only, or with a user or a client certificate of a web config."
            raise _RefusedError(403, text)

    async def _password(self, web: Web, authorization: str, address: str) -> bool:
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
            user = name.decode()
        except (binascii.Error, ValueError):
            return False
        self._passwords = self._passwords or Passwords()  # of the loop that runs now
        return bool(colon) and await self._passwords.right(web.users, user, password, address)


def _with_headers(send: Send, configured: dict[str, str]) -> Send:
    """Adds headers to the answer: those of the web config go before the application's, and these before the default."""

    async def sending(message: Scope) -> None:
        if message["type"] == "http.response.start":
            headers = {name: text.encode() for name, text in _HEADERS.items()}
            headers |= {name.decode(): text for name, text in message["headers"]}
            headers |= {name: text.encode() for name, text in configured.items()}
            message = message | {"headers": [(name.encode(), text) for name, text in headers.items()]}
        await send(message)

    return sending


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def _is_foreign(headers: dict[str, str]) -> bool:
    """Whether a browser asks for a page of another site. Source: https://www.w3.org/TR/fetch-metadata/."""
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return True
    _, _, origin = headers.get("origin", "").partition("://")
    return "origin" in headers and origin.lower() != headers.get("host", "").lower()
