"""Rows of the page of keys that compare them: side by side, with their own past, and the list of all."""

from dashboards.fields import GREEN, RED, YELLOW, column, range_map, value_map
from dashboards.grafana import Panel
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import bars, timeseries
from dashboards.promql import Metrics, success
from dashboards.questions import Question
from dashboards.tables import table
from exporter.config.served import Served, or_zero


def compared(m: Metrics, to: Links, served: Served) -> list[Panel]:
    """Keys side by side."""
    requests, failed = (m.count(name, by="key") for name in ("gateway_requests_total", "gateway_errors_total"))
    ranking = m.count("gateway_requests_total", by="key", at="@ end()")
    return [
        table(
            "Keys side by side",
            "The chosen keys, a row each. Sort by a column to find the one that differs; a click opens it alone.",
            {
                "requests": m.named(requests),
                "failed": or_zero(failed, requests),
                "success": success(failed, requests),
                "p95": m.quantile(0.95, "gateway_key_request_duration_seconds", by="key", over="$__range"),
                "sent": m.count("gateway_response_bytes_total", by="key"),
                "credits": m.count("gateway_credits_total", by="key"),
                "tokens": m.count("gateway_tokens_total", by="key"),
                "cost": m.count("gateway_cost_total", by="key"),
            },
            {
                "key": column(links=[to.cell("Look at this key alone", "gateway-key", "key")]),
                "name": "",
                "owner": "",
                "requests": columns.COUNT,
                "failed": columns.COUNT,
                "success": columns.rate_of_success(served),
                "p95": columns.latency(served),
                "sent": "bytes",
                "credits": columns.COUNT,
                "tokens": columns.COUNT,
                "cost": columns.money(served),
            },
            sort="requests",
            answers=Question.KEYS_SIDE_BY_SIDE,
            id=33,
        ),
        timeseries(
            "Requests a second by key",
            "The ten busiest of the chosen keys. One that leaves its usual level: see below where it is used from.",
            {"{{key}}": f"{m.rate('gateway_requests_total', by='key')} and on (key) topk(10, {ranking})"},
            "reqps",
            links=[to.key()],
            answers=Question.KEYS_SIDE_BY_SIDE,
            id=34,
        ),
        timeseries(
            "Success rate by key",
            "The ten busiest of the chosen keys. One line down: its client; all down: the gateway.",
            {"{{key}}": f"({m.success(by='key')}) and on (key) topk(10, {ranking})"},
            "percentunit",
            calcs=("mean", "min", "lastNotNull"),
            lowest=None,
            links=[to.key()],
            answers=Question.KEYS_SIDE_BY_SIDE,
            id=35,
        ),
    ]


def suspicious(m: Metrics, to: Links) -> list[Panel]:
    """What suggests a stolen key or a broken client."""
    refused = m.count(
        "gateway_requests_total", 'status=~"400|401|403"', by="key status", over="$__interval", at="offset -$__interval"
    )
    now, before = (
        m.rate("gateway_requests_total", by="key", over="1h"),
        f"{m.hours('key:gateway_requests', by='key', hours=24 * 7)} / {3600 * 24 * 7}",
    )
    new = m.count("gateway_key_new_origins_total", by="key")
    words = [(None, 0.2, "far less", YELLOW), (0.2, 3, "as usual", GREEN), (3, None, "far more", RED)]
    return [
        bars(
            "Refused: 400, 401, 403",
            "The same refusal over and over: a client with a wrong key or a wrong call. From new origins: a thief.",
            {"{{key}} {{status}}": f"topk(20, {refused})"},
            "short",
            colours={" 40[13]$": RED, " 400$": YELLOW},
            links=[to.key()],
            no_value="Nothing was refused with 400, 401 or 403",
            answers=Question.SUSPICIOUS_KEYS,
            id=37,
        ),
        table(
            "Use against the last week, and new origins",
            "The last hour over the average of the last seven days; origins that never used the key before. Far more "
            "use and new origins together suggest a stolen key: ask its owner, rotate it.",
            {
                "now": now,
                "usual": before,
                "ratio": f"{now} / ({before} > 0)",
                "new_origins": or_zero(new, now),
                "refused": m.count("gateway_errors_total", 'type="auth"', by="key"),
            },
            {
                "key": column(links=[to.cell("Look at this key alone", "gateway-key", "key")]),
                "now": "reqps",
                "usual": "reqps",
                "ratio": column("percentunit", mappings=range_map(words))
                | {"custom.cellOptions": {"type": "color-text"}},
                "new_origins": columns.COUNT,
                "refused": columns.COUNT,
            },
            sort="new_origins",
            width=12,
            answers=Question.SUSPICIOUS_KEYS,
            id=38,
        ),
    ]


def registry(m: Metrics, to: Links, served: Served) -> list[Panel]:
    """Every key, and how long it was not used."""
    used = m("key:gateway_key_last_used_timestamp_seconds:max")
    created, enabled = m("gateway_key_created_timestamp_seconds"), m("gateway_key_enabled")
    return [
        table(
            "Keys",
            "Every key that is registered or was seen. Red ones are unused for long: ask the owner, then end them.",
            {
                "info": m.info("name", "owner", "plan", "class"),
                "created": f"1000 * max by (key) ({created})",
                "last_used": f"1000 * max by (key) ({used} > 0)",
                "unused_for": f"time() - max by (key) ({used} > 0)",
                "enabled": f"min by (key) ({enabled})",
                "requests_in_30_days": m.hours("key:gateway_requests", by="key", hours=30 * 24),
            },
            {
                "key": column(links=[to.cell("Look at this key", "gateway-key", "key")]),
                "name": "",
                "owner": "",
                "plan": "",
                "class": "",
                "enabled": column(mappings=value_map({1: ("yes", GREEN), 0: ("no", RED)}))
                | {"custom.cellOptions": {"type": "color-text"}},
                "created": "dateTimeAsIso",
                "last_used": column("dateTimeAsIso", noValue="never"),
                "unused_for": column("s", steps=columns.unused(served)) | {"noValue": "never used"},
                "requests_in_30_days": columns.COUNT,
            },
            sort="unused_for",
            no_value="No key was seen",
            answers=Question.WHICH_KEYS,
            id=40,
        )
    ]
