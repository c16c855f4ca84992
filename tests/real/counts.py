"""What was counted, beside what was sent: two `Counts` that must be equal."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from tests.real.gateway_exporter import Samples

Labels = tuple[str, ...]


class Sent(Struct, kw_only=True):
    """One request, in the words that must be counted for it. `error` is "" where it succeeded."""

    key: str = ""
    method: str
    calls: tuple[str, ...] = ()
    protocol: str = "http"
    status: str = "200"
    error: str = ""
    origin: str = "127.0.0.0/24"
    timed: bool = True
    bytes_in: int = 0
    bytes_out: int = 0


class Counts(Struct):
    """Series that are not 0, by family and label values."""

    lines: Counter[Labels]
    requests: Counter[Labels]
    calls: Counter[Labels]
    errors: Counter[Labels]
    origins: Counter[Labels]
    durations: Counter[Labels]
    key_durations: Counter[Labels]
    bytes_in: Counter[Labels]
    bytes_out: Counter[Labels]


# The part of Counts, the sample, its labels.
_READ = {
    "lines": ("gateway_exporter_lines_total", ("result",)),
    "requests": ("gateway_requests_total", ("key", "method", "protocol", "status")),
    "calls": ("gateway_calls_total", ("key", "method", "protocol", "result")),
    "errors": ("gateway_errors_total", ("key", "method", "protocol", "status", "type")),
    "origins": ("gateway_origin_requests_total", ("key", "origin", "protocol")),
    "durations": ("gateway_request_duration_seconds_count", ("method", "protocol")),
    "key_durations": ("gateway_key_request_duration_seconds_count", ("key",)),
    "bytes_in": ("gateway_request_bytes_total", ("key", "method")),
    "bytes_out": ("gateway_response_bytes_total", ("key", "method")),
}


def expected(sent: Iterable[Sent], rejected: int = 0) -> Counts:
    """What must be counted."""
    counts = Counts(*(Counter() for _ in _READ))
    for request in sent:
        counts.lines["parsed",] += 1
        counts.requests[request.key, request.method, request.protocol, request.status] += 1
        for call in request.calls or (request.method,):
            counts.calls[request.key, call, request.protocol, "error" if request.error else "success"] += 1
        if request.error:
            counts.errors[request.key, request.method, request.protocol, request.status, request.error] += 1
        counts.origins[request.key, request.origin, request.protocol] += 1
        if request.timed:
            counts.durations[request.method, request.protocol] += 1
            counts.key_durations[request.key,] += 1
        counts.bytes_in[request.key, request.method] += request.bytes_in
        counts.bytes_out[request.key, request.method] += request.bytes_out
    counts.lines["rejected",] += rejected
    # Unary plus leaves out what is 0.
    return Counts(*(+getattr(counts, part) for part in _READ))


def counted(samples: Samples) -> Counts:
    """What was counted."""
    counts = Counts(*(Counter() for _ in _READ))
    for (name, labels), value in samples.items():
        for part, (family, shown) in _READ.items():
            if name == family:
                values = dict(labels)
                getattr(counts, part)[tuple(values.get(label, "") for label in shown)] += int(value)
    return counts


def attempts(samples: Samples) -> dict[Labels, float]:
    """Attempts by provider and outcome."""
    return {
        (dict(labels)["provider"], dict(labels)["outcome"]): value
        for (name, labels), value in samples.items()
        if name == "gateway_upstream_attempts_total"
    }


def differences(found: Counts, wanted: Counts) -> str:
    """What is not as wanted, a line each; "" where all is."""
    told = []
    for part in _READ:
        is_, should = getattr(found, part), getattr(wanted, part)
        told += [
            f"{part} {labels}: {is_[labels]}, not {should[labels]}"
            for labels in is_ | should
            if is_[labels] != should[labels]
        ]
    return "\n".join(told)
