"""What many write first: a log counted with `json.loads` or `re`, and prometheus_client. Prints the exposition.

    python -m benchmarks.with_client LOG

The kind of the log is its name, see `logs`.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
COMBINED = re.compile(
    r'^(?P<remote_addr>\S+) - \S+ \[[^\]]*\] "(?P<method>[A-Z]+) (?P<uri>[^ "]*) (?P<scheme>[^"]*)" (?P<status>\d+) '
    r'(?P<bytes_sent>\d+) "(?P<referer>[^"]*)" "[^"]*"$'
)
REGISTRY = CollectorRegistry()


def counter(name: str, *labels: str) -> Counter:
    """A counter; prometheus_client adds `_total`."""
    return Counter(name, name, labels, registry=REGISTRY)


LINES = counter("gateway_exporter_lines")
REQUESTS = counter("gateway_requests", "key", "chain", "method", "protocol", "status")
CALLS = counter("gateway_calls", "key", "chain", "method", "protocol", "result")
ERRORS = counter("gateway_errors", "key", "chain", "method", "protocol", "status")
ORIGINS = counter("gateway_origin_requests", "key", "chain", "origin", "protocol")
SENT = counter("gateway_response_bytes", "key", "chain", "method")
RECEIVED = counter("gateway_request_bytes", "key", "chain", "method")
DURATIONS = Histogram(
    "gateway_request_duration_seconds", "-", ("chain", "method", "protocol"), buckets=BUCKETS, registry=REGISTRY
)
OF_KEYS = Histogram("gateway_key_request_duration_seconds", "-", ("key",), buckets=BUCKETS, registry=REGISTRY)


def methods(row: dict[str, Any]) -> list[str]:
    """The methods that a request calls: those of its body, its own, or its route."""
    if "request_body" in row:
        body = json.loads(row["request_body"])
        return [call["method"] for call in (body if isinstance(body, list) else [body])]
    return [row.get("rpc_method") or f"{row['method']} {row['uri'].rsplit('/', 1)[0]}/"]


def count(row: dict[str, Any]) -> None:
    """Count one request."""
    called = methods(row)
    key, chain, protocol, status = row.get("api_key", ""), row.get("chain", ""), row["scheme"], str(row["status"])
    method = called[0] if len(called) == 1 else "batch"
    REQUESTS.labels(key, chain, method, protocol, status).inc()
    for each in called:
        CALLS.labels(key, chain, each, protocol, "success" if status < "400" else "error").inc()
    if status >= "400":
        ERRORS.labels(key, chain, method, protocol, status).inc()
    ORIGINS.labels(key, chain, urlsplit(row.get("origin") or row["referer"]).netloc, protocol).inc()
    SENT.labels(key, chain, method).inc(int(row["bytes_sent"]))
    if "request_time" in row:
        RECEIVED.labels(key, chain, method).inc(row["request_length"])
        DURATIONS.labels(chain, method, protocol).observe(row["request_time"])
        OF_KEYS.labels(key).observe(row["request_time"])


def main() -> None:
    """Run from the command line."""
    log = Path(sys.argv[1])
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            LINES.inc()
            if log.stem == "combined":
                match = COMBINED.match(line)
                if match:
                    count(match.groupdict())
            else:
                count(json.loads(line))
    sys.stdout.buffer.write(generate_latest(REGISTRY))


if __name__ == "__main__":
    main()
