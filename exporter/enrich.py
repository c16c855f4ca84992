"""Enrich: the words of a line → an AccessRecord in public words. Cold path: once for each new combination.

Here stand the decisions about a request that no single field makes: its method, its protocol,
whether and how it failed.
"""

from collections.abc import Callable
from typing import Any

from exporter.record import ERROR_TYPES, AccessRecord
from exporter.routes import NO_TARGET, Request, Target
from exporter.rpc import NOTHING, Body

BATCH = "batch"
_TLS = ("https", "wss", "on", "true", "tls", "ssl")
_VERBS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"))
_STATUS_TYPES = {
    "401": "auth",
    "403": "auth",
    "407": "auth",
    "429": "rate_limit_exceeded",
    "499": "client_abort",
    "0": "client_abort",
    "-1": "client_abort",
    "502": "upstream_error",
    "504": "timeout",
    "524": "timeout",
}


class Enricher:
    """Makes records of one input. `class_` is its class; `class_of` a key's own, "" where it has none."""

    def __init__(self, class_: str, class_of: Callable[[str], str]) -> None:
        self._class = class_
        self._class_of = class_of

    def record(self, words: dict[str, Any] | None) -> AccessRecord:
        """The record that words make; `ignored` where there are none, `rejected` where it has no status."""
        if words is None:
            return AccessRecord(ignored=True)
        status = words.get("status", "")
        if not status:
            return AccessRecord(rejected="no_status")
        request: Request = words.get("request") or Request(words.get("http_method", ""), NO_TARGET, "")
        target: Target = words.get("path") or request.target
        body: Body = words.get("body") or NOTHING
        upgraded = words.get("upgrade", "").lower() == "websocket"
        if status == "0" and upgraded:
            status = "101"  # Caddy 2.6 logs no status for a connection it handed over
        key = words.get("key") or target.key
        methods = tuple(sorted(words["rpc_method"].split(","))) if words.get("rpc_method") else body.methods
        record = AccessRecord(
            status=status if status.isdigit() and 100 <= int(status) <= 599 else "other",
            key=key,
            key_name=words.get("key_name", ""),
            key_owner=words.get("key_owner", ""),
            class_=self._class_of(key) or self._class,
            requests=0 if words.get("batch_index", "0") not in ("", "0") else 1,
            chain=words.get("chain") or target.chain or words.get("host", ""),
            protocol=_protocol(words.get("scheme", ""), upgraded or status == "101"),
            error_type=_error_type(status, words),
            model=words.get("model", "") or body.model,
            requested_model=words.get("requested_model", "") or body.model,
            provider=words.get("provider", ""),
        )
        if len(methods) > 1:
            record.method = BATCH
        elif methods:
            record.method = methods[0]
        else:
            verb = words.get("http_method") or request.http_method
            record.method = f"{verb if verb in _VERBS else ''} {target.route}".strip()
        record.calls = methods or (record.method,)
        return record


def _protocol(scheme: str, websocket: bool) -> str:
    """`http https ws wss grpc`; "" where the log does not tell whether there was TLS."""
    scheme = scheme.lower()
    if scheme == "grpc":
        return "grpc"
    if websocket or scheme in ("ws", "wss"):
        return "wss" if scheme in _TLS else "ws"
    if scheme in _TLS:
        return "https"
    return "http" if scheme == "http" else ""


def _error_type(status: str, words: dict[str, Any]) -> str:
    """The one type of a failed request, the first that fits in the order of ERROR_TYPES; "" of a good one."""
    said = words.get("error", "")
    if said in ERROR_TYPES:
        return str(said)
    if status in _STATUS_TYPES:
        return _STATUS_TYPES[status]
    if status[:1] == "5":
        return "upstream_error" if words.get("upstream_status", "")[:1] == "5" else "server_error"
    if status[:1] == "4":
        return "client_error"
    return "rpc_error" if words.get("rpc_error", "") not in ("", "0", "false") else ""
