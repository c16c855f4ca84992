"""CATALOG: the one place where a metric's name, type, help, labels, unit and buckets are declared.

Names and labels are a contract: dashboards, rules and users' queries rely on them.
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from msgspec import Struct


class Family(Struct, frozen=True, kw_only=True, eq=False):
    """One metric family.

    `adds` is what a record adds to it: a number of the record, or `requests`, `calls` (one series for
    each method of the record), `tokens` (one for each type), `origins`, `new_origins`, `attempts`, `failovers`,
    `credits`, `unpriced` or `without_usage`; "" if records add nothing to it. Only records that have the value `when`
    are added. `resets_on_restart`: its series are not stored.
    """

    name: str
    type: str
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()
    adds: str = ""
    when: str = ""
    resets_on_restart: bool = False

    @property
    def shape(self) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """Labels and buckets. If these change, its series restart from zero."""
        return self.labels, self.buckets

    @property
    def persisted(self) -> bool:
        """Whether its values continue after a restart: counters, histograms, and gauges of the last request."""
        return not self.resets_on_restart and (self.type != "gauge" or self.adds == "last")


_declared: dict[str, Family] = {}


def _family(type_: str, name: str, help_: str, **parts: Any) -> Family:
    family = _declared[name] = Family(name=name, type=type_, help=help_, **parts)
    return family


counter = partial(_family, "counter")
gauge = partial(_family, "gauge")
histogram = partial(_family, "histogram")

LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# OpenTelemetry semantic conventions for GenAI metrics: operation duration, time to first token, time per output token.
GENAI_DURATION = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
GENAI_FIRST_TOKEN = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
GENAI_PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)


# --- what was called
REQUESTS = counter(
    "gateway_requests_total",
    'Finished HTTP requests and WebSocket sessions. A JSON-RPC batch is one, with method "batch".',
    labels=("key", "class", "chain", "method", "protocol", "status"),
    adds="requests",
)
CALLS = counter(
    "gateway_calls_total",
    "Calls: one for a single request, n for a batch of n, each with its own method.",
    labels=("key", "chain", "method", "protocol", "result"),
    adds="calls",
)
ERRORS = counter(
    "gateway_errors_total",
    "Failed requests, each with exactly one type.",
    labels=("key", "chain", "method", "protocol", "status", "type"),
    adds="requests",
    when="type",
)
ORIGIN_REQUESTS = counter(
    "gateway_origin_requests_total",
    "Requests by where they came from: Origin or Referer host, else the client's network.",
    labels=("key", "chain", "origin", "protocol"),
    adds="origins",
)
KEY_NEW_ORIGINS = counter(
    "gateway_key_new_origins_total",
    "First successful uses of a key from an origin never seen for it.",
    labels=("key",),
    adds="new_origins",
)
REQUEST_DURATION_SECONDS = histogram(
    "gateway_request_duration_seconds",
    "Duration of requests, without WebSocket sessions and client aborts.",
    labels=("chain", "method", "protocol"),
    unit="seconds",
    buckets=LATENCY,
    adds="duration",
)
KEY_REQUEST_DURATION_SECONDS = histogram(
    "gateway_key_request_duration_seconds",
    "Duration of a key's requests, without WebSocket sessions and client aborts.",
    labels=("key",),
    unit="seconds",
    buckets=LATENCY,
    adds="duration",
)
REQUEST_DURATION_MAX_SECONDS = gauge(
    "gateway_request_duration_max_seconds",
    "Slowest request of the running and the previous minute, by the log's clock; absent when there was none.",
    labels=("chain", "method"),
    unit="seconds",
)
REQUEST_BYTES = counter(
    "gateway_request_bytes_total",
    "Bytes received from clients.",
    labels=("key", "chain", "method"),
    unit="bytes",
    adds="request_bytes",
)
RESPONSE_BYTES = counter(
    "gateway_response_bytes_total",
    "Bytes sent to clients.",
    labels=("key", "chain", "method"),
    unit="bytes",
    adds="response_bytes",
)
CREDITS = counter(
    "gateway_credits_total",
    "Credits (compute units) that calls cost, by the config's table.",
    labels=("key", "chain", "method"),
    adds="credits",
)

# --- models, tokens, money
MODEL_REQUESTS = counter(
    "gateway_model_requests_total",
    "Requests to language models.",
    labels=("key", "class", "model", "provider", "method", "status"),
    adds="requests",
    when="model",
)
TOKENS = counter(
    "gateway_tokens_total",
    "Tokens; the types never overlap: input, output, cache_read, cache_write, reasoning.",
    labels=("key", "class", "model", "provider", "method", "type"),
    unit="tokens",
    adds="tokens",
    when="model",
)
COST = counter(
    "gateway_cost_total",
    "Money, as the gateway logged it, else by the price table.",
    labels=("key", "class", "model", "provider", "method", "currency"),
    adds="cost",
)
MODEL_REQUEST_DURATION_SECONDS = histogram(
    "gateway_model_request_duration_seconds",
    "Duration of requests to language models, to the last token.",
    labels=("model", "provider"),
    unit="seconds",
    buckets=GENAI_DURATION,
    adds="duration",
    when="model",
)
TIME_TO_FIRST_TOKEN_SECONDS = histogram(
    "gateway_time_to_first_token_seconds",
    "Time to the first token of streamed answers.",
    labels=("model", "provider"),
    unit="seconds",
    buckets=GENAI_FIRST_TOKEN,
    adds="time_to_first_token",
    when="model",
)
TIME_PER_OUTPUT_TOKEN_SECONDS = histogram(
    "gateway_time_per_output_token_seconds",
    "Time per output token after the first, of streamed answers.",
    labels=("model", "provider"),
    unit="seconds",
    buckets=GENAI_PER_TOKEN,
    adds="time_per_output_token",
    when="model",
)
MODEL_INFO = gauge("gateway_model_info", "1; what a model is for: chat, embedding, image …", labels=("model", "type"))
UNPRICED_REQUESTS = counter(
    "gateway_unpriced_requests_total",
    "Requests to models whose price is not known; they cost nothing here.",
    labels=("model",),
    adds="unpriced",
)
UNBILLED_REQUESTS = counter(
    "gateway_unbilled_requests_total",
    "Requests to endpoints that the gateway bills nobody for.",
    labels=("key", "method"),
    adds="requests",
    when="unbilled",
)

CACHED_REQUESTS = counter(
    "gateway_cached_requests_total",
    "Requests that the gateway answered from its own cache: no provider was asked, and no tokens were used.",
    labels=("key", "model", "method"),
    adds="requests",
    when="cached",
)
MODEL_REQUESTS_WITHOUT_USAGE = counter(
    "gateway_model_requests_without_usage_total",
    "Requests that a language model served, but whose log has no tokens and no cost, as of streams.",
    labels=("model", "provider"),
    adds="without_usage",
    when="metered",
)

# --- providers
UPSTREAM_ATTEMPTS = counter(
    "gateway_upstream_attempts_total",
    "Attempts at a provider, with the outcome of each.",
    labels=("provider", "model", "outcome"),
    adds="attempts",
)
FAILOVERS = counter(
    "gateway_failovers_total",
    "Attempts that moved on to another provider, and why.",
    labels=("from_provider", "to_provider", "reason"),
    adds="failovers",
)
FAILOVER_DELAY_SECONDS = histogram(
    "gateway_failover_delay_seconds",
    "Time that failed attempts added to a request, by the provider that answered it.",
    labels=("to_provider",),
    unit="seconds",
    buckets=LATENCY,
    adds="failover_delay",
    when="to_provider",
)
PROVIDER_CIRCUIT_OPEN = gauge(
    "gateway_provider_circuit_open", "1 while the gateway keeps a provider out of use.", labels=("provider",)
)
PROVIDER_COST_MULTIPLIER = gauge(
    "gateway_provider_cost_multiplier", "What the gateway multiplies a provider's price by.", labels=("provider",)
)
MODEL_REDIRECTS = counter(
    "gateway_model_redirects_total",
    "Requests that another model served than the one asked for; billed is requested or served.",
    labels=("requested_model", "model", "billed"),
    adds="requests",
    when="requested_model",
)
BLOCKED_REQUESTS = counter(
    "gateway_blocked_requests_total",
    "Requests that a policy of the gateway blocked.",
    labels=("key", "reason"),
    adds="requests",
    when="blocked",
)

# --- keys
KEY_INFO = gauge(
    "gateway_key_info", "1; what a key is called and whose it is.", labels=("key", "name", "owner", "plan", "class")
)
KEY_ENABLED = gauge("gateway_key_enabled", "1 if the registry says that the key is enabled.", labels=("key",))
KEY_CREATED_TIMESTAMP_SECONDS = gauge(
    "gateway_key_created_timestamp_seconds", "When the key was created.", labels=("key",), unit="seconds"
)
KEY_EXPIRES_TIMESTAMP_SECONDS = gauge(
    "gateway_key_expires_timestamp_seconds", "When the key expires.", labels=("key",), unit="seconds"
)
KEY_LAST_USED_TIMESTAMP_SECONDS = gauge(
    "gateway_key_last_used_timestamp_seconds",
    "Time of the key's last request in the log; 0 for a registered key that never had one.",
    labels=("key",),
    unit="seconds",
    adds="last",
)

# --- limits
LIMIT = gauge(
    "gateway_limit",
    "The allowed amount in a window. scope is global (the fleet shares it) or gateway.",
    labels=("key", "unit", "window", "scope"),
)
LIMIT_USED = gauge("gateway_limit_used", "Exact use in the running window.", labels=("key", "unit", "window"))
LIMIT_USED_LAST = gauge(
    "gateway_limit_used_last", "Exact use in the last whole window.", labels=("key", "unit", "window")
)
LIMIT_RESET_TIMESTAMP_SECONDS = gauge(
    "gateway_limit_reset_timestamp_seconds",
    "When the running window ends.",
    labels=("key", "unit", "window"),
    unit="seconds",
)

# --- the exporter itself
LINES = counter(
    "gateway_exporter_lines_total", "Lines read; each is parsed, ignored or rejected.", labels=("input", "result")
)
REJECTED_LINES = counter(
    "gateway_exporter_rejected_lines_total", "Lines that are no record, by reason.", labels=("input", "reason")
)
IMPLAUSIBLE_VALUES = counter(
    "gateway_exporter_implausible_values_total",
    "Numbers that no request can have, such as 2^64-1 bytes: left out of the sums; the request counts.",
    labels=("input", "field"),
)
LAG_BYTES = gauge("gateway_exporter_lag_bytes", "Bytes not read yet.", labels=("input",), unit="bytes")
LAG_SECONDS = gauge(
    "gateway_exporter_lag_seconds", "Age of the oldest unread byte; 0 when idle.", labels=("input",), unit="seconds"
)
LAST_RECORD_TIMESTAMP_SECONDS = gauge(
    "gateway_exporter_last_record_timestamp_seconds", "Log time of the last record.", labels=("input",), unit="seconds"
)
OLDEST_RECORD_TIMESTAMP_SECONDS = gauge(
    "gateway_exporter_oldest_record_timestamp_seconds",
    "Log time of the oldest record counted in the last five minutes; absent when there was none. After a catch-up it "
    "says how far back the last increases reach.",
    labels=("input",),
    unit="seconds",
)
INPUT_READABLE = gauge(
    "gateway_exporter_input_readable",
    "1 if the input's logs can be read, 0 if one is missing or unreadable.",
    labels=("input",),
)
ROTATIONS = counter(
    "gateway_exporter_rotations_total", "Rotations seen, by kind: rename, truncate.", labels=("input", "kind")
)
LOST_BYTES = counter(
    "gateway_exporter_lost_bytes_total",
    "Bytes known to have been lost before they were read.",
    labels=("input", "reason"),
    unit="bytes",
)
LOSSES = counter(
    "gateway_exporter_losses_total",
    "Events that lost, or may have lost, lines before they were read.",
    labels=("input", "reason"),
)
SERIES = gauge("gateway_exporter_series", "Series held, by family.", labels=("family",))
SERIES_LIMIT = gauge("gateway_exporter_series_limit", "Most series that a family may hold.", labels=("family",))
OVERFLOW = counter(
    "gateway_exporter_overflow_total",
    'Records whose value became "other" because its budget was used up.',
    labels=("family", "label"),
)
UNKNOWN_KEY_REQUESTS = counter(
    "gateway_exporter_unknown_key_requests_total",
    "Requests with a key that is not registered (or, without a registry, that never succeeded).",
    labels=("input",),
)
CHECKPOINT_HEALTHY = gauge(
    "gateway_exporter_checkpoint_healthy",
    "1 if the last commit of counters and positions succeeded; while 0, counters stay as they were.",
)
CHECKPOINT_LAST_SUCCESS_TIMESTAMP_SECONDS = gauge(
    "gateway_exporter_checkpoint_last_success_timestamp_seconds",
    "When counters and positions were committed last.",
    unit="seconds",
)
CHECKPOINT_FAILURES = counter(
    "gateway_exporter_checkpoint_failures_total", "Commits that failed.", resets_on_restart=True
)
CHECKPOINT_DURATION_SECONDS = histogram(
    "gateway_exporter_checkpoint_duration_seconds",
    "Time that commits took.",
    unit="seconds",
    buckets=LATENCY,
    resets_on_restart=True,
)
REQUEST_ROWS = counter(
    "gateway_exporter_request_rows_total",
    "Requests by what became of their row in the request log: kept, dropped (it could not be written), sampled (left "
    "out by the configured share) or old (older than what is kept).",
    labels=("result",),
)
REQUEST_LOG_HEALTHY = gauge(
    "gateway_exporter_request_log_healthy",
    "1 if requests can be kept; while 0, they are counted, and their rows are dropped.",
)
REQUEST_LOG_BYTES = gauge("gateway_exporter_request_log_bytes", "Size of all files of the request log.", unit="bytes")
REQUEST_LOG_OLDEST_TIMESTAMP_SECONDS = gauge(
    "gateway_exporter_request_log_oldest_timestamp_seconds",
    "Beginning of the oldest day of which requests are kept.",
    unit="seconds",
)
OTLP_ROWS = counter(
    "gateway_exporter_otlp_rows_total",
    "Rows of single requests by what became of them on their way by OTLP: sent, refused (by the receiver, for good) or "
    "lost (deleted by age or size before they were sent).",
    labels=("result",),
)
OTLP_FAILURES = counter(
    "gateway_exporter_otlp_failures_total",
    "Requests to the OTLP receiver that failed, by reason. Rows wait and are sent again, unless they are refused.",
    labels=("reason",),
)
OTLP_LAG_ROWS = gauge("gateway_exporter_otlp_lag_rows", "Rows that are still to be sent by OTLP, at most.")
OTLP_LAG_SECONDS = gauge(
    "gateway_exporter_otlp_lag_seconds",
    "Age of the oldest request that is being sent by OTLP, by its time in the log; 0 if none is.",
    unit="seconds",
)
OTLP_LAST_SUCCESS_TIMESTAMP_SECONDS = gauge(
    "gateway_exporter_otlp_last_success_timestamp_seconds",
    "When the OTLP receiver last took rows.",
    unit="seconds",
)
CONFIG_LAST_RELOAD_SUCCESSFUL = gauge(
    "gateway_exporter_config_last_reload_successful",
    "1 if the config that was loaded last was good; 0 while the one before it runs on.",
)
CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP_SECONDS = gauge(
    "gateway_exporter_config_last_reload_success_timestamp_seconds",
    "When a config was loaded successfully last.",
    unit="seconds",
)
PRICE_TABLE_TIMESTAMP_SECONDS = gauge(
    "gateway_exporter_price_table_timestamp_seconds", "When the price table was last changed.", unit="seconds"
)
KEY_REGISTRY_TIMESTAMP_SECONDS = gauge(
    "gateway_exporter_key_registry_timestamp_seconds",
    "When the key registry was last read successfully.",
    unit="seconds",
)
IDENTITY_INFO = gauge(
    "gateway_exporter_identity_info",
    "1; fingerprint of the hash secret, so that exporters that disagree are seen.",
    labels=("fingerprint",),
)
FIRST_START_TIMESTAMP_SECONDS = gauge(
    "gateway_exporter_first_start_timestamp_seconds",
    "When the exporter was started with no state: what was before, it has not seen.",
    unit="seconds",
)
BUILD_INFO = gauge("gateway_exporter_build_info", "1; the version that runs.", labels=("version",))
SCRAPE_DURATION_SECONDS = histogram(
    "gateway_exporter_scrape_duration_seconds",
    "Time that a scrape takes before it is rendered: reading what is there, folding, committing.",
    unit="seconds",
    buckets=LATENCY,
    resets_on_restart=True,
)

CATALOG: Mapping[str, Family] = MappingProxyType(_declared)
