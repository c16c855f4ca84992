"""Enricher: a line's fields → an AccessRecord with public names. Cold path: once for each new combination.

It decides what depends on several fields: a request's method, its protocol, whether and how it failed.
"""

from collections.abc import Callable, Container
from functools import partial
from typing import Any

from exporter.formats.values import number
from exporter.memo import Memo
from exporter.model.fields import ERROR_TYPES, MOST
from exporter.model.key_shapes import could_be_a_key, short_emails, shown_name
from exporter.model.labels import OTHER
from exporter.model.record import AccessRecord, Attempt
from exporter.requests.attempts import attempts_of, step_details
from exporter.requests.body import NOTHING, Body
from exporter.requests.routes import NO_REQUEST, Request

BATCH = "batch"
_TLS = ("https", "wss", "on", "true", "tls", "ssl")
_COMMON_VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE")
# IANA, "HTTP Method Registry". Other verbs are made up by clients, and are not shown.
_VERBS = frozenset(
    (
        *_COMMON_VERBS,
        *("ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK", "MERGE"),
        *("MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "ORDERPATCH", "PRI"),
        *("PROPFIND", "PROPPATCH", "QUERY", "REBIND", "REPORT", "SEARCH", "UNBIND", "UNCHECKOUT", "UNLINK"),
        *("UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL"),
    )
)
# The error type of a status. 408 means a client that was too slow to send its request: it stays a client_error.
_BY_STATUS = {
    "401": "auth",
    "403": "auth",
    "407": "auth",
    "429": "rate_limit_exceeded",
    "499": "client_abort",
    "460": "client_abort",  # AWS' load balancer
    "0": "client_abort",
    "000": "client_abort",  # nginx, if it closed the connection without a status
    "-1": "client_abort",
    "502": "upstream_error",
    "504": "timeout",
    # Cloudflare, if the origin did not answer or gave an invalid answer.
    **dict.fromkeys(("522", "524"), "timeout"),
    **dict.fromkeys(("520", "521", "523", "525", "526", "527", "530"), "upstream_error"),
}
# The error type of a gRPC code, by the HTTP status it maps to. Source: googleapis, google/rpc/code.proto.
_BY_GRPC_CODE = {
    **dict.fromkeys(("2", "12", "13", "15"), "server_error"),
    **dict.fromkeys(("3", "5", "6", "9", "10", "11"), "client_error"),
    **dict.fromkeys(("7", "16"), "auth"),
    "0": "",
    "1": "client_abort",
    "4": "timeout",
    "8": "rate_limit_exceeded",
    "14": "upstream_error",
}

# The names of the codes, as Envoy and gRPC's libraries write them: without capitals and underlines.
_GRPC_CODES = {
    name: str(code)
    for code, name in enumerate(
        (
            *("ok", "canceled", "unknown", "invalidargument", "deadlineexceeded", "notfound", "alreadyexists"),
            *("permissiondenied", "resourceexhausted", "failedprecondition", "aborted", "outofrange", "unimplemented"),
            *("internal", "unavailable", "dataloss", "unauthenticated"),
        )
    )
} | {"cancelled": "1"}
_UNKNOWN = "2"


def methods_of(route: str) -> list[str]:
    """The usual values of the label `method` for requests of a route."""
    return [route, *(f"{verb} {route}" for verb in sorted(_COMMON_VERBS))]


class Enricher:
    """Creates the records of one input. `class_` is the input's class; `class_of` returns a key's class, "" if it has
    none. `public_routes` need no key. With `emails`, e-mail addresses in names are shown in full. Names that are
    `declared` are shown, even if they look like a key. `hashed` is the public name of a raw key.
    """

    def __init__(
        self,
        class_: str,
        class_of: Callable[[str], str],
        public_routes: Container[str] = (),
        emails: bool = False,
        declared: Callable[[str], bool] = lambda _: False,
        hashed: Callable[[str], str] = lambda _: OTHER,
    ) -> None:
        self._class = class_
        self._class_of = class_of
        self._public_routes = public_routes
        self._declared = declared
        # Judging a word takes much longer than a look-up, and logs repeat their words.
        self._words = Memo(_shown)
        self._names = Memo(partial(shown_name, emails=emails))
        self._hashed = hashed

    def class_of(self, key: str) -> str:
        """The class of a key's requests."""
        return self._class_of(key) or self._class

    def name(self, text: str) -> str:
        """The name of a key or an owner as it is shown."""
        return self._names[text]

    def label(self, text: str) -> str:
        """The value of a label that the config declares, as it is shown. What could be a key is hashed like a key: ids
        of users and teams may look like one, and should stay apart.
        """
        return self._names[text] or (self._hashed(text) if text.strip() else "")

    def steps(self, fields: dict[str, Any]) -> list[tuple[str, str, int]]:
        """What the gateway did between the attempts: see `step_details`. Providers have public names."""
        return [(self._public(name), circuit, place) for name, circuit, place in step_details(fields)]

    def record(self, fields: dict[str, Any] | None) -> AccessRecord:
        """The record of these fields; `ignored` if there are none, or no request; `rejected` if they hold no status."""
        # Long, as a record has that many fields, and each has a value for what is not logged.
        if fields is None or _is_connection(fields):
            return AccessRecord(ignored=True)
        status = _logged_status(fields)
        if status is None:
            return AccessRecord(rejected="no_status")
        request = _request(fields)
        target = request.target
        body: Body = fields.get("body") or NOTHING
        protocol = _protocol(fields.get("scheme", ""), status == "101" or _upgraded(fields))
        if code := _grpc_code(fields, status, protocol):
            protocol = "grpc"
            status = status if code == "0" else code
        key = fields.get("key") or target.key
        public = self._public
        methods = _methods(fields, request, body, public)
        error_type = _error_type(status, protocol, fields)
        cached = fields.get("cached") == "true" and not error_type
        provider = "" if cached else public(fields.get("provider", ""))
        attempts = () if cached else _attempts(fields, provider, error_type, public)
        multiplier, implausible = _multiplier(fields.get("cost_multiplier", ""))
        summary = fields.get("summary") == "true"
        return AccessRecord(
            status=_status(status, protocol),
            key=key,
            key_name=self.name(fields.get("key_name", "")),
            key_owner=self.name(fields.get("key_owner", "")),
            class_=self.class_of(key),
            requests=int(fields.get("batch_index", "0") in ("", "0") and not summary),
            summary=summary,
            calls=methods,
            method=_method(fields, methods),
            chain=public(fields.get("chain", "")) or target.chain or fields.get("host", ""),
            protocol=protocol,
            error_type=error_type,
            public=target.route in self._public_routes,
            model=public(fields.get("model") or body.model),
            requested_model=_requested_model(fields, body, public),
            provider=provider or _last_provider(attempts),
            attempts=attempts,
            blocked_reason=public(fields.get("blocked_reason", "")),
            unbilled=fields.get("unbilled") == "true",
            cached=cached,
            billed_model=public(fields.get("billed_model", "")),
            cost_multiplier=multiplier,
            implausible=implausible,
        )

    def _public(self, word: str) -> str:
        """A word that a client may have chosen: `other` where it could be a key."""
        shown = self._words[word]
        if shown is None:
            return word if self._declared(word) else OTHER
        return shown


def _shown(word: str) -> str | None:
    """A word as it is shown, None where it could be a key."""
    return None if could_be_a_key(word) else short_emails(word)


def route_of(fields: dict[str, Any]) -> str:
    """The route of the request, "" if the log has none."""
    return _request(fields).target.route


def _logged_status(fields: dict[str, Any]) -> str | None:
    """The status as the log has it, "" if it has only an error; None if it has neither."""
    status: str = fields.get("status", "").strip().partition(" ")[0].removesuffix(".0")  # as pandas writes it
    if not status.removeprefix("-").isdigit() and not fields.get("error"):
        return None
    if status == "0" and _upgraded(fields):
        return "101"  # Caddy and Traefik log status 0 for upgraded connections
    return "200" if status == "0" and fields.get("empty") == "true" else status


def _is_connection(fields: dict[str, Any]) -> bool:
    """Whether the line is of a TCP connection. Envoy logs these beside requests, with status 0 and without the rest."""
    asked = fields.get("http_method") or fields.get("path") or fields.get("request")
    return fields.get("status") == "0" and "path" in fields and not asked


def _grpc_code(fields: dict[str, Any], status: str, protocol: str) -> str:
    """The code of a gRPC call that HTTP answered with 200; "" if it was none.

    Older versions of Envoy log a code of any request, UNKNOWN of a plain 200. That says nothing, unless it is known to
    be a call of gRPC. Source: https://github.com/envoyproxy/envoy/issues/31483.
    """
    logged = fields.get("grpc_status", "")
    if not logged or status != "200":
        return ""
    code = logged if logged in _BY_GRPC_CODE else _GRPC_CODES.get(logged.replace("_", "").lower(), "")
    return "" if code == _UNKNOWN and protocol != "grpc" else code


def _upgraded(fields: dict[str, Any]) -> bool:
    """Whether the client asked for a WebSocket."""
    return bool(fields.get("upgrade", "").lower() == "websocket")


def _request(fields: dict[str, Any]) -> Request:
    """The request line. The fields `http_method` and `path` take precedence over it."""
    line: Request = fields.get("request") or NO_REQUEST
    verb, target = fields.get("http_method") or line.http_method, fields.get("path") or line.target
    return Request(verb, target, line.version)


def _methods(fields: dict[str, Any], request: Request, body: Body, public: Callable[[str], str]) -> tuple[str, ...]:
    """The JSON-RPC methods of all calls; if there are none, the verb and the route."""
    methods = _several(fields["rpc_method"]) if fields.get("rpc_method") else body.methods
    if not methods:
        verb = request.http_method.upper()
        methods = (f"{verb if verb in _VERBS else ''} {request.target.route}".strip(),)
    return tuple([public(method) for method in methods])


def _method(fields: dict[str, Any], methods: tuple[str, ...]) -> str:
    """The method of the whole request, `batch` if it has several calls."""
    batch = len(methods) > 1 or fields.get("batch_size", "") not in ("", "0", "1")
    return BATCH if batch else methods[0]


def _attempts(
    fields: dict[str, Any], provider: str, error_type: str, public: Callable[[str], str]
) -> tuple[Attempt, ...]:
    """The attempts of the request, with public names of providers."""
    attempts = attempts_of(fields, provider, error_type)
    if provider and _names_models(fields) and len({attempt.provider for attempt in attempts}) == 1:
        # All attempts went to one host, so it is this provider's: many gateways log the host or address.
        return tuple(attempt._replace(provider=provider) for attempt in attempts)
    named = [(attempt, public(attempt.provider)) for attempt in attempts]
    return tuple([attempt if attempt.provider == name else attempt._replace(provider=name) for attempt, name in named])


def _names_models(fields: dict[str, Any]) -> bool:
    return bool(fields.get("model") or fields.get("requested_model"))


def _requested_model(fields: dict[str, Any], body: Body, public: Callable[[str], str]) -> str:
    """The requested model; "" if it is only the gateway's alias of the model that served."""
    requested = public(fields.get("requested_model") or body.model)
    return "" if requested == fields.get("model_alias") else requested


def _last_provider(attempts: tuple[Attempt, ...]) -> str:
    return attempts[-1].provider if attempts else ""


def _multiplier(word: str) -> tuple[float | None, tuple[str, ...]]:
    """The cost multiplier, None if there is none; and the field's name if the number is implausible."""
    factor = number(word) if word else None
    if factor is None or 0 <= factor <= MOST["cost_multiplier"]:
        return factor, ()
    return None, ("cost_multiplier",)


def _several(methods: str) -> tuple[str, ...]:
    """The methods of a comma-separated list, sorted, so that equal batches are equal."""
    return tuple(sorted([method.strip() for method in methods.split(",") if method.strip()]))


def _status(status: str, protocol: str) -> str:
    """The status label: 100–599 as logged, a gRPC code, or `other`."""
    return status if _is_http(status) or (protocol == "grpc" and status in _BY_GRPC_CODE) else "other"


def _is_http(status: str) -> bool:
    """Whether it is a valid HTTP status, 100–599."""
    return len(status) == 3 and status.isascii() and status.isdigit() and "100" <= status <= "599"


def _protocol(scheme: str, websocket: bool) -> str:
    """`http`, `https`, `ws`, `wss` or `grpc`; "" if the log does not say whether TLS was used."""
    scheme = scheme.lower()
    if scheme in ("grpc", "grpcs"):
        return "grpc"
    tls = scheme in _TLS or scheme.startswith(("tlsv", "sslv"))
    if websocket or scheme in ("ws", "wss"):
        return "wss" if tls else "ws"
    return "https" if tls else "http" if scheme == "http" else ""


def _error_type(status: str, protocol: str, fields: dict[str, Any]) -> str:
    """The error type of a request: the first in the order of ERROR_TYPES that applies; "" if it succeeded.

    101 is a success, however the WebSocket session ended.
    """
    if status == "101":
        return ""
    fitting = [fields.get("error", ""), _status_error(status, protocol, fields)]
    if fields.get("rpc_error", "") not in ("", "0", "false"):
        fitting.append("rpc_error")
    if not any(fitting):
        return ""
    if fields.get("blocked_reason"):
        fitting.append("blocked")
    return next((type_ for type_ in ERROR_TYPES if type_ in fitting), "")


def _status_error(status: str, protocol: str, fields: dict[str, Any]) -> str:
    """The error type that a status means, "" if none. A status outside of 100–599 is like a 5xx: RFC 9110, 15."""
    if protocol == "grpc" and status in _BY_GRPC_CODE:
        return _BY_GRPC_CODE[status]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status[:1] == "5" or (status and not _is_http(status)):
        # Of a retried request the last upstream counts: `502, 200`.
        upstream = fields.get("upstream_status", "").rpartition(",")[2].rpartition(" ")[2]
        return "upstream_error" if upstream[:1] == "5" else "server_error"
    return "client_error" if status[:1] == "4" else ""
