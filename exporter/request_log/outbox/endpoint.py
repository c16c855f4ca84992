"""One request to the receiver, and what its answer means. Source: the OTLP specification, "OTLP/HTTP"; and Loki, which
refuses old rows with 400, and 422 for a request without rows.

A row is given up only if the answer is about what was sent. Whatever may be the receiver's fault, or that of its
address or credentials, is tried again: rows wait.
"""

import gzip
import math
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

from google.protobuf.message import DecodeError
from msgspec import Struct
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from exporter.errors import ExporterError, SlowQueryError, UsageError
from exporter.http_client import HttpClient, Server

if TYPE_CHECKING:
    import requests

_HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", "User-Agent": "gateway-exporter"}
# Level 6 takes twice as long, and makes it a tenth smaller.
_LEVEL = 3
# So much of an answer is read.
_LONGEST_ANSWER = 64 << 10
# So much of what it says is logged.
_LONGEST_TEXT = 200
_SHORTEST_SECRET = 6
# No receiver is waited for longer than this, whatever it asks for.
_LONGEST_WAIT_SECONDS = 3600.0
# Those that are about what was sent.
_BAD = (400, 422)
_TOO_LARGE = 413
_BY_STATUS = {401: "unauthorized", 403: "unauthorized", 407: "unauthorized", 408: "timeout", 429: "throttled"}


class Answer(Struct):
    """`rejected` rows of those accepted were not stored. `text` is why something failed, for people. If it can be tried
    again, not before `after` seconds.
    """

    outcome: Literal["accepted", "failed", "bad", "too_large"]
    reason: str = ""
    text: str = ""
    rejected: int = 0
    after: float = 0.0


class Endpoint:
    """A connection. For one thread. `certificate` are the files of the client's own certificate and its key."""

    def __init__(self, server: Server, certificate: tuple[str, str] | None = None) -> None:
        self._server = server
        self._certificate = certificate
        self._client = HttpClient(server)

    def send(self, message: bytes) -> Answer:
        """Send a request, encoded but not compressed."""
        body = gzip.compress(message, _LEVEL, mtime=0)
        try:
            answer = self._client.ask("POST", headers=_HEADERS, data=body, cert=self._certificate, stream=True)
            with answer:
                content = self._content(answer)
        except SlowQueryError as error:
            return Answer("failed", "timeout", str(error))
        except UsageError as error:
            return Answer("failed", "files", str(error))
        except ExporterError as error:
            return Answer("failed", "unreachable", str(error))
        return self._accepted(content) if answer.ok and not answer.is_redirect else self._failed(answer, content)

    def probe(self) -> Answer:
        """Send a request without rows, to learn whether anything can be sent."""
        answer = self.send(ExportLogsServiceRequest().SerializeToString())
        return Answer("accepted") if answer.outcome == "bad" and answer.reason == "422" else answer

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _content(self, answer: "requests.Response") -> bytes:
        """The beginning of the answer's body; what came of it, if the rest does not come."""
        import requests  # noqa: PLC0415 - long to load, and loaded by now

        until = time.monotonic() + self._server.timeout
        content = b""
        try:
            for part in answer.iter_content(4096):
                content += part
                if len(content) > _LONGEST_ANSWER or time.monotonic() > until:
                    break
        except (requests.RequestException, OSError):
            pass
        return content[:_LONGEST_ANSWER]

    def _accepted(self, content: bytes) -> Answer:
        try:
            partial = ExportLogsServiceResponse.FromString(content).partial_success
        except DecodeError:  # not all receivers answer as the specification says, and this is no failure
            return Answer("accepted")
        return Answer("accepted", text=self._text(partial.error_message), rejected=partial.rejected_log_records)

    def _failed(self, answer: "requests.Response", content: bytes) -> Answer:
        status = answer.status_code
        said = self._text(content.decode("utf-8", "ignore"))
        text = f"{self._server.name}: answered {status}{f' ({said})' if said else ''}{_advice(status)}"
        if status in _BAD:
            return Answer("bad", str(status), text)
        if status == _TOO_LARGE:
            return Answer("too_large", "413", text)
        reason = _BY_STATUS.get(status, "unavailable" if status >= 500 else "wrong_endpoint")
        return Answer("failed", reason, text, after=_seconds(answer.headers.get("Retry-After", "")))

    def _text(self, said: str) -> str:
        """What the receiver says, in one short line, without the secrets that were sent to it."""
        for word in self._secrets():
            said = said.replace(word, "…")
        printable = "".join(character if character.isprintable() else " " for character in said)
        return " ".join(printable.split())[:_LONGEST_TEXT]

    def _secrets(self) -> list[str]:
        """The words of the headers that could be secrets."""
        try:
            sent = self._server.headers().values()
        except UsageError:
            return []
        return [word for value in sent for word in value.split() if len(word) >= _SHORTEST_SECRET]


def _advice(status: int) -> str:
    """What to do about a status."""
    if status in (401, 403, 407):
        return "; set headers_file, token_file, or username and password_file"
    if 300 <= status < 400:
        return "; it redirects: name the address that it redirects to"
    if status in (404, 405):
        return (
            "; the endpoint needs its whole path: /v1/logs of a collector, /otlp/v1/logs of Loki, "
            "/insert/opentelemetry/v1/logs of VictoriaLogs"
        )
    return ""


def _seconds(retry_after: str) -> float:
    """The seconds that a header Retry-After asks for; 0 if it is not valid."""
    try:
        asked = float(retry_after)
    except ValueError:
        try:
            at = parsedate_to_datetime(retry_after)
        except ValueError:
            return 0.0
        asked = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(asked, 0.0), _LONGEST_WAIT_SECONDS) if math.isfinite(asked) else 0.0
