"""CATALOG: the one place where a metric's name, type, help, labels, unit and buckets are declared.

Names and labels are a contract: dashboards, rules and users' own queries stand on them.
"""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct


class Family(Struct, frozen=True, kw_only=True):
    """One metric family.

    `adds` is what a record adds to it: a number of the record, or `requests`, `calls` (one series for
    each method of the record), `tokens` (one for each type), `origins`, `new_origins`, `attempts`, `failovers`,
    `credits` or `unpriced`; "" where it is no record's. A record without `when` adds nothing. What is `of_process`
    begins anew with it.
    """

    name: str
    type: str
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()
    adds: str = ""
    when: str = ""
    of_process: bool = False

    @property
    def declared(self) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """What its series can't outlive a change of: labels and buckets."""
        return self.labels, self.buckets

    @property
    def lasting(self) -> bool:
        """Whether its values go on over restarts: all that only grow, and when keys were last used."""
        return not self.of_process and (self.type != "gauge" or self.adds == "last")


LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# OpenTelemetry semantic conventions for GenAI metrics: operation duration, time to first token, time per output token.
GENAI_DURATION = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
GENAI_FIRST_TOKEN = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
GENAI_PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)

_FAMILIES = (
    # --- what was called
    Family(
        name="gateway_requests_total",
        type="counter",
        help='Finished HTTP requests and WebSocket sessions. A JSON-RPC batch is one, with method "batch".',
        labels=("key", "class", "chain", "method", "protocol", "status"),
        adds="requests",
    ),
    Family(
        name="gateway_calls_total",
        type="counter",
        help="Calls: one for a single request, n for a batch of n, each with its own method.",
        labels=("key", "chain", "method", "protocol", "result"),
        adds="calls",
    ),
    Family(
        name="gateway_errors_total",
        type="counter",
        help="Failed requests, each with exactly one type.",
        labels=("key", "chain", "method", "protocol", "status", "type"),
        adds="requests",
        when="type",
    ),
    Family(
        name="gateway_origin_requests_total",
        type="counter",
        help="Requests by where they came from: Origin or Referer host, else the client's network.",
        labels=("key", "chain", "origin", "protocol"),
        adds="origins",
    ),
    Family(
        name="gateway_key_new_origins_total",
        type="counter",
        help="First successful uses of a key from an origin never seen for it.",
        labels=("key",),
        adds="new_origins",
    ),
    Family(
        name="gateway_request_duration_seconds",
        type="histogram",
        help="Duration of requests, without WebSocket sessions and client aborts.",
        labels=("chain", "method", "protocol"),
        unit="seconds",
        buckets=LATENCY,
        adds="duration",
    ),
    Family(
        name="gateway_key_request_duration_seconds",
        type="histogram",
        help="Duration of a key's requests, without WebSocket sessions and client aborts.",
        labels=("key",),
        unit="seconds",
        buckets=LATENCY,
        adds="duration",
    ),
    Family(
        name="gateway_request_duration_max_seconds",
        type="gauge",
        help="Slowest request of the running and the previous minute, by the log's clock; absent when there was none.",
        labels=("chain", "method"),
        unit="seconds",
    ),
    Family(
        name="gateway_request_bytes_total",
        type="counter",
        help="Bytes received from clients.",
        labels=("key", "chain", "method"),
        unit="bytes",
        adds="request_bytes",
    ),
    Family(
        name="gateway_response_bytes_total",
        type="counter",
        help="Bytes sent to clients.",
        labels=("key", "chain", "method"),
        unit="bytes",
        adds="response_bytes",
    ),
    Family(
        name="gateway_credits_total",
        type="counter",
        help="Credits (compute units) that calls cost, by the config's table.",
        labels=("key", "chain", "method"),
        adds="credits",
    ),
    # --- models, tokens, money
    Family(
        name="gateway_model_requests_total",
        type="counter",
        help="Requests to language models.",
        labels=("key", "class", "model", "provider", "method", "status"),
        adds="requests",
        when="model",
    ),
    Family(
        name="gateway_tokens_total",
        type="counter",
        help="Tokens; the types never overlap: input, output, cache_read, cache_write, reasoning.",
        labels=("key", "class", "model", "provider", "method", "type"),
        unit="tokens",
        adds="tokens",
        when="model",
    ),
    Family(
        name="gateway_cost_total",
        type="counter",
        help="Money, as the gateway logged it, else by the price table.",
        labels=("key", "class", "model", "provider", "method", "currency"),
        adds="cost",
    ),
    Family(
        name="gateway_model_request_duration_seconds",
        type="histogram",
        help="Duration of requests to language models, to the last token.",
        labels=("model", "provider"),
        unit="seconds",
        buckets=GENAI_DURATION,
        adds="duration",
        when="model",
    ),
    Family(
        name="gateway_time_to_first_token_seconds",
        type="histogram",
        help="Time to the first token of streamed answers.",
        labels=("model", "provider"),
        unit="seconds",
        buckets=GENAI_FIRST_TOKEN,
        adds="time_to_first_token",
        when="model",
    ),
    Family(
        name="gateway_time_per_output_token_seconds",
        type="histogram",
        help="Time per output token after the first, of streamed answers.",
        labels=("model", "provider"),
        unit="seconds",
        buckets=GENAI_PER_TOKEN,
        adds="time_per_output_token",
        when="model",
    ),
    Family(
        name="gateway_model_info",
        type="gauge",
        help="1; what a model is for: chat, embedding, image …",
        labels=("model", "type"),
    ),
    Family(
        name="gateway_unpriced_requests_total",
        type="counter",
        help="Requests to models whose price is not known; they cost nothing here.",
        labels=("model",),
        adds="unpriced",
    ),
    Family(
        name="gateway_unbilled_requests_total",
        type="counter",
        help="Requests to endpoints that the gateway bills nobody for.",
        labels=("key", "method"),
        adds="requests",
        when="unbilled",
    ),
    # --- providers
    Family(
        name="gateway_upstream_attempts_total",
        type="counter",
        help="Attempts at a provider, with the outcome of each.",
        labels=("provider", "model", "outcome"),
        adds="attempts",
    ),
    Family(
        name="gateway_failovers_total",
        type="counter",
        help="Attempts that moved on to another provider, and why.",
        labels=("from_provider", "to_provider", "reason"),
        adds="failovers",
    ),
    Family(
        name="gateway_failover_delay_seconds",
        type="histogram",
        help="Time that failed attempts added to a request, by the provider that answered it.",
        labels=("to_provider",),
        unit="seconds",
        buckets=LATENCY,
        adds="failover_delay",
        when="to_provider",
    ),
    Family(
        name="gateway_provider_circuit_open",
        type="gauge",
        help="1 while the gateway keeps a provider out of use.",
        labels=("provider",),
    ),
    Family(
        name="gateway_provider_cost_multiplier",
        type="gauge",
        help="What the gateway multiplies a provider's price by.",
        labels=("provider",),
    ),
    Family(
        name="gateway_model_redirects_total",
        type="counter",
        help="Requests that another model served than the one asked for; billed is requested or served.",
        labels=("requested_model", "model", "billed"),
        adds="requests",
        when="requested_model",
    ),
    Family(
        name="gateway_blocked_requests_total",
        type="counter",
        help="Requests that a policy of the gateway blocked.",
        labels=("key", "reason"),
        adds="requests",
        when="blocked",
    ),
    # --- keys
    Family(
        name="gateway_key_info",
        type="gauge",
        help="1; what a key is called and whose it is.",
        labels=("key", "name", "owner", "plan", "class"),
    ),
    Family(
        name="gateway_key_enabled",
        type="gauge",
        help="1 if the registry says that the key is enabled.",
        labels=("key",),
    ),
    Family(
        name="gateway_key_created_timestamp_seconds",
        type="gauge",
        help="When the key was created.",
        labels=("key",),
        unit="seconds",
    ),
    Family(
        name="gateway_key_expires_timestamp_seconds",
        type="gauge",
        help="When the key expires.",
        labels=("key",),
        unit="seconds",
    ),
    Family(
        name="gateway_key_last_used_timestamp_seconds",
        type="gauge",
        help="Time of the key's last request in the log; 0 for a registered key that never had one.",
        labels=("key",),
        unit="seconds",
        adds="last",
    ),
    # --- limits
    Family(
        name="gateway_limit",
        type="gauge",
        help="The allowed amount in a window. scope is global (the fleet shares it) or gateway.",
        labels=("key", "unit", "window", "scope"),
    ),
    Family(
        name="gateway_limit_used",
        type="gauge",
        help="Exact use in the running window.",
        labels=("key", "unit", "window"),
    ),
    Family(
        name="gateway_limit_used_last",
        type="gauge",
        help="Exact use in the last whole window.",
        labels=("key", "unit", "window"),
    ),
    Family(
        name="gateway_limit_reset_timestamp_seconds",
        type="gauge",
        help="When the running window ends.",
        labels=("key", "unit", "window"),
        unit="seconds",
    ),
    # --- the exporter itself
    Family(
        name="gateway_exporter_lines_total",
        type="counter",
        help="Lines read; each is parsed, ignored or rejected.",
        labels=("input", "result"),
    ),
    Family(
        name="gateway_exporter_rejected_lines_total",
        type="counter",
        help="Lines that are no record, by reason.",
        labels=("input", "reason"),
    ),
    Family(
        name="gateway_exporter_implausible_values_total",
        type="counter",
        help="Numbers that no request can have, such as 2^64-1 bytes: left out of the sums; the request counts.",
        labels=("input", "field"),
    ),
    Family(
        name="gateway_exporter_lag_bytes", type="gauge", help="Bytes not read yet.", labels=("input",), unit="bytes"
    ),
    Family(
        name="gateway_exporter_lag_seconds",
        type="gauge",
        help="Age of the oldest unread byte; 0 when idle.",
        labels=("input",),
        unit="seconds",
    ),
    Family(
        name="gateway_exporter_last_record_timestamp_seconds",
        type="gauge",
        help="Log time of the last record.",
        labels=("input",),
        unit="seconds",
    ),
    Family(
        name="gateway_exporter_input_readable",
        type="gauge",
        help="1 if the input's logs can be read, 0 if one is missing or unreadable.",
        labels=("input",),
    ),
    Family(
        name="gateway_exporter_rotations_total",
        type="counter",
        help="Rotations seen, by kind: rename, truncate.",
        labels=("input", "kind"),
    ),
    Family(
        name="gateway_exporter_lost_bytes_total",
        type="counter",
        help="Bytes known to have been lost before they were read.",
        labels=("input", "reason"),
        unit="bytes",
    ),
    Family(
        name="gateway_exporter_losses_total",
        type="counter",
        help="Events that lost, or may have lost, lines before they were read.",
        labels=("input", "reason"),
    ),
    Family(name="gateway_exporter_series", type="gauge", help="Series held, by family.", labels=("family",)),
    Family(
        name="gateway_exporter_series_limit",
        type="gauge",
        help="Most series that a family may hold.",
        labels=("family",),
    ),
    Family(
        name="gateway_exporter_overflow_total",
        type="counter",
        help='Records whose value became "other" because its budget was used up.',
        labels=("family", "label"),
    ),
    Family(
        name="gateway_exporter_unknown_key_requests_total",
        type="counter",
        help="Requests with a key that is not registered (or, without a registry, that never succeeded).",
        labels=("input",),
    ),
    Family(
        name="gateway_exporter_checkpoint_healthy",
        type="gauge",
        help="1 if the last commit of counters and positions succeeded; while 0, counters stay as they were.",
    ),
    Family(
        name="gateway_exporter_checkpoint_last_success_timestamp_seconds",
        type="gauge",
        help="When counters and positions were committed last.",
        unit="seconds",
    ),
    Family(
        name="gateway_exporter_checkpoint_failures_total",
        type="counter",
        help="Commits that failed.",
        of_process=True,
    ),
    Family(
        name="gateway_exporter_checkpoint_duration_seconds",
        type="histogram",
        help="Time that commits took.",
        unit="seconds",
        buckets=LATENCY,
        of_process=True,
    ),
    Family(
        name="gateway_exporter_config_last_reload_successful",
        type="gauge",
        help="1 if the config that was loaded last was good; 0 while the one before it runs on.",
    ),
    Family(
        name="gateway_exporter_config_last_reload_success_timestamp_seconds",
        type="gauge",
        help="When a config was loaded successfully last.",
        unit="seconds",
    ),
    Family(
        name="gateway_exporter_price_table_timestamp_seconds",
        type="gauge",
        help="When the price table was last changed.",
        unit="seconds",
    ),
    Family(
        name="gateway_exporter_key_registry_timestamp_seconds",
        type="gauge",
        help="When the key registry was last read successfully.",
        unit="seconds",
    ),
    Family(
        name="gateway_exporter_identity_info",
        type="gauge",
        help="1; fingerprint of the hash secret, so that exporters that disagree are seen.",
        labels=("fingerprint",),
    ),
    Family(name="gateway_exporter_build_info", type="gauge", help="1; the version that runs.", labels=("version",)),
    Family(
        name="gateway_exporter_scrape_duration_seconds",
        type="histogram",
        help="Time from a scrape's arrival to its answer: reading what is there, folding, rendering.",
        unit="seconds",
        buckets=LATENCY,
        of_process=True,
    ),
)

CATALOG: Mapping[str, Family] = MappingProxyType({family.name: family for family in _FAMILIES})
