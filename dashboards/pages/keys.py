"""Gateway / Keys: which keys there are, how they compare, and which look stolen, broken or idle."""

from dashboards.board import Board, Row
from dashboards.fields import GREEN, ORANGE, YELLOW, column, range_map, value_map
from dashboards.grafana import Json, Panel
from dashboards.leading import LEADING, OfLeadingKeys, leading_keys
from dashboards.metrics import Metrics
from dashboards.pages import columns
from dashboards.pages.links import Links
from dashboards.panels import bars, text, timeseries
from dashboards.promql import among, five, success
from dashboards.questions import Question
from dashboards.tables import table
from dashboards.variables import largest_keys
from exporter.config.served import Served, or_zero

_VARIABLES = ("owner", "plan", "key")
# What recorded hours must have: "All" is a list of names there.
_COVERED = ("key",)
_HEADER = "**For whoever looks after keys.** A click on one opens its own page."

# Seconds since the last use of what was never used: longer than anything.
_NEVER = 10**11
_UNUSED = value_map({_NEVER: ("never used", ORANGE)})


def page(served: Served) -> Board:
    """The dashboard."""
    m, to = Metrics(served, ("key",), _COVERED), Links(served, ())
    key = column(links=[to.cell("Look at this key", "gateway-key", "key")]) | columns.KEY_ID
    return Board(
        uid="gateway-keys",
        title="Keys",
        description="Which keys there are, side by side; which are idle, and which look stolen or broken.",
        variables=_VARIABLES,
        covered=_COVERED,
        more=[*largest_keys(most_requests=m.ranking("gateway_requests_total", by="key")), *leading_keys(m)],
        rows=[
            Row("", [text(_HEADER, id=1)]),
            Row("All keys", _registry(m, key, served), id=39),
            Row("Side by side", _compared(m, to, key, served), id=32),
            Row("Is one stolen, broken, or idle?", _suspicious(m, to, key), id=36),
        ],
    )


def _registry(m: Metrics, key: Json, served: Served) -> list[Panel]:
    used = m("gateway_key_last_used_timestamp_seconds")
    created, enabled = m("gateway_key_created_timestamp_seconds"), m("gateway_key_enabled")
    return [
        table(
            "Keys",
            "Every key that is registered or was seen; those that are not registered while neither an owner nor a plan "
            "is chosen. Those in orange are unused for long: ask the owner, then end them.",
            {
                "info": m.info("name", "owner", "plan", "class"),
                "created": f"1000 * max by (key) ({created})",
                "last_used": f"1000 * max by (key) ({used})",
                "unused_for": f"floor(time() - max by (key) ({used} > 0)) or max by (key) ({used}) + {_NEVER:.0f}",
                "enabled": f"min by (key) ({enabled})",
                "requests_in_30_days": m.hours("key:gateway_requests", by="key", hours=30 * 24),
            },
            {
                "key": key,
                "name": columns.NAME,
                "unused_for": column("dtdurations", decimals=0, steps=columns.unused(served), mappings=_UNUSED),
                "last_used": column("time:YYYY-MM-DD HH:mm", mappings=value_map({0: ("never", "text")})) | columns.NAME,
                "enabled": column(mappings=value_map({1: ("yes", GREEN), 0: ("no", ORANGE)}))
                | {"custom.cellOptions": {"type": "color-text"}},
                "created": "time:YYYY-MM-DD",
                "owner": columns.NAME,
                "plan": "",
                "class": "",
                "requests_in_30_days": columns.COUNT,
            },
            sort="unused_for",
            no_value="No key was seen",
            high=10,
            answers=Question.WHICH_KEYS,
            id=40,
        )
    ]


def _compared(m: Metrics, to: Links, key: Json, served: Served) -> list[Panel]:
    few = OfLeadingKeys(served, ("key",), _COVERED)
    requests, failed = (few.count(name, by="key") for name in ("gateway_requests_total", "gateway_errors_total"))
    most = among("most_requests")
    ranking = m.count("gateway_requests_total", most, by="key", at="@ end()")
    hourly = f"3600 * {m.rate('gateway_requests_total', most, by='key')}"
    return [
        table(
            "Keys side by side",
            "The chosen keys, a row each; over long ranges of a large gateway "
            f"{LEADING}. Sort by a column to find the one that differs; a click opens it alone.",
            {
                "requests": m.named(requests),
                "failed": or_zero(failed, requests),
                "gateway_failures": or_zero(few.count("gateway_errors_total", columns.OURS, by="key"), requests),
                "success": success(failed, requests),
                "p95": few.quantile(0.95, "gateway_key_request_duration_seconds", by="key", over="$__range"),
                "sent": few.count("gateway_response_bytes_total", by="key"),
                "credits": few.count("gateway_credits_total", by="key"),
                "tokens": few.count("gateway_tokens_total", by="key"),
                "cost": few.count("gateway_cost_total", by="key"),
            },
            {
                "key": key,
                "name": columns.NAME,
                "requests": columns.COUNT,
                "failed": columns.COUNT,
                "gateway_failures": columns.FAILED_BY_US,
                "success": columns.SUCCESS,
                "p95": columns.latency(served),
                "sent": column("bytes", decimals=1),
                "credits": columns.COUNT,
                "tokens": columns.COUNT,
                "cost": column(columns.money(served), decimals=2),
                "owner": columns.NAME,
            },
            sort="requests",
            high=10,
            answers=Question.KEYS_SIDE_BY_SIDE,
            id=33,
        ),
        timeseries(
            "Requests an hour by key",
            "The five busiest of the chosen keys, at the rate of each time. One that leaves its usual level: look "
            "where it is used from.",
            columns.by_key(five(hourly, ranking, "key", m.named_few)),
            "short",
            links=[to.key()],
            answers=Question.KEYS_SIDE_BY_SIDE,
            id=34,
        ),
        timeseries(
            "Success rate by key",
            "The five busiest of the chosen keys. One line down: its client; all down: the gateway.",
            columns.by_key(five(m.success(most, by="key"), ranking, "key", m.named_few)),
            "percentunit",
            calcs=("min", "lastNotNull"),
            lowest=None,
            links=[to.key()],
            answers=Question.KEYS_SIDE_BY_SIDE,
            id=35,
        ),
    ]


def _suspicious(m: Metrics, to: Links, key: Json) -> list[Panel]:
    refused = m.count(
        "gateway_requests_total", 'status=~"400|401|403"', by="key status", over="$__interval", at="offset -$__interval"
    )
    now = m.count("gateway_requests_total", by="key", over="1h")
    usual = m.usual_hour("key:gateway_requests", "key")
    new = m.count("gateway_key_new_origins_total", by="key")
    words = [(None, 0.2, "far less", YELLOW), (0.2, 3, "as usual", GREEN), (3, None, "far more", ORANGE)]
    return [
        bars(
            "Refused by key: 400, 401, 403",
            "The same refusal over and over: a client with a wrong key or a wrong call. From new origins: a thief.",
            {"{{name}} {{status}}": m.named(f"topk(20, {refused})")},
            "locale",
            colours={" 40[13]$": ORANGE, " 400$": YELLOW},
            links=[to.key()],
            no_value="Nothing was refused with 400, 401 or 403",
            answers=Question.SUSPICIOUS_KEYS,
            id=37,
        ),
        table(
            "Use against the last week, and new origins",
            "Requests of the last hour (of a large gateway the last whole one), and of the average hour of the last "
            "seven days; origins that never used the key before. Far more use and new origins together suggest a "
            "stolen key: ask its owner, rotate it.",
            {
                "this_hour": m.named(now),
                "usual_hour": f"{usual} and on (key) {now}",
                "ratio": f"{now} / ({usual} > 0)",
                "new_origins": or_zero(new, now),
                "refused": or_zero(m.count("gateway_errors_total", 'type="auth"', by="key"), now),
            },
            {
                "key": key,
                "name": columns.NAME,
                "new_origins": columns.COUNT,
                "ratio": column("percentunit", mappings=range_map(words))
                | {"custom.cellOptions": {"type": "color-text"}},
                "this_hour": columns.COUNT,
                "usual_hour": columns.COUNT,
                "refused": columns.COUNT,
            },
            sort="new_origins",
            width=12,
            answers=Question.SUSPICIOUS_KEYS,
            id=38,
        ),
    ]
