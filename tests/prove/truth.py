"""Truth: which value each counter must have in the end, told by the requests themselves."""

import json
import re
from collections import Counter
from dataclasses import dataclass, replace

from exporter.keys.identity import Identity
from exporter.model.catalog import LATENCY
from tests.exporter import Samples

SECRET = "a secret of the proof only"
INPUT = "gateway"
IDENTITY = Identity(SECRET.encode())

LINES = "gateway_exporter_lines_total"
_LOSSES = "gateway_exporter_losses_total"
ERRORS = {
    400: "client_error",
    401: "auth",
    429: "rate_limit_exceeded",
    499: "client_abort",
    500: "server_error",
    502: "upstream_error",
    504: "timeout",
}
# Families that are compared with the truth, and those that must stay empty.
COMPARED = (
    "gateway_requests_total",
    "gateway_calls_total",
    "gateway_errors_total",
    "gateway_origin_requests_total",
    "gateway_key_new_origins_total",
    "gateway_request_duration_seconds",
    "gateway_key_request_duration_seconds",
    "gateway_request_bytes_total",
    "gateway_response_bytes_total",
    "gateway_exporter_unknown_key_requests_total",
    LINES,
    _LOSSES,
    "gateway_exporter_lost_bytes_total",
    "gateway_exporter_overflow_total",
)


@dataclass(frozen=True)
class Request:
    """A request, as the gateway saw it. `id` is the key's place in the registry, "" if it has none."""

    raw_key: str
    id: str
    chain: str
    methods: tuple[str, ...]
    origin: str
    network: int
    status: int = 200
    rpc_error: bool = False
    duration: float = 0.0
    received: int = 0
    sent: int = 0

    @property
    def key(self) -> str:
        """The key's public name."""
        return self.id or IDENTITY.hash(self.raw_key)

    @property
    def method(self) -> str:
        """The method label."""
        return self.methods[0] if len(self.methods) == 1 else "batch"

    @property
    def protocol(self) -> str:
        """The protocol label."""
        return "wss" if self.status == 101 else "https"

    @property
    def error(self) -> str:
        """The error type, "" of a success."""
        return ERRORS.get(self.status) or ("rpc_error" if self.rpc_error else "")

    @property
    def origin_label(self) -> str:
        """The origin label: the host, else the client's network."""
        return self.origin or f"10.{self.network}.0.0/24"

    @property
    def words(self) -> set[tuple[str, ...]]:
        """What earns a place as a label's value by a success."""
        return {("key", self.key), ("chain", self.chain), ("origin", self.key, self.origin_label)} | {
            ("method", method) for method in self.methods
        }

    def succeeding(self) -> "Request":
        """The same, but a success."""
        return replace(self, status=101 if self.status == 101 else 200, rpc_error=False)

    def line(self, time: float) -> bytes:
        """Its line in the log, preset nginx-json. `time` makes it the only one of its kind."""
        fields: dict[str, object] = {"msec": round(time, 3), "remote_addr": f"10.{self.network}.0.7"}
        fields |= {"status": self.status, "scheme": "https", "api_key": self.raw_key, "chain": self.chain}
        if self.origin:
            fields["origin"] = f"https://{self.origin}"
        verb, _, path = self.methods[0].partition(" ")
        if path:
            fields |= {"request_method": verb, "request_uri": path, "upgrade": "websocket" if path == "/ws" else ""}
        else:
            calls = [
                {"jsonrpc": "2.0", "id": n, "method": method, "params": []} for n, method in enumerate(self.methods)
            ]
            body = json.dumps(calls if len(calls) > 1 else calls[0])
            fields |= {"request_method": "POST", "request_uri": "/", "request_body": body}
        if self.rpc_error:
            fields["rpc_error"] = -32000
        fields |= {"request_time": self.duration, "request_length": self.received, "bytes_sent": self.sent}
        return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


class Truth:
    """The values that counters must have. Belongs to the writer's thread; read by others once that has ended."""

    def __init__(self) -> None:
        self.values: Counter[str] = Counter()
        self.known: set[tuple[str, ...]] = set()
        self.parsed = self.lines = 0
        # Logs that were deleted with nothing left to read. An exporter that is killed before it lets one go can't
        # know that, and reports a loss of unknown size.
        self.deleted = 0

    def request(self, request: Request) -> None:
        """A request's line is whole and in the log."""
        self.parsed += 1
        self.line("parsed")
        labels = {"key": request.key, "chain": request.chain, "method": request.method, "protocol": request.protocol}
        status = {"status": str(request.status)}
        self.add("gateway_requests_total", {**labels, **status, "class": "business"})
        if request.error:
            self.add("gateway_errors_total", {**labels, **status, "type": request.error})
        for method in request.methods:
            result = "error" if request.error else "success"
            self.add("gateway_calls_total", {**labels, "method": method, "result": result})
        place = {
            "key": request.key,
            "chain": request.chain,
            "protocol": request.protocol,
            "origin": request.origin_label,
        }
        self.add("gateway_origin_requests_total", place)
        if ("origin", request.key, request.origin_label) not in self.known:
            self.add("gateway_key_new_origins_total", {"key": request.key})
        if not request.id:
            self.add("gateway_exporter_unknown_key_requests_total", {"input": INPUT})
        of_bytes = {"key": request.key, "chain": request.chain, "method": request.method}
        self.add("gateway_request_bytes_total", of_bytes, request.received)
        self.add("gateway_response_bytes_total", of_bytes, request.sent)
        if request.error != "client_abort" and request.protocol != "wss":
            by_method = {"chain": request.chain, "method": request.method, "protocol": request.protocol}
            self._observe("gateway_request_duration_seconds", by_method, request.duration)
            self._observe("gateway_key_request_duration_seconds", {"key": request.key}, request.duration)
        self.known |= request.words

    def line(self, result: str) -> None:
        """A line, or what was left of one, that ends as `parsed`, `ignored` or `rejected`."""
        self.lines += 1
        self.add(LINES, {"input": INPUT, "result": result})

    def add(self, name: str, labels: dict[str, str], amount: float = 1) -> None:
        """Add to a series."""
        self.values[self.series(name, labels)] += amount  # type: ignore[assignment]

    @staticmethod
    def series(name: str, labels: dict[str, str]) -> str:
        """A series, as `tests.exporter.samples` writes it."""
        text = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()) if value)
        return f"{name}{{{text}}}"

    def differences(self, found: Samples) -> list[str]:
        """Where an exposition is not the truth. Which input has counted a line is all the same."""
        there: Counter[str] = Counter()
        for series, value in found.items():
            if value and series.partition("{")[0] in _NAMES:
                there[_INPUTS.sub(f'input="{INPUT}"', series)] += value  # type: ignore[assignment]
        told = [series for series in there if series.startswith(_LOSSES)]
        if sum(there[series] for series in told) <= self.deleted:
            for series in told:
                del there[series]
        expected = {series: float(value) for series, value in self.values.items() if value}
        return [
            f"{series} is {there.get(series, 0):g}, not {expected.get(series, 0):g}"
            for series in sorted(expected.keys() | there.keys())
            if there.get(series) != expected.get(series)
        ]

    def wrong_rows(self, rows: Counter[str]) -> list[str]:
        """Where the rows of single requests are not the requests that were logged, each once."""
        name = "gateway_requests_total"
        expected = {series: value for series, value in self.values.items() if series.startswith(name)}
        return [
            f"{series} has {rows[series]} rows, not {expected.get(series, 0):g}"
            for series in sorted(expected.keys() | rows.keys())
            if rows[series] != expected.get(series, 0)
        ]

    def _observe(self, name: str, labels: dict[str, str], seconds: float) -> None:
        for bound in LATENCY:
            if seconds <= bound:
                self.add(f"{name}_bucket", {**labels, "le": repr(bound)})
        self.add(f"{name}_bucket", {**labels, "le": "+Inf"})
        self.add(f"{name}_sum", labels, seconds)
        self.add(f"{name}_count", labels)


_INPUTS = re.compile(r'input="[^"]*"')
_NAMES = {name + suffix for name in COMPARED for suffix in ("", "_bucket", "_sum", "_count")}
