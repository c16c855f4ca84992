"""The first row of the page of a key: whose is it, and is it in trouble?"""

from dashboards.fields import GREEN, ORANGE, RED, value_map
from dashboards.grafana import Panel
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.limits_over_fleet import highest_share
from dashboards.pages.links import Links
from dashboards.panels import stat
from dashboards.promql import success
from dashboards.questions import Question
from exporter.config.served import Served, or_zero


def state(m: Metrics, to: Links, served: Served) -> list[Panel]:
    """Whose key it is, and one number for each way in which it can be in trouble."""
    return [*_registered(m, to, served), *_used(m, to, served)]


def _registered(m: Metrics, to: Links, served: Served) -> list[Panel]:
    return [
        stat(
            "Whose key",
            "Its name, owner and plan, as the registry has them.",
            {"{{name}} · {{owner}} · {{plan}}": m.info("name", "owner", "plan")},
            "none",
            name_only=True,
            no_value="Not registered",
            width=8,
            answers=Question.WHICH_KEYS,
            id=42,
        ),
        stat(
            "Key",
            "Whether the registry has it enabled. Disabled, and people complain: that is why.",
            {"": f"max({m('gateway_key_enabled')})"},
            "none",
            mappings=value_map({1: ("enabled", GREEN), 0: ("disabled", ORANGE)}),
            no_value="Not registered",
            answers=Question.WHICH_KEYS,
            id=3,
        ),
        stat(
            "Last used",
            "Time since its last request. Long ago though its owner says it is in use: it never reaches the gateway.",
            {"": f"floor(time() - (max({m('gateway_key_last_used_timestamp_seconds')}) > 0))"},
            "dtdurations",
            decimals=0,
            no_value="Never used",
            answers=Question.WHICH_KEYS,
            id=9,
        ),
        stat(
            "Expires in",
            "Time until the registry ends it. Warn its owner before.",
            {"": f"min({m('gateway_key_expires_timestamp_seconds')}) - time()"},
            "dtdurations",
            decimals=0,
            steps=columns.expiring(served, "text"),
            first=ORANGE,
            no_value="No expiry date",
            answers=Question.WHICH_KEYS_END_SOON,
            id=10,
        ),
        stat(
            "Nearest limit",
            "Use over the allowed amount, of the limit that is nearest to its end. Orange: it will be refused soon.",
            {"": f"max({highest_share(m)})"},
            "percentunit",
            decimals=0,
            steps=columns.near(served),
            first=GREEN,
            links=[to.page("Limits of this key", "gateway-limits")],
            no_value="This key has no limit",
            answers=Question.USE_OF_QUOTA,
            id=8,
        ),
    ]


def _used(m: Metrics, to: Links, served: Served) -> list[Panel]:
    requests, failed = m.count("gateway_requests_total"), m.count("gateway_errors_total")
    errors = [to.page("What fails, and why", "gateway-errors")]
    return [
        stat(
            "Requests",
            "Finished requests in the chosen time, and in as much time before. None: the key is idle, or refused "
            "before it is counted.",
            {"": requests},
            "locale",
            compared=True,
            answers=Question.WHAT_FAILED_FOR_A_KEY,
            id=6,
        ),
        stat(
            "Failed requests",
            "Requests of this key that failed. 429 is the limit, 401 and 403 the key itself.",
            {"": or_zero(failed, requests)},
            "locale",
            compared=True,
            links=errors,
            answers=Question.WHAT_FAILED_FOR_A_KEY,
            id=5,
        ),
        stat(
            "Success rate",
            "Share of requests that did not fail in any way. The link shows which types of failure.",
            {"": success(failed, requests)},
            "percentunit",
            decimals=2,
            compared=True,
            links=errors,
            answers=Question.WHAT_FAILED_FOR_A_KEY,
            id=4,
        ),
        stat(
            "Failed by the gateway",
            "Failures that are not the client's: server_error, upstream_error, timeout.",
            {"": or_zero(m.count("gateway_errors_total", columns.OURS), requests)},
            "locale",
            steps={0.5: RED},
            first=GREEN,
            compared=True,
            links=errors,
            answers=Question.WHAT_FAILED_FOR_A_KEY,
            id=43,
        ),
        stat(
            "p95 latency",
            "19 of 20 requests were faster. High for this key and not for others: its methods are heavy.",
            {"": m.quantile(0.95, "gateway_key_request_duration_seconds", over="$__range")},
            "s",
            steps=columns.slow(served),
            first=GREEN,
            compared=True,
            links=errors,
            id=7,
        ),
        stat(
            "Cost",
            "What its requests to language models cost.",
            {"": m.count("gateway_cost_total")},
            columns.money(served),
            decimals=2,
            compared=True,
            links=[to.page("Tokens and cost", "gateway-llm")],
            no_value="No cost was logged",
            answers=Question.COST_BY_KEY_AND_MODEL,
            id=44,
        ),
    ]
