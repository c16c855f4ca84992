"""The vocabulary: the fields that a log can have, the range of each number, and the closed sets of words."""

# Default of `max_line_bytes`: longer lines are left out.
LONGEST_LINE = 1 << 20

# The fields of a format, the type of each, and its description. `explain`, the presets, the config's error messages and
# CONTRIBUTING use this table.
#   text     a word that is used as it is, or that decides something
#   time     when the request ended: epoch seconds, or a date
#   seconds  a duration; a plain number is in the configured `unit` (default: seconds)
#   number   bytes, tokens, money: summed
#   times    a list of times, or of durations in the configured `unit`
FIELDS: dict[str, tuple[str, str]] = {
    "time": ("time", "when the request was logged"),
    "duration": ("seconds", "first byte in to last byte out"),
    "time_to_first_token": ("seconds", "request to first token of a streamed answer"),
    "status": ("text", "HTTP status, as logged"),
    "empty": ("text", "true where status 0 is an empty 200 that the gateway sent, and no client that left"),
    "request": ("text", "whole request line: METHOD /path?query PROTOCOL"),
    "http_method": ("text", "HTTP verb"),
    "path": ("text", "request target; the query string may hold a key"),
    "host": ("text", "requested host name; a chain may be chosen by it"),
    "scheme": ("text", "http, https, ws, wss or grpc; anything that says TLS is https"),
    "upgrade": ("text", "Upgrade header; 'websocket' makes the protocol ws or wss"),
    "client": ("text", "client address, or X-Forwarded-For: its first address is used"),
    "origin": ("text", "Origin header"),
    "referer": ("text", "Referer header, used where there is no Origin"),
    "key": ("text", "the API key: raw, a header with it, or a public name"),
    "key_name": ("text", "display name of the key, where the gateway logs one"),
    "key_owner": ("text", "team or user the key belongs to"),
    "user": ("text", "who uses the gateway, as it knows them: an id or a name"),
    "team": ("text", "team, group or workspace of the user or the key"),
    "tenant": ("text", "organisation or customer that the request is for"),
    "region": ("text", "region in which the request was served"),
    "service": ("text", "service that the gateway passed the request to"),
    "body": ("text", "request body: JSON-RPC methods are read from it"),
    "rpc_method": ("text", "JSON-RPC method; several, separated by commas, are a batch"),
    "grpc_status": ("text", "status of a gRPC call that HTTP answered with 200: a code or its name"),
    "rpc_error": ("text", "JSON-RPC error inside the answer: a code, or true"),
    "batch_index": ("text", "place of this line in its batch, where each item has a line: 0 is the request"),
    "summary": ("text", "true where a line sums up many requests: its tokens and cost count, and no request"),
    "batch_size": ("text", "how many items that batch has"),
    "chain": ("text", "blockchain network"),
    "error": ("text", "the gateway's own verdict, mapped to an error type"),
    "upstream_status": ("text", "status of the upstream that answered last; of several attempts a list"),
    "attempts": ("text", "providers that were tried, in their order: a list"),
    "attempt_outcomes": ("text", "how each of them went, where it is more than a status: a list like `attempts`"),
    "attempt_circuits": ("text", "circuit breaker of each: open, closed, half_open; a list like `attempts`"),
    "retries": ("text", "attempts before the last one, where only their number is logged; a list beside `attempts`"),
    "attempt_times": ("times", "how long each of them took: a list like `attempts`; in the request log only"),
    "attempt_starts": ("times", "when each of them began: a list like `attempts`; in the request log only"),
    "attempt_ends": ("times", "when each of them ended, if they have no times: a list; in the request log only"),
    "attempt_reasons": ("text", "the gateway's own word for each of them: a list; in the request log only"),
    "failover_delay": ("seconds", "time that failed attempts added"),
    "request_id": ("text", "id that the gateway gave the request; in the request log only"),
    "blocked_reason": ("text", "policy of the gateway that blocked the request"),
    "unbilled": ("text", "true where the gateway bills nobody for the request"),
    "model": ("text", "model that served"),
    "requested_model": ("text", "model that was asked for"),
    "model_alias": ("text", "the gateway's own name of the model that served; asking for it is not a redirect"),
    "provider": ("text", "upstream that served"),
    "cached": ("text", "true where the gateway answered from its own cache: no provider was asked"),
    "billed_model": ("text", "model whose price counts, where the gateway says"),
    "cost_multiplier": ("text", "what the gateway multiplies the provider's price by"),
    "request_bytes": ("number", "bytes from the client"),
    "response_bytes": ("number", "bytes to the client"),
    "input_tokens": ("number", "tokens in"),
    "output_tokens": ("number", "tokens out"),
    "cache_read_tokens": ("number", "input tokens served from the provider's cache"),
    "cache_write_tokens": ("number", "input tokens written to the provider's cache"),
    "reasoning_tokens": ("number", "output tokens spent on reasoning"),
    "cost": ("number", "money, in the configured currency"),
}

# Fields that are read only if the config makes a label of them: see `metrics.labels`.
LABEL_FIELDS = ("user", "team", "tenant", "region", "service")
# Fields that are read for the request log only: their values never repeat.
ROW_FIELDS = ("request_id", "attempt_times", "attempt_starts", "attempt_ends", "attempt_reasons")

# The largest plausible value of each number in one request; the smallest is 0. Other numbers, NaN and infinity
# included, are left out: the request still counts, and `gateway_exporter_implausible_values_total` grows. -1 means
# "absent" in logs, and is not implausible. The limits are far above real values, and below what an unsigned -1, a
# timestamp or a wrong unit gives. docs/runbook.md repeats them for users.
MOST: dict[str, float] = {
    "duration": 1e6,  # seconds: 11 days; 2^31 - 1 ms would be 24
    "time_to_first_token": 1e5,
    "failover_delay": 1e5,
    "request_bytes": 1e13,
    "response_bytes": 1e13,
    "input_tokens": 1e9,
    "output_tokens": 1e9,
    "cache_read_tokens": 1e9,
    "cache_write_tokens": 1e9,
    "reasoning_tokens": 1e9,
    "cost": 1e9,  # money, in whatever currency
    "cost_multiplier": 1e4,
}

# Every failed request has exactly one of these. "Availability" fails on the three marked.
ERROR_TYPES = (
    "blocked",
    "rate_limit_exceeded",
    "auth",
    "timeout",  # availability
    "upstream_error",  # availability
    "server_error",  # availability
    "client_abort",
    "client_error",
    "rpc_error",
)

# The outcomes of an attempt at a provider.
ATTEMPT_OUTCOMES = (
    "success",  # it answered
    "timeout",
    "rate_limit_exceeded",
    "auth",
    "client_error",
    "server_error",
    "connection_error",  # the provider was not reached
    "circuit_open",  # the gateway's circuit breaker prevented it
    "cancelled",  # another attempt was faster
    "client_abort",
    "other",  # it failed, and the log does not say how
)

TOKEN_TYPES = ("input", "output", "cache_read", "cache_write", "reasoning")
