"""Asks a server with Prometheus' HTTP API: https://prometheus.io/docs/prometheus/latest/querying/api/.

Every failure is one line that says what to do. No message repeats a secret.
"""

import base64
import json
import math
import ssl
import time
from pathlib import Path
from typing import Any, TypeVar

import requests
from msgspec import Struct

from exporter.errors import QueryError, SlowQueryError, UsageError
from exporter.usage.source import Source

T = TypeVar("T")

_JSON_ERRORS = (ValueError, RecursionError)
_REASONS = (
    *("Connection refused", "Name or service not known", "Temporary failure in name resolution"),
    *("No route to host", "Connection reset", "timed out", "Remote end closed connection"),
)
_WRONG_CREDENTIALS = "set username and password_file, or token_file, in usage.prometheus"


class Series(Struct, frozen=True):
    """One series of an answer: its labels, and its samples as (epoch seconds, value)."""

    labels: dict[str, str]
    samples: list[tuple[float, float]]

    @property
    def value(self) -> float:
        """The last value."""
        return self.samples[-1][1]


class Prometheus:
    """One conversation with the server: QueryError if it can't be had. All questions together may take until
    `deadline` (monotonic seconds); one that does not answer in time raises SlowQueryError.
    """

    def __init__(self, source: Source, deadline: float = math.inf) -> None:
        self.source = source
        self._deadline = deadline
        self._session = requests.Session()
        self._session.auth = _with_nothing_else
        self.asked = 0

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def instant(self, query: str, at: float) -> list[Series]:
        """What a query gives at a time: an instant vector, or the raw samples of a range."""
        return self._series("query", query=query, time=f"{at:.3f}")

    def steps(self, query: str, start: float, end: float, step: float) -> list[Series]:
        """What a query gives at each step from start to end, both included."""
        return self._series("query_range", query=query, start=f"{start:.3f}", end=f"{end:.3f}", step=f"{step:g}")

    def retention(self) -> str:
        """How long the server keeps samples, in its own words; "" if it does not say."""
        try:
            data = self._ask("status/runtimeinfo", {})
        except QueryError:
            return ""
        found = data.get("storageRetention", "") if isinstance(data, dict) else ""
        return found if isinstance(found, str) else ""

    def _series(self, path: str, **parameters: str) -> list[Series]:
        data = self._ask(path, parameters)
        try:
            return [
                Series(
                    one["metric"],
                    [(float(at), float(value)) for at, value in one.get("values") or [one["value"]]],
                )
                for one in data["result"]
            ]
        except (KeyError, TypeError, ValueError):
            raise self._error("the answer is not Prometheus': is the path right?") from None

    def _ask(self, path: str, parameters: dict[str, str]) -> Any:
        self.asked += 1
        left = min(self.source.timeout, self._deadline - time.monotonic())
        if left <= 0:
            raise SlowQueryError(f"{self.source.url}: did not answer in time; ask for a shorter range")
        if self.source.ca_file:
            _check_authority(self.source.ca_file)
        try:
            answer = self._session.request(
                "POST" if parameters else "GET",  # a long query fits no URL
                f"{self.source.url}/api/v1/{path}",
                data=parameters | {"timeout": f"{round(left * 1000)}ms"} if parameters else None,
                headers=self._headers(),
                timeout=left,
                allow_redirects=False,  # a header with a secret goes nowhere else
                verify=self.source.ca_file or True,
            )
        except requests.exceptions.SSLError:
            raise self._error("its certificate can't be verified; name its CA in usage.prometheus.ca_file") from None
        except requests.Timeout:
            raise SlowQueryError(f"{self.source.url}: did not answer within {left:.0f} s") from None
        except requests.ConnectionError as error:
            raise self._error(f"does not answer ({_reason(error)}); is Prometheus running there?") from None
        except (requests.RequestException, UnicodeError, OSError) as error:
            raise self._error(f"the request failed: {type(error).__name__}") from None
        return self._data(answer, path)

    def _data(self, answer: requests.Response, path: str) -> Any:
        try:
            said = json.loads(answer.content)
        except _JSON_ERRORS:
            said = None
        status = said.get("status") if isinstance(said, dict) else None
        if answer.status_code in (401, 403):
            what = "credentials are needed" if not self._has_credentials else "the credentials are refused"
            raise self._error(f"{what} ({answer.status_code}); {_WRONG_CREDENTIALS}")
        if answer.is_redirect:
            raise self._error(f"it redirects to another address ({answer.status_code}); name that one")
        if status == "error":
            raise self._refused(said)
        if status != "success" or not answer.ok:
            raise self._error(
                f"there is no Prometheus API at /api/v1/{path} ({answer.status_code}); is the path right?"
            )
        return said.get("data")

    def _refused(self, said: dict[str, Any]) -> QueryError:
        kind, message = said.get("errorType"), str(said.get("error", ""))
        if kind in ("timeout", "canceled"):
            return SlowQueryError(f"{self.source.url}: gave up ({message}); ask for a shorter range")
        if "too many samples" in message:
            return self._error("the range is too long for its --query.max-samples; ask for a shorter one")
        return self._error(f"{kind}: {message}")

    @property
    def _has_credentials(self) -> bool:
        source = self.source
        return bool(source.username or source.token_file or source.headers_file)

    def _headers(self) -> dict[str, str]:
        """The files are read for each request, as secrets are rotated."""
        source, headers = self.source, {"Accept": "application/json"}
        if source.token_file:
            headers["Authorization"] = f"Bearer {_secret(source.token_file)}"
        if source.username:
            password = _secret(source.password_file)
            encoded = base64.b64encode(f"{source.username}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {encoded}"
        for line in _secret(source.headers_file).splitlines() if source.headers_file else ():
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip()] = value.strip()
        return headers

    def _error(self, problem: str) -> QueryError:
        return QueryError(f"{self.source.url}: {problem}")


def _with_nothing_else(request: T) -> T:
    """Authenticate by headers only: without this, `requests` sends the password that ~/.netrc has for the host."""
    return request


def _secret(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {getattr(error, 'strerror', 'it is not UTF-8 text')}") from None


def _check_authority(path: str) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise UsageError(f"{path} holds no valid certificate") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None


def _reason(error: requests.ConnectionError) -> str:
    """Why there is no connection, in few words."""
    text = str(error)
    return next((words.lower() for words in _REASONS if words in text), type(error).__name__)
