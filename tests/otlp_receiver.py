"""A receiver of OTLP logs that takes nothing that the protocol does not allow. Made of `opentelemetry-proto`."""

import gzip
import ssl
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

PATH = "/v1/logs"
UID = "log.record.uid"
Attributes = dict[str, Any]
# What is answered: a status, with headers; a number of rejected rows, with a message; or None: the connection breaks.
Answer = tuple[int, dict[str, str]] | ExportLogsPartialSuccess | None
GOOD: Answer = (200, {})


class Receiver:
    """`answer` decides about the records of a request. Those that are accepted are in `records`, by id, in the order in
    which they came; `problems` has what was wrong with what came.
    """

    def __init__(self, certificate: tuple[Path, Path] | None = None, authority: Path | None = None) -> None:
        self.answer: Callable[[list[Attributes]], Answer] = lambda _: GOOD
        self.records: dict[str, Attributes] = {}
        self.repeats = 0
        self.requests: list[list[Attributes]] = []
        self.headers: list[dict[str, str]] = []
        self.resources: list[Attributes] = []
        self.problems: list[str] = []
        self._types: dict[str, type] = {}
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body go together

            def do_POST(self) -> None:
                receiver._handle(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*certificate)
            if authority:
                context.load_verify_locations(authority)
                context.verify_mode = ssl.CERT_REQUIRED
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self._server.server_port}{PATH}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def ids(self) -> list[str]:
        """The gateway's ids of the requests that were accepted, in order."""
        with self._lock:
            return [record["gateway.request_id"] for record in self.records.values()]

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers["Content-Length"])
        body = request.rfile.read(length)
        if len(body) < length:  # the exporter was killed
            return
        with self._lock:
            try:
                records = self._records(request, body)
            except Exception:
                self.problems.append(traceback.format_exc(limit=-1))
                self._respond(request, (400, {}), b"")
                return
            self.headers.append(dict(request.headers))
            self.requests.append(records)
        answer = self.answer(records)
        if answer is None:
            request.close_connection = True
            request.connection.close()
            return
        if isinstance(answer, ExportLogsPartialSuccess):
            self._accept(records[answer.rejected_log_records :])
            self._respond(request, GOOD, ExportLogsServiceResponse(partial_success=answer).SerializeToString())
            return
        if answer[0] < 300:
            self._accept(records)
            self._respond(request, answer, ExportLogsServiceResponse().SerializeToString())
            return
        self._respond(request, answer, b"this is the receiver's \x00 reason")

    @staticmethod
    def _respond(request: BaseHTTPRequestHandler, answer: Any, body: bytes) -> None:
        status, headers = answer
        request.send_response(status)
        for name, value in (
            headers | {"Content-Length": str(len(body)), "Content-Type": "application/x-protobuf"}
        ).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def _records(self, request: BaseHTTPRequestHandler, body: bytes) -> list[Attributes]:
        assert request.path == PATH, request.path
        for name, value in (("Content-Type", "application/x-protobuf"), ("Content-Encoding", "gzip")):
            assert request.headers[name] == value, request.headers[name]
        encoded = gzip.decompress(body)
        message = ExportLogsServiceRequest.FromString(encoded)
        message.DiscardUnknownFields()
        assert len(message.SerializeToString()) == len(encoded), "unknown fields"
        found = []
        for logs in message.resource_logs:
            resource = self._attributes(logs.resource.attributes)
            assert {"service.name", "service.instance.id"} <= resource.keys()
            self.resources.append(resource)
            for scope in logs.scope_logs:
                assert scope.scope.name == "gateway-exporter"
                found += [self._record(record, resource) for record in scope.log_records]
        return found

    def _record(self, record: LogRecord, resource: Attributes) -> Attributes:
        assert record.event_name == "gateway.request"
        assert (record.severity_number, record.severity_text) in ((9, "INFO"), (13, "WARN"), (17, "ERROR"))
        assert record.observed_time_unix_nano > 1.7e18
        assert record.time_unix_nano > 0
        attributes = self._attributes(record.attributes)
        assert attributes[UID].startswith(resource["service.instance.id"])
        assert record.body.string_value.endswith(f" #{attributes[UID].rpartition('-')[2]}")
        return attributes | {
            "time": record.time_unix_nano,
            "severity": record.severity_text,
            "body": record.body.string_value,
        }

    def _attributes(self, pairs: Any) -> Attributes:
        found = {}
        for pair in pairs:
            assert pair.key not in found, f"{pair.key} is there twice"
            value = found[pair.key] = _value(pair.value)
            known = self._types.setdefault(pair.key, type(value))
            assert type(value) is known, f"{pair.key} is {type(value)}, and was {known}"
        return found

    def _accept(self, records: list[Attributes]) -> None:
        with self._lock:
            for record in records:
                before = self.records.setdefault(record[UID], record)
                if before is not record:
                    self.repeats += 1
                    if before != record:
                        self.problems.append(f"{record[UID]} stands for two requests: {before} and {record}")


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    assert kind, "a value is empty"
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
    return getattr(value, kind)


@contextmanager
def receiver(certificate: tuple[Path, Path] | None = None, authority: Path | None = None) -> Iterator[Receiver]:
    """One on a free port of 127.0.0.1, until the end of the block. Whatever came must have been right."""
    made = Receiver(certificate, authority)
    try:
        yield made
    finally:
        made.close()
    assert not made.problems, made.problems[:5]
