"""Asks a server with Prometheus' HTTP API: https://prometheus.io/docs/prometheus/latest/querying/api/.

Every failure is one line that says what to do. No message repeats a secret.
"""

import json
import math
import time
from typing import Any

import requests
from msgspec import Struct

from exporter.errors import QueryError, SlowQueryError
from exporter.http_client import HttpClient, Server

_JSON_ERRORS = (ValueError, RecursionError)
# Prometheus answers up to 11,000 at once.
_MOST_STEPS = 10_000
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

    def __init__(self, server: Server, deadline: float = math.inf) -> None:
        self.url = server.url.rstrip("/")
        self._server = server
        self._deadline = deadline
        self._client = HttpClient(server)
        self.asked = 0

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def instant(self, query: str, at: float) -> list[Series]:
        """What a query gives at a time: an instant vector, or the raw samples of a range."""
        return self._series("query", query=query, time=f"{at:.3f}")

    def steps(self, query: str, start: float, end: float, step: float) -> list[Series]:
        """What a query gives at each step from start to end, both included; series of a long time in several parts."""
        found: list[Series] = []
        while start <= end:
            last = min(start + _MOST_STEPS * step, end)
            # VictoriaMetrics moves steps to full ones unless `nocache` is set; others don't know the parameter.
            times = {"start": f"{start:.3f}", "end": f"{last:.3f}", "step": f"{step:.3f}", "nocache": "1"}
            found += self._series("query_range", query=query, **times)
            start += (_MOST_STEPS + 1) * step
        return found

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
                    series["metric"],
                    [(float(at), float(value)) for at, value in series.get("values") or [series["value"]]],
                )
                for series in data["result"]
            ]
        except (KeyError, TypeError, ValueError):
            raise self._error("the answer is not Prometheus': is the path right?") from None

    def _ask(self, path: str, parameters: dict[str, str]) -> Any:
        self.asked += 1
        left = min(self._server.timeout, self._deadline - time.monotonic())
        if left <= 0:
            raise SlowQueryError(f"{self.url}: did not answer in time; ask for a shorter range")
        answer = self._client.ask(
            "POST" if parameters else "GET",  # a long query fits no URL
            f"/api/v1/{path}",
            data=parameters | {"timeout": f"{round(left * 1000)}ms"} if parameters else None,
            headers={"Accept": "application/json"},
            left=left,
        )
        return self._data(answer, path)

    def _data(self, answer: requests.Response, path: str) -> Any:
        try:
            said = json.loads(answer.content)
        except _JSON_ERRORS:
            said = None
        status = said.get("status") if isinstance(said, dict) else None
        if answer.status_code in (401, 403):
            what = "credentials are needed" if not self._server.has_credentials else "the credentials are refused"
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
            return SlowQueryError(f"{self.url}: gave up ({message}); ask for a shorter range")
        if "too many samples" in message:
            return self._error("the range is too long for its --query.max-samples; ask for a shorter one")
        return self._error(f"{kind}: {message}")

    def _error(self, problem: str) -> QueryError:
        return QueryError(f"{self.url}: {problem}")
