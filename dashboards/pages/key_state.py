"""The first row of the page of keys: is this key in trouble?"""

from dashboards.fields import GREEN, RED, value_map
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import stat
from dashboards.promql import Metrics, success
from dashboards.questions import Question
from exporter.config.served import Served, or_zero


def state(m: Metrics, to: Links, served: Served) -> list[Panel]:
    """One number for each way in which a key can be in trouble."""
    return [
        _key(m),
        _success_rate(m, to, served),
        _failed_requests(m, to),
        _requests(m),
        _p95_latency(m, to, served),
        _nearest_limit(m, to, served),
        _last_used(m),
        _expires_in(m, served),
    ]


def _key(m: Metrics) -> Panel:
    enabled = m("gateway_key_enabled")
    return stat(
        "Key",
        "Whether the registry has it enabled. Disabled, and people complain: that is why. Of several: if one is.",
        {"": f"max({enabled})"},
        "none",
        mappings=value_map({1: ("enabled", GREEN), 0: ("disabled", RED)}),
        no_value="Not registered",
        width=3,
        answers=Question.WHICH_KEYS,
        id=3,
    )


def _success_rate(m: Metrics, to: Links, served: Served) -> Panel:
    requests = m.count("gateway_requests_total")
    failed = m.count("gateway_errors_total")
    errors = [to.page("What fails, and why", "gateway-errors")]
    return stat(
        "Success rate",
        "Share of requests that did not fail. Red: the link shows which types of failure, and their statuses.",
        {"": success(failed, requests)},
        "percentunit",
        steps=columns.good(served),
        first=RED,
        links=errors,
        width=3,
        answers=Question.WHAT_FAILED_FOR_A_KEY,
        id=4,
    )


def _failed_requests(m: Metrics, to: Links) -> Panel:
    requests = m.count("gateway_requests_total")
    failed = m.count("gateway_errors_total")
    errors = [to.page("What fails, and why", "gateway-errors")]
    return stat(
        "Failed requests",
        "Requests of this key that failed. 429 is the limit, 401 and 403 the key itself, 5xx ours.",
        {"": or_zero(failed, requests)},
        "short",
        links=errors,
        width=3,
        answers=Question.WHAT_FAILED_FOR_A_KEY,
        id=5,
    )


def _requests(m: Metrics) -> Panel:
    requests = m.count("gateway_requests_total")
    return stat(
        "Requests",
        "Finished requests in the chosen time. None: the key is idle, or refused before it is counted.",
        {"": requests},
        "short",
        width=3,
        answers=Question.WHAT_FAILED_FOR_A_KEY,
        id=6,
    )


def _p95_latency(m: Metrics, to: Links, served: Served) -> Panel:
    errors = [to.page("What fails, and why", "gateway-errors")]
    return stat(
        "p95 latency",
        "19 of 20 requests were faster. High for this key and not for others: its methods are heavy.",
        {"": m.quantile(0.95, "gateway_key_request_duration_seconds", over="$__range")},
        "s",
        steps=columns.slow(served),
        first=GREEN,
        links=errors,
        width=3,
        id=7,
    )


def _nearest_limit(m: Metrics, to: Links, served: Served) -> Panel:
    limits = [to.page("Limits of this key", "gateway-limits")]
    return stat(
        "Nearest limit",
        "Use over the allowed amount, of the limit that is nearest to its end. Red: it will be refused soon.",
        {"": f"max({m('key:gateway_limit_utilization:ratio')})"},
        "percentunit",
        steps=columns.near(served),
        first=GREEN,
        links=limits,
        no_value="This key has no limit",
        width=3,
        answers=Question.USE_OF_QUOTA,
        id=8,
    )


def _last_used(m: Metrics) -> Panel:
    return stat(
        "Last used",
        "Time since its last request. Long ago though its owner says it is in use: it never reaches the gateway.",
        {"": f"time() - (max({m('key:gateway_key_last_used_timestamp_seconds:max')}) > 0)"},
        "s",
        no_value="Never used",
        width=3,
        answers=Question.WHICH_KEYS,
        id=9,
    )


def _expires_in(m: Metrics, served: Served) -> Panel:
    expires = m("gateway_key_expires_timestamp_seconds")
    return stat(
        "Expires in",
        "Time until the registry ends it. Tell its owner before it turns red.",
        {"": f"min({expires}) - time()"},
        "s",
        steps=columns.expiring(served, GREEN),
        first=RED,
        no_value="No expiry date",
        width=3,
        answers=Question.WHICH_KEYS_END_SOON,
        id=10,
    )
