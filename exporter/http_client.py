"""Asks servers over HTTP with credentials from files. No message repeats a secret or what a server said."""

import base64
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct

from exporter.errors import QueryError, SlowQueryError, UsageError

if TYPE_CHECKING:
    import requests

T = TypeVar("T")


class Server(Struct, frozen=True, kw_only=True):
    """A server, and the files that say who asks. `headers_file` has lines like `Name: value`, `ca_file` the
    certificates to verify the server's own with. `timeout` is seconds.
    """

    url: str
    username: str = ""
    password_file: str = ""
    token_file: str = ""
    headers_file: str = ""
    ca_file: str = ""
    timeout: float = 10.0

    @property
    def name(self) -> str:
        """The URL without its query, which may hold a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    @property
    def has_credentials(self) -> bool:
        """Whether it is said who asks."""
        return bool(self.username or self.token_file or self.headers_file)

    def headers(self) -> dict[str, str]:
        """The headers that say who asks. UsageError if a file can't be read."""
        found = {}
        if self.token_file:
            found["Authorization"] = f"Bearer {_secret(self.token_file)}"
        if self.username:
            pair = f"{self.username}:{_secret(self.password_file)}"
            found["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        for line in _secret(self.headers_file).splitlines() if self.headers_file else ():
            name, colon, value = line.partition(":")
            if colon:
                found[name.strip()] = value.strip()
        return found


class HttpClient:
    """A connection to a server. Only what the server's files hold is sent, and only to it."""

    def __init__(self, server: Server) -> None:
        import requests  # noqa: PLC0415 - long to load, and few configs ask a server

        self.server = server
        self._session = requests.Session()
        self._session.auth = _with_nothing_else

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def ask(
        self, method: str, path: str = "", *, headers: dict[str, str] | None = None, left: float = math.inf, **more: Any
    ) -> "requests.Response":
        """The answer to one request, of any status; `more` is for `requests`. It may take the server's timeout, or
        the seconds that are `left` if they are fewer. QueryError if there is no answer, SlowQueryError if there is
        none in time, UsageError if a file can't be used.
        """
        import requests  # noqa: PLC0415 - see above

        server = self.server
        if server.ca_file:
            _check_authority(server.ca_file)
        timeout = min(server.timeout, left)
        try:
            return self._session.request(
                method,
                server.url.rstrip("/") + path if path else server.url,
                headers=(headers or {}) | server.headers(),  # the files are read each time, as secrets are rotated
                timeout=timeout,
                allow_redirects=False,  # a header with a secret goes nowhere else
                verify=server.ca_file or True,
                **more,
            )
        except requests.exceptions.SSLError:
            problem = "its certificate can't be verified; set ca_file to its CA"
            raise QueryError(f"{server.name}: {problem}") from None
        except requests.Timeout:
            raise SlowQueryError(f"{server.name}: did not answer within {timeout:.0f} s") from None
        except requests.ConnectionError as error:
            problem = f"does not answer ({_reason(error)}); is the address right, and the server running?"
            raise QueryError(f"{server.name}: {problem}") from None
        except (requests.RequestException, UnicodeError, OSError) as error:
            raise QueryError(f"{server.name}: the request failed ({_reason(error)})") from None


def _with_nothing_else(request: T) -> T:
    """Authenticate by headers only: without this, `requests` sends the password that ~/.netrc has for the host."""
    return request


def _secret(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {getattr(error, 'strerror', 'it is not UTF-8 text')}") from None


def _check_authority(path: str) -> None:
    import ssl  # noqa: PLC0415 - long to load

    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise UsageError(f"{path} holds no valid certificate") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None


def _reason(error: BaseException) -> str:
    """Why a request failed, in the system's words. The library's own text holds the URL."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        last, cause = cause, cause.__cause__ or cause.__context__
    return type(last).__name__
